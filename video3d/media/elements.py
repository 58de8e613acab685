"""A small editor for Matroska files: stereo mode, display size and projection of the video track, nothing else.

Frames are copied as they are, but for what a `Rework` patches in them: the file is copied as a stream with a new
`Tracks` element, and the positions in `SeekHead` and `Cues` follow. Source of the structure: RFC 8794 (EBML) and
RFC 9559 (Matroska).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from video3d.errors import SourceError
from video3d.media.rewriting import (
    STAGE,
    MalformedError,
    Patch,
    Read,
    copy_range,
    never_stops,
    pieces,
    reading,
    removed_on_failure,
    writing,
)

EBML, SEGMENT, SEEK_HEAD, TRACKS, CLUSTER, CUES = 0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
SEEK, SEEK_POSITION = 0x4DBB, 0x53AC
CUE_POINT, CUE_TRACK_POSITIONS, CUE_REFERENCE = 0xBB, 0xB7, 0xDB
CUE_POSITIONS = frozenset({0xF1, 0x97})
"""CueClusterPosition and CueRefCluster."""
TRACK_ENTRY, TRACK_TYPE, VIDEO = 0xAE, 0x83, 0xE0
PIXEL_WIDTH, PIXEL_HEIGHT, STEREO_MODE = 0xB0, 0xBA, 0x53B8
DISPLAY_WIDTH, DISPLAY_HEIGHT, DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
PROJECTION, PROJECTION_TYPE, PROJECTION_PRIVATE = 0x7670, 0x7671, 0x7672
CRC_32, VOID, CLUSTER_POSITION, CLUSTER_TIME, PREVIOUS_SIZE = 0xBF, 0xEC, 0xA7, 0xE7, 0xAB
HEADER_LIMIT = 256 * 1024 * 1024
"""Bytes of one header element held in memory at most."""
CLUSTER_HEAD = 64
"""Bytes at the start of a cluster in which its optional checksum and position are looked for."""


@dataclass(frozen=True)
class Element:
    """One EBML element held in memory."""

    id: int
    payload: bytes

    @property
    def raw(self) -> bytes:
        """Its bytes in a file."""
        return id_bytes(self.id) + size_bytes(len(self.payload)) + self.payload

    @property
    def number(self) -> int:
        """Its payload as an unsigned integer."""
        return int.from_bytes(self.payload, "big")


@dataclass(frozen=True)
class VideoSize:
    """What a video track says about its size; `display` is None where it says nothing in pixels."""

    pixels: tuple[int, int]
    display: tuple[int, int] | None
    stereo_mode: int


@dataclass(frozen=True)
class StereoLabel:
    """What is written: stereo mode, display size and projection; None removes what was there."""

    stereo_mode: int | None
    display: tuple[int, int] | None
    projection: Element | None = None


def id_bytes(identifier: int) -> bytes:
    """An element's identifier, whose marker bits are part of it."""
    return identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")


def size_bytes(size: int, *, width: int = 0) -> bytes:
    """A size as an EBML variable-length integer of `width` bytes, or as few as it takes."""
    width = width or next(n for n in range(1, 9) if size < (1 << 7 * n) - 1)
    return (size | 1 << 7 * width).to_bytes(width, "big")


def number_element(identifier: int, value: int, *, width: int = 0) -> Element:
    """An unsigned integer of `width` bytes, or as few as it takes."""
    return Element(identifier, value.to_bytes(width or max(1, (value.bit_length() + 7) // 8), "big"))


def read_header(data: bytes, at: int = 0) -> tuple[int, int | None, int]:
    """(identifier, payload size or None for unknown, header length) of the element at `at`."""
    if at >= len(data) or not data[at] >> 4:
        raise MalformedError("an element has an impossible identifier")
    id_width = 9 - data[at].bit_length()
    size_at = at + id_width
    if size_at >= len(data) or not data[size_at]:
        raise MalformedError("an element has an impossible size")
    size_width = 9 - data[size_at].bit_length()
    if size_at + size_width > len(data):
        raise MalformedError("an element is cut short")
    size = int.from_bytes(data[size_at:size_at + size_width], "big") & ((1 << 7 * size_width) - 1)
    known = None if size == (1 << 7 * size_width) - 1 else size
    return int.from_bytes(data[at:size_at], "big"), known, id_width + size_width


def parse(payload: bytes) -> list[Element]:
    """The elements that follow one another in a master element's payload."""
    elements: list[Element] = []
    at = 0
    while at < len(payload):
        identifier, size, header = read_header(payload, at)
        at += header
        if size is None or size > len(payload) - at:
            raise MalformedError("an element is larger than the one around it")
        elements.append(Element(identifier, payload[at:at + size]))
        at += size
    return elements


def master(identifier: int, children: Sequence[Element]) -> Element:
    """A master element; its checksum, where it had one, is made anew."""
    checked = bool(children) and children[0].id == CRC_32
    body = b"".join(child.raw for child in children[checked:])
    if checked:
        body = Element(CRC_32, struct.pack("<I", zlib.crc32(body))).raw + body
    return Element(identifier, body)


ClusterPatches = Callable[[int, int], list[Patch]]
"""What to change in the cluster whose payload begins and ends at these places of the file, sorted; no size changes."""
Rework = Callable[[Element, Read], tuple[Element, ClusterPatches]]
"""What else becomes of a video track: its entry, and the patches of its clusters. May raise MalformedError."""


def copy_with_label(source: Path, target: Path, choose: Callable[[VideoSize], StereoLabel],
                    check: Callable[[], None] = never_stops, rework: Rework | None = None) -> None:
    """`source` to `target` with its first video track labelled as `choose` says for its size.

    SourceError: not Matroska, damaged, or a live recording. TargetError: cannot be written; nothing stays then.
    `check` is called again and again and may raise.
    """
    try:
        with source.open("rb") as reader:
            parts = _plan(reader, choose, rework, check)
            with removed_on_failure(target), writing(target) as writer:
                for piece in parts:
                    if isinstance(piece, bytes):
                        writer.write(piece)
                    else:
                        copy_range(reader, writer, *piece, source, check)
    except MalformedError as error:
        raise SourceError(f"{source} cannot be labelled: {error}.", stage=STAGE,
                          remedy="Remux it first (mkvmerge -o OUT.mkv IN.mkv), without re-encoding.") from error
    except OSError as error:
        raise SourceError(f"{source} cannot be read ({error.strerror or error}).", stage=STAGE,
                          remedy="Check that the file exists and is readable.") from error


@dataclass(frozen=True)
class _Extent:
    """A child of the segment: where it lies in the file."""

    id: int
    start: int
    payload: int
    end: int


_Piece = bytes | tuple[int, int]


def _plan(reader: IO[bytes], choose: Callable[[VideoSize], StereoLabel], rework: Rework | None,
          check: Callable[[], None]) -> list[_Piece]:
    """What the target consists of: new bytes, and ranges of the source."""
    end = reader.seek(0, os.SEEK_END)
    segment, segment_end, is_open = _find_segment(reader, end)
    extents = list(_children(reader, segment.payload, segment_end))
    lists = [extent for extent in extents if extent.id == TRACKS]
    if len(lists) != 1:
        raise MalformedError("it has no list of tracks" if not lists else "it has two lists of tracks")
    tracks, patch = _relabel_tracks(_load(reader, lists[0]), choose, rework, reading(reader))
    fixed = {lists[0].start: tracks}
    for _ in range(2):
        # All positions are written eight bytes wide: the second pass moves nothing any more.
        move = _mapping(extents, {start: len(element.raw) for start, element in fixed.items()}, segment.payload)
        fixed.update({extent.start: _REPOSITION[extent.id](_load(reader, extent), move)
                      for extent in extents if extent.id in _REPOSITION})
    body: list[_Piece] = []
    for extent in extents:
        check()
        body += [fixed[extent.start].raw] if extent.start in fixed else _pieces(reader, extent, patch)
    size = sum(len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in body)
    header = id_bytes(SEGMENT) + (b"\x01" + b"\xff" * 7 if is_open else size_bytes(size, width=8))
    return [(0, segment.start), header, *body, (segment_end, end)]


def _find_segment(reader: IO[bytes], end: int) -> tuple[_Extent, int, bool]:
    at = 0
    while at < end:
        identifier, size, header = _header_at(reader, at)
        if at == 0 and identifier != EBML:
            break
        if identifier == SEGMENT:
            segment_end = end if size is None else at + header + size
            if segment_end > end:
                raise MalformedError("it is cut short")
            return _Extent(SEGMENT, at, at + header, segment_end), segment_end, size is None
        if size is None:
            break
        at += header + size
    raise MalformedError("it is not a Matroska file")


def _children(reader: IO[bytes], at: int, end: int) -> Iterator[_Extent]:
    while at < end:
        identifier, size, header = _header_at(reader, at)
        if size is None:
            raise MalformedError("it is a live recording without sizes")
        if size > end - at - header:
            raise MalformedError(f"it is cut short or damaged at byte {at}")
        yield _Extent(identifier, at, at + header, at + header + size)
        at += header + size


def _header_at(reader: IO[bytes], at: int) -> tuple[int, int | None, int]:
    reader.seek(at)
    return read_header(reader.read(12))


def _load(reader: IO[bytes], extent: _Extent) -> Element:
    if extent.end - extent.start > HEADER_LIMIT:
        raise MalformedError("its header is impossibly large")
    reader.seek(extent.payload)
    return Element(extent.id, reader.read(extent.end - extent.payload))


def _relabel_tracks(tracks: Element, choose: Callable[[VideoSize], StereoLabel], rework: Rework | None,
                    read: Read) -> tuple[Element, ClusterPatches]:
    entries = parse(tracks.payload)
    for index, entry in enumerate(entries):
        children = parse(entry.payload) if entry.id == TRACK_ENTRY else []
        if any(child.id == TRACK_TYPE and child.number == 1 for child in children):
            relabelled = master(TRACK_ENTRY, [_relabel_video(child, choose) if child.id == VIDEO else child
                                              for child in children])
            new, patch = rework(relabelled, read) if rework else (relabelled, _no_patches)
            return master(TRACKS, [*entries[:index], new, *entries[index + 1:]]), patch
    raise MalformedError("it has no video track")


def _no_patches(_payload: int, _end: int) -> list[Patch]:
    return []


def _relabel_video(video: Element, choose: Callable[[VideoSize], StereoLabel]) -> Element:
    children = parse(video.payload)
    values = {child.id: child.number for child in children}
    display = (values.get(DISPLAY_WIDTH, 0), values.get(DISPLAY_HEIGHT, 0))
    in_pixels = values.get(DISPLAY_UNIT, 0) == 0 and all(display)
    label = choose(VideoSize((values.get(PIXEL_WIDTH, 0), values.get(PIXEL_HEIGHT, 0)),
                             display if in_pixels else None, values.get(STEREO_MODE, 0)))
    replaced = {STEREO_MODE, DISPLAY_WIDTH, DISPLAY_HEIGHT, DISPLAY_UNIT, PROJECTION}
    kept = [child for child in children if child.id not in replaced]
    if label.stereo_mode is not None:
        kept.append(number_element(STEREO_MODE, label.stereo_mode))
    if label.display is not None:
        kept += [number_element(DISPLAY_WIDTH, label.display[0]), number_element(DISPLAY_HEIGHT, label.display[1])]
    if label.projection is not None:
        kept.append(label.projection)
    return master(VIDEO, kept)


def _mapping(extents: Sequence[_Extent], sizes: dict[int, int], origin: int) -> Callable[[int], int]:
    """Old position, relative to the segment's payload, → new position."""
    places: dict[int, int] = {}
    at = 0
    for extent in extents:
        places[extent.start - origin] = at
        at += sizes.get(extent.start, extent.end - extent.start)

    def move(position: int) -> int:
        if position not in places:
            raise MalformedError("its index points at nothing")
        return places[position]

    return move


def _reposition_seek_head(seek_head: Element, move: Callable[[int], int]) -> Element:
    def seek(entry: Element) -> Element:
        return master(SEEK, [number_element(SEEK_POSITION, move(child.number), width=8)
                             if child.id == SEEK_POSITION else child for child in parse(entry.payload)])

    return master(SEEK_HEAD, [seek(entry) if entry.id == SEEK else entry for entry in parse(seek_head.payload)])


def _reposition_cues(cues: Element, move: Callable[[int], int]) -> Element:
    nested = {CUE_POINT, CUE_TRACK_POSITIONS, CUE_REFERENCE}

    def walk(element: Element) -> Element:
        if element.id in CUE_POSITIONS:
            return number_element(element.id, move(element.number), width=8)
        if element.id in nested:
            return master(element.id, [walk(child) for child in parse(element.payload)])
        return element

    return master(CUES, [walk(child) for child in parse(cues.payload)])


_CLUSTER_FIELDS = frozenset({CRC_32, CLUSTER_POSITION, CLUSTER_TIME, PREVIOUS_SIZE, VOID})
_REPOSITION: dict[int, Callable[[Element, Callable[[int], int]], Element]] = {
    SEEK_HEAD: _reposition_seek_head, CUES: _reposition_cues}


def _pieces(reader: IO[bytes], extent: _Extent, patch: ClusterPatches) -> list[_Piece]:
    if extent.id != CLUSTER:
        return [(extent.start, extent.end)]
    found = {patch.start: patch for patch in _without_position(reader, extent)}
    found |= {patch.start: patch for patch in patch(extent.payload, extent.end)}
    return list(pieces(extent.start, extent.end, sorted(found.values(), key=lambda patch: patch.start)))


def _without_position(reader: IO[bytes], extent: _Extent) -> list[Patch]:
    """A cluster's own place is optional and would be wrong now: it becomes a void of the same size."""
    reader.seek(extent.payload)
    head = reader.read(min(CLUSTER_HEAD, extent.end - extent.payload))
    found: list[Patch] = []
    has_position = False
    at = 0
    while at + 2 <= len(head) and head[at] in _CLUSTER_FIELDS:
        has_position = has_position or head[at] == CLUSTER_POSITION
        if head[at] in (CLUSTER_POSITION, CRC_32):
            found.append(Patch(extent.payload + at, extent.payload + at + 1, bytes([VOID])))
        at += 2 + (head[at + 1] & 0x7F)
    return found if has_position else []
