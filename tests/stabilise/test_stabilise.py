"""What goes in comes out, steadier, and nothing leaks from one shot into the next."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.depth_model import DepthKind
from video3d.motion import MotionEstimator
from video3d.settings import Stabilisation
from video3d.stabilise import LOOK_AHEAD_SECONDS, DepthStabiliser, blank_share, picture_area, to_inverse_depth
from video3d.types import FloatMap, Motion

SIZE = (96, 64)
RATE = 24
Grey = npt.NDArray[np.uint8]
MODES = list(Stabilisation)


def texture(rng: np.random.Generator) -> Grey:
    noise = cv2.GaussianBlur(rng.random(SIZE[::-1]).astype(np.float32), (0, 0), 1.5)
    return cv2.normalize(noise, None, 30, 220, cv2.NORM_MINMAX).astype(np.uint8)


class Clip:
    """A near square slides over a far, textured, slanted background; `depth` is exact, `raw` disturbed per frame."""

    def __init__(self, frames: int, seed: int = 0, speed: float = 1.0, noise: float = 1.0) -> None:
        rng = np.random.default_rng(seed)
        columns, rows = SIZE
        back, front = (texture(rng) for _ in range(2))
        slant = np.linspace(0.1, 0.5, rows, dtype=np.float32)[:, None].repeat(columns, 1)
        self.greys: list[Grey] = []
        self.depth: list[FloatMap] = []
        for n in range(frames):
            left = int(10 + n * speed) % (columns - 40)
            grey, depth = back.copy(), slant.copy()
            grey[16:48, left:left + 32] = front[16:48, :32]
            depth[16:48, left:left + 32] = 0.9
            self.greys.append(grey)
            self.depth.append(depth)
        self.raw = [self._disturb(depth, rng, noise) for depth in self.depth]
        estimator = MotionEstimator(SIZE)
        self.motions: list[Motion | None] = [None]
        self.motions += [estimator.estimate(a, b) for a, b in itertools.pairwise(self.greys)]

    @staticmethod
    def _disturb(depth: FloatMap, rng: np.random.Generator, noise: float) -> FloatMap:
        scale, shift = rng.standard_normal(2) * (0.06, 0.05) * noise
        pixels = cv2.GaussianBlur(rng.standard_normal(depth.shape).astype(np.float32), (0, 0), 3)
        return (depth * (1 + scale) + shift + 0.04 * noise * pixels / pixels.std()).astype(np.float32)


def steadied(clip: Clip, mode: Stabilisation, first: int = 0, stage: DepthStabiliser | None = None) -> list[FloatMap]:
    stage = stage or DepthStabiliser(DepthKind.RELATIVE_INVERSE, mode)
    maps: list[FloatMap] = []
    for n in range(first, len(clip.raw)):
        motion = clip.motions[n] if n > first else None
        maps += stage.push(clip.raw[n], motion, clip.greys[n], n / RATE)
    return maps + stage.flush()


def fitted_error(maps: list[FloatMap], truth: list[FloatMap]) -> float:
    x, y = np.concatenate([m.ravel() for m in maps]), np.concatenate([t.ravel() for t in truth])
    scale, shift = np.polyfit(x, y, 1)
    return float(np.abs(scale * x + shift - y).mean())


@pytest.mark.parametrize("mode", MODES)
def test_as_many_maps_in_order_within_the_look_ahead(mode: Stabilisation) -> None:
    clip = Clip(50)
    stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, mode)
    out = 0
    for n in range(50):
        out += len(stage.push(clip.raw[n], clip.motions[n], clip.greys[n], n / RATE))
        assert n + 1 - out <= LOOK_AHEAD_SECONDS * RATE + 1
    assert out + len(stage.flush()) == 50
    assert stage.flush() == []


@pytest.mark.parametrize("mode", MODES)
def test_maps_are_nearness(mode: Stabilisation) -> None:
    for nearness in steadied(Clip(30), mode):
        assert nearness.dtype == np.float32
        assert nearness.shape == SIZE[::-1]
        assert nearness.min() >= 0
        assert nearness.max() <= 1
        assert nearness[30].max() > nearness[2].mean(), "the square is nearer than the top"


@pytest.mark.parametrize("mode", MODES)
def test_nothing_leaks_into_the_next_shot(mode: Stabilisation) -> None:
    stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, mode)
    other = Clip(30, seed=5)
    other.raw = [raw * 40 - 7 for raw in other.raw]
    steadied(other, mode, stage=stage)
    again = steadied(Clip(20), mode, stage=stage)
    assert all(np.array_equal(a, b) for a, b in zip(again, steadied(Clip(20), mode), strict=True))


@pytest.mark.parametrize("mode", [Stabilisation.NORMAL, Stabilisation.TALKING_HEAD])
def test_flicker_falls_to_a_fifth_and_error_to_half(mode: Stabilisation) -> None:
    clip = Clip(48, speed=0.5)
    background = (slice(50, 64), slice(None))
    raw = [(m - np.mean(clip.raw)) / np.std(clip.raw) for m in clip.raw]
    maps = steadied(clip, mode)
    steady = [(m - np.mean(maps)) / np.std(maps) for m in maps]
    change = [np.mean([np.abs(a[background] - b[background]).mean() for a, b in itertools.pairwise(m[12:])])
              for m in (steady, raw)]
    assert change[0] < change[1] / 5
    assert fitted_error(maps, clip.depth) < fitted_error(clip.raw, clip.depth) / 2


def test_exact_depth_stays_exact() -> None:
    clip = Clip(40, speed=0.5, noise=0)
    assert fitted_error(steadied(clip, Stabilisation.NORMAL), clip.depth) < 0.02


def test_off_only_maps_to_the_range() -> None:
    clip = Clip(12, noise=0)
    maps = steadied(clip, Stabilisation.OFF)
    inside = (clip.depth[0] > 0.12) & (clip.depth[0] < 0.88)
    slopes = {round(float(np.polyfit(d[inside], m[inside], 1)[0]), 4) for d, m in zip(clip.depth, maps, strict=True)}
    assert len(slopes) == 1


def test_a_still_background_is_locked_for_a_talking_head() -> None:
    clip = Clip(72, speed=0.25)
    maps = {mode: steadied(clip, mode) for mode in MODES}
    rows = (slice(52, 64), slice(None))
    change = {mode: np.percentile([np.abs(a[rows] - b[rows]) for a, b in itertools.pairwise(m[40:])], 95)
              for mode, m in maps.items()}
    assert change[Stabilisation.TALKING_HEAD] < change[Stabilisation.OFF] / 10
    assert change[Stabilisation.TALKING_HEAD] < change[Stabilisation.NORMAL]


def test_a_cut_that_nobody_announced_does_not_ghost() -> None:
    first, second = Clip(24, noise=0), Clip(24, seed=9, noise=0)
    second.depth = second.raw = [np.ascontiguousarray(depth[::-1]) for depth in second.depth]
    joined = Clip(1)
    joined.raw, joined.greys = first.raw + second.raw, first.greys + second.greys
    estimator = MotionEstimator(SIZE)
    joined.motions = [None, *(estimator.estimate(a, b) for a, b in itertools.pairwise(joined.greys))]
    after = steadied(joined, Stabilisation.NORMAL)[30]
    assert np.corrcoef(after.ravel(), second.depth[6].ravel())[0, 1] > 0.95


def test_depth_is_held_while_the_picture_is_black() -> None:
    clip = Clip(40, speed=0, noise=0.2)
    rng = np.random.default_rng(3)
    for n in range(20, 30):
        clip.greys[n] = np.full_like(clip.greys[n], 16)
        clip.raw[n] = rng.random(clip.raw[n].shape).astype(np.float32)
    estimator = MotionEstimator(SIZE)
    clip.motions = [None, *(estimator.estimate(a, b) for a, b in itertools.pairwise(clip.greys))]
    maps = steadied(clip, Stabilisation.NORMAL)
    assert max(np.abs(maps[n] - maps[19]).max() for n in range(20, 30)) < 0.02


def test_a_shot_that_begins_black_is_not_spoilt_by_it() -> None:
    clip = Clip(40, noise=0)
    for n in range(8):
        clip.greys[n] = np.full_like(clip.greys[n], 16)
        clip.raw[n] = np.full_like(clip.raw[n], 50)
    plain = steadied(Clip(40, noise=0), Stabilisation.OFF)
    assert np.abs(steadied(clip, Stabilisation.NORMAL)[30] - plain[30]).mean() < 0.03


def test_a_split_shot_meets_its_other_half() -> None:
    # At 2.5 % of the width, 0.04 of nearness is 0.1 % of the width in disparity.
    clip = Clip(24 * 6, speed=0.25)
    seam = 24 * 4
    whole = steadied(clip, Stabilisation.NORMAL)
    continued = steadied(clip, Stabilisation.NORMAL, first=seam - 48)
    for n in range(seam, seam + 24):
        assert np.percentile(np.abs(whole[n] - continued[n - seam + 48]), 99) < 0.04


def test_a_flat_map_stays_flat_and_in_the_middle() -> None:
    stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, Stabilisation.NORMAL)
    grey = Clip(1).greys[0]
    stage.push(np.full((64, 96), 3.0, np.float32), None, grey, 0)
    (nearness,) = stage.flush()
    assert np.allclose(nearness, 0.5)


def test_large_maps_are_reduced_only_where_they_are_filtered() -> None:
    grey = Clip(1).greys[0]
    raw = np.random.default_rng(0).random((1080, 1920)).astype(np.float32)
    sizes: dict[Stabilisation, tuple[int, ...]] = {}
    for mode in (Stabilisation.OFF, Stabilisation.NORMAL):
        stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, mode)
        stage.push(raw, None, grey, 0)
        sizes[mode] = stage.flush()[0].shape
    assert sizes == {Stabilisation.OFF: (1080, 1920), Stabilisation.NORMAL: (360, 640)}


def test_motion_is_left_as_it_was() -> None:
    clip = Clip(40, speed=0)
    before = [None if m is None else m.to_previous.copy() for m in clip.motions]
    steadied(clip, Stabilisation.TALKING_HEAD)
    for kept, motion in zip(before, clip.motions, strict=True):
        assert motion is None or np.array_equal(kept, motion.to_previous)


@pytest.mark.parametrize(("kind", "expected"), [
    (DepthKind.RELATIVE_INVERSE, [1.0, 2.0, 4.0]),
    (DepthKind.RELATIVE_DEPTH, [-1.0, -2.0, -4.0]),
    (DepthKind.METRIC_DEPTH, [1.0, 0.5, 0.25]),
])
def test_inverse_depth_by_kind(kind: DepthKind, expected: list[float]) -> None:
    assert to_inverse_depth(np.array([[1, 2, 4]], np.float32), kind).tolist() == [expected]


def test_values_that_are_no_numbers_become_far() -> None:
    near = to_inverse_depth(np.array([[1, np.nan, np.inf, 3]], np.float32), DepthKind.RELATIVE_INVERSE)
    assert near.tolist() == [[1, 1, 1, 3]]
    metric = to_inverse_depth(np.array([[0.0, np.inf]], np.float32), DepthKind.METRIC_DEPTH)
    assert metric.tolist() == [[10, 0]]


def test_blank_pictures() -> None:
    assert blank_share(np.full((18, 32), 16, np.uint8)) == 1
    assert blank_share(np.full((18, 32), 235, np.uint8)) == 1
    assert blank_share(Clip(1).greys[0]) == 0


def test_black_bars_do_not_count() -> None:
    grey = Clip(1).greys[0].copy()
    grey[:8] = grey[-8:] = 16
    rows, columns = picture_area(grey)
    assert (rows.start, rows.stop) == (8 / 64, 56 / 64)
    assert (columns.start, columns.stop) == (0, 1)
    rows, _ = picture_area(np.full((64, 96), 16, np.uint8))
    assert (rows.start, rows.stop) == (0, 1)


def test_a_shot_that_begins_black_does_not_flicker_until_it_shows_something() -> None:
    clip = Clip(40, speed=0, noise=0)
    rng = np.random.default_rng(3)
    for n in range(30):
        clip.greys[n] = np.full_like(clip.greys[n], 16)
        clip.raw[n] = rng.random(clip.raw[n].shape).astype(np.float32)
    maps = steadied(clip, Stabilisation.NORMAL)
    assert all(np.array_equal(maps[0], maps[n]) for n in range(1, 10))


def confused(clip: Clip, rng: np.random.Generator) -> None:
    """Flow of several pixels that the way back contradicts, as a dark and even picture gives it."""
    for n, motion in enumerate(clip.motions):
        if motion is not None:
            flows = (rng.normal(0, 6, motion.to_previous.shape).astype(np.float32) for _ in range(2))
            clip.motions[n] = Motion(*flows, np.zeros_like(motion.confidence))


def mean_change(maps: list[FloatMap]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in itertools.pairwise(maps)]))


@pytest.mark.parametrize("deviation", [0.0, 0.7])
def test_what_stands_still_is_steadied_whatever_its_flow_says(deviation: float) -> None:
    rng = np.random.default_rng(4)
    clip = Clip(48, speed=0)
    for n, grey in enumerate(clip.greys):
        faded = grey * ((n + 4) / 100) + 20 + rng.normal(0, deviation, grey.shape)
        clip.greys[n] = faded.clip(0, 255).round().astype(np.uint8)
    confused(clip, rng)
    off, normal = (mean_change(steadied(clip, mode)[12:]) for mode in (Stabilisation.OFF, Stabilisation.NORMAL))
    assert normal < off / 5


def test_a_still_background_is_steady_between_key_frames() -> None:
    clip = Clip(48, speed=0.5)
    stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, Stabilisation.NORMAL)
    maps: list[FloatMap] = []
    for n, raw in enumerate(clip.raw):
        has_own = n % 3 == 0 or n == len(clip.raw) - 1
        maps += stage.push(raw if has_own else None, clip.motions[n], clip.greys[n], n / RATE)
    maps += stage.flush()
    assert mean_change([near[50:] for near in maps[12:]]) < 0.0009
    assert fitted_error(maps, clip.depth) < 1.2 * fitted_error(steadied(clip, Stabilisation.NORMAL), clip.depth)
