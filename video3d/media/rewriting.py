"""Copies a file with parts of it replaced: nothing half-written stays, and memory does not grow with the file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO

from video3d.errors import SourceError, TargetError

STAGE = "label"
COPY_BLOCK = 1024 * 1024


def never_stops() -> None:
    """A check that lets everything go on."""


class MalformedError(ValueError):
    """The structure contradicts itself, or is one that this editor refuses; the text says which."""


@dataclass(frozen=True)
class Patch:
    """New bytes for the bytes `start` to `end` of a file; both may be none."""

    start: int
    end: int
    data: bytes


Read = Callable[[int, int], bytes]
"""`read(start, size)`: so many bytes of the source from there; MalformedError where it ends before."""


def reading(reader: IO[bytes]) -> Read:
    """The `Read` of an open file."""
    def read(start: int, size: int) -> bytes:
        reader.seek(start)
        data = reader.read(size)
        if len(data) < size:
            raise MalformedError("its header points at media that are not there")
        return data

    return read


def moved(patch: Patch, by: int) -> Patch:
    """The same patch, so many bytes further on."""
    return Patch(patch.start + by, patch.end + by, patch.data)


def pieces(start: int, end: int, patches: Sequence[Patch]) -> Iterator[bytes | tuple[int, int]]:
    """The bytes `start` to `end` of a patched file: new bytes, and ranges of the old ones.

    `patches` are sorted, do not overlap, and lie within the range.
    """
    for patch in patches:
        if start < patch.start:
            yield start, patch.start
        if patch.data:
            yield patch.data
        start = patch.end
    if start < end:
        yield start, end


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


def copy_range(reader: BufferedReader, writer: IO[bytes], start: int, end: int, source: Path,
               check: Callable[[], None] = never_stops) -> None:
    """Bytes `start` to `end` of the reader appended to the writer, a block at a time; SourceError if they end early.

    `check` is called before each block and may raise.
    """
    reader.seek(start)
    left = end - start
    block = memoryview(bytearray(min(left, COPY_BLOCK)))
    while left:
        check()
        # One buffer for all blocks: fresh ones cost more than the copy itself.
        count = reader.readinto(block[:min(left, COPY_BLOCK)])
        if not count:
            raise SourceError(f"{source} became shorter while it was read.", stage=STAGE, remedy="Try again.")
        writer.write(block[:count])
        left -= count
