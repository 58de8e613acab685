"""The MP4 rewriter: nothing but the header changes, every chunk is still where the header says, damage is refused."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.errors import SourceError, TargetError
from video3d.media import boxes, faststart
from video3d.media.boxes import Box
from video3d.media.file_facts import UnreadableError
from video3d.media.mp4_reader import chunk_starts, spans

STEREO = (Box.make_full(b"st3d", b"\2"), Box.make(b"hfov", struct.pack(">I", 60000)))
Clips = Callable[..., Path]


def label(source: Path, target: Path) -> None:
    faststart.copy_with_header(source, target, lambda moov: boxes.set_stereo_boxes(moov, STEREO))


def top_level(path: Path) -> list[tuple[bytes, bytes]]:
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        size = struct.unpack_from(">Q", data, at + 8)[0] if size == 1 else size or len(data) - at
        found.append((kind, data[at:at + size]))
        at += size
    return found


def moov_of(path: Path) -> Box:
    return next(Box(kind, raw[8:], raw) for kind, raw in top_level(path) if kind == b"moov")


def entry_children(moov: Box, track: int = 0) -> list[bytes]:
    stsd = boxes.find(boxes.find(moov, b"trak")[track], b"mdia", b"minf", b"stbl", b"stsd")[0]
    entry = boxes.parse(stsd.payload[8:])[0][0]
    return [child.kind for child in boxes.parse(entry.payload[78:])[0]]


def chunk_heads(path: Path) -> list[list[bytes]]:
    """Up to 24 bytes at the start of each chunk of each track, as the independent reader finds them."""
    with path.open("rb") as file:
        tables, data = chunk_starts(file), path.read_bytes()
        media = [span for span in spans(file, 0, len(data)) if span.kind != "moov"]
        ends = {start: span.end for table in tables for start in table for span in media
                if span.payload - 16 <= start < span.end}
        return [[data[start:min(start + 24, ends.get(start, start))] for start in table] for table in tables]


@pytest.fixture(scope="module")
def rich_clip(make_clip: Clips, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sound tracks with languages, subtitles, chapters, a title, and a first picture that an edit list skips to."""
    folder = tmp_path_factory.mktemp("rich")
    chapters = folder / "chapters.txt"
    chapters.write_text(";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
                        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n")
    words = folder / "words.srt"
    words.write_text("1\n00:00:00,200 --> 00:00:01,500\nHello\n")
    return make_clip(
        "-f", "lavfi", "-i", "testsrc2=size=128x72:rate=25:duration=2",
        "-f", "lavfi", "-i", "sine=frequency=330:duration=2", "-f", "lavfi", "-i", "sine=frequency=550:duration=2",
        "-i", str(words), "-i", str(chapters), "-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s",
        "-map_metadata", "4", "-map_chapters", "4", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
        "-c:a", "aac", "-c:s", "mov_text", "-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=fra",
    )  # fmt: skip


def test_everything_but_the_header_is_kept(rich_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    label(rich_clip, target)
    before, after = top_level(rich_clip), top_level(target)
    assert [kind for kind, _ in after][:2] == [b"ftyp", b"moov"]
    assert [part for part in before if part[0] != b"moov"] == [part for part in after if part[0] != b"moov"]
    assert chunk_heads(rich_clip) == chunk_heads(target)
    assert len(chunk_heads(target)) >= 4


def test_only_the_sample_entry_and_the_offsets_change_in_the_header(rich_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    label(rich_clip, target)

    def without_changes(moov: Box) -> bytes:
        moov = boxes.set_stereo_boxes(moov, ())
        return boxes.move_offsets(moov, np.zeros_like, promote=False).raw

    assert without_changes(moov_of(rich_clip)) == without_changes(moov_of(target))


def test_stereo_boxes_lie_between_the_codec_and_the_rest(rich_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    label(rich_clip, target)
    children = entry_children(moov_of(target))
    assert children[:3] == [b"avcC", b"st3d", b"hfov"]
    assert set(children[3:]) & {b"pasp", b"btrt", b"colr"}


def test_labelling_again_changes_nothing(rich_clip: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    label(rich_clip, first)
    label(first, second)
    assert first.read_bytes() == second.read_bytes()


def test_labels_can_be_taken_away_again(rich_clip: Path, tmp_path: Path) -> None:
    labelled, bare, plain = tmp_path / "labelled.mp4", tmp_path / "bare.mp4", tmp_path / "plain.mp4"
    label(rich_clip, labelled)
    faststart.copy_with_header(labelled, bare, lambda moov: boxes.set_stereo_boxes(moov, ()))
    faststart.copy_with_header(rich_clip, plain, lambda moov: moov)
    assert bare.read_bytes() == plain.read_bytes()


def test_only_the_main_video_track_is_labelled(make_clip: Clips, tmp_path: Path) -> None:
    two = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.2", "-f", "lavfi", "-i", "testsrc2=size=128x64:d=0.2",
                    "-map", "0", "-map", "1", "-c:v", "libx264", "-disposition:v:0", "0", "-disposition:v:1", "default")
    target = tmp_path / "out.mp4"
    label(two, target)
    moov = moov_of(target)
    enabled = [boxes._is_enabled(track) for track in boxes.find(moov, b"trak")]
    assert enabled == [False, True]
    assert b"st3d" not in entry_children(moov, 0)
    assert b"st3d" in entry_children(moov, 1)


def test_a_quicktime_file_without_ftyp_works(rich_clip: Path, tmp_path: Path) -> None:
    parts = dict(top_level(rich_clip))
    moov = Box(b"moov", parts[b"moov"][8:], parts[b"moov"])
    shift = len(parts[b"ftyp"]) + len(parts.get(b"free", b""))
    moved = boxes.move_offsets(moov, lambda offsets: offsets - shift, promote=False)
    source, target = tmp_path / "old.mov", tmp_path / "new.mov"
    source.write_bytes(parts[b"mdat"] + moved.raw)
    label(source, target)
    assert [kind for kind, _ in top_level(target)] == [b"moov", b"mdat"]
    assert chunk_heads(target) == chunk_heads(rich_clip)


def test_media_that_reach_to_the_end_of_the_file_stay_last(rich_clip: Path, tmp_path: Path) -> None:
    first, open_ended, target = tmp_path / "first.mp4", tmp_path / "open.mp4", tmp_path / "out.mp4"
    faststart.copy_with_header(rich_clip, first, lambda moov: moov)
    parts = top_level(first)
    assert parts[-1][0] == b"mdat"
    open_ended.write_bytes(b"".join(raw for _, raw in parts[:-1]) + b"\0\0\0\0" + parts[-1][1][4:])
    label(open_ended, target)
    assert top_level(target)[-1][1] == b"\0\0\0\0" + parts[-1][1][4:]
    assert chunk_heads(target) == chunk_heads(rich_clip)


def plan_with_media_until(end: int, offsets: list[int]) -> faststart._Plan:
    table = Box.make_full(b"stco", struct.pack(f">I{len(offsets)}I", len(offsets), *offsets))
    moov = table
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        moov = Box.make(kind, moov.raw)
    return faststart._Plan((), moov, moov, (faststart._Extent(b"mdat", 0, end),), end)


@pytest.mark.parametrize(("last", "kind"), [(2**32 - 1 - 1000, b"stco"), (2**32 - 20, b"co64")])
def test_offsets_beyond_32_bit_are_promoted(last: int, kind: bytes) -> None:
    plan = faststart._relocate(plan_with_media_until(2**32 + 5, [8, 4000, last]))
    table = boxes.offset_tables(plan.moov)[0]
    assert table.kind == kind
    assert list(boxes.read_offsets(table)) == [place + len(plan.moov.raw) for place in (8, 4000, last)]


def test_64_bit_offsets_stay_64_bit(rich_clip: Path, tmp_path: Path) -> None:
    parts = top_level(rich_clip)
    wide_moov = boxes.move_offsets(moov_of(rich_clip), lambda offsets: offsets, promote=True)
    assert parts[-1][0] == b"moov"
    wide, target = tmp_path / "wide.mp4", tmp_path / "out.mp4"
    wide.write_bytes(b"".join(raw for kind, raw in parts if kind != b"moov") + wide_moov.raw)
    label(wide, target)
    assert {table.kind for table in boxes.offset_tables(moov_of(target))} == {b"co64"}
    assert chunk_heads(target) == chunk_heads(rich_clip)


def test_fragmented_files_are_refused_by_name(make_clip: Clips, tmp_path: Path) -> None:
    fragmented = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.5", "-c:v", "libx264",
                           "-movflags", "frag_keyframe+empty_moov")
    with pytest.raises(SourceError, match=r"fragmented.*Remux"):
        label(fragmented, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(("content", "words"), [
    (b"", "not an MP4"),
    (b"\0\0\0\x10ftypisom\0\0\0\0", "not an MP4"),
    (b"RIFF\0\0\0\0AVI LIST", "cut short or damaged"),
])
def test_other_files_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(content)
    with pytest.raises(SourceError, match=words):
        label(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_file_without_video_is_refused(make_clip: Clips, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no video track"):
        label(make_clip("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "aac"), tmp_path / "out.mp4")


def test_a_file_cut_short_is_refused(rich_clip: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    faststart.copy_with_header(rich_clip, whole, lambda moov: moov)
    cut.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(SourceError, match="cut short"):
        label(cut, tmp_path / "out.mp4")


def test_a_missing_source_and_a_bad_target_are_told_apart(rich_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        label(tmp_path / "missing.mp4", tmp_path / "out.mp4")
    with pytest.raises(TargetError, match="cannot be written"):
        label(rich_clip, tmp_path / "no" / "folder.mp4")
    with pytest.raises(TargetError, match="onto itself"):
        label(rich_clip, rich_clip)


def test_a_failed_write_leaves_nothing(rich_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(TargetError, match="No space left"):
        label(rich_clip, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_wrong_offsets_do_not_pass_the_check(rich_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = faststart._mapping
    monkeypatch.setattr(faststart, "_mapping", lambda plan, size: lambda offsets: honest(plan, size)(offsets) + 1)
    with pytest.raises(TargetError, match="wrong bytes"):
        label(rich_clip, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_pictures_and_sound_are_the_same_after_labelling(rich_clip: Path, tmp_path: Path, ffmpeg: str) -> None:
    target = tmp_path / "out.mp4"
    label(rich_clip, target)
    command = ["-v", "error", "-map", "0:v", "-map", "0:a", "-f", "framemd5", "-"]
    sums = [subprocess.run([ffmpeg, "-i", str(path), *command], capture_output=True, check=True).stdout
            for path in (rich_clip, target)]
    assert hashlib.sha256(sums[0]).digest() == hashlib.sha256(sums[1]).digest()
    assert sums[0].count(b"\n") > 50


@settings(max_examples=150, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_header_gives_a_typed_error_or_a_right_file(data: st.DataObject, rich_clip: Path,
                                                            tmp_path: Path) -> None:
    content = bytearray(rich_clip.read_bytes())
    moov_at = content.rindex(b"moov") - 4
    places = st.one_of(st.integers(moov_at, len(content) - 1), st.integers(0, 64))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(places)
        content[at] = data.draw(st.sampled_from([0, 1, 8, 0x7F, 0x80, 0xFF, content[at] ^ 1, content[at] ^ 0x10]))
    if data.draw(st.booleans()):
        del content[data.draw(places):]
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    source.write_bytes(content)
    target.unlink(missing_ok=True)
    try:
        label(source, target)
    except SourceError:
        assert not target.exists()
        return
    try:
        expected = chunk_heads(source)
    except UnreadableError:
        return  # the reader is stricter than the editor
    assert chunk_heads(target) == expected


def test_a_stop_in_the_middle_leaves_nothing(rich_clip: Path, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop() -> None:
        raise StoppedError

    target = tmp_path / "out.mp4"
    with pytest.raises(StoppedError):
        faststart.copy_with_header(rich_clip, target, lambda moov: moov, stop)
    assert not target.exists()
