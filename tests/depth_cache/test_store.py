"""Maps come back bit for bit or not at all, whoever wrote them and whatever happened to the files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from video3d.depth_cache import store
from video3d.depth_cache.levels import LevelMap, to_levels
from video3d.depth_cache.store import CacheEntry, DepthCache, MapKey


def a_map(number: int) -> LevelMap:
    return to_levels(np.random.default_rng(number + 1000).random((20, 30)).astype(np.float32))


def keys(numbers: range) -> list[MapKey]:
    return [MapKey(number, 0) for number in numbers]


def entry(folder: Path, name: str = "film", limit: int = 1 << 30) -> CacheEntry:
    return DepthCache(folder, limit).entry(name, source=f"{name}.mp4", model="net")


def filled(folder: Path, numbers: range, name: str = "film", limit: int = 1 << 30) -> CacheEntry:
    made = entry(folder, name, limit)
    for number in numbers:
        made.put(MapKey(number, 0), a_map(number))
    made.flush()
    return made


def found(folder: Path, numbers: range, name: str = "film") -> list[int]:
    """Numbers of the maps that are there; each is what was put."""
    made = entry(folder, name)
    made.look_up(keys(numbers))
    maps = {number: made.get(MapKey(number, 0)) for number in numbers}
    for number, kept in maps.items():
        if kept is not None:
            np.testing.assert_array_equal(kept.restored(), a_map(number).restored())
    return [number for number, kept in maps.items() if kept is not None]


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    filled(tmp_path, range(-5, 130))
    assert found(tmp_path, range(-5, 130)) == list(range(-5, 130))
    assert found(tmp_path, range(128, 140)) == [128, 129]
    assert found(tmp_path, range(10), "other") == []


def test_what_waits_can_be_had_too(tmp_path: Path) -> None:
    made = entry(tmp_path)
    made.put(MapKey(1, 0), a_map(1))
    assert not list(tmp_path.rglob("*.maps"))
    kept = made.get(MapKey(1, 0))
    assert kept is not None
    assert made.holds(keys(range(1, 2)))
    assert not made.holds(keys(range(3)))
    np.testing.assert_array_equal(kept.levels, a_map(1).levels)


def test_maps_of_a_model_with_memory_are_kept_apart(tmp_path: Path) -> None:
    made = entry(tmp_path)
    made.put(MapKey(7, 0), a_map(0))
    made.put(MapKey(7, 5), a_map(1))
    made.flush()
    made.look_up([MapKey(7, 0), MapKey(7, 5), MapKey(7, 6)])
    kept = [made.get(MapKey(7, begin)) for begin in (0, 5, 6)]
    assert [item is None for item in kept] == [False, False, True]
    assert kept[0] is not None
    np.testing.assert_array_equal(kept[0].levels, a_map(0).levels)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.99])
def test_a_file_cut_short_gives_no_wrong_map(tmp_path: Path, share: float) -> None:
    filled(tmp_path, range(20))
    (file,) = tmp_path.rglob("*.maps")
    os.truncate(file, int(share * file.stat().st_size))
    there = found(tmp_path, range(20))
    assert len(there) < 20
    filled(tmp_path, range(20))  # and is made good
    assert found(tmp_path, range(20)) == list(range(20))


def test_no_changed_byte_gives_a_wrong_map(tmp_path: Path) -> None:
    filled(tmp_path, range(6))
    (file,) = tmp_path.rglob("*.maps")
    whole = file.read_bytes()
    for place in range(0, len(whole), 37):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1:])
        assert len(found(tmp_path, range(6))) < 6


def test_two_workers_write_the_same_entry(tmp_path: Path) -> None:
    one, other = entry(tmp_path), entry(tmp_path)
    for number in range(100):
        one.put(MapKey(number, 0), a_map(number))
        other.put(MapKey(number + 50, 0), a_map(number + 50))
    one.flush()
    other.flush()
    assert found(tmp_path, range(150)) == list(range(150))


def test_processes_at_once(tmp_path: Path) -> None:
    program = ("import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
               "from tests.depth_cache.test_store import filled\n"
               "filled(Path(sys.argv[1]), range(int(sys.argv[3]), 90, 2), limit=1 << 20)")
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(root), str(first)], cwd=root)
               for first in (0, 1, 0)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert found(tmp_path, range(90)) == list(range(90))
    assert not list(tmp_path.rglob("*.part"))


def age(folder: Path, name: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(folder / name / "about.json", (then, then))


def test_the_entry_unused_for_longest_goes(tmp_path: Path) -> None:
    for name, seconds in (("old", 4000), ("older", 8000), ("newer", 1000)):
        filled(tmp_path, range(10), name)
        age(tmp_path, name, seconds)
    size = DepthCache(tmp_path, 0).size()
    found(tmp_path, range(10), "older")  # reading is use
    filled(tmp_path, range(10), "new", limit=size + 10)
    assert {use.source for use in DepthCache(tmp_path, 0).uses()} == {"older.mp4", "newer.mp4", "new.mp4"}
    assert DepthCache(tmp_path, 0).size() <= size + 10


def test_of_what_is_too_large_the_first_part_stays(tmp_path: Path) -> None:
    filled(tmp_path, range(64), "first")
    limit = DepthCache(tmp_path, 0).size() * 5 // 2
    age(tmp_path, "first", 9000)
    made = filled(tmp_path, range(64 * 5), "large", limit)
    assert made.problem == "there is no room for more"
    assert found(tmp_path, range(64 * 5), "large") == list(range(128))
    assert DepthCache(tmp_path, 0).size() <= limit


def test_what_somebody_is_at_work_on_stays(tmp_path: Path) -> None:
    filled(tmp_path, range(10), "active")
    made = filled(tmp_path, range(10), "mine", DepthCache(tmp_path, 0).size() + 10)
    assert made.problem
    assert found(tmp_path, range(10), "active") == list(range(10))


def test_a_full_disk_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LEAST_FREE", 1 << 62)
    assert filled(tmp_path, range(3)).problem
    assert not list(tmp_path.rglob("*.maps"))


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    made = filled(tmp_path / "cache", range(3))
    assert made.problem
    made.put(MapKey(9, 0), a_map(9))
    assert made.get(MapKey(9, 0)) is None


def test_people_see_what_is_kept_and_clear_it(tmp_path: Path) -> None:
    cache = DepthCache(tmp_path / "cache", 0)
    assert cache.uses() == []
    filled(cache.folder, range(5))
    (use,) = cache.uses()
    assert (use.source, use.model, use.maps) == ("film.mp4", "net", 5)
    assert use.size == cache.size() > 0
    assert abs(use.used - time.time()) < 60
    cache.clear()
    assert cache.size() == 0
