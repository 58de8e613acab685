"""Pictures out of a file, as they are shown: upright, square pixels, deinterlaced. Runs in the media worker only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, cast

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from video3d.errors import SourceError
from video3d.media.container import open_source, timed_packets
from video3d.media.probing import planar_format
from video3d.media.protocol import Delivery
from video3d.types import PixelFormat
from video3d.video_info import VideoInfo

_Planes = tuple[np.ndarray[Any, Any], ...]
THUMBNAIL_SIZE = (160, 90)
"""Width and height of the luma picture that cuts are found on; chroma has half of each."""


@dataclass(frozen=True)
class DecodeRequest:
    """What the worker is to decode."""

    info: VideoInfo
    pixel_format: str
    """ffmpeg's name of the planar format wanted."""
    interlaced: bool = False
    seek_to: int | None = None
    """Begin at the key frame before this time (ticks of the video track); None begins at the start."""
    delivery: Delivery = Delivery.WHOLE
    skip_before: int | None = None
    """Pictures whose stated time is before this (ticks) are told, and not delivered."""
    threads: int = 0
    size: tuple[int, int] | None = None
    """(width, height) that whole pictures are reduced to; None leaves them as they are shown."""


@dataclass(frozen=True)
class DecodedPicture:
    """What was to be delivered of a picture, and the time the file states (None where it states none)."""

    small: _Planes
    """Small planes Y, U, V, uint8; none where they were not asked for."""
    planes: _Planes
    """The same, whole."""
    pts: int | None
    duration: int
    interlaced: bool
    clock_moved: bool
    """Whether the clock was repaired before this picture, so that its time does not lead to it."""


def decode(request: DecodeRequest, notices: list[str]) -> Iterator[DecodedPicture]:
    """Every picture of the chosen track, in the order shown; damaged packets are skipped with a notice."""
    info = request.info
    with open_source(info.path) as container:
        stream = container.streams[info.video_index]
        if not isinstance(stream, VideoStream):
            raise SourceError(f"{info.path}: track {info.video_index} is no longer video.", stage="decode",
                              remedy="The file has changed since it was looked at; start again.")
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = request.threads
        if request.seek_to is not None:
            container.seek(request.seek_to, stream=stream, backward=True)
        clock = _Clock()
        shaper = _Shaper(request)
        for frame in _frames(container, stream, clock, notices):
            stamp = _Stamp(frame.pts, frame.duration or 0, bool(frame.interlaced_frame), clock.moved)
            if request.skip_before is not None and frame.pts is not None and frame.pts < request.skip_before:
                yield stamp.on(())
                continue
            if request.delivery is not Delivery.WHOLE:
                stamp = replace(stamp, small=_small_planes(frame))
            if request.delivery is Delivery.SMALL:
                yield stamp.on(())
            else:
                yield from shaper.push(frame, stamp)
        yield from shaper.flush()


@dataclass
class _Clock:
    """Whether the file's clock has been repaired so far."""

    moved: bool = False


@dataclass(frozen=True)
class _Stamp:
    """What is known of a frame besides its planes: filters lose it."""

    pts: int | None
    duration: int
    interlaced: bool
    clock_moved: bool
    small: _Planes = ()

    def on(self, planes: _Planes) -> DecodedPicture:
        return DecodedPicture(self.small, planes, self.pts, self.duration, self.interlaced, self.clock_moved)


def _frames(container: InputContainer, stream: VideoStream, clock: _Clock,
            notices: list[str]) -> Iterator[VideoFrame]:
    timed: list[Stream] = [other for other in container.streams if other.type in ("video", "audio")]
    base = Fraction(stream.time_base or 1)
    damaged = 0
    for item in timed_packets(container, timed, notices):
        packet = item.packet
        if packet.stream_index != stream.index:
            continue
        shift = round(item.offset / base)
        clock.moved = clock.moved or shift != 0
        packet.pts = None if packet.pts is None else packet.pts + shift
        packet.dts = None if packet.dts is None else packet.dts + shift
        try:
            yield from stream.codec_context.decode(cast("Packet[VideoStream]", packet))
        except MemoryError:  # libav's own is an FFmpegError too, and no damage
            raise
        except FFmpegError:
            damaged += 1
    try:
        yield from stream.codec_context.decode(None)
    except MemoryError:
        raise
    except FFmpegError:
        damaged += 1
    if damaged:
        notices.append("One damaged packet of the video track could not be decoded and was skipped." if damaged == 1
                       else f"{damaged} damaged packets of the video track could not be decoded and were skipped.")


class _Shaper:
    """Frames as decoded in, frames as shown out: one for one, in order."""

    def __init__(self, request: DecodeRequest) -> None:
        self._request = request
        self._target = PixelFormat.parse(request.pixel_format)
        self._graph: Graph | None = None
        self._graph_key: tuple[int, int, str] | None = None
        self._times: deque[_Stamp] = deque()

    def push(self, frame: VideoFrame, stamp: _Stamp) -> Iterator[DecodedPicture]:
        key = (frame.width, frame.height, frame.format.name)
        if key != self._graph_key:
            yield from self.flush()
            filters = _filters(self._request, frame)
            self._graph = _build_graph(filters, frame) if filters else None
            self._graph_key = key
        self._times.append(stamp)
        if self._graph is None:
            yield self._picture(frame)
            return
        self._graph.push(frame)
        yield from self._pull(self._graph)

    def flush(self) -> Iterator[DecodedPicture]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull(self._graph)
        self._graph = self._graph_key = None

    def _pull(self, graph: Graph) -> Iterator[DecodedPicture]:
        while True:
            try:
                frame = graph.pull()
            except (BlockingIOError, EOFError):
                return
            yield self._picture(cast("VideoFrame", frame))

    def _picture(self, frame: VideoFrame) -> DecodedPicture:
        planes = _planes(frame, self._target)
        if self._request.size is not None:
            from video3d.reducing import reduced  # see `_reduced`

            shapes = self._target.plane_shapes(*self._request.size)
            planes = tuple(reduced(plane, (columns, rows)) for plane, (rows, columns) in zip(planes, shapes,
                                                                                             strict=True))
        return self._times.popleft().on(planes)


def _small_planes(frame: VideoFrame) -> _Planes:
    """The frame as decoded, however it lies and whatever its shape, 8 bits deep, by area averaging."""
    width, height = THUMBNAIL_SIZE
    if frame.format.is_planar and not frame.format.is_rgb and len(frame.format.components) >= 3:
        planes = _planes(frame, planar_format(frame.format))
    else:
        planes = _planes(frame.reformat(format="yuv420p"), PixelFormat(8, 1, 1))
    shift = max(0, max(component.bits for component in frame.format.components) - 8)
    sizes = ((width, height), (width // 2, height // 2), (width // 2, height // 2))
    return tuple(_reduced(plane, size, shift) for plane, size in zip(planes, sizes, strict=True))


def _reduced(plane: np.ndarray[Any, Any], size: tuple[int, int], shift: int) -> np.ndarray[Any, Any]:
    from video3d.reducing import reduced  # OpenCV: a fifth of a second, which readers of whole pictures need not wait

    small = reduced(plane, size)
    return small if small.dtype == np.uint8 else (small >> shift).astype(np.uint8)


def _planes(frame: VideoFrame, layout: PixelFormat) -> _Planes:
    shapes = layout.plane_shapes(frame.width, frame.height)
    planes: list[np.ndarray[Any, Any]] = []
    for plane, (rows, columns) in zip(frame.planes, shapes, strict=False):
        whole = np.frombuffer(cast("Any", plane), layout.dtype)
        stride = plane.line_size // layout.dtype.itemsize
        planes.append(whole[: stride * rows].reshape(rows, stride)[:, :columns])
    return tuple(planes)


def _filters(request: DecodeRequest, frame: VideoFrame) -> list[tuple[str, str]]:
    """libavfilter's filters, by name and arguments, from the frame as decoded to the frame as shown."""
    info = request.info
    filters: list[tuple[str, str]] = []
    if request.interlaced:
        filters.append(("bwdif", "mode=send_frame:parity=auto:deint=interlaced"))
    width, height = (info.height, info.width) if info.rotation in (90, 270) else (info.width, info.height)
    if (frame.width, frame.height) != (width, height):
        merely_odd = info.sample_aspect == 1 and (frame.width & ~1, frame.height & ~1) == (width, height)
        filters.append(("crop", f"{width}:{height}:0:0:exact=1") if merely_odd
                       else ("scale", f"{width}:{height}:flags={_scaler(frame, width, height)}"))
    if info.mirrored:
        filters.append(("hflip", ""))
    turns = {90: [("transpose", "cclock")], 180: [("hflip", ""), ("vflip", "")], 270: [("transpose", "clock")]}
    filters.extend(turns.get(info.rotation, []))
    if frame.format.name.replace("yuvj", "yuv") != request.pixel_format:
        span = "pc" if info.colour.full_range else "tv"
        conversion = f"out_range={span}:flags=bicubic+accurate_rnd"
        if frame.format.is_rgb or frame.format.has_palette:
            conversion += f":out_color_matrix={'bt709' if info.colour.matrix == 1 else 'bt601'}"
        else:
            conversion += f":in_range={span}"
        filters.extend([("scale", conversion), ("format", request.pixel_format)])
    return filters


def _scaler(frame: VideoFrame, width: int, height: int) -> str:
    """Lanczos for what is made smaller, which keeps its detail; bicubic, which does not ring, for other shapes."""
    return "lanczos+accurate_rnd" if width < frame.width and height < frame.height else "bicubic"


def _build_graph(filters: list[tuple[str, str]], frame: VideoFrame) -> Graph:
    graph = Graph()
    base = frame.time_base or Fraction(1, 1000)
    last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
    for name, arguments in filters:
        node = graph.add(name, arguments) if arguments else graph.add(name)
        last.link_to(node)
        last = node
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
