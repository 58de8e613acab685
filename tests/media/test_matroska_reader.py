"""The Matroska reader agrees with FFmpeg's demuxer, whose word does not come from our editor either."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from video3d.media.file_facts import FileFacts, UnreadableError
from video3d.media.matroska_reader import read_matroska, spans

Clips = Callable[..., Path]
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def facts(path: Path) -> FileFacts:
    with path.open("rb") as file:
        return read_matroska(file)


@pytest.fixture(scope="module")
def clip(make_clip: Clips) -> Path:
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:d=1", "-f", "lavfi", "-i", "sine=d=1", *X264,
                     "-c:a", "aac", "-metadata:s:a:0", "language=fre", suffix=".mkv")


def test_the_first_sample_is_ffmpegs_first_packet(clip: Path) -> None:
    with av.open(str(clip)) as container:
        packet = bytes(next(container.demux(container.streams.video[0])))
    video = facts(clip).video
    assert video is not None
    assert video.first_sample == packet


def test_tracks_and_duration_agree(clip: Path) -> None:
    found = facts(clip)
    assert (found.container, found.header_first, found.notes) == ("Matroska", True, ())
    assert [(track.kind, track.codec) for track in found.tracks] == [("video", "V_MPEG4/ISO/AVC"), ("audio", "A_AAC")]
    assert found.tracks[1].language == "fre"
    assert found.duration is not None
    assert 1 <= found.duration < 1.1


@pytest.mark.parametrize(("mode", "packing", "swapped"), [
    ("left_right", "side by side", False), ("right_left", "side by side", True),
    ("top_bottom", "top and bottom", False), ("bottom_top", "top and bottom", True),
    ("row_interleaved_lr", "row interleaved", False), ("col_interleaved_rl", "column interleaved", True),
    ("checkerboard_lr", "checkerboard", False), ("anaglyph_cyan_red", "anaglyph cyan and red", False),
])
def test_ffmpegs_stereo_modes_are_read(mode: str, packing: str, swapped: bool, make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.2", *X264, "-metadata:s:v:0", f"stereo_mode={mode}",
                     suffix=".mkv")
    video = facts(clip).video
    assert video is not None
    assert [(claim.where, claim.packing, claim.swapped) for claim in video.claims] == [
        ("StereoMode", packing, swapped)]


def test_a_missing_index_is_noted(make_clip: Clips) -> None:
    live = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.5", *X264, "-live", "1", "-f", "matroska",
                     suffix=".live.mkv")
    found = facts(live)
    assert "no index" in " ".join(found.notes)
    assert found.video is not None
    assert found.video.keyframe_distance is None


def test_webm_is_named(make_clip: Clips) -> None:
    webm = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.2", "-c:v", "libvpx", suffix=".webm")
    assert facts(webm).container == "WebM"


@pytest.mark.parametrize("data", [b"\x00", b"\x1a", b"\xe0\x85ab", b"\xe0", b"\x08\x00\x00\x00\x00\x81a"])
def test_impossible_elements_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        list(spans(io.BytesIO(data), 0, len(data)))


def test_an_unknown_size_reaches_to_the_end() -> None:
    data = b"\xe0\xffabc"
    assert [(span.id, span.payload, span.end) for span in spans(io.BytesIO(data), 0, len(data))] == [(0xE0, 2, 5)]
