"""Sound, subtitles and attachments of the source, carried into the result. Runs in the media worker only."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Any, TypeAlias, cast

from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream

from video3d.media.container import is_cover, open_source, timed_packets
from video3d.media.joining import MuxRequest
from video3d.presets.model import AudioRule
from video3d.settings import Container, Tracks

_MP4_AUDIO = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "flac", "opus", "alac", "dts"})
_MOV_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be",
                        "pcm_s32le", "pcm_f32le"})
_TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "text", "mov_text"})
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_MILLISECOND = Fraction(1, 1000)
AnyPacket: TypeAlias = "Packet[Any]"


class OtherTracks:
    """Sound, subtitles and attachments of the source, on the result's clock."""

    def __init__(self, request: MuxRequest, output: OutputContainer, notices: list[str]) -> None:
        self.source = open_source(request.source)
        self._request = request
        self._notices = notices
        self._tracks: dict[int, list[_Copied | _Sound | _Text]] = {}
        """What becomes of each stream of the source: one track, or two."""
        for stream in self.source.streams:
            if stream.index != request.video_index:
                self._keep(stream, output)

    def _keep(self, stream: Stream, output: OutputContainer) -> None:
        name = _track_name(stream)
        subtitles_wanted = self._request.tracks is Tracks.ALL
        try:
            if isinstance(stream, AudioStream):
                self._keep_sound(stream, output, name)
            elif isinstance(stream, SubtitleStream) and subtitles_wanted:
                self._keep_text(stream, output, name)
            elif isinstance(stream, AttachmentStream) and subtitles_wanted:
                self._keep_attachment(stream, output, name)
            elif subtitles_wanted:
                kinds = {"video": "video track", "data": "data track"}
                what = "cover picture" if is_cover(stream) else kinds.get(stream.type, "unknown track")
                self._notices.append(f"The {what} {name} is not kept.")
        except (FFmpegError, ValueError) as problem:
            self._notices.append(f"The track {name} cannot be kept ({problem}).")

    def _keep_sound(self, stream: AudioStream, output: OutputContainer, name: str) -> None:
        codec = stream.codec_context.codec.canonical_name
        container, rule = self._request.container, self._request.audio or AudioRule(())
        allowed = {Container.MP4: _MP4_AUDIO, Container.MOV: _MOV_AUDIO}.get(container)
        is_held, is_played = allowed is None or codec in allowed, rule.copies(codec)
        if is_held and is_played:
            self._tracks[stream.index] = [_Copied(stream, output)]
            return
        is_kept = is_held and rule.keep_original and container is Container.MKV
        self._tracks[stream.index] = [_Sound(stream, output, rule.kilobits_per_pair, is_first=is_kept),
                                      *([_Copied(stream, output, is_second=True)] if is_kept else [])]
        why = f"{container.value} cannot hold {codec}" if not is_held else f"the device does not play {codec}"
        kept = " The original follows as a track of its own." if is_kept else ""
        self._notices.append(f"The sound track {name} was converted to AAC: {why}." + kept)

    def _keep_text(self, stream: SubtitleStream, output: OutputContainer, name: str) -> None:
        codec = stream.codec_context.codec.canonical_name
        is_matroska = self._request.container is Container.MKV
        wanted = "subrip" if is_matroska else "mov_text"
        if (codec != "mov_text") if is_matroska else (codec == "mov_text"):
            self._tracks[stream.index] = [_Copied(stream, output)]
        elif codec in _TEXT_SUBTITLES:
            self._tracks[stream.index] = [_Text(stream, output, wanted)]
            if codec in ("ass", "ssa"):
                self._notices.append(f"The subtitle track {name} lost its styling: "
                                     f"{self._request.container.value} holds plain text.")
        else:
            self._notices.append(f"The subtitle track {name} ({codec}) is not kept: "
                                 f"{self._request.container.value} cannot hold it; mkv can.")

    def _keep_attachment(self, stream: AttachmentStream, output: OutputContainer, name: str) -> None:
        if self._request.container is Container.MKV:
            output.add_attachment(stream.name or "attachment", stream.mimetype or "application/octet-stream",
                                  bytes(stream.data or b""))
        else:
            self._notices.append(f"The attachment {name} is not kept: {self._request.container.value} cannot hold it; "
                                 "mkv can.")

    def packets(self) -> Iterator[tuple[Fraction, int, AnyPacket]]:
        """(decode time in seconds, order at equal times, packet) of all kept tracks, nearly in the order of time."""
        streams = [self.source.streams[index] for index in self._tracks]
        # The video track is read along, so that a restart of its clock moves these tracks too.
        clocked = [*streams, self.source.streams[self._request.video_index]] if streams else []
        last = Fraction(-1_000_000)
        for item in timed_packets(self.source, clocked, []):
            if item.stream.index not in self._tracks or item.packet.pts is None:
                continue
            base = Fraction(item.packet.time_base)
            begin = item.packet.pts * base + item.offset
            if self._is_outside(begin, item.stream):
                continue
            shift = item.offset - self._request.zero
            # What is decoded comes before what moves the packet's own times.
            for packet in chain.from_iterable(track.take(item.packet, shift)
                                              for track in self._tracks[item.stream.index]):
                last = max(last, (packet.dts or 0) * Fraction(packet.time_base))
                yield last, 1 + item.stream.index, packet
        for index, tracks in self._tracks.items():
            for packet in chain.from_iterable(track.rest() for track in tracks):
                yield last, 1 + index, packet

    def _is_outside(self, begin: Fraction, stream: Stream) -> bool:
        start, stop, zero = self._request.start, self._request.end, self._request.zero
        if self._request.container is Container.MKV and begin < zero - _codec_delay(stream) - _MILLISECOND:
            # Matroska has no times before zero but for a codec's own delay, and would move all tracks. Nothing audible
            # is lost: such packets only prime a decoder, or lie before the start that the source's edit list sets.
            return True
        return (start is not None and begin < start) or (stop is not None and begin >= stop)


def _codec_delay(stream: Stream) -> Fraction:
    """Seconds that the source says its decoder leaves out at the start (RFC 9559, CodecDelay)."""
    if not isinstance(stream, AudioStream) or not stream.codec_context.sample_rate:
        return Fraction(0)
    return Fraction(stream.codec_context.delay, stream.codec_context.sample_rate)


class _Copied:
    """Packets as they are, byte for byte."""

    def __init__(self, stream: Stream, output: OutputContainer, *, is_second: bool = False) -> None:
        """`is_second`: another track of the result holds the same, and is the one to be played."""
        self._stream = output.add_stream_from_template(stream)
        _carry_tags(stream, self._stream)
        if is_second:
            cast("Any", self._stream).disposition = stream.disposition & ~Disposition.default
        self._last: int | None = None

    def take(self, packet: AnyPacket, shift: Fraction) -> Iterator[AnyPacket]:
        ticks = round(shift / Fraction(packet.time_base))
        pts, dts = cast("int", packet.pts) + ticks, (packet.pts if packet.dts is None else packet.dts)
        dts = cast("int", dts) + ticks
        if self._last is not None and dts <= self._last:
            dts = self._last + 1
        self._last = dts
        packet.pts, packet.dts = max(pts, dts), dts
        packet.stream = self._stream
        yield packet

    def rest(self) -> Iterator[AnyPacket]:
        return iter(())


class _Sound:
    """Sound that the container cannot hold, as AAC."""

    def __init__(self, stream: AudioStream, output: OutputContainer, kilobits_per_pair: int, *,
                 is_first: bool) -> None:
        """`is_first`: another track of the result holds the same, and this is the one to be played."""
        context = stream.codec_context
        rate = context.sample_rate if context.sample_rate in _AAC_RATES else 48000
        channels = min(8, context.layout.nb_channels)
        layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}.get(channels, "stereo")
        self._decoder = context
        self._stream = output.add_stream("aac", rate=rate, layout=layout)
        self._stream.codec_context.bit_rate = 500 * kilobits_per_pair * max(2, channels)
        self._resampler = AudioResampler("fltp", layout, rate, frame_size=1024)
        _carry_tags(stream, self._stream)
        if is_first:
            cast("Any", self._stream).disposition = stream.disposition | Disposition.default

    def take(self, packet: AnyPacket, shift: Fraction) -> Iterator[AnyPacket]:
        try:
            frames = self._decoder.decode(packet)
        except MemoryError:  # libav's own is an FFmpegError too, and no damage
            raise
        except FFmpegError:
            return
        for frame in frames:
            if frame.pts is not None and frame.time_base:
                frame.pts += round(shift / Fraction(frame.time_base))
            for piece in self._resampler.resample(frame):
                yield from self._stream.encode(piece)

    def rest(self) -> Iterator[AnyPacket]:
        for piece in self._resampler.resample(None):
            yield from self._stream.encode(piece)
        yield from self._stream.encode(None)


class _Text:
    """Text subtitles in the form that the container holds."""

    def __init__(self, stream: SubtitleStream, output: OutputContainer, codec: str) -> None:
        self._decoder = cast("Any", stream.codec_context)
        self._stream = cast("SubtitleStream", output.add_stream(codec))
        self._encoder = cast("Any", self._stream.codec_context)
        self._stream.time_base = Fraction(1, 1000)
        self._encoder.subtitle_header = self._decoder.subtitle_header or _PLAIN_HEADER
        _carry_tags(stream, self._stream)
        self._last = -1

    def take(self, packet: AnyPacket, shift: Fraction) -> Iterator[AnyPacket]:
        begin = round((cast("int", packet.pts) * Fraction(packet.time_base) + shift) * 1000)
        length = round((packet.duration or 0) * Fraction(packet.time_base) * 1000)
        if packet.size == 0 or bytes(packet) == b"\0\0" or begin < 0:
            return  # MP4 fills the time between two texts with empty ones
        try:
            shown = self._decoder.decode2(packet)
            written = self._encoder.encode_subtitle(shown) if shown else None
        except MemoryError:
            raise
        except FFmpegError:
            return
        if written is None:
            return
        written.stream = self._stream
        written.time_base = Fraction(1, 1000)
        written.pts = written.dts = self._last = max(begin, self._last + 1)
        written.duration = length
        yield written

    def rest(self) -> Iterator[AnyPacket]:
        return iter(())


_PLAIN_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\nPlayResX: 384\r\nPlayResY: 288\r\n\r\n[V4+ Styles]\r\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
    b"Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, "
    b"MarginV, Encoding\r\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\r\n\r\n[Events]\r\n"
    b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)


_OLDER_CODES = {
    "bod": "tib", "cym": "wel", "deu": "ger", "ell": "gre", "eus": "baq", "hye": "arm", "isl": "ice", "kat": "geo",
    "mkd": "mac", "msa": "may", "mya": "bur", "nld": "dut", "sqi": "alb", "zho": "chi",
}
"""ISO 639-2's terminological codes, and the bibliographic ones that QuickTime's table knows instead."""


def _carry_tags(source: Stream, target: Stream) -> None:
    is_mov = target.container.format.name == "mov"
    for key, value in source.metadata.items():
        if key.lower() in ("language", "title", "handler_name"):
            target.metadata[key.lower()] = _OLDER_CODES.get(value, value) if is_mov else value
    cast("Any", target).disposition = source.disposition


def _track_name(stream: Stream) -> str:
    label = stream.metadata.get("title") or stream.metadata.get("filename") or stream.metadata.get("language", "")
    return f"{stream.index} ({label})" if label and label != "und" else str(stream.index)
