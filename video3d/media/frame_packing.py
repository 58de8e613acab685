"""Finds the frame-packing message (SEI payload 45) in a coded H.264 or HEVC picture, or in the codec's description.

ITU-T H.264 D.1.26 and H.265 D.2.16; both begin with the same fields.
"""

from __future__ import annotations

from collections.abc import Iterator

from video3d.media.file_facts import StereoClaim

_ARRANGEMENTS = {0: "checkerboard", 1: "column interleaved", 2: "row interleaved", 3: "side by side",
                 4: "top and bottom", 5: "frame by frame"}
_FRAME_PACKING = 45


def message(codec: str, configuration: bytes, sample: bytes) -> StereoClaim | None:
    """What the message in `sample` says; None where there is none, or the codec has none."""
    length_size = _length_size(codec, configuration)
    if length_size is None:
        return None
    for unit in (*_described(codec, configuration), *_units(sample, length_size)):
        payload = _supplemental(codec, unit)
        for kind, data in _messages(payload):
            if kind == _FRAME_PACKING:
                return _read(data)
    return None


def _length_size(codec: str, configuration: bytes) -> int | None:
    """Bytes of the length before each unit, from avcC (ISO/IEC 14496-15 §5.3.3.1) or hvcC (§8.3.3.1)."""
    at = {"h264": 4, "hevc": 21}.get(codec)
    return (configuration[at] & 3) + 1 if at is not None and len(configuration) > at else None


def _units(sample: bytes, length_size: int) -> Iterator[bytes]:
    at = 0
    while at + length_size < len(sample):
        size = int.from_bytes(sample[at:at + length_size], "big")
        at += length_size
        yield sample[at:at + size]
        at += size


def _described(codec: str, configuration: bytes) -> Iterator[bytes]:
    """Units of hvcC's arrays (ISO/IEC 14496-15 §8.3.3.1): what holds for all pictures may stand there instead."""
    at, arrays = 23, configuration[22] if codec == "hevc" and len(configuration) > 22 else 0
    for _ in range(arrays):
        count = int.from_bytes(configuration[at + 1:at + 3], "big")
        at += 3
        for _ in range(count if at < len(configuration) else 0):
            size = int.from_bytes(configuration[at:at + 2], "big")
            yield configuration[at + 2:at + 2 + size]
            at += 2 + size


def _supplemental(codec: str, unit: bytes) -> bytes:
    """The messages of a unit without emulation prevention; empty for units that carry none."""
    if codec == "h264" and unit[:1] and unit[0] & 0x1F == 6:
        return unit[1:].replace(b"\0\0\3", b"\0\0")
    if codec == "hevc" and unit[:1] and unit[0] >> 1 & 0x3F == 39:
        return unit[2:].replace(b"\0\0\3", b"\0\0")
    return b""


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(data) and data[at:] != b"\x80":
        kind, at = _chain(data, at)
        size, at = _chain(data, at)
        yield kind, data[at:at + size]
        at += size


def _chain(data: bytes, at: int) -> tuple[int, int]:
    """A number as a run of 255s and a last byte, and where it ends."""
    value = 0
    while at < len(data):
        value += data[at]
        at += 1
        if data[at - 1] != 255:
            break
    return value, at


def _read(data: bytes) -> StereoClaim | None:
    bits = "".join(f"{byte:08b}" for byte in data[:16])
    zeros = len(bits) - len(bits.lstrip("0"))
    fields = bits[2 * zeros + 1:]
    if len(fields) < 15 or fields[0] == "1":
        return None
    packing = _ARRANGEMENTS.get(int(fields[1:8], 2), "stereo")
    return StereoClaim("frame-packing message", packing, swapped=int(fields[9:15], 2) == 2)
