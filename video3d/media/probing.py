"""What a file holds: from its headers and its first frames. Runs in the media worker only."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from video3d.errors import SourceError
from video3d.media.container import is_cover, open_source, video_streams
from video3d.types import PixelFormat
from video3d.video_info import Chapter, ColourTags, ContentLight, MasteringDisplay, Track, TrackKind, VideoInfo

FRAMES_LOOKED_AT = 12
LARGEST_SIDE = 16384


def probe(path: str) -> VideoInfo:
    """All that can be known of `path` without reading it through; SourceError where it holds no usable video."""
    with open_source(path) as container:
        stream = _chosen_stream(container, path)
        frames = _first_frames(container, stream, path)
        return _describe(path, container, stream, frames)


def _chosen_stream(container: InputContainer, path: str) -> VideoStream:
    streams = video_streams(container)
    if any(name in ("jpeg_pipe", "png_pipe", "image2", "webp_pipe") for name in container.format.name.split(",")):
        raise SourceError(f"{path}: this is a picture, not a video.", stage="probe", remedy="Choose a video file.")
    if not streams:
        what = "only sound" if container.streams.audio else "no video track"
        raise SourceError(f"{path}: the file holds {what}.", stage="probe", remedy="Choose a file with a video track.")
    return streams[0]


def _first_frames(container: InputContainer, stream: VideoStream, path: str) -> list[VideoFrame]:
    frames: list[VideoFrame] = []
    try:
        for packet in container.demux(stream):
            try:
                frames.extend(packet.decode())
            except MemoryError:  # libav's own is an FFmpegError too, and no damage
                raise
            except FFmpegError:
                continue
            if len(frames) >= FRAMES_LOOKED_AT:
                break
    except MemoryError:
        raise
    except (FFmpegError, OSError):
        pass  # what was decoded before the fault decides
    if not frames:
        raise SourceError(f"{path}: not one picture of its video track can be decoded.", stage="probe",
                          remedy="The file is damaged or its codec is not known; try another copy.")
    return frames


def _describe(path: str, container: InputContainer, stream: VideoStream, frames: list[VideoFrame]) -> VideoInfo:
    first = frames[0]
    source_format = first.format
    notices: list[str] = []
    rotation, mirrored = _orientation(first)
    aspect = _sample_aspect(stream, first.width)
    width, height = shown_size(first.width, first.height, aspect, rotation)
    _check_size(path, width, height)
    if (rotation in (0, 180) and aspect == 1) and (width, height) != (first.width, first.height):
        notices.append(f"The picture's odd size {first.width}x{first.height} is cut to {width}x{height}.")
    has_alpha = _has_alpha(source_format, stream)
    if has_alpha:
        notices.append("The video has transparency, which is ignored.")
    if len(video_streams(container)) > 1:
        notices.append(f"The file has {len(video_streams(container))} video tracks; the first one is taken.")
    start = container.start_time
    return VideoInfo(
        path=path, container=container.format.name, video_index=stream.index, codec=_codec_name(stream),
        width=width, height=height, pixel_format=planar_format(source_format),
        source_pixel_format=source_format.name, colour=_colour(first, source_format, height),
        time_base=Fraction(stream.time_base or Fraction(1, 1000)),
        frame_rate=Fraction(stream.average_rate) if stream.average_rate else None,
        duration=_duration(container, stream),
        start_time=Fraction(start, av.time_base) if start else Fraction(0),
        first_pts=first.pts or 0, coded_width=first.width, coded_height=first.height,
        rotation=rotation, mirrored=mirrored,
        sample_aspect=aspect, interlaced=any(frame.interlaced_frame for frame in frames), has_alpha=has_alpha,
        tracks=tuple(_track(item) for item in container.streams), chapters=_chapters(container),
        tags=tuple(sorted(container.metadata.items())), notices=tuple(notices),
    )


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """As the file states it; where the video track states that it ends before the others, its own."""
    if not container.duration:
        return None
    whole = Fraction(container.duration, av.time_base)
    if not stream.duration or stream.time_base is None:
        return whole
    zero = Fraction(container.start_time or 0, av.time_base)
    own = ((stream.start_time or 0) + stream.duration) * Fraction(stream.time_base) - zero
    return min(whole, own) if own > 0 else whole


def shown_size(width: int, height: int, aspect: Fraction, rotation: int) -> tuple[int, int]:
    """Size on a screen: square pixels (stretched, never shrunk), turned upright, cut to even numbers."""
    if aspect > 1:
        width = round(width * aspect)
    elif aspect < 1:
        height = round(height / aspect)
    if rotation in (90, 270):
        width, height = height, width
    return width & ~1, height & ~1


def planar_format(source: VideoFormat) -> PixelFormat:
    """The planar YUV format that holds the source's samples without loss of depth (at most 12 bit)."""
    bits = max(component.bits for component in source.components) if source.components else 8
    depth = 8 if bits <= 8 else 10 if bits <= 10 else 12
    if source.is_rgb or source.has_palette or len(source.components) < 3:
        return PixelFormat(depth, *((0, 0) if source.is_rgb else (1, 1)))
    shift_x, shift_y = int(source.chroma_width(16) <= 8), int(source.chroma_height(16) <= 8)
    return PixelFormat(depth, shift_x, shift_y) if (shift_x, shift_y) != (0, 1) else PixelFormat(depth, 0, 0)


def _check_size(path: str, width: int, height: int) -> None:
    if width < 2 or height < 2:
        raise SourceError(f"{path}: the picture is too small ({width}x{height}).", stage="probe",
                          remedy="At least 2x2 pixels are needed.")
    if max(width, height) > LARGEST_SIDE:
        raise SourceError(f"{path}: the picture is too large ({width}x{height}).", stage="probe",
                          remedy=f"At most {LARGEST_SIDE} pixels a side are possible.")


def _codec_name(stream: VideoStream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"


def _sample_aspect(stream: VideoStream, width: int) -> Fraction:
    aspect = stream.sample_aspect_ratio
    if not aspect or aspect <= 0:
        return Fraction(1)
    # A deviation of less than a pixel is rounding, not anamorphic material.
    return Fraction(1) if abs(width * aspect - width) < 1 else Fraction(aspect)


def _has_alpha(source: VideoFormat, stream: VideoStream) -> bool:
    named = source.name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16"))
    return named or stream.metadata.get("alpha_mode") == "1"


def _orientation(frame: VideoFrame) -> tuple[int, bool]:
    """(degrees counter-clockwise that the picture must be turned by, mirrored before that)."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if not matrix:
        return 0, False
    a, b, _, c, d = struct.unpack("<5i", bytes(matrix)[:20])
    if a * d - b * c < 0:
        a, b = -a, -b
        mirrored = True
    else:
        mirrored = False
    # The matrix maps (x, y) to (a·x + c·y, b·x + d·y), y downwards (ISO/IEC 14496-12, track header).
    if abs(a) >= abs(b):
        return (0 if a >= 0 else 180), mirrored
    return (270 if b > 0 else 90), mirrored


def _colour(frame: VideoFrame, source: VideoFormat, height: int) -> ColourTags:
    full = {1: False, 2: True}.get(int(frame.color_range))
    matrix = int(frame.colorspace)
    if source.is_rgb:
        # RGB becomes YUV in the decoder: these say how.
        full, matrix = False, 1 if height >= 720 else 6
    elif source.name.startswith("yuvj"):
        full = True
    return ColourTags(
        primaries=_unless_reserved(int(frame.color_primaries)), transfer=_unless_reserved(int(frame.color_trc)),
        matrix=_unless_reserved(matrix), full_range=full,
        mastering=_mastering(frame), content_light=_content_light(frame),
    )


def _unless_reserved(code: int) -> int:
    return 2 if code in (0, 3) else code


def _mastering(frame: VideoFrame) -> MasteringDisplay | None:
    data = frame.side_data.get("MASTERING_DISPLAY_METADATA")
    if not data:
        return None
    numbers = struct.unpack("<20i2i", bytes(data)[:88])  # AVMasteringDisplayMetadata: ten rationals, two flags
    values = [n / d if d else 0.0 for n, d in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
    red, green, blue, white = ((values[i], values[i + 1]) for i in (0, 2, 4, 6))
    return MasteringDisplay(red, green, blue, white, luminance_min=values[8], luminance_max=values[9])


def _content_light(frame: VideoFrame) -> ContentLight | None:
    data = frame.side_data.get("CONTENT_LIGHT_LEVEL")
    return ContentLight(*struct.unpack("<2I", bytes(data)[:8])) if data else None


def _track(stream: Stream) -> Track:
    kinds = {"video": TrackKind.VIDEO, "audio": TrackKind.AUDIO, "subtitle": TrackKind.SUBTITLE,
             "attachment": TrackKind.ATTACHMENT}
    codec = ""
    if stream.type in ("video", "audio", "subtitle") and stream.codec_context:
        codec = stream.codec_context.codec.canonical_name
    details = ""
    if isinstance(stream, AudioStream) and stream.codec_context:  # libav may know no codec for it
        details = f"{stream.codec_context.sample_rate} Hz, {stream.codec_context.layout.name}"
    language = stream.metadata.get("language", "")
    return Track(
        index=stream.index, kind=kinds.get(stream.type, TrackKind.DATA), codec=codec,
        language="" if language == "und" else language,
        title=stream.metadata.get("title", stream.metadata.get("filename", "")),
        is_cover=stream.type == "video" and is_cover(stream), details=details,
    )


def _chapters(container: InputContainer) -> tuple[Chapter, ...]:
    found: list[Chapter] = []
    for chapter in container.chapters():
        base = Fraction(chapter["time_base"] or Fraction(1, 1000))
        title = chapter["metadata"].get("title", "")
        found.append(Chapter(chapter["start"] * base, chapter["end"] * base, title))
    return tuple(found)
