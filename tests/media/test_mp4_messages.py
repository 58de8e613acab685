"""Messages leave MP4's pictures: chunks stay where they are, sizes follow, contradictions are refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.media import boxes, labels, mp4_messages
from video3d.media.boxes import Box
from video3d.media.mp4_messages import read_samples
from video3d.media.mp4_reader import chunk_starts
from video3d.media.rewriting import MalformedError
from video3d.types import Layout

Clips = Callable[..., Path]


@pytest.fixture(scope="module")
def clip(make_clip: Clips) -> Path:
    """A message in every keyframe; several pictures in a chunk, as the sound is interleaved coarsely."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2", "-f", "lavfi", "-i", "sine=d=2",
                     "-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-x264-params", "frame-packing=3", "-c:a",
                     "aac", "-frag_duration", "0")


def moov_of(path: Path) -> Box:
    return next(box for box in boxes.parse(path.read_bytes())[0] if box.kind == b"moov")


def pictures(path: Path) -> list[bytes]:
    data = path.read_bytes()
    track = boxes.main_video_track(moov_of(path))
    found = read_samples(boxes.find(track, b"mdia", b"minf", b"stbl")[0])
    return [data[start:start + size] for start, size in zip(found.starts, found.sizes, strict=True)]


def test_only_the_messages_are_gone(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    labels.label_mp4(clip, target, Layout.DEPTH, clean_stream=True)
    before, after = pictures(clip), pictures(target)
    changed = [number for number, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert changed == list(range(0, 50, 5))
    for number in changed:
        message = before[number].index(b"\x06\x2d") - 4
        size = int.from_bytes(before[number][message:message + 4], "big") + 4
        assert after[number] == before[number][:message] + before[number][message + size:]
    assert len(target.read_bytes()) == len(clip.read_bytes()), "what is freed is filled up"


def test_without_messages_it_is_the_ordinary_copy(small_clip: Path, tmp_path: Path) -> None:
    plain, cleaned = tmp_path / "plain.mp4", tmp_path / "cleaned.mp4"
    labels.label_mp4(small_clip, plain, Layout.HALF_SBS)
    labels.label_mp4(small_clip, cleaned, Layout.HALF_SBS, clean_stream=True)
    assert plain.read_bytes() == cleaned.read_bytes()


def test_chunks_stay_in_place(clip: Path, tmp_path: Path) -> None:
    front, target = tmp_path / "front.mp4", tmp_path / "out.mp4"
    labels.faststart_mp4(clip, front)
    labels.label_mp4(front, target, Layout.DEPTH, clean_stream=True)
    starts = []
    for path in (front, target):
        with path.open("rb") as file:
            starts.append(chunk_starts(file))
    assert starts[0] == starts[1]


def test_tracks_that_share_bytes_are_refused(clip: Path) -> None:
    content = clip.read_bytes()
    twice = boxes.with_children(moov_of(clip), lambda children: [
        *children, *(child for child in children if child.kind == b"trak")])
    with pytest.raises(MalformedError, match="share the same bytes"):
        mp4_messages.without_messages(twice, lambda start, size: content[start:start + size])


def table(kind: bytes, *numbers: int) -> Box:
    return Box.make_full(kind, struct.pack(f">{len(numbers)}I", *numbers))


def stbl(*tables: Box) -> Box:
    return Box.make(b"stbl", b"".join(each.raw for each in tables))


def test_places_follow_from_the_tables_by_hand() -> None:
    sizes = table(b"stsz", 0, 5, 10, 20, 30, 40, 50)
    runs = table(b"stsc", 2, 1, 2, 1, 2, 1, 1)
    found = read_samples(stbl(table(b"stco", 4, 100, 200, 300, 400), sizes, runs))
    assert found.starts.tolist() == [100, 110, 200, 300, 400]
    assert found.chunks.tolist() == [0, 0, 1, 2, 3]
    common = read_samples(stbl(table(b"stco", 1, 7), table(b"stsz", 9, 3), table(b"stsc", 1, 1, 3, 1)))
    assert common.starts.tolist() == [7, 16, 25]
    assert common.sizes.tolist() == [9, 9, 9]


@pytest.mark.parametrize("tables", [
    (table(b"stco", 1, 7), table(b"stsz", 0, 2, 1, 1)),
    (table(b"stco", 1, 7), table(b"stsz", 0, 2, 1), table(b"stsc", 1, 1, 2, 1)),
    (table(b"stco", 1, 7), table(b"stsz", 0, 3, 1, 1, 1), table(b"stsc", 1, 1, 2, 1)),
    (table(b"stco", 1, 7), table(b"stsz", 1, 1 << 30), table(b"stsc", 1, 1, 1 << 30, 1)),
    (table(b"stco", 2, 7, 8), table(b"stsz", 1, 2), table(b"stsc", 1, 2, 1, 1)),
    (table(b"stco", 2, 7, 8), table(b"stsz", 1, 2), table(b"stsc", 2, 1, 1, 1, 0, 1, 1)),
    (table(b"stco", 2, 7, 8), table(b"stsz", 1, 2), table(b"stsc", 0)),
    (table(b"stco", 1, 7), table(b"stsz", 1, 1), table(b"stsc", 2, 1, 1, 1)),
])
def test_tables_that_contradict_each_other_are_refused(tables: tuple[Box, ...]) -> None:
    with pytest.raises(MalformedError):
        read_samples(stbl(*tables))


@settings(max_examples=150, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_header_gives_a_typed_error_or_sizes_that_fit(data: st.DataObject, clip: Path) -> None:
    content = clip.read_bytes()
    moov = moov_of(clip)
    damaged = bytearray(moov.raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(8, len(damaged) - 1))
        damaged[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, damaged[at] ^ 1, damaged[at] ^ 0x10]))

    def read(start: int, size: int) -> bytes:
        if not 0 <= start <= start + size <= len(content):
            raise MalformedError("outside")
        return content[start:start + size]

    try:
        header = boxes.parse(bytes(damaged))[0][0]
        edited, patches = mp4_messages.without_messages(header, read)
    except MalformedError:
        return
    assert sum(len(patch.data) - (patch.end - patch.start) for patch in patches) == 0
    if patches:
        found = [read_samples(boxes.find(boxes.main_video_track(each), b"mdia", b"minf", b"stbl")[0])
                 for each in (header, edited)]
        assert (found[1].sizes <= found[0].sizes).all()
        assert np.array_equal(found[0].chunks, found[1].chunks)
