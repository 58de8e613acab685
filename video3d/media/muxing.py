"""Joins finished segments with every other track of the source. Runs in the media worker only.

The segments' own times are not used: the plan knows when each frame is shown, so frames keep their times exactly, and
decode times follow from them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from typing import Any, TypeAlias, cast

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition

from video3d.errors import TargetError
from video3d.media.joining import MuxRequest, Segment
from video3d.media.tracks import OtherTracks
from video3d.settings import Container, Tracks

AnyPacket: TypeAlias = "Packet[Any]"

FINE_SCALE = 100_000
"""Ticks per second of a movie, about: hours of it still fit into 32 bit."""


def mux(request: MuxRequest, report: Callable[[int], None]) -> list[str]:
    """Write `request.target`; returns notices about what could not be kept."""
    notices: list[str] = []
    try:
        with ExitStack() as stack:
            output = stack.enter_context(_open_target(request))
            video = _VideoTrack(request, output, report)
            inputs = [video.packets(report)]
            if request.tracks is not Tracks.NONE:
                others = OtherTracks(request, output, notices)
                stack.enter_context(others.source)
                inputs.append(others.packets())
            _describe(request, output)
            for _time, _order, packet in heapq.merge(*inputs, key=lambda item: item[:2]):
                output.mux_one(packet)
    except OSError as problem:
        raise TargetError(f"{request.target}: it cannot be written ({problem.strerror}).", stage="join",
                          remedy="Free some space, or choose another folder with -o.") from None
    return notices


def _open_target(request: MuxRequest) -> OutputContainer:
    # Times are ours, from the plan: libav must not move them. Edit lists are written in parts of the video's own ticks,
    # or a late start would be rounded to milliseconds; the parts are fine, for a late sound is rounded to them.
    options = {"fflags": "+bitexact"}
    if request.container is not Container.MKV:
        options |= {"movie_timescale": str(request.time_scale * max(1, FINE_SCALE // request.time_scale)),
                    "use_editlist": "1", "movflags": "+use_metadata_tags"}
        options["brand"] = "mp42" if request.container is Container.MP4 else "qt  "
    form = {Container.MP4: "mp4", Container.MOV: "mov", Container.MKV: "matroska"}[request.container]
    return av.open("file:" + request.target, "w", format=form, container_options=options)


def _describe(request: MuxRequest, output: OutputContainer) -> None:
    for key, value in request.tags:
        if key not in ("major_brand", "minor_version", "compatible_brands", "encoder"):
            output.metadata[key] = value
    chapters: list[Any] = []
    for number, chapter in enumerate(request.chapters):
        start, end = chapter.start - request.zero, chapter.end - request.zero
        if request.end is not None:
            end = min(end, request.end - request.zero)
        if end > max(start, 0):
            chapters.append({"id": number, "start": round(max(start, 0) * 1000), "end": round(end * 1000),
                             "time_base": Fraction(1, 1000), "metadata": {"title": chapter.title}})
    if chapters:
        output.set_chapters(chapters)


class _VideoTrack:
    """Packets of all segments as one stream."""

    def __init__(self, request: MuxRequest, output: OutputContainer, report: Callable[[int], None]) -> None:
        self._request = request
        self._times: npt.NDArray[np.int64] = np.fromfile(request.times, "<i8")
        # Decode times are the shown times, moved back by as many frames as the encoder reorders.
        self._reorder = 0
        self._extradata: bytes | None = None
        for segment in request.segments:
            self._look_at(segment)
            report(0)
        with _open_segment(request.segments[0]) as first:
            template = first.streams.video[0]
            # Decoders alone (AV1's) have no encoder of their name: their parameters are copied as they are.
            self._stream = output.add_stream_from_template(template, opaque=not template.codec.is_encoder or None)
            if template.codec_context.codec.canonical_name == "hevc" and request.container is not Container.MKV:
                # libav forgets it, and would write hev1, of which Apple's players show nothing.
                self._stream.codec_context.codec_tag = "hvc1"
        self._stream.time_base = Fraction(1, request.time_scale)
        cast("Any", self._stream).disposition = Disposition.default

    def _look_at(self, segment: Segment) -> None:
        with _open_segment(segment) as container:
            stream = container.streams.video[0]
            extradata = stream.codec_context.extradata
            if self._extradata not in (None, extradata):
                raise TargetError(f"{segment.path}: it was encoded differently from the first part.", stage="join",
                                  remedy="Discard the job's folder and start again.")
            self._extradata = extradata
            shown = [packet.pts for packet in container.demux(stream) if packet.size]
        if len(shown) != segment.frame_count:
            raise TargetError(f"{segment.path}: it holds {len(shown)} frames instead of {segment.frame_count}.",
                              stage="join", remedy="Delete that file and start the same conversion again.")
        self._reorder = max(self._reorder, *(index - rank for index, rank in enumerate(_ranks(shown))))

    def packets(self, report: Callable[[int], None]) -> Iterator[tuple[Fraction, int, AnyPacket]]:
        first = 0
        base = Fraction(1, self._request.time_scale)
        for segment in self._request.segments:
            with _open_segment(segment) as container:
                stream = container.streams.video[0]
                shown = [packet.pts for packet in container.demux(stream) if packet.size]
                container.seek(0)
                ranks = iter(_ranks(shown))
                for index, packet in enumerate(p for p in container.demux(stream) if p.size):
                    self._stamp(packet, first + index, first + next(ranks))
                    yield cast("int", packet.dts) * base, 0, packet
            first += segment.frame_count
            report(first)

    def _stamp(self, packet: AnyPacket, decoded: int, shown: int) -> None:
        times, reorder = self._times, self._reorder
        packet.stream = self._stream
        packet.time_base = Fraction(1, self._request.time_scale)
        packet.pts = int(times[shown])
        step = int(times[1] - times[0]) if len(times) > 1 else self._request.last_duration
        early = reorder - decoded
        packet.dts = int(times[decoded - reorder]) if early <= 0 else int(times[0]) - early * max(1, step)
        packet.duration = (int(times[shown + 1] - times[shown]) if shown + 1 < len(times)
                           else self._request.last_duration)


def _open_segment(segment: Segment) -> InputContainer:
    try:
        # ffmpeg gives a segment of two frames an edit list that ends with the first.
        return av.open("file:" + segment.path, options={"ignore_editlist": "1"})
    except MemoryError:
        raise
    except (FFmpegError, OSError):
        raise TargetError(f"{segment.path}: this finished part cannot be read.", stage="join",
                          remedy="Delete that file and start the same conversion again.") from None


def _ranks(shown: list[int | None]) -> list[int]:
    """Each packet's place in the order shown, in the order decoded."""
    order = np.argsort(np.array(shown, np.int64), kind="stable")
    ranks = np.empty(len(shown), np.int64)
    ranks[order] = np.arange(len(shown))
    return [int(rank) for rank in ranks]
