"""A segment holds every frame at its time, with its tags; or there is no segment, and an error that says why."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.errors import TargetError, ToolError
from video3d.media.encoders import EncodeRequest, encoder_arguments
from video3d.media.encoding import SegmentEncoder, segment_command
from video3d.media.ffmpeg import FFmpeg, find_ffmpeg
from video3d.media.probing import _colour
from video3d.settings import Speed
from video3d.types import Frame, PixelFormat
from video3d.video_info import ColourTags, ContentLight, MasteringDisplay

YUV420 = PixelFormat(8, 1, 1)
REQUEST = EncodeRequest("libx264", 64, 48, YUV420, ColourTags(), Fraction(24), 24000, quality=20, bitrate=None,
                        speed=Speed.FAST)
HDR10 = ColourTags(
    9, 16, 9, full_range=False, content_light=ContentLight(1000, 400),
    mastering=MasteringDisplay((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329), 0.005, 1000))
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and shell scripts")


@pytest.fixture(scope="module")
def program() -> FFmpeg:
    return find_ffmpeg()


def frame_of(number: int, request: EncodeRequest = REQUEST) -> Frame:
    """A grey ramp whose brightness tells the frame's number."""
    layout = request.pixel_format
    scale = 1 << (layout.bit_depth - 8)
    shapes = layout.plane_shapes(request.width, request.height)
    luma = np.full(shapes[0], (40 + 6 * (number % 30)) * scale, layout.dtype)
    return Frame((luma, np.full(shapes[1], 100 * scale, layout.dtype), np.full(shapes[2], 150 * scale, layout.dtype)),
                 number, layout)


def encode(program: FFmpeg, target: Path, request: EncodeRequest = REQUEST, ticks: list[int] | None = None) -> None:
    encoder = SegmentEncoder(program, request, target)
    try:
        for number, tick in enumerate(ticks or [1000 * index for index in range(12)]):
            encoder.write(frame_of(number, request), Fraction(tick, request.time_scale))
        encoder.finish()
    except BaseException:
        encoder.abort()
        raise


def read(path: Path) -> tuple[list[int], list[av.VideoFrame], Fraction]:
    """Times from the first frame on, frames, and the time base; as stored, whatever the edit list shows of them."""
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        frames = list(container.decode(video=0))
        base = Fraction(container.streams.video[0].time_base or 0)
    return [(frame.pts or 0) - (frames[0].pts or 0) for frame in frames], frames, base


def luma_of(frame: av.VideoFrame) -> float:
    kind = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    plane = np.frombuffer(frame.planes[0], kind)
    return float(plane[0]) / (1 << (frame.format.components[0].bits - 8))


# --- what a segment holds


def test_the_command_is_a_pure_function(program: FFmpeg, tmp_path: Path) -> None:
    ffmpeg = FFmpeg("ffmpeg", "7.0", (7, 0), frozenset())
    command = segment_command(ffmpeg, REQUEST, Path("-seg.mp4"))
    earlier = segment_command(replace(ffmpeg, release=(5, 1)), REQUEST, Path("-seg.mp4"))
    assert command == [
        "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y", "-f", "matroska", "-thread_queue_size", "1", "-i",
        "pipe:0", "-fps_mode", "passthrough", "-enc_time_base", "1/24000", *encoder_arguments(REQUEST),
        "-video_track_timescale", "24000", "-fflags", "+bitexact", "-flags:v", "+bitexact",
        "-stats_enc_pre:v", "pipe:1", "-stats_enc_pre_fmt:v", "{n}", "-f", "mp4", "file:-seg.mp4",
    ]
    assert [word for word in command if word not in earlier] == ["-stats_enc_pre:v", "pipe:1", "-stats_enc_pre_fmt:v",
                                                                 "{n}"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 40000), min_size=1, max_size=20),
       scale=st.sampled_from([24000, 90000, 12800, 1000]))
def test_times_are_exact_to_the_tick(steps: list[int], scale: int, program: FFmpeg, tmp_path: Path) -> None:
    ticks = [0, *accumulate(steps)]
    encode(program, tmp_path / "a.mp4", replace(REQUEST, time_scale=scale), ticks)
    got, frames, base = read(tmp_path / "a.mp4")
    assert base == Fraction(1, scale)
    assert got == ticks
    for number, frame in enumerate(frames):
        assert luma_of(frame) == pytest.approx(40 + 6 * (number % 30), abs=3)


def test_frames_are_reordered_inside_only(program: FFmpeg, tmp_path: Path) -> None:
    """B-frames: the times shown are exact all the same, and the first picture is a key frame."""
    random = np.random.default_rng(0)
    request = replace(REQUEST, speed=Speed.MEDIUM)
    encoder = SegmentEncoder(program, request, tmp_path / "a.mp4")
    noise = random.integers(0, 255, (48, 96)).astype(np.uint8)
    for number in range(24):
        frame = frame_of(0)
        moved = np.ascontiguousarray(noise[:, number:number + 64])
        encoder.write(Frame((moved, *frame.planes[1:]), number, YUV420), Fraction(number, 24))
    encoder.finish()
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    shown = [packet.pts or 0 for packet in packets]
    assert packets[0].is_keyframe
    assert shown != sorted(shown)
    assert sorted(shown) == [1000 * number for number in range(24)]


@pytest.mark.parametrize("layout", [PixelFormat(depth, x, y) for depth in (8, 10, 12)
                                    for x, y in ((1, 1), (1, 0), (0, 0))], ids=lambda layout: layout.name)
def test_all_pixel_formats(layout: PixelFormat, program: FFmpeg, tmp_path: Path) -> None:
    encoder = "libx265" if layout.bit_depth == 12 else "libx264"
    if encoder not in program.encoders:
        pytest.skip(f"{encoder} is missing")
    request = replace(REQUEST, encoder=encoder, pixel_format=layout, quality=5)
    encode(program, tmp_path / "a.mp4", request, [0, 1000, 2500])
    got, frames, _ = read(tmp_path / "a.mp4")
    assert got == [0, 1000, 2500]
    for number, frame in enumerate(frames):
        assert frame.format.name == layout.name
        assert luma_of(frame) == pytest.approx(40 + 6 * number, abs=2)


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1"])
@pytest.mark.parametrize("colour", [
    ColourTags(1, 1, 1, full_range=False), ColourTags(9, 18, 9, full_range=False), ColourTags(5, 6, 6, full_range=True),
    ColourTags(12, 13, 6, full_range=True), ColourTags(),
], ids=["bt709", "hlg", "bt601 full", "p3", "none"])
def test_colour_tags_reach_the_segment(colour: ColourTags, encoder: str, program: FFmpeg, tmp_path: Path) -> None:
    if encoder not in program.encoders:
        pytest.skip(f"{encoder} is missing")
    request = replace(REQUEST, encoder=encoder, colour=colour, height=64)
    encode(program, tmp_path / "a.mp4", request, [0, 1000])
    _, frames, _ = read(tmp_path / "a.mp4")
    got = _colour(frames[0], frames[0].format, 48)
    assert (got.primaries, got.transfer, got.matrix) == (colour.primaries, colour.transfer, colour.matrix)
    if colour.full_range is not None:
        assert got.full_range is colour.full_range
    assert luma_of(frames[0]) == pytest.approx(40, abs=2)


def test_hdr10_metadata_reach_the_segment(program: FFmpeg, tmp_path: Path) -> None:
    request = replace(REQUEST, encoder="libx265", pixel_format=PixelFormat(10, 1, 1), colour=HDR10)
    encode(program, tmp_path / "a.mp4", request, [0, 1000])
    _, frames, _ = read(tmp_path / "a.mp4")
    got = _colour(frames[0], frames[0].format, 48)
    assert (got.primaries, got.transfer, got.matrix, got.full_range) == (9, 16, 9, False)
    assert got.content_light == HDR10.content_light
    assert got.mastering is not None
    assert HDR10.mastering is not None
    for name in ("red", "green", "blue", "white", "luminance_min", "luminance_max"):
        assert getattr(got.mastering, name) == pytest.approx(getattr(HDR10.mastering, name), abs=1e-4)


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1"])
def test_segments_of_any_rhythm_fit_together(encoder: str, program: FFmpeg, tmp_path: Path) -> None:
    """A variable rate, a short last part: the decoder is set up alike for all, or they could not be joined."""
    if encoder not in program.encoders:
        pytest.skip(f"{encoder} is missing")
    request = replace(REQUEST, encoder=encoder, width=640, height=360)
    setups: set[bytes | None] = set()
    for ticks in ([1000 * number for number in range(6)], [2500 * number for number in range(6)],
                  [300 * number for number in range(6)], [0, 1000], [0, 1], [0]):
        encode(program, tmp_path / "a.mp4", request, ticks)
        with av.open(str(tmp_path / "a.mp4")) as container:
            setups.add(container.streams.video[0].codec_context.extradata)
    assert len(setups) == 1


def test_the_same_frames_make_the_same_bytes(program: FFmpeg, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        encode(program, tmp_path / name)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


# --- what is left when it goes wrong


def nothing_left(folder: Path, threads: int) -> bool:
    return not list(folder.iterdir()) and threading.active_count() == threads


def test_the_file_is_there_after_finish_only(program: FFmpeg, tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    encoder = SegmentEncoder(program, REQUEST, target)
    encoder.write(frame_of(0), Fraction(0))
    assert not target.exists()
    encoder.finish()
    assert list(tmp_path.iterdir()) == [target]
    assert len(read(target)[1]) == 1


@pytest.mark.parametrize("written", [0, 1, 50])
def test_an_abort_leaves_nothing(written: int, program: FFmpeg, tmp_path: Path) -> None:
    threads = threading.active_count()
    encoder = SegmentEncoder(program, REQUEST, tmp_path / "a.mp4")
    for number in range(written):
        encoder.write(frame_of(number % 30), Fraction(number, 24))
    process = encoder._process
    encoder.abort()
    assert process.returncode is not None
    assert nothing_left(tmp_path, threads)


def test_an_abort_while_the_pipe_is_full_leaves_nothing(program: FFmpeg, tmp_path: Path) -> None:
    request = replace(REQUEST, width=1920, height=1080, speed=Speed.SLOW)
    threads = threading.active_count()
    encoder = SegmentEncoder(program, request, tmp_path / "a.mp4")
    frame = frame_of(0, request)
    for number in range(8):
        encoder.write(frame, Fraction(number, 24))
    encoder.abort()
    assert nothing_left(tmp_path, threads)


@pytest.mark.parametrize("change", [{"encoder": "h264_qsv"}, {"width": 65}],
                         ids=["no such hardware", "an impossible picture"])
def test_an_encoder_that_fails_is_a_tool_error_and_leaves_nothing(change: dict[str, Any], program: FFmpeg,
                                                                  tmp_path: Path) -> None:
    request = replace(REQUEST, **change)
    if request.encoder not in program.encoders:
        pytest.skip(f"{request.encoder} is missing")
    threads = threading.active_count()
    with pytest.raises(ToolError) as caught:
        encode(program, tmp_path / "a.mp4", request, [1000 * number for number in range(200)])
    assert request.encoder in caught.value.message
    assert "a.mp4" in caught.value.message
    assert caught.value.stage == "encode"
    assert caught.value.remedy
    assert nothing_left(tmp_path, threads)


def test_a_frame_that_cannot_be_sent_is_an_error_and_no_hang(program: FFmpeg, tmp_path: Path) -> None:
    """Such as one whose planes are not in one piece."""
    begun = time.monotonic()

    def check() -> None:
        assert time.monotonic() - begun < 5, "it waits for ever"

    encoder = SegmentEncoder(program, REQUEST, tmp_path / "a.mp4", check=check)
    luma, *chroma = frame_of(0).planes
    broken = Frame((np.repeat(luma, 2, axis=1)[:, ::2], chroma[0], chroma[1]), 0, YUV420)

    def work() -> None:
        for number in range(20):
            encoder.write(broken, Fraction(number, 24))
        encoder.finish()

    try:
        with pytest.raises((TypeError, ValueError, BufferError, ToolError)):
            work()
    finally:
        encoder.abort()


@posix
def test_its_last_words_are_told_every_time(tmp_path: Path) -> None:
    """However the pipe's end and the words race each other."""
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\nexec 0<&-\nsleep 0.1\necho 'the reason why.' >&2\nexit 1\n")
    script.chmod(0o755)
    ffmpeg = FFmpeg(str(script), "7.0", (7, 0), frozenset())
    for _ in range(3):
        with pytest.raises(ToolError, match="the reason why"):
            encode(ffmpeg, tmp_path / "a.mp4", REQUEST, [1000 * number for number in range(200)])


@posix
def test_a_killed_ffmpeg_is_a_tool_error(program: FFmpeg, tmp_path: Path) -> None:
    encoder = SegmentEncoder(program, REQUEST, tmp_path / "a.mp4", what="film.mkv")
    encoder.write(frame_of(0), Fraction(0))
    os.kill(encoder._process.pid, signal.SIGKILL)

    def write_on() -> None:
        for number in range(1, 500):
            encoder.write(frame_of(number % 30), Fraction(number, 24))
        encoder.finish()

    try:
        with pytest.raises(ToolError, match=r"film\.mkv.*killed") as caught:
            write_on()
    finally:
        encoder.abort()
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


class Stop(Exception):  # noqa: N818 - the user's wish
    pass


@posix
@pytest.mark.parametrize("where", ["writing", "finishing"])
def test_the_user_may_stop_while_ffmpeg_is_waited_for(where: str, tmp_path: Path) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\n" + "cat > /dev/null\n" * (where == "finishing") + "exec sleep 60\n")
    script.chmod(0o755)
    begun = time.monotonic()

    def check() -> None:
        if time.monotonic() - begun > 0.5:
            raise Stop

    encoder = SegmentEncoder(FFmpeg(str(script), "7.0", (7, 0), frozenset()), REQUEST, tmp_path / "a.mp4", check=check)

    def work() -> None:
        for number in range(100 if where == "writing" else 3):
            encoder.write(frame_of(number % 30), Fraction(number, 24))
        encoder.finish()

    with pytest.raises(Stop):
        work()
    encoder.abort()
    assert time.monotonic() - begun < 5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("count", [3, 400])
def test_a_full_disk_is_a_target_error(count: int, program: FFmpeg, tmp_path: Path) -> None:
    (tmp_path / "a.part.mp4").symlink_to("/dev/full")
    threads = threading.active_count()
    with pytest.raises(TargetError, match="disk is full") as caught:
        encode(program, tmp_path / "a.mp4", REQUEST, [1000 * number for number in range(count)])
    assert str(tmp_path) in caught.value.message
    assert caught.value.remedy
    assert nothing_left(tmp_path, threads)


def test_a_folder_that_is_not_there_is_said(program: FFmpeg, tmp_path: Path) -> None:
    with pytest.raises((TargetError, ToolError), match="nowhere") as caught:
        encode(program, tmp_path / "nowhere" / "a.mp4")
    assert caught.value.remedy


@pytest.mark.skipif(sys.platform == "win32", reason="Windows forbids such names")
@pytest.mark.parametrize("name", [" %d, 'é' 日本.mp4", "-dash.mp4", "pipe:1.mp4", "a:b|c.mp4"])
def test_any_file_name_is_written(name: str, program: FFmpeg, tmp_path: Path) -> None:
    encode(program, tmp_path / name, ticks=[0, 1000])
    assert [path.name for path in tmp_path.iterdir()] == [name]
