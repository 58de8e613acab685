"""Messages come out as they went in, and a stream that ends anywhere is an end, not a fault."""

from __future__ import annotations

import io
import os
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video3d.media.protocol import read_exactly, read_header, read_into, write_message

HEADERS = st.dictionaries(
    st.text(max_size=6).filter(lambda key: key != "size"),
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=8) | st.lists(st.integers()),
    max_size=4)
MESSAGES = st.lists(st.tuples(HEADERS, st.lists(st.binary(max_size=20), max_size=3)), max_size=4)


class Trickle(io.RawIOBase):
    """A stream that gives few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int) -> None:
        self._rest = data
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        piece = self._rest[: min(self._step, len(view))]
        view[: len(piece)] = piece
        self._rest = self._rest[len(piece):]
        return len(piece)


@settings(max_examples=60, deadline=None)
@given(messages=MESSAGES, step=st.integers(1, 7))
def test_a_round_trip_changes_nothing(messages: list[tuple[dict[str, Any], list[bytes]]], step: int) -> None:
    sent = io.BytesIO()
    for header, payload in messages:
        write_message(sent, header, [memoryview(part) for part in payload])
    stream: Any = Trickle(sent.getvalue(), step)
    for header, payload in messages:
        got = read_header(stream)
        assert got == {**header, "size": sum(map(len, payload))}
        assert read_exactly(stream, got["size"]) == b"".join(payload)
    assert read_header(stream) is None


def test_planes_are_sent_as_bytes_whatever_their_type() -> None:
    plane = np.arange(12, dtype=np.uint16).reshape(3, 4)
    stream = io.BytesIO()
    write_message(stream, {"kind": "picture"}, [plane.data.cast("B"), plane.data])
    stream.seek(0)
    assert read_header(stream) == {"kind": "picture", "size": 48}
    got = np.empty((2, 3, 4), np.uint16)
    assert read_into(stream, got.data.cast("B"))
    np.testing.assert_array_equal(got, [plane, plane])


def test_a_stream_that_ends_anywhere_ends() -> None:
    stream = io.BytesIO()
    write_message(stream, {"kind": "picture", "pts": 5}, [memoryview(b"abcdef")])
    whole = stream.getvalue()
    (length,) = struct.unpack("<I", whole[:4])
    for cut in range(len(whole)):
        part = io.BytesIO(whole[:cut])
        header = read_header(part)
        if cut < 4 + length:
            assert header is None
        else:
            assert header is not None
            assert read_exactly(part, header["size"]) is None


def test_nothing_is_read_beyond_the_message() -> None:
    stream = io.BytesIO()
    write_message(stream, {"a": 1})
    end = stream.tell()
    stream.write(b"rest")
    stream.seek(0)
    read_header(stream)
    assert stream.tell() == end
    assert read_exactly(stream, 0) == b""


def test_a_length_that_no_message_has_is_refused() -> None:
    """As when something else wrote into the pipe: memory must not be asked for."""
    with pytest.raises(ValueError, match="absurd"):
        read_header(io.BytesIO(b"ERROR: no such thing\n"))


def test_a_pipe_carries_more_than_it_holds() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        write_message(writer, {"kind": "small"}, [memoryview(bytes(4000))])
        assert read_header(reader) == {"kind": "small", "size": 4000}
        assert read_exactly(reader, 4000) == bytes(4000)
