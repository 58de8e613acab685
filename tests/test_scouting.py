from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from video3d.errors import SourceError
from video3d.scouting import ShotList, ShotScout


@pytest.fixture
def scout() -> Iterator[ShotScout]:
    made = ShotScout()
    yield made
    made.close()


def wait(scout: ShotScout, source: Path) -> ShotList:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = scout.shots(source)
        if found.complete or found.problem is not None:
            return found
        time.sleep(0.02)
    raise AssertionError("the search does not end")


def test_the_cut_is_found(scout: ShotScout, small_clip: Path) -> None:
    found = wait(scout, small_clip)
    assert found.starts == pytest.approx((0.0, 1.0), abs=0.02)
    assert found.covered == pytest.approx(2.0, abs=0.1)
    assert [shot.thumbnail is not None for shot in found.shots] == [True, True]
    assert scout.shots(small_clip) is found, "it is remembered"


def test_a_file_that_is_no_video_is_told(scout: ShotScout, tmp_path: Path) -> None:
    file = tmp_path / "no.mp4"
    file.write_bytes(b"nothing")
    found = wait(scout, file)
    assert isinstance(found.problem, SourceError)
    assert not found.complete


def test_other_videos_wait_until_nobody_asks_for_the_first(
        scout: ShotScout, small_clip: Path, make_clip: Callable[..., Path], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    long = make_clip("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=60", "-preset", "ultrafast")
    other = tmp_path / "other.mp4"
    other.write_bytes(long.read_bytes())
    assert not scout.shots(long).complete
    assert not scout.shots(other).complete
    assert scout.shots(small_clip) == ShotList(), "two at once"
    monkeypatch.setattr("video3d.scouting.FORGOTTEN_SECONDS", 0.0)
    assert len(wait(scout, small_clip).starts) == 2
    scout.shots(other)  # closing ends this one: the suite's own check sees that no thread is left


def test_a_changed_file_is_looked_at_anew(scout: ShotScout, small_clip: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(small_clip.read_bytes())
    first = wait(scout, copy)
    copy.write_bytes(small_clip.read_bytes() + b"\0" * 8)
    assert scout.shots(copy) is not first
