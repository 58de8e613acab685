"""Puts an edited header in front of an MP4's media: plans, copies as a stream, re-reads and compares.

Only the header (`moov`) is rebuilt in memory, and every chunk offset (`stco`, `co64`) is moved by what its box moved.
All other boxes are kept byte for byte, sample bytes too but for what a `Rework` patches in them.
"""

from __future__ import annotations

import bisect
import dataclasses
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import numpy as np

from video3d.errors import SourceError, TargetError
from video3d.media.boxes import Box, Offsets, find, move_offsets, offset_tables, parse, read_offsets
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

HEADER_LIMIT = 512 * 1024 * 1024
"""Bytes of `moov` held in memory at most; a film of three hours has about 20 MB."""
TOP_LEVEL_LIMIT = 65536
PATCHES_LOOKED_AT = 64
CHUNKS_COMPARED, BYTES_COMPARED = 64, 16
"""How closely a written file is compared: chunks of each track, bytes of each chunk."""


Rework = Callable[[Box, Read], tuple[Box, tuple[Patch, ...]]]
"""What else becomes of a file: its header, and patches of its media, in order, that move no chunk. May raise
MalformedError."""


def copy_with_header(source: Path, target: Path, edit: Callable[[Box], Box],
                     check: Callable[[], None] = never_stops, rework: Rework | None = None) -> None:
    """`source` to `target` with `moov` passed through `edit` and put in front of the media; the rest byte for byte.

    Chunk offsets follow; 32-bit ones become 64-bit ones where they must. Memory: the header and one block. The target
    is synchronised to the disk, re-read and compared before this returns; on any error it is removed. `check` is
    called again and again and may raise.
    SourceError: not an MP4 or MOV, damaged, fragmented, or with its media in other files.
    TargetError: cannot be written.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise TargetError(f"{target} cannot be labelled onto itself.", stage=STAGE, remedy="Choose another target.")
    try:
        with source.open("rb") as reader:
            plan = _plan(reader, edit, rework)
            with removed_on_failure(target):
                _write(reader, plan, target, source, check)
                _compare(reader, plan, target)
    except MalformedError as error:
        raise SourceError(f"{source} cannot be labelled: {error}.", stage=STAGE,
                          remedy="Remux it into an ordinary MP4 first (ffmpeg -i IN -c copy OUT.mp4), without "
                                 "re-encoding.") from error
    except OSError as error:
        raise SourceError(f"{source} cannot be read ({error.strerror or error}).", stage=STAGE,
                          remedy="Check that the file exists and is readable.") from error


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
    patches: tuple[Patch, ...] = ()

    def patches_of(self, extent: _Extent) -> list[Patch]:
        """Those within one box."""
        return [patch for patch in self.patches
                if extent.start <= patch.start and extent.start < patch.end <= extent.end]


def _plan(reader: IO[bytes], edit: Callable[[Box], Box], rework: Rework | None) -> _Plan:
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
    reworked, patches = rework(moov, reading(reader)) if rework else (moov, ())
    plan = _relocate(_Plan(before, moov, edit(reworked), after, extents[-1].end, patches))
    _refuse_what_moves(plan)
    return plan


def _refuse_what_moves(plan: _Plan) -> None:
    inside = [plan.patches_of(extent) for extent in plan.after] if plan.patches else []
    grown = [sum(len(patch.data) - (patch.end - patch.start) for patch in patches) for patches in inside]
    if any(grown) or sum(map(len, inside)) != len(plan.patches):
        raise MalformedError("its pictures reach beyond the media they lie in")


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
    return dataclasses.replace(plan, moov=move_offsets(plan.moov, move, promote=promote))


def _moved_size(moov: Box, *, promote: bool) -> int:
    return len(move_offsets(moov, lambda offsets: offsets, promote=promote).raw)


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
    tables = [box for box in offset_tables(moov) if box.kind == b"stco"]
    return all(int(move(offsets).max(initial=0)) <= 0xFFFFFFFF for offsets in map(read_offsets, tables))





def _write(reader: BufferedReader, plan: _Plan, target: Path, source: Path, check: Callable[[], None]) -> None:
    with writing(target) as writer:
        for extent in plan.before:
            copy_range(reader, writer, extent.start, extent.end, source, check)
        writer.write(plan.moov.raw)
        for extent in plan.after:
            for piece in pieces(extent.start, extent.end, plan.patches_of(extent)):
                if isinstance(piece, bytes):
                    writer.write(piece)
                else:
                    copy_range(reader, writer, *piece, source, check)


def _compare(reader: IO[bytes], plan: _Plan, target: Path) -> None:
    """Look through both headers at the same chunks: what they point at must be the same bytes."""
    with target.open("rb") as other:
        extents = [extent for extent in _top_level(other) if extent.kind == b"moov"]
        pairs = zip(offset_tables(plan.old_moov), offset_tables(_read_moov(other, extents[0])), strict=True)
        same = all(_same_chunks(reader, other, plan, read_offsets(old), read_offsets(new)) for old, new in pairs)
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
        if _patched(old, at, size, plan) != _peek(new, int(new_offsets[i]), size):
            return False
    return True


def _peek(file: IO[bytes], at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _patched(file: IO[bytes], at: int, size: int, plan: _Plan) -> bytes:
    """The first bytes of a chunk of the source, as they become."""
    extent = next((extent for extent in plan.after if extent.start <= at < extent.end), None)
    if extent is None or not plan.patches:
        return _peek(file, at, size)
    first = bisect.bisect_left(plan.patches, at, key=lambda patch: patch.start)
    # A few are enough, as only the first bytes are wanted; what ends here fills up the chunk before.
    following = [patch for patch in plan.patches[first:first + PATCHES_LOOKED_AT] if at < patch.end <= extent.end]
    data = b""
    for piece in pieces(at, extent.end, following):
        data += piece if isinstance(piece, bytes) else _peek(file, piece[0], min(size, piece[1] - piece[0]))
        if len(data) >= size:
            break
    return data[:size]
