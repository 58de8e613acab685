"""Takes the frame-packing message (SEI payload 45) out of coded H.264 and HEVC pictures; everything else stays.

The message belongs to no picture: decoders give the same samples without it. Shares nothing with the reader in
`frame_packing`, so that it can check this work. Sources: ITU-T H.264 §7.3.1, §7.3.2.3; ITU-T H.265 §7.3.1, §7.3.5;
ISO/IEC 14496-15 §5.3.3.1 (avcC), §8.3.3.1 (hvcC).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from video3d.media.rewriting import MalformedError, Patch

FRAME_PACKING = 45
_HVCC_ARRAYS = 22
"""Where hvcC's count of arrays lies."""
_NEEDS_ESCAPE = re.compile(rb"\0\0(?=[\0-\3])")


@dataclass(frozen=True)
class UnitCoding:
    """How a track's pictures are cut into units."""

    is_hevc: bool
    length_size: int
    """Bytes of the length before each unit."""

    @classmethod
    def of(cls, configuration: bytes, *, is_hevc: bool) -> UnitCoding | None:
        """As avcC or hvcC says; None where it is too short to say."""
        at = 21 if is_hevc else 4
        return cls(is_hevc, (configuration[at] & 3) + 1) if len(configuration) > at else None

    @property
    def header_size(self) -> int:
        """Bytes of a unit before its payload."""
        return 2 if self.is_hevc else 1

    def is_supplemental(self, first_byte: int) -> bool:
        """Whether a unit that begins so holds messages that may be of this kind."""
        return first_byte >> 1 & 0x3F == 39 if self.is_hevc else first_byte & 0x1F == 6


def sample_patches(sample: bytes, coding: UnitCoding) -> list[Patch]:
    """What to change in one picture's bytes, places counted from its start; empty where there is no message."""
    found: list[Patch] = []
    width = coding.length_size
    for start, end in _units(sample, width):
        if end > start and coding.is_supplemental(sample[start]):
            unit = sample[start:end]
            kept = unit_without_message(unit, coding)
            if kept != unit:
                found.append(Patch(start - width, end, len(kept).to_bytes(width, "big") + kept if kept else b""))
    return found


def unit_without_message(unit: bytes, coding: UnitCoding) -> bytes:
    """A unit of messages without the frame-packing one; empty where nothing is left, the same where it has none."""
    header, data = unit[:coding.header_size], unit[coding.header_size:].replace(b"\0\0\3", b"\0\0")
    kept: list[bytes] = []
    at = 0
    has_message = False
    while len(data) - at >= 2:
        kind, payload = _number(data, at)
        size, payload = _number(data, payload)
        end = min(payload + size, len(data))
        if kind == FRAME_PACKING:
            has_message = True
        else:
            kept.append(data[at:end])
        at = end
    if not has_message:
        return unit
    tail = data[at:] or b"\x80"
    return header + _NEEDS_ESCAPE.sub(b"\0\0\3", b"".join(kept) + tail) if kept else b""


def configuration_without_message(hvcc: bytes, coding: UnitCoding) -> bytes:
    """`hvcC` whose arrays hold no frame-packing message; `avcC` has no place for one and is returned as it is."""
    if not coding.is_hevc or len(hvcc) <= _HVCC_ARRAYS:
        return hvcc
    written: list[bytes] = []
    at = _HVCC_ARRAYS + 1
    for _ in range(hvcc[_HVCC_ARRAYS]):
        kind, count = hvcc[at:at + 1], int.from_bytes(hvcc[at + 1:at + 3], "big")
        at += 3
        if not kind:
            raise MalformedError("its codec's description is cut short")
        units: list[bytes] = []
        for _ in range(count):
            size = int.from_bytes(hvcc[at:at + 2], "big")
            unit = hvcc[at + 2:at + 2 + size]
            at += 2 + size
            if len(unit) < size:
                raise MalformedError("its codec's description is cut short")
            is_supplemental = size > 0 and coding.is_supplemental(unit[0])
            units.append(unit_without_message(unit, coding) if is_supplemental else unit)
        left = [unit for unit in units if unit]
        if left or not count:
            written.append(kind + len(left).to_bytes(2, "big") + b"".join(
                len(unit).to_bytes(2, "big") + unit for unit in left))
    head = hvcc[:_HVCC_ARRAYS] + bytes([len(written)])
    return head + b"".join(written) + hvcc[at:]


def _units(sample: bytes, length_size: int) -> Iterator[tuple[int, int]]:
    """Where each unit begins and ends, without its length; one that is cut short ends with the picture."""
    at = 0
    while at + length_size < len(sample):
        start = at + length_size
        at = start + int.from_bytes(sample[at:start], "big")
        yield start, min(at, len(sample))


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number as a run of 255s and a last byte, and where it ends."""
    value = 0
    while at < len(data):
        value += data[at]
        at += 1
        if data[at - 1] != 255:
            break
    return value, at
