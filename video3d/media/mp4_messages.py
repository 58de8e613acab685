"""Takes frame-packing messages out of the pictures of an MP4 or MOV file without moving anything else.

Pictures become smaller, so those behind them in the same chunk move up, and what is left at the chunk's end is filled
with zeros: no chunk changes its place, and only the table of sizes is new. Source: ISO/IEC 14496-12 §8.7.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from video3d.media.boxes import (
    VISUAL_ENTRY_FIELDS,
    Box,
    Offsets,
    descend,
    find,
    main_video_track,
    offset_tables,
    parse,
    read_offsets,
    with_children,
)
from video3d.media.message_removal import UnitCoding, configuration_without_message, sample_patches
from video3d.media.rewriting import MalformedError, Patch, Read, moved

SAMPLES_LIMIT = 1 << 24
"""Pictures of one file: three days of 60 a second."""
_CODECS = {b"avc1": False, b"avc3": False, b"hvc1": True, b"hev1": True, b"dvh1": True, b"dvhe": True}
"""Sample entries whose pictures are looked into, and whether they are HEVC."""
_TABLES = (b"mdia", b"minf", b"stbl")


@dataclass(frozen=True)
class Samples:
    """Where the pictures of a track lie: int64 arrays, one number for each."""

    starts: Offsets
    sizes: Offsets
    chunks: Offsets
    """Number of the chunk that it lies in, from 0."""


def without_messages(moov: Box, read: Read) -> tuple[Box, tuple[Patch, ...]]:
    """`moov` with the sizes of its main video track without frame-packing messages, and the patches of the file.

    Both are as before where there are none. MalformedError: the tables contradict each other, or chunks overlap.
    """
    track = main_video_track(moov)
    coding = _coding(track)
    if coding is None:
        return moov, ()
    samples = read_samples(find(track, *_TABLES)[0])
    sizes = samples.sizes.copy()
    found: list[tuple[int, list[Patch]]] = []
    for number, patches in _found(samples, read, coding):
        sizes[number] -= sum(patch.end - patch.start - len(patch.data) for patch in patches)
        found.append((number, patches))
    cleaned = _with_clean_configuration(moov, track, coding)
    if not found:
        return cleaned, ()
    _refuse_shared_chunks(moov, samples, np.unique(samples.chunks[[number for number, _ in found]]))
    return _with_sizes(cleaned, main_video_track(cleaned), sizes), tuple(_closed_up(samples, sizes, found))


def read_samples(stbl: Box) -> Samples:
    """Where each sample of a track lies; MalformedError where its tables contradict each other."""
    tables = {child.kind: child for child in parse(stbl.payload)[0]}
    offsets = tables.get(b"co64") or tables.get(b"stco")
    if offsets is None or b"stsz" not in tables or b"stsc" not in tables:
        raise MalformedError("it lacks the tables that say where its pictures lie")
    starts, sizes = read_offsets(offsets), _read_sizes(tables[b"stsz"])
    counts = _samples_of_chunks(tables[b"stsc"], len(starts))
    if int(counts.sum()) != len(sizes):
        raise MalformedError("its tables say different numbers of pictures")
    chunks = np.repeat(np.arange(len(starts)), counts)
    before = np.cumsum(sizes) - sizes
    firsts = np.cumsum(counts) - counts
    inside = before - before[firsts[chunks]] if len(sizes) else before
    return Samples(starts[chunks] + inside, sizes, chunks)


def _read_sizes(stsz: Box) -> Offsets:
    if len(stsz.payload) < 12:
        raise MalformedError("its table of sizes is cut short")
    common, count = struct.unpack_from(">II", stsz.payload, 4)
    if count > SAMPLES_LIMIT or (not common and len(stsz.payload) < 12 + 4 * count):
        raise MalformedError("its table of sizes is impossible")
    if common:
        return np.full(count, common, np.int64)
    return np.frombuffer(stsz.payload, ">u4", count, 12).astype(np.int64)


def _samples_of_chunks(stsc: Box, chunk_count: int) -> Offsets:
    """How many samples each chunk holds, int64 [chunks]."""
    count = struct.unpack_from(">I", stsc.payload, 4)[0] if len(stsc.payload) >= 8 else 0
    if len(stsc.payload) < 8 + 12 * count:
        raise MalformedError("its table of chunks is cut short")
    rows = np.frombuffer(stsc.payload, ">u4", 3 * count, 8).astype(np.int64).reshape(count, 3)
    firsts = np.append(rows[:, 0] - 1, chunk_count)
    spans = np.diff(firsts)
    if (count == 0 and chunk_count) or (count and (firsts[0] != 0 or int(spans.min()) < 0)):
        raise MalformedError("its table of chunks is impossible")
    if any(int(each) * int(span) > SAMPLES_LIMIT for each, span in zip(rows[:, 1], spans, strict=True)):
        raise MalformedError("its table of chunks is impossible")
    return np.repeat(rows[:, 1], spans)


def _coding(track: Box) -> UnitCoding | None:
    """How the track's pictures are cut into units; None for codecs that are not looked into."""
    codings = {_entry_coding(entry) for stsd in find(track, *_TABLES, b"stsd") for entry in parse(stsd.payload[8:])[0]}
    if len(codings) > 1:
        raise MalformedError("its parts are coded in different ways")
    return next(iter(codings), None)


def _entry_coding(entry: Box) -> UnitCoding | None:
    if entry.kind not in _CODECS:
        return None
    is_hevc = _CODECS[entry.kind]
    wanted = b"hvcC" if is_hevc else b"avcC"
    found = [child for child in parse(entry.payload[VISUAL_ENTRY_FIELDS:])[0] if child.kind == wanted]
    return UnitCoding.of(found[0].payload, is_hevc=is_hevc) if found else None


def _found(samples: Samples, read: Read, coding: UnitCoding) -> Iterator[tuple[int, list[Patch]]]:
    """Number and patches of each picture that holds a message."""
    for number, (start, size) in enumerate(zip(samples.starts.tolist(), samples.sizes.tolist(), strict=True)):
        patches = sample_patches(read(start, size), coding)
        if patches:
            yield number, [moved(patch, start) for patch in patches]


def _refuse_shared_chunks(moov: Box, samples: Samples, changed: Offsets) -> None:
    """Other tracks may lie in the same bytes: those cannot be closed up."""
    starts = np.sort(np.concatenate([read_offsets(table) for table in offset_tables(moov)]))
    firsts = samples.starts[np.searchsorted(samples.chunks, changed, side="left")]
    lasts = np.searchsorted(samples.chunks, changed, side="right") - 1
    ends = samples.starts[lasts] + samples.sizes[lasts]
    within = np.searchsorted(starts, ends, side="left") - np.searchsorted(starts, firsts, side="left")
    if (within > 1).any():
        raise MalformedError("its tracks share the same bytes")


def _closed_up(samples: Samples, sizes: Offsets, found: list[tuple[int, list[Patch]]]) -> Iterator[Patch]:
    """The patches in the order of the file, with zeros at the end of each chunk for what is missing."""
    last_of_chunk = np.searchsorted(samples.chunks, samples.chunks, side="right") - 1
    saved = samples.sizes - sizes
    ordered = sorted(found, key=lambda item: int(samples.starts[item[0]]))
    for place, (number, patches) in enumerate(ordered):
        yield from patches
        chunk = samples.chunks[number]
        if place + 1 == len(ordered) or samples.chunks[ordered[place + 1][0]] != chunk:
            last = int(last_of_chunk[number])
            end = int(samples.starts[last] + samples.sizes[last])
            first = int(np.searchsorted(samples.chunks, chunk, side="left"))
            yield Patch(end, end, bytes(int(saved[first:last + 1].sum())))


def _with_sizes(moov: Box, track: Box, sizes: Offsets) -> Box:
    body = struct.pack(">III", 0, 0, len(sizes)) + sizes.astype(">u4").tobytes()

    def edit(stbl: Box) -> Box:
        return with_children(stbl, lambda children: [
            Box.make(b"stsz", body) if child.kind == b"stsz" else child for child in children])

    return _with_track(moov, track, descend(track, _TABLES, edit))


def _with_clean_configuration(moov: Box, track: Box, coding: UnitCoding) -> Box:
    def edit_child(child: Box) -> Box:
        if child.kind != b"hvcC":
            return child
        cleaned = configuration_without_message(child.payload, coding)
        return child if cleaned == child.payload else Box.make(b"hvcC", cleaned)

    def edit(stsd: Box) -> Box:
        return with_children(stsd, lambda entries: [
            with_children(entry, lambda children: [edit_child(child) for child in children],
                          fields=VISUAL_ENTRY_FIELDS) for entry in entries], fields=8)

    return _with_track(moov, track, descend(track, (*_TABLES, b"stsd"), edit))


def _with_track(moov: Box, old: Box, new: Box) -> Box:
    if new is old:
        return moov
    return with_children(moov, lambda children: [new if child.raw == old.raw else child for child in children])
