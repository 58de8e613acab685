"""How the media worker talks: a JSON header, and after it, raw bytes where there are any.

Each message is a little-endian uint32 with the header's length, the header, and `size` bytes of payload (a frame's
planes, one after the other, without padding).
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from enum import Enum
from typing import IO, Any, cast


class Delivery(Enum):
    """What is delivered of each picture."""

    WHOLE = "whole"
    SMALL = "small"
    """A small one, on which cuts are found."""
    BOTH = "both"


_LENGTH = struct.Struct("<I")
_LARGEST_HEADER = 64 << 20


def write_message(stream: IO[bytes], header: dict[str, Any], payload: Sequence[memoryview] = ()) -> None:
    """Send `header`, then the bytes of `payload`."""
    size = sum(part.nbytes for part in payload)
    text = json.dumps({**header, "size": size}, ensure_ascii=True).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    for part in payload:
        stream.write(part)
    stream.flush()


def read_header(stream: IO[bytes]) -> dict[str, Any] | None:
    """The next header; None at the end of the stream. Its `size` bytes of payload must be read by the caller."""
    prefix = read_exactly(stream, _LENGTH.size)
    if prefix is None:
        return None
    (length,) = _LENGTH.unpack(prefix)
    if length > _LARGEST_HEADER:
        raise ValueError("a message header of absurd length")
    text = read_exactly(stream, length)
    return None if text is None else json.loads(bytes(text))


def read_exactly(stream: IO[bytes], size: int) -> bytearray | None:
    """Exactly `size` bytes, or None where the stream ends before."""
    data = bytearray(size)
    return data if read_into(stream, memoryview(data)) else None


def read_into(stream: IO[bytes], view: memoryview) -> bool:
    """Fill `view`; False where the stream ends before."""
    done = 0
    while done < view.nbytes:
        count = cast("io.BufferedIOBase", stream).readinto(view[done:])
        if not count:
            return False
        done += count
    return True
