"""A small editor for MP4 and MOV files: stereo boxes into the video's sample entry, `moov` to the front.

The sample bytes are never touched: the file is copied as a stream, only the header (`moov`) is rebuilt in memory, and
every chunk offset (`stco`, `co64`) is moved by what its box moved. All other boxes are kept byte for byte.
Source of the structure: ISO/IEC 14496-12 and Apple's QuickTime File Format.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import struct
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from video3d.errors import SourceError, TargetError

STAGE = "label"
HEADER_LIMIT = 512 * 1024 * 1024
"""Bytes of `moov` held in memory at most; a film of three hours has about 20 MB."""
TOP_LEVEL_LIMIT = 65536
COPY_BLOCK = 1024 * 1024
CHUNKS_COMPARED, BYTES_COMPARED = 64, 16
"""How closely a written file is compared: chunks of each track, bytes of each chunk."""
STEREO_KINDS = frozenset({b"st3d", b"sv3d", b"vexu", b"hfov"})
"""Boxes of a sample entry that say how it is stereo or spherical."""
SPHERICAL_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
"""User type of the track-level `uuid` box of Google's Spherical Video V1."""
CODEC_KINDS = frozenset({b"avcC", b"hvcC", b"av1C", b"vvcC", b"vpcC", b"lhvC", b"esds", b"glbl", b"d263"})
STILL_PICTURES = frozenset({b"jpeg", b"png ", b"mjpa", b"mjpb"})
VISUAL_ENTRY_FIELDS = 78
"""Bytes of a visual sample entry before its child boxes (ISO/IEC 14496-12 §12.1.3)."""

Offsets = npt.NDArray[np.int64]


class MalformedError(ValueError):
    """The structure contradicts itself, or is one that this editor refuses; the text says which."""


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


def copy_with_header(source: Path, target: Path, edit: Callable[[Box], Box]) -> None:
    """`source` to `target` with `moov` passed through `edit` and put in front of the media; the rest byte for byte.

    Chunk offsets follow; 32-bit ones become 64-bit ones where they must. Memory: the header and one block. The target
    is synchronised to the disk, re-read and compared before this returns; on any error it is removed.
    SourceError: not an MP4 or MOV, damaged, fragmented, or with its media in other files.
    TargetError: cannot be written.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise TargetError(f"{target} cannot be labelled onto itself.", stage=STAGE, remedy="Choose another target.")
    try:
        with source.open("rb") as reader:
            plan = _plan(reader, edit)
            with removed_on_failure(target):
                _write(reader, plan, target, source)
                _compare(reader, plan, target)
    except MalformedError as error:
        raise SourceError(f"{source} cannot be labelled: {error}.", stage=STAGE,
                          remedy="Remux it into an ordinary MP4 first (ffmpeg -i IN -c copy OUT.mp4), without "
                                 "re-encoding.") from error
    except OSError as error:
        raise SourceError(f"{source} cannot be read ({error.strerror or error}).", stage=STAGE,
                          remedy="Check that the file exists and is readable.") from error


@contextlib.contextmanager
def removed_on_failure(target: Path) -> Generator[None, None, None]:
    """Whatever goes wrong inside, no half-written `target` stays."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            target.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(target: Path) -> Generator[IO[bytes], None, None]:
    """`target` open for writing, synchronised to the disk at the end; TargetError if that fails."""
    try:
        with target.open("wb") as writer:
            yield writer
            writer.flush()
            os.fsync(writer.fileno())
    except OSError as error:
        raise TargetError(f"{target} cannot be written ({error.strerror or error}).", stage=STAGE,
                          remedy="Check the free space and the permissions of the folder.") from error


@dataclass(frozen=True)
class _Extent:
    """A top-level box: where it lies and where it goes."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True)
class _Plan:
    """What is written: the head's extents, the new header, then the other extents in their old order."""

    before: tuple[_Extent, ...]
    old_moov: Box
    moov: Box
    after: tuple[_Extent, ...]
    end: int


def _plan(reader: IO[bytes], edit: Callable[[Box], Box]) -> _Plan:
    extents = list(_top_level(reader))
    moov_extents = [extent for extent in extents if extent.kind == b"moov"]
    if len(moov_extents) != 1:
        raise MalformedError("it is not an MP4 or MOV file" if not moov_extents else "it has two headers")
    moov_extent = moov_extents[0]
    if moov_extent.end - moov_extent.start > HEADER_LIMIT:
        raise MalformedError("its header is impossibly large")
    moov = _read_moov(reader, moov_extent)
    _refuse_what_offsets_cannot_follow(moov)
    before = tuple(extent for extent in extents[:1] if extent.kind == b"ftyp")
    after = tuple(extent for extent in extents if extent is not moov_extent and extent not in before)
    return _relocate(_Plan(before, moov, edit(moov), after, extents[-1].end))


def _top_level(reader: IO[bytes]) -> Iterator[_Extent]:
    end = reader.seek(0, os.SEEK_END)
    at = count = 0
    while at < end:
        reader.seek(at)
        header = reader.read(16)
        if len(header) < 8:
            yield _Extent(b"", at, end)
            return
        size, kind = struct.unpack_from(">I4s", header)
        smallest = 8
        if size == 1 and len(header) == 16:
            size, smallest = struct.unpack_from(">Q", header, 8)[0], 16
        elif size == 0:
            size = end - at
        count += 1
        if kind in (b"moof", b"styp", b"sidx", b"mfra"):
            raise MalformedError("it is a fragmented MP4, whose parts carry headers of their own")
        if size < smallest or size > end - at or count > TOP_LEVEL_LIMIT:
            raise MalformedError(f"it is cut short or damaged at byte {at}")
        yield _Extent(kind, at, at + size)
        at += size


def _read_moov(reader: IO[bytes], extent: _Extent) -> Box:
    reader.seek(extent.start)
    data = reader.read(extent.end - extent.start)
    if struct.unpack_from(">I", data)[0] == 0:
        return Box(b"moov", data[8:], data)
    return parse(data)[0][0]


def _refuse_what_offsets_cannot_follow(moov: Box) -> None:
    kinds = {child.kind for child in parse(moov.payload)[0]}
    if b"mvex" in kinds:
        raise MalformedError("it is a fragmented MP4, whose parts carry headers of their own")
    if b"cmov" in kinds:
        raise MalformedError("its header is compressed")
    for reference in find(moov, b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        entries = parse(reference.payload[8:])[0]
        if any(len(entry.payload) < 4 or not entry.payload[3] & 1 for entry in entries):
            raise MalformedError("its media lie in other files")
    if find(moov, b"trak", b"mdia", b"minf", b"stbl", b"saio"):
        raise MalformedError("it is encrypted")
    metas = [*find(moov, b"meta"), *find(moov, b"trak", b"meta")]
    if any(b"iloc" in meta.payload for meta in metas):
        raise MalformedError("it refers to pictures by their place in the file")


def _relocate(plan: _Plan) -> _Plan:
    move = _mapping(plan, _moved_size(plan.moov, promote=False))
    promote = not _fits(plan.moov, move)
    if promote:
        move = _mapping(plan, _moved_size(plan.moov, promote=True))
    return dataclasses.replace(plan, moov=_moved(plan.moov, move, promote=promote))


def _moved_size(moov: Box, *, promote: bool) -> int:
    return len(_moved(moov, lambda offsets: offsets, promote=promote).raw)


def _mapping(plan: _Plan, moov_size: int) -> Callable[[Offsets], Offsets]:
    """Old place in the file → new place."""
    starts: list[int] = []
    shifts: list[int] = []
    at = sum(extent.end - extent.start for extent in plan.before) + moov_size
    for extent in plan.after:
        starts.append(extent.start)
        shifts.append(at - extent.start)
        at += extent.end - extent.start
    old_starts, old_shifts = np.array(starts, np.int64), np.array(shifts, np.int64)
    ends = np.array([extent.end for extent in plan.after], np.int64)

    def move(offsets: Offsets) -> Offsets:
        index = np.searchsorted(old_starts, offsets, side="right") - 1
        outside = (index < 0) | (offsets > plan.end)
        if not outside.all():
            outside |= (offsets >= ends[index]) & (offsets != plan.end)
        if outside.any():
            raise MalformedError("its header points at media that are not there")
        return offsets + old_shifts[index]

    return move


def _fits(moov: Box, move: Callable[[Offsets], Offsets]) -> bool:
    tables = [box for box in _offset_tables(moov) if box.kind == b"stco"]
    return all(int(move(offsets).max(initial=0)) <= 0xFFFFFFFF for offsets in map(_read_offsets, tables))


def _moved(moov: Box, move: Callable[[Offsets], Offsets], *, promote: bool) -> Box:
    def edit(stbl: Box) -> Box:
        return with_children(stbl, lambda children: [
            rewrite(child) if child.kind in (b"stco", b"co64") else child for child in children])

    def rewrite(table: Box) -> Box:
        offsets = move(_read_offsets(table))
        wide = promote or table.kind == b"co64"
        body = offsets.astype(">u8" if wide else ">u4").tobytes()
        return Box.make(b"co64" if wide else b"stco", table.payload[:4] + struct.pack(">I", len(offsets)) + body)

    return descend(moov, (b"trak", b"mdia", b"minf", b"stbl"), edit)


def _offset_tables(moov: Box) -> list[Box]:
    tables = find(moov, b"trak", b"mdia", b"minf", b"stbl")
    return [child for stbl in tables for child in parse(stbl.payload)[0] if child.kind in (b"stco", b"co64")]


def _read_offsets(table: Box) -> Offsets:
    width = 8 if table.kind == b"co64" else 4
    count = struct.unpack_from(">I", table.payload, 4)[0] if len(table.payload) >= 8 else -1
    if count < 0 or len(table.payload) < 8 + count * width:
        raise MalformedError(f"the box {_name(table.kind)} is too short")
    offsets = np.frombuffer(table.payload, f">u{width}", count, 8)
    if width == 8 and count and int(offsets.max()) > 1 << 62:
        raise MalformedError("its header points at media that are not there")
    return offsets.astype(np.int64)


def _write(reader: BufferedReader, plan: _Plan, target: Path, source: Path) -> None:
    with writing(target) as writer:
        for extent in plan.before:
            copy_range(reader, writer, extent.start, extent.end, source)
        writer.write(plan.moov.raw)
        for extent in plan.after:
            copy_range(reader, writer, extent.start, extent.end, source)


def copy_range(reader: BufferedReader, writer: IO[bytes], start: int, end: int, source: Path) -> None:
    """Bytes `start` to `end` of the reader appended to the writer, a block at a time; SourceError if they end early."""
    reader.seek(start)
    left = end - start
    block = memoryview(bytearray(min(left, COPY_BLOCK)))
    while left:
        # One buffer for all blocks: fresh ones cost more than the copy itself.
        count = reader.readinto(block[:min(left, COPY_BLOCK)])
        if not count:
            raise SourceError(f"{source} became shorter while it was read.", stage=STAGE, remedy="Try again.")
        writer.write(block[:count])
        left -= count


def _compare(reader: IO[bytes], plan: _Plan, target: Path) -> None:
    """Look through both headers at the same chunks: what they point at must be the same bytes."""
    with target.open("rb") as other:
        extents = [extent for extent in _top_level(other) if extent.kind == b"moov"]
        pairs = zip(_offset_tables(plan.old_moov), _offset_tables(_read_moov(other, extents[0])), strict=True)
        same = all(_same_chunks(reader, other, plan, _read_offsets(old), _read_offsets(new)) for old, new in pairs)
    if not same:
        raise TargetError(f"{target} did not pass its check: its header points at the wrong bytes.", stage=STAGE,
                          remedy="Please report this with the source file.")


def _same_chunks(old: IO[bytes], new: IO[bytes], plan: _Plan, old_offsets: Offsets, new_offsets: Offsets) -> bool:
    if len(old_offsets) != len(new_offsets):
        return False
    if not len(old_offsets):
        return True
    picks: Any = np.unique(np.linspace(0, len(old_offsets) - 1, CHUNKS_COMPARED).astype(np.int64))
    for i in picks:
        at = int(old_offsets[i])
        size = min([BYTES_COMPARED, *(extent.end - at for extent in plan.after if extent.start <= at < extent.end)])
        if _peek(old, at, size) != _peek(new, int(new_offsets[i]), size):
            return False
    return True


def _peek(file: IO[bytes], at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


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
