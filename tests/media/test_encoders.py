"""Which encoder is taken, and what it is asked for."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from video3d.errors import SettingsError, ToolError
from video3d.media import encoders
from video3d.media.encoders import (
    ENCODERS,
    WIDEST_H264,
    EncodeRequest,
    choose_encoder,
    chosen_codec,
    encoder_arguments,
)
from video3d.media.encoding import SegmentEncoder
from video3d.media.ffmpeg import FFmpeg, find_ffmpeg
from video3d.settings import Codec, OutputSettings, Speed
from video3d.types import Frame, PixelFormat
from video3d.video_info import ChromaSite, ColourTags, ContentLight, MasteringDisplay

posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for ffmpeg")
REQUEST = EncodeRequest("libx264", 128, 72, PixelFormat(8, 1, 1), ColourTags(), Fraction(24), 24000, quality=20,
                        bitrate=None, speed=Speed.FAST)
HDR10 = ColourTags(
    9, 16, 9, full_range=False, chroma_site=ChromaSite.TOP_LEFT,
    mastering=MasteringDisplay((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329), 0.005, 1000),
    content_light=ContentLight(1000, 400))
ALL_NAMES = frozenset(encoder.name for encoder in ENCODERS)


# --- arguments


FORCED = ("-force_key_frames", "expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+1.958333))", "-forced-idr", "1")


@pytest.mark.parametrize(("name", "expected"), [
    ("libx264", ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "48", *FORCED, "-preset", "veryfast", "-crf", "20",
                 "-threads", "8", "-x264-params", "sync-lookahead=1"]),
    ("libx265", ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-g", "48", *FORCED, "-preset", "superfast", "-crf", "20",
                 "-x265-params", "log-level=error:open-gop=0:wpp=1:frame-threads=2:rc-lookahead=10",
                 "-tag:v", "hvc1"]),
    ("h264_nvenc", ["-c:v", "h264_nvenc", "-pix_fmt", "yuv420p", "-g", "48", "-preset", "p3", "-rc", "vbr", "-cq", "20",
                    "-b:v", "0", "-bf", "2", "-forced-idr", "1"]),
    ("hevc_nvenc", ["-c:v", "hevc_nvenc", "-pix_fmt", "yuv420p", "-g", "48", "-preset", "p3", "-rc", "vbr", "-cq", "20",
                    "-b:v", "0", "-bf", "2", "-forced-idr", "1", "-tag:v", "hvc1"]),
    ("h264_qsv", ["-c:v", "h264_qsv", "-pix_fmt", "nv12", "-g", "48", "-preset", "fast", "-global_quality", "20"]),
    ("h264_amf", ["-c:v", "h264_amf", "-pix_fmt", "nv12", "-g", "48", "-quality", "speed", "-rc", "cqp", "-qp_i", "20",
                  "-qp_p", "20"]),
    ("h264_videotoolbox", ["-c:v", "h264_videotoolbox", "-pix_fmt", "yuv420p", "-g", "48", "-q:v", "60",
                           "-allow_sw", "0"]),
    ("libsvtav1", ["-c:v", "libsvtav1", "-pix_fmt", "yuv420p", "-g", "48", "-preset", "10", "-crf", "25"]),
])
def test_what_each_encoder_is_asked_for(name: str, expected: list[str]) -> None:
    assert encoder_arguments(replace(REQUEST, encoder=name)) == expected


def test_hdr10_for_x265() -> None:
    request = replace(REQUEST, encoder="libx265", pixel_format=PixelFormat(10, 1, 1), colour=HDR10)
    assert encoder_arguments(request) == [
        "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-g", "48", *FORCED, "-preset", "superfast", "-crf", "20",
        "-x265-params",
        ("log-level=error:open-gop=0:wpp=1:frame-threads=2:rc-lookahead=10:"
         "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400:"
         "hdr10-opt=1"), "-tag:v", "hvc1", "-color_primaries", "9", "-color_trc", "16", "-colorspace", "9",
        "-color_range", "tv", "-chroma_sample_location", "topleft",
    ]  # fmt: skip


def test_x265_is_kept_lean_for_large_frames() -> None:
    def parameters(width: int) -> str:
        request = replace(REQUEST, encoder="libx265", width=width, height=2160, pixel_format=PixelFormat(10, 1, 1))
        return argument(request, "-x265-params")

    assert "frame-threads=2:rc-lookahead=10" in parameters(3840)
    assert "frame-threads=1:rc-lookahead=2:bframes=0" in parameters(7680)


@pytest.mark.parametrize("name", sorted(ALL_NAMES))
def test_arguments_are_a_pure_function_and_paired(name: str) -> None:
    for speed in Speed:
        for bitrate in (None, 8.0):
            request = replace(REQUEST, encoder=name, colour=HDR10, bitrate=bitrate, speed=speed)
            arguments = encoder_arguments(request)
            assert arguments == encoder_arguments(request)
            assert len(arguments) % 2 == 0
            assert all(option.startswith("-") for option in arguments[::2])
            assert len(set(arguments[::2])) == len(arguments) // 2


def argument(request: EncodeRequest, option: str) -> str:
    arguments = encoder_arguments(request)
    return arguments[arguments.index(option) + 1]


@pytest.mark.parametrize(("name", "values"), [
    ("libx264", ["ultrafast", "veryfast", "medium", "slow"]), ("libx265", ["ultrafast", "superfast", "fast", "medium"]),
    ("libsvtav1", ["12", "10", "8", "5"]), ("hevc_nvenc", ["p1", "p3", "p5", "p7"]),
])
def test_speeds(name: str, values: list[str]) -> None:
    assert [argument(replace(REQUEST, encoder=name, speed=speed), "-preset") for speed in Speed] == values


@pytest.mark.parametrize("name", sorted(ALL_NAMES))
def test_a_bit_rate_replaces_the_quality(name: str) -> None:
    arguments = encoder_arguments(replace(REQUEST, encoder=name, bitrate=2.5))
    place = arguments.index("-b:v")
    assert arguments[place:place + 6] == ["-b:v", "2500k", "-maxrate", "5000k", "-bufsize", "10000k"]
    assert not {"-crf", "-cq", "-q:v", "-global_quality", "-qp_i"} & set(arguments)


@pytest.mark.parametrize(("rate", "distance"), [
    (Fraction(24), "48"), (Fraction(24000, 1001), "47"), (Fraction(60), "120"), (Fraction(1, 10), "1"),
])
def test_key_frames_are_two_seconds_apart(rate: Fraction, distance: str) -> None:
    assert argument(replace(REQUEST, frame_rate=rate), "-g") == distance


@pytest.mark.parametrize(("name", "layout", "pixels"), [
    ("hevc_nvenc", PixelFormat(10, 1, 1), "p010le"), ("hevc_qsv", PixelFormat(10, 1, 1), "p010le"),
    ("hevc_amf", PixelFormat(8, 1, 1), "nv12"), ("hevc_videotoolbox", PixelFormat(10, 1, 1), "p010le"),
    ("hevc_nvenc", PixelFormat(8, 0, 0), "yuv444p"), ("libx265", PixelFormat(12, 1, 0), "yuv422p12le"),
    ("libsvtav1", PixelFormat(10, 1, 1), "yuv420p10le"),
])
def test_the_pixel_format_asked_for(name: str, layout: PixelFormat, pixels: str) -> None:
    assert argument(replace(REQUEST, encoder=name, pixel_format=layout), "-pix_fmt") == pixels


def test_colour_that_is_not_stated_is_not_invented() -> None:
    assert not any(option.startswith(("-color", "-chroma")) for option in encoder_arguments(REQUEST))
    arguments = encoder_arguments(replace(REQUEST, colour=ColourTags(matrix=6, full_range=True)))
    assert arguments[-4:] == ["-colorspace", "6", "-color_range", "pc"]


def test_qualities_stay_in_each_encoders_range() -> None:
    for quality in (0, 0.4, 20.5, 51):
        for name in ALL_NAMES:
            encoder_arguments(replace(REQUEST, encoder=name, quality=quality))
        assert 0 <= int(argument(replace(REQUEST, encoder="libsvtav1", quality=quality), "-crf")) <= 63
        assert 1 <= int(argument(replace(REQUEST, encoder="hevc_videotoolbox", quality=quality), "-q:v")) <= 100
    assert argument(replace(REQUEST, quality=20.5), "-crf") == "20.5"


# --- the choice


def fake(folder: Path, works: str = "*", names: frozenset[str] = ALL_NAMES) -> FFmpeg:
    """An ffmpeg that lists `names` and can do what matches the shell pattern `works`; it keeps a record."""
    program = folder / "ffmpeg"
    program.write_text(f'#!/bin/sh\necho "$*" >> "{folder}/record"\ncase "$*" in\n{works}) exit 0;;\nesac\nexit 1\n')
    program.chmod(0o755)
    return FFmpeg(str(program), "7.0", (7, 0), names)


def tried(folder: Path) -> list[str]:
    record = folder / "record"
    return [line.split("-c:v ")[1].split()[0] for line in record.read_text().splitlines()] if record.exists() else []


def chosen(ffmpeg: FFmpeg, request: EncodeRequest = REQUEST, output: OutputSettings | None = None) -> tuple[str, str]:
    found = choose_encoder(ffmpeg, request, output or OutputSettings())
    assert replace(found, encoder=request.encoder, pixel_format=request.pixel_format) == request
    return found.encoder, found.pixel_format.name


def wide(width: int, height: int = 64, depth: int = 8) -> EncodeRequest:
    return replace(REQUEST, width=width, height=height, pixel_format=PixelFormat(depth, 1, 1))


@posix
@pytest.mark.parametrize(("request_", "codec"), [
    (wide(128), Codec.H264), (wide(WIDEST_H264), Codec.H264), (wide(WIDEST_H264 + 2), Codec.HEVC),
    (wide(64, WIDEST_H264 + 2), Codec.HEVC), (wide(128, depth=10), Codec.HEVC), (wide(128, depth=12), Codec.HEVC),
])
def test_auto_takes_h264_and_hevc_where_wider_or_deeper(request_: EncodeRequest, codec: Codec, tmp_path: Path) -> None:
    assert chosen_codec(chosen(fake(tmp_path), request_)[0]) is codec


@posix
def test_av1_is_never_taken_unasked(tmp_path: Path) -> None:
    only_av1 = frozenset(encoder.name for encoder in ENCODERS if encoder.codec is Codec.AV1)
    for request in (REQUEST, wide(8000), wide(128, depth=10)):
        with pytest.raises(ToolError, match="No encoder works") as caught:
            chosen(fake(tmp_path, names=only_av1), request)
        assert caught.value.remedy
    assert tried(tmp_path) == []
    assert chosen(fake(tmp_path, names=only_av1), output=OutputSettings(codec=Codec.AV1))[0] == "av1_nvenc"


@posix
def test_auto_turns_to_h264_in_8_bit_where_no_hevc_works(tmp_path: Path) -> None:
    ffmpeg = fake(tmp_path, names=frozenset({"libx264"}))
    assert chosen(ffmpeg, wide(128, depth=10)) == ("libx264", "yuv420p")
    for request, codec in ((wide(8000, depth=10), Codec.AUTO), (wide(128, depth=10), Codec.HEVC)):
        with pytest.raises(ToolError, match="No encoder works"):
            chosen(ffmpeg, request, OutputSettings(codec=codec))


@posix
@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC, Codec.AV1])
def test_a_codec_that_is_asked_for_is_taken(codec: Codec, tmp_path: Path) -> None:
    assert chosen_codec(chosen(fake(tmp_path), wide(8000, depth=10), OutputSettings(codec=codec))[0]) is codec


@posix
def test_hardware_comes_first_and_only_what_works_is_taken(tmp_path: Path) -> None:
    assert chosen(fake(tmp_path))[0] == "h264_nvenc"
    (tmp_path / "record").unlink()
    assert chosen(fake(tmp_path, works="*libx264*"))[0] == "libx264"
    assert tried(tmp_path) == ["h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "libx264"]


@posix
def test_what_is_not_listed_is_not_tried(tmp_path: Path) -> None:
    assert chosen(fake(tmp_path, names=frozenset({"libx264", "libx265"})))[0] == "libx264"
    assert tried(tmp_path) == ["libx264"]


@posix
@pytest.mark.parametrize(("works", "wanted", "got"), [
    ("*yuv420p10le*", PixelFormat(12, 1, 1), "yuv420p10le"), ("*format=yuv420p -c*", PixelFormat(12, 1, 1), "yuv420p"),
    ("*format=yuv444p -c*", PixelFormat(10, 0, 0), "yuv444p"), ("*yuv420p10le*", PixelFormat(10, 0, 0), "yuv420p10le"),
    ("*format=yuv420p -c*", PixelFormat(12, 1, 0), "yuv420p"), ("*", PixelFormat(12, 1, 0), "yuv422p12le"),
])
def test_less_depth_is_taken_where_no_encoder_has_more(works: str, wanted: PixelFormat, got: str,
                                                       tmp_path: Path) -> None:
    ffmpeg = fake(tmp_path, works.replace(" ", "' '") if " " in works else works, frozenset({"libx265"}))
    request = replace(REQUEST, pixel_format=wanted)
    assert chosen(ffmpeg, request, OutputSettings(codec=Codec.HEVC)) == ("libx265", got)


@posix
def test_software_of_full_depth_is_preferred_to_hardware_of_less(tmp_path: Path) -> None:
    ffmpeg = fake(tmp_path, "*libx265*|*format=yuv420p' '*")
    assert chosen(ffmpeg, wide(128, depth=12)) == ("libx265", "yuv420p12le")


@posix
def test_a_named_encoder_is_the_only_one_tried(tmp_path: Path) -> None:
    assert chosen(fake(tmp_path), output=OutputSettings(encoder="libsvtav1"))[0] == "libsvtav1"
    assert tried(tmp_path) == ["libsvtav1"]
    with pytest.raises(ToolError, match="tried h264_qsv"):
        chosen(fake(tmp_path, works="nothing"), output=OutputSettings(encoder="h264_qsv"))


@posix
@pytest.mark.parametrize("name", ["x264", "libx264 ", "copy", "", "AUTO"])
def test_an_unknown_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--encoder") as caught:
        chosen(fake(tmp_path), output=OutputSettings(encoder=name))
    assert "libx264" in caught.value.remedy
    assert tried(tmp_path) == []


@posix
def test_an_encoder_that_falls_back_with_a_warning_does_not_count(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\ncase "$*" in *yuv420p10le*) echo "Incompatible pixel format" >&2;; esac\nexit 0\n')
    program.chmod(0o755)
    ffmpeg = FFmpeg(str(program), "7.0", (7, 0), frozenset({"libx265"}))
    assert chosen(ffmpeg, wide(128, depth=10)) == ("libx265", "yuv420p")


@posix
def test_an_encoder_that_hangs_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "PROBE_SECONDS", 0.3)
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\ncase "$*" in *nvenc*) exec sleep 30;; esac\nexit 0\n')
    program.chmod(0o755)
    ffmpeg = FFmpeg(str(program), "7.0", (7, 0), frozenset({"h264_nvenc", "libx264"}))
    assert chosen(ffmpeg)[0] == "libx264"


@pytest.mark.parametrize(("request_", "codec"), [(wide(128), Codec.H264), (wide(128, depth=10), Codec.HEVC),
                                                 (wide(WIDEST_H264 + 2), Codec.HEVC)])
def test_a_real_ffmpeg_has_an_encoder_that_works(request_: EncodeRequest, codec: Codec) -> None:
    real = find_ffmpeg()
    software = replace(real, encoders=real.encoders & {"libx264", "libx265"})
    found = choose_encoder(software, request_, OutputSettings())
    assert chosen_codec(found.encoder) is codec
    assert found.pixel_format == request_.pixel_format


@pytest.mark.parametrize("layout", [PixelFormat(depth, x, y) for depth in (8, 10, 12)
                                    for x, y in ((1, 1), (1, 0), (0, 0))], ids=lambda layout: layout.name)
def test_a_real_x265_writes_all_our_formats(layout: PixelFormat) -> None:
    ffmpeg = find_ffmpeg()
    if "libx265" not in ffmpeg.encoders:
        pytest.skip("libx265 is missing")
    request = replace(REQUEST, pixel_format=layout)
    found = choose_encoder(ffmpeg, request, OutputSettings(encoder="libx265"))
    assert found.pixel_format.bit_depth <= layout.bit_depth
    if layout.bit_depth <= 10:
        assert found.pixel_format == layout


def test_x264_cannot_write_twelve_bit_and_ten_is_taken() -> None:
    found = choose_encoder(find_ffmpeg(), wide(128, depth=12), OutputSettings(encoder="libx264"))
    assert (found.encoder, found.pixel_format) == ("libx264", PixelFormat(10, 1, 1))


# --- what devices ask for


def test_a_device_gets_its_level_its_peak_and_no_more_references_than_it_holds() -> None:
    wide = replace(REQUEST, width=3840, height=2160, level="5.1", speed=Speed.SLOW, peak_megabits=20.0)
    arguments = encoder_arguments(wide)
    assert arguments[arguments.index("-level") + 1] == "5.1"
    assert arguments[arguments.index("-refs") + 1] == "5"
    assert arguments[arguments.index("-maxrate") + 1] == arguments[arguments.index("-bufsize") + 1] == "20000k"
    small = encoder_arguments(replace(wide, width=1920, height=1080, level="4.0"))
    assert small[small.index("-refs") + 1] == "4"
    hevc = encoder_arguments(replace(wide, encoder="libx265"))
    assert "level-idc=5.1" in hevc[hevc.index("-x265-params") + 1]
    averaged = encoder_arguments(replace(wide, bitrate=15.0))
    assert averaged[averaged.index("-maxrate") + 1] == "20000k"


def test_only_x264_is_asked_for_the_message_in_the_stream() -> None:
    arguments = encoder_arguments(replace(REQUEST, frame_packing=3))
    assert arguments[arguments.index("-x264-params") + 1].split(":")[1:] == ["frame-packing=3"]
    assert "frame-packing" not in " ".join(encoder_arguments(REQUEST))


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_key_frames_are_no_farther_apart_where_the_rate_varies(encoder: str, tmp_path: Path) -> None:
    """A second of 30 frames/s, then one frame a second: on average 3 frames/s, and 6 frames would be 6 s."""
    request = replace(REQUEST, encoder=encoder, width=64, height=36, frame_rate=Fraction(3), time_scale=30)
    encoder_process = SegmentEncoder(find_ffmpeg(), request, tmp_path / "varied.mp4")
    planes = tuple(np.full(shape, 90, np.uint8) for shape in request.pixel_format.plane_shapes(64, 36))
    times = [Fraction(n, 30) for n in range(30)] + [Fraction(n) for n in range(1, 12)]
    for time in times:
        encoder_process.write(Frame((planes[0], planes[1], planes[2]), 0, request.pixel_format), time)
    encoder_process.finish()
    with av.open(str(tmp_path / "varied.mp4")) as container:
        keys = [float(packet.pts * packet.time_base) for packet in container.demux(video=0)
                if packet.is_keyframe and packet.size]
    assert max(later - earlier for earlier, later in itertools.pairwise([*keys, 11.0])) <= 2.0
