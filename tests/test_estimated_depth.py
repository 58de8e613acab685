"""A map for every frame, from few estimates, and the same whether maps were kept or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.depth.registry import available_models, find_model
from video3d.depth_cache.store import CacheEntry, DepthCache
from video3d.depth_model import DepthInput, DepthModel
from video3d.estimated_depth import DepthSource, EstimatedNearness
from video3d.host import StandaloneHost
from video3d.keyframes import KeyFrameChooser
from video3d.motion import MotionEstimator, flow_size, small_grey
from video3d.nearness import Taken
from video3d.settings import Stabilisation
from video3d.stabilise import DepthStabiliser
from video3d.types import FloatMap, Frame, PixelFormat, Plane

SIZE = (96, 54)
FORMAT = PixelFormat(8, 1, 1)
GRID = flow_size(*SIZE)
NOISE = cv2.normalize(cv2.GaussianBlur(np.random.default_rng(5).random((SIZE[1], 400)).astype(np.float32), (0, 0), 3),
                      None, 20, 230, cv2.NORM_MINMAX).astype(np.uint8)


def luma_of(number: float) -> Plane:
    shift = np.array([[1, 0, -number], [0, 1, 0]], np.float32)
    return cv2.warpAffine(NOISE, shift, SIZE, flags=cv2.INTER_LINEAR)


def taken(numbers: Sequence[float]) -> list[Taken]:
    """A shot whose frames show the picture moved to these numbers."""
    chroma = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    estimator = MotionEstimator(GRID)
    shot: list[Taken] = []
    for time, number in enumerate(numbers):
        plane = luma_of(number)
        grey = small_grey(plane, 8, GRID)
        motion = estimator.estimate(shot[-1].grey, grey) if shot else None
        shot.append(Taken(Frame((plane, chroma, chroma), 100 + time, FORMAT), time, time / 24, grey, motion, True))
    return shot


class Luma:
    """A model whose depth is the picture's brightness, and a little of what it saw before where it remembers."""

    def __init__(self, remembers: bool = False) -> None:
        self.batches: list[int] = []
        self.closed = False
        self._remembers = remembers
        self._past = 0.0

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        self.batches.append(len(batch))
        return [self._estimate(item) for item in batch]

    def _estimate(self, item: DepthInput) -> FloatMap:
        if self._remembers:
            self._past = 0.0 if item.starts_shot else 0.5 * self._past + float(item.rgb.mean())
        return item.rgb[..., 0] + np.float32(self._past)

    def close(self) -> None:
        self.closed = True


def model(*, remembers: bool = False) -> DepthModel:
    builtin = find_model("builtin", available_models(StandaloneHost()))
    return replace(builtin, id="luma", remembers=remembers, is_cheap=False)


def picture(item: Taken) -> npt.NDArray[np.float32]:
    return np.repeat(item.frame.planes[0][..., None].astype(np.float32) / 255, 3, axis=2)


def stage(luma: Luma | None, *, longest: int = 1, batch: int = 1, cache: CacheEntry | None = None,
          remembers: bool = False, mode: Stabilisation = Stabilisation.NORMAL) -> EstimatedNearness:
    """Without a `luma` the model must not be opened."""

    def open_it() -> Luma:
        assert luma is not None
        return luma

    source = DepthSource(model(remembers=remembers), open_it, picture, cache, batch)
    return EstimatedNearness(source, DepthStabiliser(model().kind, mode, 0.3), partial(KeyFrameChooser, longest, 24),
                             repeats=not remembers)


def maps_of(made: EstimatedNearness, shot: list[Taken], *, known: bool = True) -> list[FloatMap]:
    made.begin([item.frame.pts for item in shot] if known else [])
    maps = [nearness for item in shot for nearness in made.push(item)]
    return maps + made.flush()


def assert_same(one: list[FloatMap], other: list[FloatMap]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("mode", Stabilisation)
@pytest.mark.parametrize("longest", [1, 2, 4])
@pytest.mark.parametrize("batch", [1, 3])
def test_one_map_for_each_frame(mode: Stabilisation, longest: int, batch: int) -> None:
    luma = Luma()
    made = stage(luma, longest=longest, batch=batch, mode=mode)
    for count in (1, 2, 3, 9):  # shots through one stage
        maps = maps_of(made, taken(np.arange(count) * 0.7))
        assert len(maps) == count
        for nearness in maps:
            assert nearness.dtype == np.float32
            assert 0 <= nearness.min() <= nearness.max() <= 1
    made.close()
    assert luma.closed
    assert max(luma.batches) <= batch
    # First and last frame of each shot, and every `longest`th.
    assert sum(luma.batches) == {1: 15, 2: 1 + 2 + 2 + 5, 4: 1 + 2 + 2 + 3}[longest]


def test_an_earlier_shot_changes_nothing() -> None:
    alone, after = stage(Luma(), longest=3), stage(Luma(), longest=3)
    maps_of(after, taken([50, 52, 53, 55]))
    assert_same(maps_of(alone, taken(range(8))), maps_of(after, taken(range(8))))


@pytest.mark.parametrize("longest", [1, 3])
def test_batches_change_nothing(longest: int) -> None:
    shot = taken(np.arange(11) * 0.8)
    luma = Luma()
    assert_same(maps_of(stage(Luma(), longest=longest), shot), maps_of(stage(luma, longest=longest, batch=4), shot))
    assert max(luma.batches) > 1


def test_what_lies_between_key_frames_has_moved_along() -> None:
    shot = taken(np.arange(13))
    every, sparse = (maps_of(stage(Luma(), longest=longest, mode=Stabilisation.OFF), shot) for longest in (1, 3))
    wrong = np.mean([np.abs(a - b).mean() for a, b in zip(every, sparse, strict=True)])
    stays = np.mean([np.abs(a - every[3 * round(n / 3)]).mean() for n, a in enumerate(every)])
    assert wrong < 0.2 * stays


def test_a_frame_shown_again_is_not_estimated_again() -> None:
    luma = Luma()
    made = stage(luma, mode=Stabilisation.OFF)
    maps = maps_of(made, taken([0, 0, 0, 3, 3, 6, 6, 6, 6]))
    assert sum(luma.batches) == 3
    np.testing.assert_array_equal(maps[0], maps[2])
    remembering = Luma(remembers=True)
    maps_of(stage(remembering, remembers=True), taken([0, 0, 3]))
    assert sum(remembering.batches) == 3


def test_a_slow_creep_is_no_row_of_copies() -> None:
    luma = Luma()
    maps_of(stage(luma), taken(np.arange(60) * 0.01))
    assert 3 < sum(luma.batches) < 60


def entry(folder: Path) -> CacheEntry:
    return DepthCache(folder, 1 << 30).entry("film", source="film.mp4", model="luma")


@pytest.mark.parametrize(("longest", "remembers"), [(1, False), (3, False), (1, True)])
def test_the_cache_changes_no_byte_and_spares_the_model(tmp_path: Path, longest: int, remembers: bool) -> None:
    shot = taken(np.arange(20) * 0.6)

    def run(luma: Luma | None, cache: CacheEntry | None) -> list[FloatMap]:
        made = stage(luma, longest=longest, cache=cache, remembers=remembers)
        maps = maps_of(made, shot)
        made.close()
        return maps

    plain = run(Luma(remembers), None)
    assert_same(plain, run(Luma(remembers), entry(tmp_path)))
    assert_same(plain, run(None, entry(tmp_path)))


def test_another_steadiness_needs_no_estimate_either(tmp_path: Path) -> None:
    shot = taken(range(6))
    for luma, mode in ((Luma(), Stabilisation.NORMAL), (None, Stabilisation.OFF), (None, Stabilisation.TALKING_HEAD)):
        made = stage(luma, cache=entry(tmp_path), mode=mode)
        maps_of(made, shot)
        made.close()


def test_what_is_missing_is_estimated_and_the_rest_is_not(tmp_path: Path) -> None:
    shot = taken(range(12))
    first = stage(Luma(), cache=entry(tmp_path))
    maps_of(first, shot[:5])
    first.close()
    luma = Luma()
    made = stage(luma, cache=entry(tmp_path))
    assert_same(maps_of(stage(Luma()), shot), maps_of(made, shot))
    assert sum(luma.batches) == 7


def test_a_model_that_remembers_is_asked_for_all_or_nothing(tmp_path: Path) -> None:
    shot = taken(range(9))
    first = stage(Luma(True), cache=entry(tmp_path), remembers=True)
    maps_of(first, shot[:5])
    first.close()
    luma = Luma(True)
    made = stage(luma, cache=entry(tmp_path), remembers=True)
    assert_same(maps_of(stage(Luma(True), remembers=True), shot), maps_of(made, shot))
    made.close()
    assert sum(luma.batches) == 9
    maps_of(stage(None, cache=entry(tmp_path), remembers=True), shot)


@pytest.mark.parametrize("announce", [lambda made: made.begin([]), lambda _: None])
def test_frames_whose_times_are_not_their_own_are_neither_kept_nor_looked_up(
        tmp_path: Path, announce: Callable[[EstimatedNearness], None]) -> None:
    shot = taken(range(4))
    made = stage(Luma(), cache=entry(tmp_path))
    announce(made)
    for item in shot:
        made.push(item)
    made.flush()
    made.close()
    assert DepthCache(tmp_path, 0).uses() == []


@pytest.mark.parametrize("name", ["builtin", "constant"])
@pytest.mark.parametrize("mode", Stabilisation)
def test_the_models_in_the_box(name: str, mode: Stabilisation) -> None:
    chosen = find_model(name, available_models(StandaloneHost()))
    made = EstimatedNearness(DepthSource(chosen, chosen.load, picture), DepthStabiliser(chosen.kind, mode, 0.5),
                             partial(KeyFrameChooser, 1, 24))
    for count in (1, 6):
        assert len(maps_of(made, taken(range(count)))) == count
    made.close()
