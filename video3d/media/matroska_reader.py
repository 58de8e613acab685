"""Reads the structure of a Matroska file in place. Shares nothing with the editor, so that it can check its work."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

from video3d.media.file_facts import (
    KEYFRAME_HEAD,
    KEYFRAME_SECONDS,
    KEYFRAMES_AT_MOST,
    FileFacts,
    StereoClaim,
    TrackFacts,
    UnreadableError,
    VideoFacts,
)

PAYLOAD_LIMIT = 64 * 1024 * 1024
SAMPLE_LIMIT = 256 * 1024
CLUSTERS_LOOKED_AT = 8
_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_INFO, _TRACKS, _CUES = 0x1549A966, 0x1654AE6B, 0x1C53BB6B
_CODECS = {"V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc", "V_AV1": "av1"}
_KINDS = {1: "video", 2: "audio", 17: "subtitle"}
_MODES = {
    0: ("mono", False), 1: ("side by side", False), 2: ("top and bottom", True), 3: ("top and bottom", False),
    4: ("checkerboard", True), 5: ("checkerboard", False), 6: ("row interleaved", True), 7: ("row interleaved", False),
    8: ("column interleaved", True), 9: ("column interleaved", False), 10: ("anaglyph cyan and red", False),
    11: ("side by side", True), 12: ("anaglyph green and magenta", False), 13: ("frame by frame", False),
    14: ("frame by frame", True),
}


@dataclass(frozen=True)
class Span:
    """An element: its identifier, where its payload begins and where it ends, in bytes of the file."""

    id: int
    payload: int
    end: int


def spans(file: IO[bytes], start: int, end: int) -> Iterator[Span]:
    """The elements between two places of the file; one of unknown size reaches to the end."""
    while start < end:
        identifier, id_width = _varint(file, start, keep_marker=True)
        size, size_width = _varint(file, start + id_width, keep_marker=False)
        payload = start + id_width + size_width
        stop = end if size == (1 << 7 * size_width) - 1 else payload + size
        if stop > end:
            raise UnreadableError(f"it is cut short or damaged at byte {start}")
        yield Span(identifier, payload, stop)
        start = stop


def read_matroska(file: IO[bytes]) -> FileFacts:
    """The facts of a Matroska or WebM file; UnreadableError if it is none or damaged."""
    top = list(spans(file, 0, file.seek(0, os.SEEK_END)))
    segment = next((span for span in top if span.id == _SEGMENT), None)
    if segment is None or top[0].id != _EBML:
        raise UnreadableError("it is not a Matroska file")
    kind = next((_bytes(file, child).decode("latin-1") for child in spans(file, top[0].payload, top[0].end)
                 if child.id == 0x4282), "")
    parts = list(spans(file, segment.payload, segment.end))
    tracks = [entry for part in parts if part.id == _TRACKS for entry in spans(file, part.payload, part.end)
              if entry.id == 0xAE]
    scale, duration = _info(file, parts)
    main = next((track for track in tracks if _number(file, track, 0x83) == 1), None)
    kinds = [part.id for part in parts]
    return FileFacts(
        container="WebM" if kind.startswith("webm") else "Matroska",
        brand=kind,
        header_first=_CLUSTER not in kinds or (_TRACKS in kinds and kinds.index(_TRACKS) < kinds.index(_CLUSTER)),
        is_fragmented=False,
        duration=duration,
        tracks=tuple(_track(file, track) for track in tracks),
        video=_video(file, main, parts, scale, duration) if main else None,
        notes=() if _CUES in kinds else ("It has no index: jumping to a place is slow or impossible.",),
    )


def _track(file: IO[bytes], track: Span) -> TrackFacts:
    return TrackFacts(
        kind=_KINDS.get(_number(file, track, 0x83), "other"),
        codec=_text(file, track, 0x86),
        language=_text(file, track, 0x22B59D) or _text(file, track, 0x22B59C) or "eng",
        duration=None,
    )


def _video(file: IO[bytes], track: Span, parts: list[Span], scale: int, duration: Fraction | None) -> VideoFacts:
    picture = next((child for child in spans(file, track.payload, track.end) if child.id == 0xE0), None)
    if picture is None:
        raise UnreadableError("its video track has no size")
    width, height = _number(file, picture, 0xB0), _number(file, picture, 0xBA)
    shown = (_number(file, picture, 0x54B0), _number(file, picture, 0x54BA))
    in_pixels = all(shown) and _number(file, picture, 0x54B2) == 0
    mode = _number(file, picture, 0x53B8, -1)
    entry = _text(file, track, 0x86)
    number, prefix = _number(file, track, 0xD7), _stripped(file, track)
    return VideoFacts(
        codec=_CODECS.get(entry, entry),
        entry=entry,
        width=width,
        height=height,
        sample_aspect=None,
        display=shown if in_pixels else None,
        claims=(StereoClaim("StereoMode", *_MODES.get(mode, ("stereo", False))),) if mode >= 0 else (),
        projection=_projection(file, picture),
        field_of_view=None,
        keyframe_distance=_keyframe_distance(file, parts, number, scale, duration),
        configuration=_payload(file, track, 0x63A2),
        first_sample=_first_sample(file, parts, number, prefix),
        keyframes=tuple(itertools.islice(_keyframes(file, parts, number, prefix, scale), KEYFRAMES_AT_MOST)),
    )


def _projection(file: IO[bytes], picture: Span) -> str:
    found = _children(file, picture, 0x7670)
    kind = _number(file, found[0], 0x7671) if found else 0
    if kind == 1:
        bounds = struct.unpack_from(">II", _payload(file, found[0], 0x7672).ljust(20, b"\0"), 12)
        return "half equirectangular" if sum(bounds) > 0x70000000 else "equirectangular"
    return "flat" if kind == 0 else "other"


def _info(file: IO[bytes], parts: list[Span]) -> tuple[int, Fraction | None]:
    info = next((part for part in parts if part.id == _INFO), None)
    if info is None:
        return 1_000_000, None
    scale = _number(file, info, 0x2AD7B1, 1_000_000)
    data = _payload(file, info, 0x4489)
    ticks = struct.unpack({4: ">f", 8: ">d"}[len(data)], data)[0] if len(data) in (4, 8) else 0.0
    plausible = 0 < ticks < 1e18
    return scale, Fraction(ticks) * scale / 1_000_000_000 if plausible else None


def _keyframe_distance(file: IO[bytes], parts: list[Span], number: int, scale: int,
                       duration: Fraction | None) -> Fraction | None:
    """From the index: every keyframe of a file by FFmpeg or mkvmerge is in it."""
    cues = next((part for part in parts if part.id == _CUES), None)
    if cues is None:
        return None
    points = [point for point in spans(file, cues.payload, cues.end) if point.id == 0xBB]
    times = sorted(_number(file, point, 0xB3) for point in points
                   if any(_number(file, place, 0xF7) == number for place in _children(file, point, 0xB7)))
    seconds = [Fraction(time * scale, 1_000_000_000) for time in times]
    if duration is not None and seconds:
        seconds.append(max(duration, seconds[-1]))
    return max((later - earlier for earlier, later in itertools.pairwise(seconds)), default=None)


def _stripped(file: IO[bytes], track: Span) -> bytes | None:
    """What is taken off the beginning of each picture; None where pictures are compressed in another way."""
    prefix = b""
    for encodings in _children(file, track, 0x6D80):
        for encoding in _children(file, encodings, 0x6240):
            compression = _children(file, encoding, 0x5034)
            if prefix or not compression or _number(file, compression[0], 0x4254) != 3:
                return None
            prefix = _payload(file, compression[0], 0x4255)
    return prefix


def _first_sample(file: IO[bytes], parts: list[Span], number: int, prefix: bytes | None) -> bytes:
    if prefix is None:
        return b""
    clusters = [part for part in parts if part.id == _CLUSTER][:CLUSTERS_LOOKED_AT]
    for cluster in clusters:
        for start, end, _ in _blocks(file, cluster, number):
            file.seek(start)
            return prefix + file.read(min(end - start, SAMPLE_LIMIT))
    return b""


def _keyframes(file: IO[bytes], parts: list[Span], number: int, prefix: bytes | None, scale: int) -> Iterator[bytes]:
    """How the keyframes of the first minute begin."""
    if prefix is None:
        return
    begin = None
    for cluster in (part for part in parts if part.id == _CLUSTER):
        seconds = Fraction(_number(file, cluster, 0xE7) * scale, 1_000_000_000)
        begin = seconds if begin is None else begin
        if seconds - begin >= KEYFRAME_SECONDS:
            return
        for start, end, is_key in _blocks(file, cluster, number):
            if is_key:
                file.seek(start)
                yield prefix + file.read(min(end - start, KEYFRAME_HEAD))


def _blocks(file: IO[bytes], cluster: Span, number: int) -> Iterator[tuple[int, int, bool]]:
    """Where the pictures of track `number` begin and end, and whether they are keyframes."""
    for span in spans(file, cluster.payload, cluster.end):
        blocks = [span] if span.id == 0xA3 else _children(file, span, 0xA1) if span.id == 0xA0 else []
        for block in blocks:
            track, width = _varint(file, block.payload, keep_marker=False)
            start = block.payload + width + 3
            if track != number or start > block.end:
                continue
            file.seek(start - 1)
            flags = (file.read(1) or b"\0")[0]
            yield start, block.end, bool(flags & 0x80) if span.id == 0xA3 else not _children(file, span, 0xFB)


def _children(file: IO[bytes], parent: Span, identifier: int) -> list[Span]:
    return [child for child in spans(file, parent.payload, parent.end) if child.id == identifier]


def _payload(file: IO[bytes], parent: Span, identifier: int) -> bytes:
    found = _children(file, parent, identifier)
    return _bytes(file, found[0]) if found else b""


def _number(file: IO[bytes], parent: Span, identifier: int, otherwise: int = 0) -> int:
    data = _payload(file, parent, identifier)
    return int.from_bytes(data[:8], "big") if data else otherwise


def _text(file: IO[bytes], parent: Span, identifier: int) -> str:
    return _payload(file, parent, identifier).rstrip(b"\0").decode("utf-8", "replace")


def _bytes(file: IO[bytes], span: Span) -> bytes:
    if span.end - span.payload > PAYLOAD_LIMIT:
        raise UnreadableError("its header is impossibly large")
    file.seek(span.payload)
    return file.read(span.end - span.payload)


def _varint(file: IO[bytes], at: int, *, keep_marker: bool) -> tuple[int, int]:
    file.seek(at)
    data = file.read(8)
    width = 9 - data[0].bit_length() if data else 9
    if width > len(data) or (keep_marker and width > 4):
        raise UnreadableError(f"it is damaged at byte {at}")
    value = int.from_bytes(data[:width], "big")
    return (value if keep_marker else value & ((1 << 7 * width) - 1)), width
