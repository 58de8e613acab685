"""What of a source is still there in its 3D result: every frame, its time, its picture, its colour, every other track.

Both files are read with PyAV alone, not with this program's own reader, so that a fault of that reader shows. Results
must be full side-by-side with the right eye as the original.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

LARGEST_PICTURE_ERROR = 3.0
"""Levels of 255, on small pictures, between the original and the result's right eye."""
LARGEST_EYE_ERROR = 20.0
"""The same for the left eye, which is another view."""
SMALL = (48, 27)
SIDE_DATA = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
Picture = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SoundTrack:
    """One sound track: its packets' bytes, and when they are heard (seconds)."""

    index: int
    codec: str
    language: str
    title: str
    digests: tuple[str, ...]
    times: tuple[Fraction | None, ...]
    tick: Fraction
    container: str


@dataclass
class Contents:
    """What one file holds."""

    path: Path
    zero: Fraction = Fraction(0)
    """Earliest time in the file."""
    tick: Fraction = Fraction(1)
    times: list[Fraction | None] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    aspect: Fraction = Fraction(1)
    rotation: int = 0
    codec: str = ""
    pixel_format: str = ""
    colour: tuple[int, ...] = ()
    side_data: dict[str, bytes] = field(default_factory=dict)
    pictures: dict[int, Picture] = field(default_factory=dict)
    """Small luma pictures, 0…255, upright, of some frames."""
    sound: list[SoundTrack] = field(default_factory=list)
    subtitles: list[tuple[int, str, tuple[Fraction, ...]]] = field(default_factory=list)
    """(index, language, times of the texts)."""
    others: list[int] = field(default_factory=list)
    """Tracks that are neither sound nor subtitles nor the video that is converted."""
    chapters: list[tuple[Fraction, str]] = field(default_factory=list)
    title: str = ""

    @property
    def is_rising(self) -> bool:
        """Whether each frame has a time, later than the one before."""
        return None not in self.times and all(a < b for a, b in pairwise(self.times))  # type: ignore[operator]

    @property
    def shown_size(self) -> tuple[int, int]:
        """On a screen: square pixels, upright, even."""
        width, height = self.size
        if self.aspect > 1:
            width = round(width * self.aspect)
        else:
            height = round(height / self.aspect)
        if self.rotation % 180:
            width, height = height, width
        return width // 2 * 2, height // 2 * 2


def contents(path: Path, *, eyes: int = 1, seconds: float | None = None) -> Contents:
    """Read `path` to its end, or its first `seconds`; a result has two `eyes`, and the right one is looked at."""
    found = Contents(path)
    with av.open(f"file:{path}") as container:
        found.zero = Fraction(container.start_time or 0, av.time_base)
        found.title = container.metadata.get("title", "")
        for chapter in container.chapters():
            found.chapters.append((chapter["start"] * Fraction(chapter["time_base"]),
                                   chapter["metadata"].get("title", "")))
        stream = next(s for s in container.streams.video if not int(s.disposition) & 0x400)
        found.tick, found.codec = Fraction(stream.time_base), stream.codec_context.name
        found.others = [s.index for s in container.streams
                        if s.type not in ("audio", "subtitle") and s.index != stream.index]
        aspect = stream.sample_aspect_ratio
        _read_pictures(container, stream, found, eyes, seconds)
        # Less than a pixel off is rounding.
        if aspect and abs(found.size[0] * aspect - found.size[0]) >= 1:
            found.aspect = Fraction(aspect)
    with av.open(f"file:{path}") as container:
        _read_others(container, found)
    return found


def _read_pictures(container: Any, stream: Any, found: Contents, eyes: int, seconds: float | None) -> None:
    stream.thread_type = "AUTO"
    begin: Fraction | None = None
    for frame in _decoded(container, stream):
        time = None if frame.pts is None else frame.pts * found.tick
        begin = time if begin is None else begin
        if seconds is not None and time is not None and begin is not None and time - begin >= Fraction(seconds):
            return
        number = len(found.times)
        found.times.append(time)
        if number == 0:
            found.size, found.rotation = (frame.width, frame.height), frame.rotation % 360
            found.pixel_format = frame.format.name
            found.colour = (int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace),
                            max(1, int(frame.color_range)))  # unspecified means limited
            found.side_data = {kind: bytes(frame.side_data[kind]) for kind in SIDE_DATA if kind in frame.side_data}
        if number in (0, 7, 20):
            found.pictures[number] = _small(frame, eyes)
            if eyes == 2:
                found.pictures[-1 - number] = _small(frame, eyes, left=True)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    with contextlib.suppress(av.FFmpegError, OSError):
        for packet in container.demux(stream):
            with contextlib.suppress(av.FFmpegError):
                yield from packet.decode()


def _small(frame: Any, eyes: int, *, left: bool = False) -> Picture:
    if frame.format.is_rgb or frame.format.has_palette:
        frame = frame.reformat(format="yuv420p")
    bits = frame.format.components[0].bits
    kind = np.dtype(np.uint8 if bits == 8 else np.uint16)
    plane = frame.planes[0]
    luma = np.frombuffer(plane, kind)[: plane.line_size // kind.itemsize * frame.height]
    luma = luma.reshape(frame.height, -1)[:, : frame.width]
    if eyes == 2:
        half = frame.width // 2
        luma = luma[:, :half] if left else luma[:, half:]
    upright = np.rot90(luma, frame.rotation // 90)
    small = cv2.resize(upright.astype(np.float32), SMALL, interpolation=cv2.INTER_AREA)
    return (small / (1 << (bits - 8))).astype(np.float32)


def _read_others(container: Any, found: Contents) -> None:
    streams = [s for s in container.streams if s.type in ("audio", "subtitle")]
    packets: dict[int, list[tuple[bytes, Fraction | None]]] = {s.index: [] for s in streams}
    with contextlib.suppress(av.FFmpegError, OSError):
        for packet in container.demux(streams) if streams else ():
            if packet.size:
                time = None if packet.pts is None else packet.pts * Fraction(packet.time_base)
                packets[packet.stream_index].append((bytes(packet), time))
    for stream in streams:
        read = packets[stream.index]
        language = stream.metadata.get("language", "")
        language = "" if language == "und" else language
        if stream.type == "subtitle":
            texts = tuple(time for data, time in read if time is not None and data != b"\0\0")
            found.subtitles.append((stream.index, language, texts))
        else:
            found.sound.append(SoundTrack(
                stream.index, stream.codec_context.codec.canonical_name, language, stream.metadata.get("title", ""),
                tuple(hashlib.md5(_without_adts(data)).hexdigest() for data, _ in read),
                tuple(time for _, time in read), Fraction(stream.time_base), container.format.name.split(",")[0],
            ))


def _without_adts(data: bytes) -> bytes:
    """AAC in MPEG-TS carries a header in each packet (ISO/IEC 13818-7, 6.2), which MP4 has no place for."""
    if len(data) > 9 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9:]
    return data


def faults(source: Contents, result: Contents, notices: Sequence[str], *, is_part: bool = False) -> list[str]:
    """What is not as it should be, in words; empty where all is well. `is_part`: only a preview was converted."""
    return [*_time_faults(source, result), *_picture_faults(source, result), *_colour_faults(source, result),
            *_sound_faults(source, result, notices, is_part), *_text_faults(source, result, notices, is_part),
            *_other_faults(source, result, notices, is_part)]


def _time_faults(source: Contents, result: Contents) -> Iterator[str]:
    if len(source.times) != len(result.times):
        yield f"{len(source.times)} frames became {len(result.times)}"
        return
    if not result.is_rising:
        yield "the result's times do not rise"
    elif source.is_rising:
        worst = max(abs((a or 0) - source.zero - (b or 0))
                    for a, b in zip(source.times, result.times, strict=True))
        if worst > result.tick:
            yield f"a frame is {float(worst) * 1000:.2f} ms off its time"


def _picture_faults(source: Contents, result: Contents) -> Iterator[str]:
    width, height = source.shown_size
    if result.size != (2 * width, height):
        yield f"the picture is {result.size[0]}x{result.size[1]} instead of {2 * width}x{height}"
    if result.rotation or result.aspect != 1:
        yield "the result is marked as rotated or anamorphic"
    for number, picture in source.pictures.items():
        if number not in result.pictures:
            continue
        right = float(np.abs(picture - result.pictures[number]).mean())
        left = float(np.abs(picture - result.pictures[-1 - number]).mean())
        if right > LARGEST_PICTURE_ERROR:
            yield f"the right eye of frame {number} differs from the original by {right:.1f} levels"
        if left > LARGEST_EYE_ERROR:
            yield f"the left eye of frame {number} differs from the original by {left:.1f} levels"


def _colour_faults(source: Contents, result: Contents) -> Iterator[str]:
    is_yuv = not source.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal8"))
    if is_yuv and source.colour != result.colour:
        yield f"colour tags {source.colour} became {result.colour}"
    for kind, data in source.side_data.items():
        if result.side_data.get(kind) != data:
            yield f"{kind.lower().replace('_', ' ')} was not kept"


def _sound_faults(source: Contents, result: Contents, notices: Sequence[str], is_part: bool) -> Iterator[str]:
    kept = [track for track in source.sound if not _is_named(track.index, notices, "is not kept|cannot be kept")]
    if len(kept) != len(result.sound):
        yield f"{len(kept)} sound tracks became {len(result.sound)}"
        return
    for before, after in zip(kept, result.sound, strict=True):
        name = f"sound track {before.index}"
        if (before.language, before.title) != (after.language, after.title) and after.title != "":
            yield f"{name}: its language or title was lost"
        if before.language != after.language:
            yield f"{name}: language {before.language!r} became {after.language!r}"
        if _is_named(before.index, notices, "was converted"):
            continue
        yield from (f"{name}: {fault}" for fault in _packet_faults(source, before, after, is_part))


def _packet_faults(source: Contents, before: SoundTrack, after: SoundTrack, is_part: bool) -> Iterator[str]:
    """Packets that lie before the result's zero prime a decoder; Matroska has no place for them."""
    audible = [(digest, time) for digest, time in zip(before.digests, before.times, strict=True)
               if after.container != "matroska" or time is None or time >= source.zero]
    digests = tuple(digest for digest, _ in audible)
    kept = after.digests[max(0, len(after.digests) - len(digests)):] if not is_part else after.digests
    if (kept != digests[: len(kept)] or not kept) if is_part else kept != digests:
        missing = sum((Counter(digests) - Counter(after.digests)).values())
        yield f"its packets are not the source's ({len(digests)} became {len(after.digests)}, {missing} missing)"
        return
    times = [time for _, time in audible]
    if None in times or any(b <= a for a, b in pairwise(times)):  # type: ignore[operator]
        return
    tick = max(before.tick, after.tick)
    found = after.times[len(after.times) - len(kept):]
    worst = max((abs((a or 0) - source.zero - (b or 0)) for a, b in zip(times, found, strict=False)),
                default=Fraction(0))
    if worst > tick:
        yield f"a packet is {float(worst) * 1000:.2f} ms off its time"


def _text_faults(source: Contents, result: Contents, notices: Sequence[str], is_part: bool) -> Iterator[str]:
    kept = [item for item in source.subtitles if not _is_named(item[0], notices, "is not kept|cannot be kept")]
    if len(kept) != len(result.subtitles):
        yield f"{len(kept)} subtitle tracks became {len(result.subtitles)}"
    for (index, language, texts), (_, new_language, new_texts) in zip(kept, result.subtitles, strict=False):
        if language != new_language:
            yield f"subtitle track {index}: language {language!r} became {new_language!r}"
        if not is_part and len(texts) != len(new_texts):
            yield f"subtitle track {index}: {len(texts)} texts became {len(new_texts)}"
        shifts = [abs(a - source.zero - b) for a, b in zip(texts, new_texts, strict=False)]
        if max(shifts, default=0) > Fraction(1, 500):
            yield f"subtitle track {index}: a text is {float(max(shifts)):.3f} s off its time"


def _other_faults(source: Contents, result: Contents, notices: Sequence[str], is_part: bool) -> Iterator[str]:
    others = [index for index in source.others if not _is_named(index, notices, "is not kept|cannot be kept")]
    if len(others) > len(result.others):
        yield f"of the tracks {others}, {len(result.others)} are there, and no notice names the others"
    expected = [(max(start - source.zero, Fraction(0)), title) for start, title in source.chapters]
    if not is_part and [title for _, title in expected] != [title for _, title in result.chapters]:
        yield f"{len(expected)} chapters became {len(result.chapters)}"
    if any(abs(a[0] - b[0]) > Fraction(1, 500) for a, b in zip(expected, result.chapters, strict=False)):
        yield "a chapter moved"
    if source.title != result.title:
        yield f"the title {source.title!r} became {result.title!r}"


def _is_named(index: int, notices: Sequence[str], outcome: str) -> bool:
    return any(re.search(rf"\b(?:track|picture|attachment) {index}\b.*(?:{outcome})", notice) for notice in notices)
