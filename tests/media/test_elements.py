"""The Matroska editor: only the label changes, every index entry still leads to its cluster, damage is refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.errors import SourceError
from video3d.media import elements
from video3d.media.elements import Element, StereoLabel, VideoSize, number_element, size_bytes
from video3d.media.rewriting import MalformedError

Clips = Callable[..., Path]


def label(source: Path, target: Path, stereo: StereoLabel | None = None) -> list[VideoSize]:
    seen: list[VideoSize] = []

    def choose(size: VideoSize) -> StereoLabel:
        seen.append(size)
        return stereo or StereoLabel(1, (1920, 1080))

    elements.copy_with_label(source, target, choose)
    return seen


def children(path: Path) -> tuple[bytes, list[tuple[int, int, Element]]]:
    """The segment's payload, and its children with where each begins in it."""
    data = path.read_bytes()
    _, size, header = elements.read_header(data)
    at = header + (size or 0)
    _, _, header = elements.read_header(data, at)
    payload, place = data[at + header:], 0
    found: list[tuple[int, int, Element]] = []
    while place < len(payload):
        identifier, size, header = elements.read_header(payload, place)
        assert size is not None
        found.append((place, identifier, Element(identifier, payload[place + header:place + header + size])))
        place += header + size
    return payload, found


def index_targets(path: Path) -> list[tuple[int, bytes]]:
    """What each entry of the seek head and each cue leads to: an identifier and the first bytes there."""
    payload, found = children(path)
    places: list[int] = []

    def walk(element: Element) -> None:
        for child in elements.parse(element.payload):
            if child.id in (elements.SEEK_POSITION, 0xF1):
                places.append(child.number)
            elif child.id in (elements.SEEK, elements.CUE_POINT, elements.CUE_TRACK_POSITIONS):
                walk(child)

    for _, identifier, element in found:
        if identifier in (elements.SEEK_HEAD, elements.CUES):
            walk(element)
    return [(elements.read_header(payload, place)[0], payload[place:place + 4]) for place in places]


@pytest.fixture(scope="module")
def clip(make_clip: Clips) -> Path:
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=128x72:rate=25:duration=3", "-f", "lavfi", "-i",
                     "sine=duration=3", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac",
                     "-metadata", "title=A film", suffix=".mkv")


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 16382, 16383, 2**32])
def test_sizes_are_read_back(size: int) -> None:
    data = elements.id_bytes(elements.VIDEO) + size_bytes(size)
    assert elements.read_header(data) == (elements.VIDEO, size, len(data))
    wide = elements.id_bytes(elements.VIDEO) + size_bytes(size, width=8)
    assert elements.read_header(wide) == (elements.VIDEO, size, 9)


def test_the_unknown_size_is_no_size() -> None:
    assert elements.read_header(b"\xe0\xff") == (elements.VIDEO, None, 2)


def test_a_checksum_is_made_anew() -> None:
    stale = Element(elements.CRC_32, b"\0\0\0\0")
    body = number_element(elements.STEREO_MODE, 1)
    remade = elements.parse(elements.master(elements.VIDEO, [stale, body]).payload)
    assert struct.unpack("<I", remade[0].payload)[0] == zlib.crc32(body.raw)
    assert remade[1] == body


def test_the_label_is_written_and_the_old_one_replaced(clip: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mkv", tmp_path / "second.mkv"
    assert label(clip, first)[0].pixels == (128, 72)
    seen = label(first, second, StereoLabel(3, (640, 360)))
    assert seen == [VideoSize((128, 72), (1920, 1080), 1)]
    assert label(second, tmp_path / "third.mkv", StereoLabel(None, None)) == [VideoSize((128, 72), (640, 360), 3)]
    assert label(tmp_path / "third.mkv", tmp_path / "fourth.mkv") == [VideoSize((128, 72), None, 0)]


def test_everything_else_is_kept_and_the_index_follows(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    label(clip, target)
    changed = {elements.TRACKS, elements.SEEK_HEAD, elements.CUES}
    kept = [[(identifier, element.payload) for _, identifier, element in children(path)[1] if identifier not in changed]
            for path in (clip, target)]
    assert kept[0] == kept[1]
    assert index_targets(clip) == index_targets(target)
    assert {identifier for identifier, _ in index_targets(target)} >= {elements.CLUSTER, elements.TRACKS, elements.CUES}


def test_labelling_again_changes_nothing(clip: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mkv", tmp_path / "second.mkv"
    label(clip, first)
    label(first, second)
    assert first.read_bytes() == second.read_bytes()


def test_an_index_in_front_works(make_clip: Clips, tmp_path: Path) -> None:
    front = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=3", "-c:v", "libx264", "-g", "25",
                      "-cues_to_front", "1", suffix=".mkv")
    kinds = [identifier for _, identifier, _ in children(front)[1]]
    assert kinds.index(elements.CUES) < kinds.index(elements.CLUSTER)
    target = tmp_path / "out.mkv"
    label(front, target)
    assert index_targets(front) == index_targets(target)


def test_a_clusters_own_place_becomes_a_void(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    _, size, header = elements.read_header(data)
    segment_at = header + (size or 0)
    body: list[bytes] = []
    for place, identifier, element in children(clip)[1]:
        if identifier in (elements.SEEK_HEAD, elements.CUES):
            continue
        if identifier == elements.CLUSTER:
            inside = elements.parse(element.payload)
            element = Element(identifier, b"".join(
                child.raw for child in [inside[0], number_element(elements.CLUSTER_POSITION, place), *inside[1:]]))
        body.append(element.raw)
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    joined = b"".join(body)
    source.write_bytes(data[:segment_at] + elements.id_bytes(elements.SEGMENT) + size_bytes(len(joined)) + joined)
    label(source, target)
    clusters = [elements.parse(element.payload) for _, identifier, element in children(target)[1]
                if identifier == elements.CLUSTER]
    assert clusters
    assert all(cluster[1].id == elements.VOID for cluster in clusters)


def test_a_live_recording_is_refused(clip: Path, tmp_path: Path) -> None:
    content = clip.read_bytes()
    at = content.index(elements.id_bytes(elements.CLUSTER))
    _, _, header = elements.read_header(content, at)
    unknown = (1 << (header - 4) * 8) - 1 >> header - 5
    live = tmp_path / "live.mkv"
    live.write_bytes(content[:at + 4] + unknown.to_bytes(header - 4, "big") + content[at + header:])
    with pytest.raises(SourceError, match=r"live recording.*Remux"):
        label(live, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_a_segment_of_unknown_size_stays_so(make_clip: Clips, tmp_path: Path) -> None:
    live = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.5", "-c:v", "libx264", "-live", "1", "-f",
                     "matroska", suffix=".live.mkv")
    target = tmp_path / "out.mkv"
    label(live, target)
    assert target.read_bytes().count(elements.id_bytes(elements.SEGMENT) + b"\x01" + b"\xff" * 7) == 1


def test_other_and_damaged_files_are_refused(clip: Path, small_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be labelled"):
        label(small_clip, tmp_path / "out.mkv")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[:-50])
    with pytest.raises(SourceError, match="cut short"):
        label(cut, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_a_payload_larger_than_its_parent_is_refused() -> None:
    with pytest.raises(MalformedError):
        elements.parse(b"\xe0\x85ab")


@settings(max_examples=120, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_a_typed_error_or_keeps_its_clusters(data: st.DataObject, clip: Path,
                                                                 tmp_path: Path) -> None:
    content = bytearray(clip.read_bytes())
    head = content.index(elements.id_bytes(elements.CLUSTER))
    tail = content.rindex(elements.id_bytes(elements.CUES))
    places = st.one_of(st.integers(0, head + 16), st.integers(tail, len(content) - 1))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(places)
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, content[at] ^ 1, content[at] ^ 0x10]))
    if data.draw(st.booleans()):
        del content[data.draw(places):]
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    source.write_bytes(content)
    target.unlink(missing_ok=True)
    try:
        label(source, target)
    except SourceError:
        assert not target.exists()
        return
    clusters = [[element.payload for _, identifier, element in children(path)[1] if identifier == elements.CLUSTER]
                for path in (source, target)] if content[:4] == target.read_bytes()[:4] else [[], []]
    assert clusters[0] == clusters[1]
