"""Opening a file with libav so that it can be nothing but that file. Runs in the media worker only."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from video3d.errors import SourceError
from video3d.media.timeline import ClockRepair

# Playlists, image sequences, devices, network protocols and scripts are not on this list: such a "video" could make
# libav open other files.
FORMATS = (
    "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpegtsraw", "mpeg", "mpegvideo",
    "flv", "live_flv", "kux", "gif", "apng", "asf", "ogg", "mxf", "rm", "ivf", "h264", "hevc", "vvc", "obu", "av1",
    "m4v", "nut", "dv", "wtv", "nsv", "swf", "yuv4mpegpipe", "vob", "dirac", "vc1", "vc1test", "roq", "smk", "bink",
    "gxf", "lxf", "mtv", "nuv", "mjpeg", "mjpeg_2000", "avs", "cdxl", "amv",
    "mp3", "wav", "aac", "flac", "w64", "aiff",
)
CLOCK_MAY_LEAP = ("mpegts", "mpeg", "flv", "ogg")


@dataclass(frozen=True)
class TimedPacket:
    """A packet of the source, its times already repaired by `offset` seconds."""

    packet: Packet[Stream]
    stream: Stream
    offset: Fraction


def open_source(path: str) -> InputContainer:
    """The file at `path`, and nothing that it may refer to; SourceError if it cannot be read as a video file."""
    try:
        return av.open(
            "file:" + path, mode="r", metadata_errors="replace",
            options={"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS), "enable_drefs": "0"},
        )
    except MemoryError:  # libav's own is an FFmpegError too, and no damage
        raise
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file.", stage="probe") from None
    except PermissionError:
        raise SourceError(f"{path}: no permission to read it.", stage="probe") from None
    except (FFmpegError, ValueError, OSError) as problem:
        raise _refusal(path, problem) from None


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Real video tracks, cover pictures left out."""
    return [stream for stream in container.streams.video if not is_cover(stream)]


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is a still picture that stands for the file."""
    return bool(stream.disposition & Disposition.attached_pic)


def timed_packets(container: InputContainer, streams: list[Stream], notices: list[str]) -> Iterator[TimedPacket]:
    """All packets of `streams` in file order; ends early, with a notice, where the file cannot be read further."""
    clock = ClockRepair(clock_may_leap=any(name in CLOCK_MAY_LEAP for name in container.format.name.split(",")))
    durations = {stream.index: typical_duration(stream) for stream in streams}
    try:
        for packet in container.demux(streams):
            if packet.size == 0 and packet.dts is None:
                continue  # the flush packet that PyAV appends
            stream = packet.stream
            if packet.dts is not None and stream.time_base is not None and stream.type in ("video", "audio"):
                length = packet.duration * stream.time_base if packet.duration else durations[stream.index]
                clock.push(stream.index, packet.dts * stream.time_base, length)
            yield TimedPacket(packet, stream, clock.offset)
    except MemoryError:
        raise
    except (FFmpegError, OSError) as problem:
        notices.append(f"The file cannot be read to its end ({_reason(problem)}); what comes before is used.")
    if clock.repairs:
        notices.append(f"The file's clock restarts or leaps {clock.repairs} times; the parts were joined.")


def typical_duration(stream: Stream) -> Fraction:
    """Seconds per frame where packets do not say."""
    rate = stream.average_rate if isinstance(stream, VideoStream) else None
    return 1 / Fraction(rate) if rate else Fraction(1, 25)


def _refusal(path: str, problem: Exception) -> SourceError:
    if getattr(problem, "errno", None) == errno.EINVAL:
        return SourceError(f"{path}: this is not a video file (perhaps a picture, a playlist or a text).",
                           stage="probe", remedy="Choose a video file.")
    if _lacks_index(path):
        return SourceError(f"{path}: the file's index is missing, because its recording or download was cut off.",
                           stage="probe", remedy="Get the whole file, or have it repaired by a tool such as untrunc.")
    return SourceError(f"{path}: not a video that can be read ({_reason(problem)}).", stage="probe",
                       remedy="Check that the file is whole and plays in a video player.")


def _lacks_index(path: str) -> bool:
    """Whether `path` is MP4 or MOV without its `moov` box (ISO/IEC 14496-12: size, type, body)."""
    kinds: list[bytes] = []
    end = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        while len(kinds) < 64:
            head = file.read(16)
            if len(head) < 8:
                break
            size, kind = struct.unpack(">I4s", head[:8])
            size = struct.unpack(">Q", head[8:])[0] if size == 1 and len(head) == 16 else size
            kinds.append(kind)
            if not 8 <= size <= end:
                break
            file.seek(size - len(head), 1)
    return kinds[:1] == [b"ftyp"] and b"moov" not in kinds


def _reason(problem: Exception) -> str:
    text = getattr(problem, "strerror", None) or str(problem)
    return str(text).strip().rstrip(".").lower() or type(problem).__name__
