"""The MP4 reader agrees with FFmpeg's demuxer, whose word does not come from our editor either."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from video3d.media.file_facts import FileFacts, UnreadableError
from video3d.media.mp4_reader import chunk_starts, read_mp4, spans

Clips = Callable[..., Path]
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def facts(path: Path) -> FileFacts:
    with path.open("rb") as file:
        return read_mp4(file)


def test_chunks_begin_where_ffmpeg_finds_packets(small_clip: Path) -> None:
    with small_clip.open("rb") as file:
        tables = chunk_starts(file)
    with av.open(str(small_clip)) as container:
        places: list[set[int]] = [set() for _ in container.streams]
        for packet in container.demux():
            if packet.pos is not None:
                places[packet.stream.index].add(packet.pos)
    assert len(tables) == 2
    for table, found in zip(tables, places, strict=True):
        assert table
        assert set(table) <= found


def test_the_first_sample_is_ffmpegs_first_packet(small_clip: Path) -> None:
    with av.open(str(small_clip)) as container:
        packet = bytes(next(container.demux(container.streams.video[0])))
    video = facts(small_clip).video
    assert video is not None
    assert video.first_sample == packet


def test_tracks_durations_and_languages_agree(make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:d=1", "-f", "lavfi", "-i", "sine=d=1", *X264,
                     "-c:a", "aac", "-metadata:s:a:0", "language=fra", "-movflags", "+faststart")
    found = facts(clip)
    assert (found.container, found.header_first, found.is_fragmented) == ("MP4", True, False)
    assert [(track.kind, track.codec, track.language) for track in found.tracks] == [
        ("video", "avc1", ""), ("audio", "mp4a", "fra")]
    assert found.tracks[0].duration == 1
    assert found.duration is not None
    assert abs(found.duration - 1) < Fraction(1, 20)


@pytest.mark.parametrize(("aspect", "expected"), [("1", Fraction(1)), ("2", Fraction(2)), ("16/15", Fraction(16, 15))])
def test_the_pixel_aspect_is_read(aspect: str, expected: Fraction, make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.2", "-vf", f"setsar={aspect}", *X264)
    video = facts(clip).video
    assert video is not None
    assert video.sample_aspect == expected


def test_pictures_that_are_all_keyframes_are_as_far_apart_as_they_are(make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=5:d=1", "-c:v", "mjpeg", suffix=".mov")
    found = facts(clip)
    assert found.container == "MOV"
    # A still-picture codec is no film.
    assert found.video is None
    inter = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=5:d=1", *X264, "-g", "1")
    video = facts(inter).video
    assert video is not None
    assert video.keyframe_distance == Fraction(1, 5)


@pytest.mark.parametrize("data", [
    struct.pack(">I4s", 7, b"free"), struct.pack(">I4s", 100, b"free"), struct.pack(">I4sQ", 1, b"free", 8),
    struct.pack(">I4s", 8, b"free") * 70000,
])
def test_impossible_boxes_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        list(spans(io.BytesIO(data), 0, len(data)))


def test_a_box_may_reach_to_the_end() -> None:
    data = struct.pack(">I4s", 0, b"mdat") + b"123"
    assert [(span.kind, span.payload, span.end) for span in spans(io.BytesIO(data), 0, len(data))] == [("mdat", 8, 11)]
