"""Takes frame-packing messages out of the pictures of a Matroska file without moving anything else.

A block that becomes smaller is followed by a void of what is missing, so that clusters keep their sizes and places.
Sources: RFC 8794 (void elements), RFC 9559 §5.1.3.5.2 (blocks), §5.1.4.1.31 (header stripping).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from video3d.media.elements import (
    CRC_32,
    VOID,
    ClusterPatches,
    Element,
    id_bytes,
    master,
    parse,
    read_header,
    size_bytes,
)
from video3d.media.message_removal import UnitCoding, configuration_without_message, sample_patches
from video3d.media.rewriting import MalformedError, Patch, Read, moved

_TRACK_NUMBER, _CODEC_ID, _CODEC_PRIVATE, _ENCODINGS = 0xD7, 0x86, 0x63A2, 0x6D80
_ENCODING, _COMPRESSION, _ALGORITHM, _SETTINGS, _ENCODING_TYPE = 0x6240, 0x5034, 0x4254, 0x4255, 0x5033
_BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK = 0xA0, 0xA1, 0xA3
_HEADER_STRIPPING = 3
_LACED = 6
_CODECS = {b"V_MPEG4/ISO/AVC": False, b"V_MPEGH/ISO/HEVC": True}
"""Codecs whose pictures are looked into, and whether they are HEVC."""


@dataclass(frozen=True)
class _Place:
    """An element in the file."""

    id: int
    start: int
    payload: int
    end: int


def without_messages(track: Element, read: Read) -> tuple[Element, ClusterPatches]:
    """A video's track entry without frame-packing messages in its codec's description, and what to change in clusters.

    MalformedError, now or from the second: its pictures are compressed once more, or share blocks.
    """
    children = parse(track.payload)
    values = {child.id: child.payload for child in children}
    is_hevc = _CODECS.get(values.get(_CODEC_ID, b"").rstrip(b"\0"))
    coding = None if is_hevc is None else UnitCoding.of(values.get(_CODEC_PRIVATE, b""), is_hevc=is_hevc)
    if coding is None:
        return track, lambda _payload, _end: []
    number = int.from_bytes(values.get(_TRACK_NUMBER, b""), "big")
    prefix = _stripped(values.get(_ENCODINGS, b""))
    cleaned = [Element(_CODEC_PRIVATE, configuration_without_message(child.payload, coding))
               if child.id == _CODEC_PRIVATE else child for child in children]

    def patches(payload: int, end: int) -> list[Patch]:
        found = [patch for block in _blocks(read, payload, end)
                 for patch in _block_patches(read, block, number, coding, prefix)]
        return [*_without_checksum(read, payload, end), *found] if found else []

    return master(track.id, cleaned), patches


def _stripped(encodings: bytes) -> bytes:
    """What is taken off the beginning of every picture, and put back by players."""
    prefix = b""
    for encoding in (child for child in parse(encodings) if child.id == _ENCODING):
        values = {child.id: child.payload for child in parse(encoding.payload)}
        compression = {child.id: child.payload for child in parse(values.get(_COMPRESSION, b""))}
        kind = int.from_bytes(values.get(_ENCODING_TYPE, b""), "big")
        if prefix or kind or int.from_bytes(compression.get(_ALGORITHM, b""), "big") != _HEADER_STRIPPING:
            raise MalformedError("its pictures are compressed or encrypted once more")
        prefix = compression.get(_SETTINGS, b"")
    return prefix


def _places(read: Read, start: int, end: int) -> Iterator[_Place]:
    while start < end:
        identifier, size, header = read_header(read(start, min(12, end - start)))
        if size is None or size > end - start - header:
            raise MalformedError(f"it is cut short or damaged at byte {start}")
        yield _Place(identifier, start, start + header, start + header + size)
        start += header + size


def _blocks(read: Read, start: int, end: int) -> Iterator[_Place]:
    for place in _places(read, start, end):
        if place.id == _SIMPLE_BLOCK:
            yield place
        elif place.id == _BLOCK_GROUP:
            yield from (inner for inner in _places(read, place.payload, place.end) if inner.id == _BLOCK)


def _block_patches(read: Read, block: _Place, number: int, coding: UnitCoding, prefix: bytes) -> list[Patch]:
    head = read(block.payload, min(12, block.end - block.payload))
    width = 9 - head[0].bit_length() if head else 9
    if len(head) < width + 3:
        raise MalformedError(f"it is damaged at byte {block.start}")
    if int.from_bytes(head[:width], "big") & ((1 << 7 * width) - 1) != number:
        return []
    if head[width + 2] & _LACED:
        raise MalformedError("several of its pictures share a block")
    at = block.payload + width + 3
    sample = prefix + read(at, block.end - at)
    found = [_behind(patch, prefix, sample) for patch in sample_patches(sample, coding)]
    if not found:
        return []
    if any(later.start < earlier.end for earlier, later in itertools.pairwise(found)):
        raise MalformedError("the beginning that is taken off its pictures would change")
    freed = sum(patch.end - patch.start - len(patch.data) for patch in found)
    return [*_resized(block, freed), *(moved(patch, at - len(prefix)) for patch in found), *_void(block.end, freed)]


def _behind(patch: Patch, prefix: bytes, sample: bytes) -> Patch:
    """A patch that leaves the stripped beginning alone: the bytes that take its place must begin in the same way."""
    inside = len(prefix) - patch.start
    if inside <= 0:
        return patch
    instead = patch.data or sample[patch.end:]
    if instead[:inside] != prefix[patch.start:]:
        raise MalformedError("the beginning that is taken off its pictures would change")
    return Patch(len(prefix), patch.end + (0 if patch.data else inside), patch.data[inside:])


def _resized(block: _Place, freed: int) -> Sequence[Patch]:
    """The block's new header, as long as the old one; one byte longer where that is all there is to fill."""
    width = block.payload - block.start - len(id_bytes(block.id)) + (freed == 1)
    if width > 8:
        raise MalformedError("a block has no room for its new size")
    size = size_bytes(block.end - block.payload - freed, width=width)
    return [Patch(block.start, block.payload, id_bytes(block.id) + size)]


def _void(at: int, freed: int) -> Sequence[Patch]:
    if freed < 2:
        return []
    width = 1 if freed < 128 else 8 if freed > 1 << 20 else 3
    rest = freed - 1 - width
    return [Patch(at, at, id_bytes(VOID) + size_bytes(rest, width=width) + bytes(rest))]


def _without_checksum(read: Read, payload: int, end: int) -> Sequence[Patch]:
    """A cluster's checksum comes first and is wrong now: it becomes a void of the same size."""
    is_checked = end > payload and read(payload, 1)[0] == CRC_32
    return [Patch(payload, payload + 1, id_bytes(VOID))] if is_checked else []
