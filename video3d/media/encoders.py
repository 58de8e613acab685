"""Video encoders: which one to take, and how to ask it for what the settings say.

An encoder that ffmpeg lists may still not work here (no such GPU, no driver), so each candidate must prove itself by
really encoding a few frames.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

from video3d.errors import SettingsError, ToolError
from video3d.media.ffmpeg import PROBE_SECONDS, FFmpeg
from video3d.media.process import CREATION_FLAGS, OWN_SESSION
from video3d.presets.levels import reference_frames
from video3d.settings import Codec, OutputSettings, Speed
from video3d.types import PixelFormat
from video3d.video_info import ColourTags

WIDEST_H264 = 4096
"""Beyond this width no common hardware decodes H.264."""
KEY_FRAME_SECONDS = 2.0
LARGE_FRAME = 40 << 20
"""Bytes of a frame from which on x265 is kept lean: 7680x2160 in 10 bit."""
SOFTWARE_THREADS = 8
"""Fixed: x264's output depends on it, and the same job must give the same file on every machine."""


@dataclass(frozen=True)
class Encoder:
    """An encoder of ffmpeg, and the codec it writes."""

    name: str
    codec: Codec
    in_software: bool = False


# In the order of preference of each codec: hardware first, as it is ten times faster.
ENCODERS = (
    Encoder("h264_nvenc", Codec.H264), Encoder("h264_videotoolbox", Codec.H264), Encoder("h264_qsv", Codec.H264),
    Encoder("h264_amf", Codec.H264), Encoder("libx264", Codec.H264, in_software=True),
    Encoder("hevc_nvenc", Codec.HEVC), Encoder("hevc_videotoolbox", Codec.HEVC), Encoder("hevc_qsv", Codec.HEVC),
    Encoder("hevc_amf", Codec.HEVC), Encoder("libx265", Codec.HEVC, in_software=True),
    Encoder("av1_nvenc", Codec.AV1), Encoder("av1_qsv", Codec.AV1), Encoder("av1_amf", Codec.AV1),
    Encoder("libsvtav1", Codec.AV1, in_software=True),
)


@dataclass(frozen=True)
class EncodeRequest:
    """All that decides the bytes of a segment, apart from its pictures."""

    encoder: str
    width: int
    height: int
    pixel_format: PixelFormat
    colour: ColourTags
    frame_rate: Fraction
    """Average: for the distance of key frames and for rate control."""
    time_scale: int
    """Ticks per second of the segment's times."""
    quality: float
    bitrate: float | None
    speed: Speed
    level: str = ""
    """Of the codec, such as "5.1", written and kept by the software encoders; empty leaves it to the encoder."""
    peak_megabits: float | None = None
    """Mbit/s that no second may pass by much."""
    key_frame_seconds: float = KEY_FRAME_SECONDS
    """Longest time between two key frames."""
    frame_packing: int | None = None
    """frame_packing_arrangement_type of the message that libx264 writes into the stream (ITU-T H.264 D.2.26)."""


def choose_encoder(ffmpeg: FFmpeg, request: EncodeRequest, output: OutputSettings) -> EncodeRequest:
    """`request` with an encoder that works here, at the depth it can write; ToolError where there is none."""
    candidates = _candidates(output, request)
    for pixel_format, candidate in _attempts(request, output, candidates):
        attempt = replace(request, encoder=candidate.name, pixel_format=pixel_format)
        if candidate.name in ffmpeg.encoders and _really_encodes(ffmpeg, attempt):
            return attempt
    names = ", ".join(candidate.name for candidate in candidates)
    raise ToolError(
        f"No encoder works here for {request.width}x{request.height} {request.pixel_format.name} (tried {names}).",
        stage="encode", remedy="Choose another --codec, or a newer ffmpeg with IMAGEIO_FFMPEG_EXE.",
    )


def chosen_codec(encoder: str) -> Codec:
    """The codec that an encoder writes."""
    return known_encoder(encoder).codec


def known_encoder(name: str) -> Encoder:
    """The encoder of this name, one of `ENCODERS`."""
    return next(known for known in ENCODERS if known.name == name)


def encoder_arguments(request: EncodeRequest) -> list[str]:
    """ffmpeg's output arguments for the video of a segment. A pure function."""
    name = request.encoder
    family = name.removeprefix("lib") if name.startswith("lib") else name.rsplit("_", 1)[1]
    arguments = ["-c:v", name, "-pix_fmt", _pixel_format_for(family, request.pixel_format), *_key_frames(request)]
    arguments += _FAMILIES[family](request)
    if chosen_codec(name) is Codec.HEVC:
        arguments += ["-tag:v", "hvc1"]
    return arguments + _colour_arguments(request.colour)


def _key_frames(request: EncodeRequest) -> list[str]:
    """So many frames apart at most, and where the rate varies, so many seconds."""
    seconds, rate = Fraction(request.key_frame_seconds), request.frame_rate
    distance = ["-g", str(max(1, int(seconds * rate)))]
    if request.encoder not in ("libx264", "libx265"):
        return distance
    # A frame early: the next one may come after the limit.
    apart = float(max(seconds - 1 / rate, seconds / 2))
    return [*distance, "-force_key_frames", f"expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{apart:.6f}))",
            "-forced-idr", "1"]


def _candidates(output: OutputSettings, request: EncodeRequest) -> list[Encoder]:
    if output.encoder != "auto":
        named = [encoder for encoder in ENCODERS if encoder.name == output.encoder]
        if not named:
            raise SettingsError(f"--encoder cannot be {output.encoder!r}.", stage="settings",
                                remedy=f"Allowed: auto, {', '.join(encoder.name for encoder in ENCODERS)}.")
        return named
    codec = output.codec
    if codec is Codec.AUTO:
        codec = Codec.HEVC if _is_large(request) or request.pixel_format.bit_depth > 8 else Codec.H264
    return [encoder for encoder in ENCODERS if encoder.codec is codec]


def _attempts(request: EncodeRequest, output: OutputSettings,
              candidates: list[Encoder]) -> Iterator[tuple[PixelFormat, Encoder]]:
    """Formats and encoders in the order of preference."""
    formats = _formats(request.pixel_format)
    yield from product(formats, candidates)
    if output.encoder == "auto" and output.codec is Codec.AUTO and not _is_large(request):
        # HEVC was for the depth's sake alone: without it, 8 bit in H.264 are better than nothing.
        shallow = [pixel_format for pixel_format in formats if pixel_format.bit_depth == 8]
        yield from product(shallow, [encoder for encoder in ENCODERS if encoder.codec is Codec.H264])


def _is_large(request: EncodeRequest) -> bool:
    return request.width > WIDEST_H264 or request.height > WIDEST_H264


def _formats(wanted: PixelFormat) -> list[PixelFormat]:
    """What to try: as deep as the source, then less deep, and 4:2:0 where no encoder knows anything else."""
    depths = [depth for depth in (12, 10, 8) if depth <= wanted.bit_depth]
    formats = [replace(wanted, bit_depth=depth) for depth in depths]
    if (wanted.chroma_shift_x, wanted.chroma_shift_y) != (1, 1):
        formats += [PixelFormat(depth, 1, 1) for depth in depths]
    return formats


def _really_encodes(ffmpeg: FFmpeg, request: EncodeRequest) -> bool:
    pixel_format = request.pixel_format.name
    # Hardware has limits of size; software has none that matter, and takes seconds for a large frame.
    is_any_size = request.width <= WIDEST_H264 or known_encoder(request.encoder).in_software
    size = f"{min(request.width, 640)}x{min(request.height, 360)}" if is_any_size else (
        f"{request.width}x{request.height}")
    source = f"color=c=gray:s={size}:r=25:d=0.12,format={pixel_format}"
    command = [ffmpeg.path, "-nostdin", "-v", "warning", "-f", "lavfi", "-i", source, *encoder_arguments(request),
               "-frames:v", "3", "-f", "null", "-"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, stdin=subprocess.DEVNULL,
                              check=False, start_new_session=OWN_SESSION, creationflags=CREATION_FLAGS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    # Some builds fall back to another format with a warning: that is not what was asked for.
    return done.returncode == 0 and b"Incompatible pixel format" not in done.stderr


def _pixel_format_for(family: str, pixel_format: PixelFormat) -> str:
    is_420 = (pixel_format.chroma_shift_x, pixel_format.chroma_shift_y) == (1, 1)
    if family in ("qsv", "amf", "videotoolbox", "nvenc") and is_420 and pixel_format.bit_depth == 10:
        return "p010le"
    if family in ("qsv", "amf") and is_420 and pixel_format.bit_depth == 8:
        return "nv12"
    return pixel_format.name


_X264_REFERENCES = {Speed.FASTEST: 1, Speed.FAST: 1, Speed.MEDIUM: 3, Speed.SLOW: 5}
"""As x264's presets have them."""


def _x264(request: EncodeRequest) -> list[str]:
    preset = {Speed.FASTEST: "ultrafast", Speed.FAST: "veryfast", Speed.MEDIUM: "medium", Speed.SLOW: "slow"}
    rate = _rate(request, ["-crf", f"{request.quality:g}"])
    arguments = ["-preset", preset[request.speed], *rate, "-threads", str(SOFTWARE_THREADS)]
    if request.level:
        most = reference_frames(request.level, request.width, request.height)
        arguments += ["-level", request.level, "-refs", str(min(most, _X264_REFERENCES[request.speed]))]
    # Usually four pictures wait for the look-ahead's thread, 50 MB at 3840x1080; with one the bytes are the same.
    parameters = ["sync-lookahead=1"]
    if request.frame_packing is not None:
        parameters.append(f"frame-packing={request.frame_packing}")
    return [*arguments, "-x264-params", ":".join(parameters)]


def _x265(request: EncodeRequest) -> list[str]:
    preset = {Speed.FASTEST: "ultrafast", Speed.FAST: "superfast", Speed.MEDIUM: "fast", Speed.SLOW: "medium"}
    rate = _rate(request, ["-crf", f"{request.quality:g}"])
    # Frame threads are fixed and few: they change the output, and each holds several pictures.
    parameters = ["log-level=error", "open-gop=0", "wpp=1"]
    if request.pixel_format.frame_bytes(request.width, request.height) > LARGE_FRAME:
        # x265 holds 180 MB for each such frame in flight: 3.6 GB with its usual look-ahead, 2.3 GB with this one.
        parameters += ["frame-threads=1", "rc-lookahead=2", "bframes=0", "b-adapt=0"]
    else:
        parameters += ["frame-threads=2", "rc-lookahead=10"]
    if request.level:
        parameters += [f"level-idc={request.level}", "high-tier=0"]  # hardware decoders promise the main tier
    mastering, light = request.colour.mastering, request.colour.content_light
    if mastering is not None:
        points = (("G", mastering.green), ("B", mastering.blue), ("R", mastering.red), ("WP", mastering.white))
        text = "".join(f"{name}({round(x * 50000)},{round(y * 50000)})" for name, (x, y) in points)
        brightness = f"L({round(mastering.luminance_max * 10000)},{round(mastering.luminance_min * 10000)})"
        parameters.append(f"master-display={text}{brightness}")
    if light is not None:
        parameters.append(f"max-cll={light.max_content},{light.max_average}")
    if request.colour.transfer == 16:
        parameters.append("hdr10-opt=1")
    return ["-preset", preset[request.speed], *rate, "-x265-params", ":".join(parameters)]


def _svtav1(request: EncodeRequest) -> list[str]:
    preset = {Speed.FASTEST: "12", Speed.FAST: "10", Speed.MEDIUM: "8", Speed.SLOW: "5"}
    # SVT's scale runs to 63; 1.25 lands near x264's picture at the same number.
    rate = _rate(request, ["-crf", f"{min(63, round(request.quality * 1.25))}"])
    return ["-preset", preset[request.speed], *rate]


def _nvenc(request: EncodeRequest) -> list[str]:
    preset = {Speed.FASTEST: "p1", Speed.FAST: "p3", Speed.MEDIUM: "p5", Speed.SLOW: "p7"}
    rate = _rate(request, ["-rc", "vbr", "-cq", f"{request.quality:g}", "-b:v", "0"])
    return ["-preset", preset[request.speed], *rate, "-bf", "2", "-forced-idr", "1"]


def _qsv(request: EncodeRequest) -> list[str]:
    preset = {Speed.FASTEST: "veryfast", Speed.FAST: "fast", Speed.MEDIUM: "medium", Speed.SLOW: "slow"}
    rate = _rate(request, ["-global_quality", f"{round(request.quality)}"])
    return ["-preset", preset[request.speed], *rate]


def _amf(request: EncodeRequest) -> list[str]:
    preset = {Speed.FASTEST: "speed", Speed.FAST: "speed", Speed.MEDIUM: "balanced", Speed.SLOW: "quality"}
    level = f"{round(request.quality)}"
    rate = _rate(request, ["-rc", "cqp", "-qp_i", level, "-qp_p", level])
    return ["-quality", preset[request.speed], *rate]


def _videotoolbox(request: EncodeRequest) -> list[str]:
    # Its scale runs from 1 (worst) to 100.
    rate = _rate(request, ["-q:v", f"{max(1, 100 - 2 * round(request.quality))}"])
    return [*rate, "-allow_sw", "0"]


_FAMILIES = {"x264": _x264, "x265": _x265, "svtav1": _svtav1, "nvenc": _nvenc, "qsv": _qsv, "amf": _amf,
             "videotoolbox": _videotoolbox}


def _rate(request: EncodeRequest, constant_quality: list[str]) -> list[str]:
    if request.bitrate is None:
        peak = round((request.peak_megabits or 0) * 1000)
        return [*constant_quality, *(["-maxrate", f"{peak}k", "-bufsize", f"{peak}k"] if peak else [])]
    rate = round(request.bitrate * 1000)
    peak = 2 * rate if request.peak_megabits is None else min(2 * rate, round(request.peak_megabits * 1000))
    return ["-b:v", f"{rate}k", "-maxrate", f"{peak}k", "-bufsize", f"{2 * peak}k"]


def _colour_arguments(colour: ColourTags) -> list[str]:
    """Tags by number where ffmpeg takes them; unspecified ones are left out, not invented."""
    arguments: list[str] = []
    tags = (("-color_primaries", colour.primaries), ("-color_trc", colour.transfer), ("-colorspace", colour.matrix))
    for option, code in tags:
        if code != 2:
            arguments += [option, str(code)]
    if colour.full_range is not None:
        arguments += ["-color_range", "pc" if colour.full_range else "tv"]
    if colour.chroma_site is not None:
        arguments += ["-chroma_sample_location", colour.chroma_site.value]
    return arguments
