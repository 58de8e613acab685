"""Edits the header of MP4 and MOV files in memory: stereo boxes into the video's sample entry, chunk offsets moved.

Whatever is not edited keeps its bytes. Source of the structure: ISO/IEC 14496-12 and Apple's QuickTime File Format.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from video3d.media.rewriting import MalformedError

STEREO_KINDS = frozenset({b"st3d", b"sv3d", b"vexu", b"hfov"})
"""Boxes of a sample entry that say how it is stereo or spherical."""
SPHERICAL_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
"""User type of the track-level `uuid` box of Google's Spherical Video V1."""
CODEC_KINDS = frozenset({b"avcC", b"hvcC", b"av1C", b"vvcC", b"vpcC", b"lhvC", b"esds", b"glbl", b"d263"})
STILL_PICTURES = frozenset({b"jpeg", b"png ", b"mjpa", b"mjpb"})
VISUAL_ENTRY_FIELDS = 78
"""Bytes of a visual sample entry before its child boxes (ISO/IEC 14496-12 §12.1.3)."""

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Box:
    """One box: its four-letter kind, what is inside, and its bytes as they were read."""

    kind: bytes
    payload: bytes
    raw: bytes

    @classmethod
    def make(cls, kind: bytes, payload: bytes) -> Box:
        """A new box with a 32-bit size."""
        if len(payload) + 8 > 0xFFFFFFFF:
            raise MalformedError("a box is larger than 4 GiB")
        return cls(kind, payload, struct.pack(">I", len(payload) + 8) + kind + payload)

    @classmethod
    def make_full(cls, kind: bytes, payload: bytes, *, flags: int = 0) -> Box:
        """A new box with version 0 and `flags` in front of its payload."""
        return cls.make(kind, struct.pack(">I", flags) + payload)


def parse(data: bytes) -> tuple[list[Box], bytes]:
    """The boxes that follow one another in `data`, and the up to 7 bytes (or zeros) after the last one."""
    boxes: list[Box] = []
    at = 0
    while len(data) - at >= 8:
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1 and len(data) - at >= 16:
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        if size == 0 and not any(data[at:]):
            break
        if size < header or size > len(data) - at:
            raise MalformedError(f"the box {_name(kind)} has an impossible size")
        boxes.append(Box(kind, data[at + header:at + size], data[at:at + size]))
        at += size
    return boxes, data[at:]


def with_children(box: Box, edit: Callable[[list[Box]], list[Box]], *, fields: int = 0) -> Box:
    """`box` with its child boxes passed through `edit`; `fields` bytes before the children are kept."""
    if len(box.payload) < fields:
        raise MalformedError(f"the box {_name(box.kind)} is too short")
    children, tail = parse(box.payload[fields:])
    edited = edit(children)
    if [id(child) for child in edited] == [id(child) for child in children]:
        return box
    return Box.make(box.kind, box.payload[:fields] + b"".join(child.raw for child in edited) + tail)


def descend(box: Box, path: Sequence[bytes], edit: Callable[[Box], Box]) -> Box:
    """`box` with `edit` applied to each box reached by going down `path` of kinds."""
    if not path:
        return edit(box)
    return with_children(box, lambda children: [
        descend(child, path[1:], edit) if child.kind == path[0] else child for child in children])


def find(box: Box, *path: bytes) -> list[Box]:
    """All boxes reached from `box` by going down `path` of kinds, in order."""
    found = [box]
    for kind in path:
        found = [child for parent in found for child in parse(parent.payload)[0] if child.kind == kind]
    return found


def set_stereo_boxes(moov: Box, stereo: Sequence[Box]) -> Box:
    """`moov` with exactly these stereo boxes in the sample entries of its main video track, and no others.

    They go after the codec's configuration and before `pasp`, `colr` and `btrt`, in the order given.
    """
    main = main_video_track(moov)

    def label_track(track: Box) -> Box:
        if track.raw != main.raw:
            return track
        track = with_children(track, lambda children: [
            child for child in children if not (child.kind == b"uuid" and child.payload[:16] == SPHERICAL_V1)])
        return descend(track, (b"mdia", b"minf", b"stbl", b"stsd"), label_descriptions)

    def label_descriptions(stsd: Box) -> Box:
        return with_children(stsd, lambda entries: [label_entry(entry) for entry in entries], fields=8)

    def label_entry(entry: Box) -> Box:
        return with_children(entry, insert, fields=VISUAL_ENTRY_FIELDS)

    def insert(children: list[Box]) -> list[Box]:
        kept = [child for child in children if child.kind not in STEREO_KINDS]
        at = max((i + 1 for i, child in enumerate(kept) if child.kind in CODEC_KINDS), default=0)
        return [*kept[:at], *stereo, *kept[at:]]

    return descend(moov, (b"trak",), label_track)


def main_video_track(moov: Box) -> Box:
    """The track a player shows: the first enabled video track, not a still picture; MalformedError if none."""
    tracks = [track for track in find(moov, b"trak") if _handler(track) == b"vide" and _entry_kinds(track)]
    moving = [track for track in tracks if not STILL_PICTURES.issuperset(_entry_kinds(track))]
    enabled = [track for track in moving if _is_enabled(track)]
    if not moving:
        raise MalformedError("it has no video track")
    return (enabled or moving)[0]


def move_offsets(moov: Box, move: Callable[[Offsets], Offsets], *, promote: bool) -> Box:
    """`moov` with every chunk offset passed through `move`; `promote` makes 32-bit tables 64-bit ones."""
    def edit(stbl: Box) -> Box:
        return with_children(stbl, lambda children: [
            rewrite(child) if child.kind in (b"stco", b"co64") else child for child in children])

    def rewrite(table: Box) -> Box:
        offsets = move(read_offsets(table))
        wide = promote or table.kind == b"co64"
        body = offsets.astype(">u8" if wide else ">u4").tobytes()
        return Box.make(b"co64" if wide else b"stco", table.payload[:4] + struct.pack(">I", len(offsets)) + body)

    return descend(moov, (b"trak", b"mdia", b"minf", b"stbl"), edit)


def offset_tables(moov: Box) -> list[Box]:
    """The chunk offset tables of all tracks, in order."""
    tables = find(moov, b"trak", b"mdia", b"minf", b"stbl")
    return [child for stbl in tables for child in parse(stbl.payload)[0] if child.kind in (b"stco", b"co64")]


def read_offsets(table: Box) -> Offsets:
    """Where the chunks of one table begin, in bytes of the file, int64 [chunks]."""
    width = 8 if table.kind == b"co64" else 4
    count = struct.unpack_from(">I", table.payload, 4)[0] if len(table.payload) >= 8 else -1
    if count < 0 or len(table.payload) < 8 + count * width:
        raise MalformedError(f"the box {_name(table.kind)} is too short")
    offsets = np.frombuffer(table.payload, f">u{width}", count, 8)
    if width == 8 and count and int(offsets.max()) > 1 << 62:
        raise MalformedError("its header points at media that are not there")
    return offsets.astype(np.int64)


def _handler(track: Box) -> bytes:
    handlers = find(track, b"mdia", b"hdlr")
    return handlers[0].payload[8:12] if handlers else b""


def _entry_kinds(track: Box) -> set[bytes]:
    descriptions = find(track, b"mdia", b"minf", b"stbl", b"stsd")
    return {entry.kind for stsd in descriptions for entry in parse(stsd.payload[8:])[0]}


def _is_enabled(track: Box) -> bool:
    headers = find(track, b"tkhd")
    return bool(headers) and len(headers[0].payload) >= 4 and bool(headers[0].payload[3] & 1)


def _name(kind: bytes) -> str:
    return ascii(kind.decode("latin-1"))
