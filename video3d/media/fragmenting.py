"""Writes fragments of a stream. Runs in the media worker only."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from video3d.errors import SourceError
from video3d.media.container import open_source, video_streams
from video3d.media.fragment import CLOCK_START, FragmentMade, FragmentRequest

PLAYABLE_SOUND = frozenset({"aac", "mp3", "opus", "flac"})
"""Codecs that browsers play from fragmented MP4; a track of another one would stop the picture too."""
_OPTIONS = {"movflags": "frag_custom+empty_moov+default_base_moof", "use_editlist": "0", "fflags": "+bitexact"}
AnyPacket: TypeAlias = Any
"""PyAV's packet, with its times set."""


def fragment(request: FragmentRequest) -> FragmentMade:
    """Write the fragment; see `make_fragment`."""
    whole = Path(request.target).with_suffix(".whole")
    try:
        # A file of our own, whose times count from its first frame: edit lists would only move them.
        with av.open("file:" + request.video, options={"ignore_editlist": "1"}) as video:
            made, starts = _mux(request, video, whole)
        _split(whole, request, starts)
    except FileNotFoundError:
        raise SourceError(f"{request.video}: there is no such file.", stage="watch") from None
    finally:
        whole.unlink(missing_ok=True)
    return made


def _mux(request: FragmentRequest, video: InputContainer, whole: Path) -> tuple[FragmentMade, list[Fraction]]:
    """Both tracks into one file; also each track's first decode time in the stream, in seconds."""
    source = video_streams(video)[0]
    base = Fraction(source.time_base or 1)
    packets = list(_part(request, video, base))
    if not packets:
        raise SourceError(f"{request.video}: there is no frame in this part.", stage="watch")
    first: int = min(packet.pts for packet in packets)
    ends: list[int] = [packet.pts + (packet.duration or 0) for packet in packets]
    duration = (max(ends) - first) * base
    earliest: int = packets[0].dts
    starts = [CLOCK_START + request.at + (earliest - first) * base]
    with av.open("file:" + str(whole), "w", format="mp4", container_options={
            **_OPTIONS, "video_track_timescale": str(base.denominator)}) as output:
        track = output.add_stream_from_template(source)
        track.time_base = base
        if source.codec_context.codec.canonical_name == "hevc":
            track.codec_context.codec_tag = "hvc1"
        sound = _Sound(request, output, duration) if request.sound is not None else None
        for packet in packets:
            packet.stream = track
            packet.pts, packet.dts = packet.pts - earliest, packet.dts - earliest
            output.mux_one(packet)
        if sound is not None:
            starts += sound.mux()
    return FragmentMade(duration, len(packets)), starts


def _part(request: FragmentRequest, video: InputContainer, base: Fraction) -> Iterator[AnyPacket]:
    """Video packets from the key frame at `begin` to that at `end`."""
    stream = video_streams(video)[0]
    origin: int | None = None
    for packet in video.demux(stream):
        if packet.pts is None or packet.dts is None:
            continue
        origin = packet.pts if origin is None else origin
        moment = (packet.pts - origin) * base
        if request.end is not None and packet.is_keyframe and moment >= request.end:
            return
        if moment >= request.begin:
            yield packet


class _Sound:
    """The source's first sound track, cut to the fragment; nothing where it cannot be played."""

    def __init__(self, request: FragmentRequest, output: OutputContainer, duration: Fraction) -> None:
        self._request = request
        self._output = output
        self._duration = duration
        self._source = open_source(request.sound or "")
        tracks = self._source.streams.audio
        known = bool(tracks) and tracks[0].codec_context.codec.canonical_name in PLAYABLE_SOUND
        self._stream: AudioStream | None = tracks[0] if known else None
        self._track = output.add_stream_from_template(tracks[0]) if known else None

    def mux(self) -> list[Fraction]:
        """Write the packets; the first one's time in the stream."""
        with self._source:
            if self._stream is None or self._track is None:
                return []
            base = Fraction(self._stream.time_base or 1)
            begin = round(self._request.sound_begin / base)
            end = round((self._request.sound_begin + self._duration) / base)
            if begin > 0:
                self._source.seek(begin, stream=self._stream)
            first: int | None = None
            for packet in self._source.demux(self._stream):
                if packet.pts is None or packet.pts < begin:
                    continue
                if packet.pts >= end:
                    break
                first = packet.pts if first is None else first
                packet.stream = self._track
                packet.pts = packet.dts = packet.pts - first
                self._output.mux_one(packet)
            return [] if first is None else [CLOCK_START + self._request.at + (first - begin) * base]


def _split(whole: Path, request: FragmentRequest, starts: list[Fraction]) -> None:
    """The file's head becomes the initialisation segment, its fragments the media segment with the stream's times."""
    data = bytearray(whole.read_bytes())
    boxes = list(_boxes(data, 0, len(data)))
    first = next(at for at, _, kind in boxes if kind == b"moof")
    last = max(at + size for at, size, kind in boxes if kind == b"mdat")
    scales = _time_scales(data)
    for at, size, kind in boxes:
        if kind == b"moof":
            _set_times(data, at + 8, at + size, request.number, dict(zip(scales, starts, strict=False)), scales)
    for target, part in ((request.start, data[:first]), (request.target, data[first:last])):
        unfinished = Path(target + ".part")
        unfinished.write_bytes(part)
        unfinished.replace(target)


def _boxes(data: bytearray, at: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """(offset, size, kind) of the boxes in a row."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield at, size, kind
        at += size


def _inside(data: bytearray, path: tuple[bytes, ...], at: int, end: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of the contents of all boxes at `path`."""
    for begin, size, kind in _boxes(data, at, end):
        if kind == path[0] and len(path) == 1:
            yield begin + 8, begin + size
        elif kind == path[0]:
            yield from _inside(data, path[1:], begin + 8, begin + size)


def _time_scales(data: bytearray) -> dict[int, int]:
    """Ticks per second by track number, in the file's order."""
    scales: dict[int, int] = {}
    for begin, end in _inside(data, (b"moov", b"trak"), 0, len(data)):
        (head, _), = _inside(data, (b"tkhd",), begin, end)
        (media, _), = _inside(data, (b"mdia", b"mdhd"), begin, end)
        (number,) = struct.unpack_from(">I", data, head + (20 if data[head] == 1 else 12))
        (scale,) = struct.unpack_from(">I", data, media + (20 if data[media] == 1 else 12))
        scales[number] = scale
    return scales


def _set_times(data: bytearray, begin: int, end: int, number: int, starts: dict[int, Fraction],
               scales: dict[int, int]) -> None:
    for head, _ in _inside(data, (b"mfhd",), begin, end):
        struct.pack_into(">I", data, head + 4, number + 1)
    for inner, inner_end in _inside(data, (b"traf",), begin, end):
        (head, _), = _inside(data, (b"tfhd",), inner, inner_end)
        (track,) = struct.unpack_from(">I", data, head + 4)
        for time, _ in _inside(data, (b"tfdt",), inner, inner_end):
            ticks = round(starts.get(track, CLOCK_START) * scales[track])
            struct.pack_into(">Q" if data[time] == 1 else ">I", data, time + 4, ticks)
