"""The cache's folder: an entry for each video, model and size; in it, files of up to 64 maps.

- A file appears whole, by a rename, and its table and every map carry checksums; a damaged one counts as not there.
- Several workers and programs may read and write at once: each writes files of its own, and what two of them both
  estimated is there twice, alike.
- When the limit is reached, the entries not used for longest go, whole. An entry is never thrown out for its own sake:
  of a film that is larger than the cache the first part stays, rather than none.
"""

from __future__ import annotations

import json
import shutil
import struct
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from video3d.depth_cache.levels import LevelMap, packed, unpacked

MAPS_IN_A_FILE = 64
LEAST_FREE = 1 << 30
"""Bytes of the disk that the cache leaves to others."""
ACTIVE_SECONDS = 120.0
"""An entry used so lately is somebody's at work, and stays."""

_MAGIC = b"v3d-depth\x01"
_HEAD = struct.Struct("<II")
_ROW = struct.Struct("<qqHHddQII")
_ABOUT, _SUFFIX, _PART = "about.json", ".maps", ".part"


class MapKey(NamedTuple):
    """Which map of an entry."""

    time: int
    """Of the frame, in ticks of the source."""
    begin: int
    """Time of the frame that the model's memory began with; 0 for a model without memory."""


@dataclass(frozen=True)
class CacheUse:
    """One entry, for people."""

    source: str
    model: str
    maps: int
    size: int
    """Bytes."""
    used: float
    """When, in seconds since 1970."""


@dataclass(frozen=True)
class _Packed:
    """A map as it lies in a file."""

    body: bytes
    shape: tuple[int, ...]
    low: float
    step: float

    def unpacked(self) -> LevelMap:
        """ValueError where the body is damaged."""
        rows, columns = self.shape
        return LevelMap(unpacked(self.body, (rows, columns)), self.low, self.step)


@dataclass(frozen=True)
class _Place:
    """Where a map lies."""

    file: Path
    offset: int
    size: int
    checksum: int
    shape: tuple[int, int]
    low: float
    step: float

    def read(self) -> _Packed:
        """OSError or ValueError where it is gone or damaged."""
        with self.file.open("rb") as file:
            file.seek(self.offset)
            body = file.read(self.size)
        if zlib.crc32(body) != self.checksum:
            raise ValueError("damaged")
        return _Packed(body, self.shape, self.low, self.step)


class DepthCache:
    """A folder of entries, together not larger than `limit` bytes. The folder is made when something is kept."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit

    def entry(self, key: str, *, source: str, model: str) -> CacheEntry:
        """The entry called `key`; `source` and `model` are told to people."""
        return CacheEntry(self, self.folder / key, {"source": source, "model": model})

    def uses(self) -> list[CacheUse]:
        """All entries, the one used last first."""
        found = [_use(folder) for folder in self._entries()]
        return sorted(found, key=lambda use: -use.used)

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(_size(folder) for folder in self._entries())

    def clear(self) -> None:
        """Delete all entries."""
        for folder in self._entries():
            shutil.rmtree(folder, ignore_errors=True)

    def make_room(self, size: int, beside: Path) -> bool:
        """Whether `size` more bytes fit; for that, entries other than `beside` are deleted, the one unused for longest
        first."""
        if shutil.disk_usage(self.folder).free < size + LEAST_FREE:
            return False
        sizes = {folder: _size(folder) for folder in self._entries()}
        total = sum(sizes.values())
        now = time.time()
        for folder in sorted(sizes, key=_used):
            if total + size <= self.limit:
                break
            if folder != beside and now - _used(folder) > ACTIVE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
                total -= sizes[folder]
        return total + size <= self.limit

    def _entries(self) -> list[Path]:
        return [folder for folder in self.folder.iterdir() if folder.is_dir()] if self.folder.is_dir() else []


class CacheEntry:
    """The maps of one video by one model. Not to be shared between threads."""

    def __init__(self, cache: DepthCache, folder: Path, about: dict[str, str]) -> None:
        self._cache = cache
        self._folder = folder
        self._about = about
        self._places: dict[MapKey, _Place] = {}
        self._waiting: dict[MapKey, _Packed] = {}
        self.problem = ""
        """Why nothing is kept any more, once that is so."""

    def look_up(self, keys: Iterable[MapKey]) -> None:
        """Find out which of these maps are kept, by whomever; only they can be had until the next look."""
        wanted = set(keys)
        self._places = {}
        if not wanted:
            return
        first, last = min(key.time for key in wanted), max(key.time for key in wanted)
        for file in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError, ValueError):
                begin, end, _ = file.name.split("_")
                if int(begin) <= last and int(end) >= first:
                    self._places.update((key, place) for key, place in _table(file) if key in wanted)
        if self._places:
            with suppress(OSError):
                (self._folder / _ABOUT).touch()

    def holds(self, keys: Iterable[MapKey]) -> bool:
        """Whether all of these maps are kept, as far as is known since the last look."""
        return all(key in self._places or key in self._waiting for key in keys)

    def get(self, key: MapKey) -> LevelMap | None:
        """The map, or None where it is not kept, or damaged."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            return waiting.unpacked()
        place = self._places.get(key)
        if place is None:
            return None
        try:
            return place.read().unpacked()
        except OSError:  # thrown out by another program
            del self._places[key]
        except ValueError:
            del self._places[key]
            with suppress(OSError):  # a whole one may take its place
                place.file.unlink(missing_ok=True)
        return None

    def put(self, key: MapKey, near: LevelMap) -> None:
        """Keep a map; it is on the disk after at most 63 more, or `flush`."""
        if self.problem or self.holds([key]):
            return
        self._waiting[key] = _Packed(packed(near.levels), near.levels.shape, near.low, near.step)
        if len(self._waiting) >= MAPS_IN_A_FILE:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Never fails: a cache that cannot write keeps nothing more, and says so in `problem`."""
        waiting, self._waiting = self._waiting, {}
        if not waiting or self.problem:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            content = _content(waiting)
            if self._cache.make_room(len(content), self._folder):
                self._write(content, min(key.time for key in waiting), max(key.time for key in waiting))
            else:
                self.problem = "there is no room for more"
        except OSError as problem:
            self.problem = problem.strerror or str(problem)

    def _write(self, content: bytes, first: int, last: int) -> None:
        about = self._folder / _ABOUT
        if not about.exists():
            about.write_text(json.dumps(self._about), encoding="utf-8")
        about.touch()
        target = self._folder / f"{first}_{last}_{uuid.uuid4().hex}{_SUFFIX}"
        part = target.with_suffix(_PART)
        try:
            part.write_bytes(content)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _content(maps: dict[MapKey, _Packed]) -> bytes:
    """A file: head, table, the table's checksum, and the packed maps one after the other."""
    offset = len(_MAGIC) + _HEAD.size + len(maps) * _ROW.size
    table = b""
    for key, item in maps.items():
        table += _ROW.pack(*key, *item.shape, item.low, item.step, offset, len(item.body), zlib.crc32(item.body))
        offset += len(item.body)
    return b"".join([_MAGIC, _HEAD.pack(len(maps), zlib.crc32(table)), table, *(item.body for item in maps.values())])


def _table(path: Path) -> Iterator[tuple[MapKey, _Place]]:
    """Where a file's maps lie; ValueError where the file is damaged."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("not a file of maps")
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise ValueError("cut short")
        count, checksum = _HEAD.unpack(head)
        table = file.read(count * _ROW.size) if count <= MAPS_IN_A_FILE else b""
    if len(table) != count * _ROW.size or zlib.crc32(table) != checksum:
        raise ValueError("damaged")
    for moment, begin, rows, columns, low, step, offset, size, body_checksum in _ROW.iter_unpack(table):
        yield MapKey(moment, begin), _Place(path, offset, size, body_checksum, (rows, columns), low, step)


def _size(folder: Path) -> int:
    total = 0
    with suppress(OSError):  # another program may throw it out meanwhile
        for file in folder.iterdir():
            total += file.stat().st_size
    return total


def _used(folder: Path) -> float:
    for file in (folder / _ABOUT, folder):
        with suppress(OSError):
            return file.stat().st_mtime
    return 0.0


def _use(folder: Path) -> CacheUse:
    source = model = ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        source, model = str(about["source"]), str(about["model"])
    maps = 0
    for file in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError, ValueError):
            maps += len(dict(_table(file)))
    return CacheUse(source, model, maps, _size(folder), _used(folder))
