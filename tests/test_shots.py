"""Cuts are found and nothing else is; units cover every frame once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video3d.shots import LOOK_AHEAD, THUMBNAIL_SIZE, CutDetector, Thumbnail, UnitGatherer, UnitLimits
from video3d.types import Unit

Picture = npt.NDArray[np.uint8]


def scene(seed: int) -> Picture:
    """A picture wider than a thumbnail, to pan over."""
    columns, rows = THUMBNAIL_SIZE
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((rows, columns * 2)).astype(np.float32), (0, 0), 5)
    picture = cv2.normalize(noise, None, 40, 200, cv2.NORM_MINMAX)
    for _ in range(12):
        x, y = rng.integers(0, columns * 2), rng.integers(0, rows)
        cv2.circle(picture, (int(x), int(y)), int(rng.integers(4, 14)), float(rng.integers(30, 220)), -1)
    return picture.astype(np.uint8)


def shot(seed: int, length: int, speed: float = 1.0) -> list[Picture]:
    whole = scene(seed)
    return [whole[:, int(n * speed) % THUMBNAIL_SIZE[0]:][:, :THUMBNAIL_SIZE[0]].copy() for n in range(length)]


def cuts_of(pictures: Sequence[Picture]) -> list[int]:
    detector = CutDetector()
    found: list[int] = []
    for n, picture in enumerate(pictures):
        grey = np.full((THUMBNAIL_SIZE[1] // 2, THUMBNAIL_SIZE[0] // 2), 128, np.uint8)
        for cut in detector.push(Thumbnail(picture, grey, grey)):
            assert n - cut <= LOOK_AHEAD
            found.append(cut)
    return found + detector.flush()


def test_cuts_are_found_where_they_are() -> None:
    assert cuts_of(shot(1, 20) + shot(2, 30) + shot(3, 9)) == [20, 50]


@pytest.mark.parametrize("length", [2, 3, 5])
def test_short_shots_are_found(length: int) -> None:
    pictures = [picture for seed in range(12) for picture in shot(seed, length)]
    assert cuts_of(pictures) == list(range(length, 12 * length, length))


def test_cuts_at_the_very_ends_are_found() -> None:
    assert cuts_of(shot(1, 1) + shot(2, 12)) == [1]
    assert cuts_of(shot(1, 12) + shot(2, 1)) == [12]


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_hardly_any_frames(length: int) -> None:
    assert cuts_of(shot(1, length)) == []


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("flash", [lambda p: np.full_like(p, 235), lambda p: cv2.add(cv2.multiply(p, 1.8), 50)])
def test_a_flash_is_no_cut(length: int, flash: Callable[[Picture], Picture]) -> None:
    pictures = shot(1, 40)
    pictures[20:20 + length] = [flash(picture) for picture in pictures[20:20 + length]]
    assert cuts_of(pictures) == []


@pytest.mark.parametrize("length", [6, 12, 24])
def test_a_dissolve_is_no_cut(length: int) -> None:
    before, after = shot(1, 20 + length), shot(2, 20 + length)
    shares = np.clip((np.arange(20 + length) - 10) / length, 0, 1)
    assert cuts_of([cv2.addWeighted(a, 1 - share, b, share, 0)
                    for a, b, share in zip(before, after, shares, strict=True)]) == []


def test_a_fade_is_no_cut_but_what_follows_black_begins_a_shot() -> None:
    fade = [cv2.addWeighted(p, 1 - n / 12, np.full_like(p, 16), n / 12, 0) for n, p in enumerate(shot(1, 13))]
    black = [np.full_like(fade[0], 16)] * 6
    cuts = cuts_of(shot(1, 5) + fade + black + fade[::-1])
    assert len(cuts) == 1
    assert 5 + 13 + 6 - 1 <= cuts[0] <= 5 + 13 + 6 + 3


def test_a_fast_pan_is_no_cut() -> None:
    assert cuts_of(shot(4, 20, speed=7)) == []


def units_of(times: Sequence[Fraction], cuts: Sequence[int], limits: UnitLimits | None = None,
             end: Fraction | None = None) -> list[Unit]:
    gatherer = UnitGatherer(limits, end)
    units = [*(gatherer.push(time, n in cuts) for n, time in enumerate(times)), gatherer.flush()]
    return [unit for unit in units if unit is not None]


def steady(count: int, rate: int) -> list[Fraction]:
    return [Fraction(n, rate) for n in range(count)]


@settings(max_examples=150, deadline=None)
@given(gaps=st.lists(st.sampled_from([Fraction(1, 24), Fraction(1, 3), Fraction(1), Fraction(9), Fraction(45)]),
                     max_size=120), seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.05, 0.5]))
def test_units_cover_every_frame_once(gaps: list[Fraction], seed: int, share: float) -> None:
    times = [sum(gaps[:n], Fraction(0)) for n in range(len(gaps) + 1)]
    chance = np.random.default_rng(seed)
    cuts = [n for n in range(1, len(times)) if chance.random() < share]
    units = units_of(times, cuts)
    assert [unit.index for unit in units] == list(range(len(units)))
    assert [n for unit in units for n in range(unit.first, unit.last + 1)] == list(range(len(times)))
    for unit in units:
        assert list(unit.cuts) == [cut for cut in cuts if unit.first < cut <= unit.last]
        check_warm_up(unit, times, cuts)


def check_warm_up(unit: Unit, times: Sequence[Fraction], cuts: Sequence[int]) -> None:
    """All frames of the last two seconds that belong to the same shot."""
    start = max([0, *(cut for cut in cuts if cut <= unit.first)])
    wanted = [n for n in range(start, unit.first) if times[n] >= times[unit.first] - 2]
    assert unit.warm_up == len(wanted)


@settings(max_examples=30, deadline=None)
@given(seconds=st.integers(1, 200), seed=st.integers(0, 1000), mean=st.sampled_from([0.4, 3.0, 15.0, 60.0]))
def test_units_last_8_to_20_seconds_and_the_last_may_last_28(seconds: int, seed: int, mean: float) -> None:
    chance = np.random.default_rng(seed)
    cuts = [n for n in range(1, seconds * 12) if chance.random() < 1 / (12 * mean)]
    units = units_of(steady(seconds * 12, 12), cuts, end=Fraction(seconds))
    assert all(8 * 12 <= unit.frame_count <= 20 * 12 for unit in units[:-1])
    assert min(8, seconds) * 12 <= units[-1].frame_count < 28 * 12


@pytest.mark.parametrize("end", [None, Fraction(0), Fraction(30), Fraction(10_000)])
def test_a_wrong_length_makes_only_the_last_unit_short(end: Fraction | None) -> None:
    units = units_of(steady(100 * 12, 12), [], end=end)
    assert all(8 * 12 <= unit.frame_count <= 28 * 12 for unit in units[:-1])
    assert units[-1].last == 100 * 12 - 1


def test_what_follows_changes_no_unit() -> None:
    cuts = [100, 300, 500, 900]
    whole, part = (units_of(steady(count, 24), cuts, end=Fraction(50)) for count in (1200, 700))
    assert part[:-1] == whole[:len(part) - 1]


def test_whole_shots_are_gathered() -> None:
    units = units_of(steady(60 * 24, 24), range(5, 60 * 24, 5))
    assert all(unit.warm_up == 0 for unit in units)
    assert all(unit.first % 5 == 0 for unit in units)


def test_a_long_shot_is_split_with_a_warm_up() -> None:
    units = units_of(steady(100 * 24, 24), [])
    assert [unit.first for unit in units] == [0, 480, 960, 1440, 1920]
    assert [unit.warm_up for unit in units] == [0, 48, 48, 48, 48]


def test_one_frame_a_second_for_an_hour() -> None:
    units = units_of(steady(3600, 1), [])
    assert all(unit.frame_count == 20 for unit in units)
    assert len(units) == 180


def test_no_frame_no_unit_and_one_frame_one_unit() -> None:
    assert units_of([], []) == []
    assert units_of([Fraction(5)], []) == [Unit(0, 0, 0, ())]


def test_a_unit_comes_with_the_frame_after_it() -> None:
    gatherer = UnitGatherer()
    ended = [(n, unit) for n in range(24 * 120) if (unit := gatherer.push(Fraction(n, 24), starts_shot=False))]
    assert ended
    assert all(n == unit.last + 1 for n, unit in ended)
