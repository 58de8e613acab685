"""The built-in depth is calm, remembers a shot and forgets it, and beats the mere position in the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.depth.builtin import BuiltinDepth
from video3d.depth_model import DepthInput
from video3d.motion import MotionEstimator
from video3d.types import FloatMap

SIZE = (192, 108)
Picture = npt.NDArray[np.float32]


def texture(seed: int, size: tuple[int, int] = (400, 108)) -> Picture:
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((size[1], size[0], 3)).astype(np.float32), (0, 0), 1.5)
    return cv2.normalize(noise, None, 0.1, 0.8, cv2.NORM_MINMAX)


def sideways(frames: int) -> list[Picture]:
    """The camera moves to the right: a high near post passes before a far wall."""
    wall, post = texture(1), texture(2)
    pictures: list[Picture] = []
    for n in range(frames):
        picture = wall[:, n:n + SIZE[0]].copy()
        left = 140 - 3 * n
        picture[:, left:left + 36] = post[:, :36]
        pictures.append(picture)
    return pictures


def inputs(pictures: list[Picture]) -> list[DepthInput]:
    greys = [cv2.convertScaleAbs(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), alpha=255) for picture in pictures]
    estimator = MotionEstimator((pictures[0].shape[1], pictures[0].shape[0]))
    return [DepthInput(picture, estimator.estimate(greys[n - 1], greys[n]) if n else None, n == 0, n / 24)
            for n, picture in enumerate(pictures)]


def test_maps_have_the_pictures_size_and_finite_values() -> None:
    for height, width in ((216, 384), (384, 216), (16, 16), (8, 16)):
        rgb = texture(0, (width, height))
        (raw,) = BuiltinDepth().estimate([DepthInput(rgb, None, True, 0.0)])
        assert raw.shape == (height, width)
        assert raw.dtype == np.float32
        assert np.isfinite(raw).all()


def test_a_picture_alone_is_nearer_below() -> None:
    (raw,) = BuiltinDepth().estimate([DepthInput(texture(0), None, True, 0.0)])
    rows = raw.mean(axis=1)
    assert rows[-1] > rows[54] > rows[0]


def test_parallax_brings_the_near_post_forward() -> None:
    maps = BuiltinDepth().estimate(inputs(sideways(20)))
    left = 140 - 3 * 19
    post, wall = maps[-1][20:90, left + 8:left + 28], maps[-1][20:90, left + 70:left + 100]
    assert post.mean() > wall.mean() + 0.1
    assert abs(float(maps[0][20:90, 148:168].mean() - maps[0][20:90, 20:40].mean())) < 0.1, "not known before"


def test_a_new_shot_forgets_all() -> None:
    estimator = BuiltinDepth()
    estimator.estimate(inputs(sideways(10)))
    again = estimator.estimate(inputs(sideways(5)))
    fresh = BuiltinDepth().estimate(inputs(sideways(5)))
    assert all(np.array_equal(a, b) for a, b in zip(again, fresh, strict=True))


def test_two_seconds_of_motion_are_all_it_remembers() -> None:
    """So that work which begins inside a shot, after a warm-up of two seconds, goes on with the same depth."""
    wall = texture(1, (500, 108))
    panned = [np.ascontiguousarray(wall[:, round(2.5 * n):round(2.5 * n) + SIZE[0]]) for n in range(90)]
    for picture in panned[:38]:  # what was near once
        picture[30:, 60:130] = texture(2)[30:, :70]
    items = inputs(panned)
    whole = BuiltinDepth().estimate(items)
    begun = BuiltinDepth().estimate([replace(items[40], motion=None, starts_shot=True), *items[41:]])
    assert np.abs(whole[-1] - begun[-1]).mean() < 0.001 * np.ptp(whole[-1])


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    items = inputs(sideways(6))
    single = BuiltinDepth()
    apart: list[FloatMap] = [single.estimate([item])[0] for item in items]
    assert all(np.array_equal(a, b) for a, b in zip(apart, BuiltinDepth().estimate(items), strict=True))


def test_a_still_picture_gives_still_depth() -> None:
    maps = BuiltinDepth().estimate(inputs([texture(3, SIZE)] * 12))
    assert max(float(np.abs(a - maps[1]).max()) for a in maps[1:]) < 0.02


@pytest.fixture(scope="module")
def pairs(data_folder: Path) -> list[Path]:
    return sorted(folder.parent for folder in data_folder.glob("stereo_gt/*/disp_left.png"))


def ordinal_accuracy(nearness: FloatMap, disparity: npt.NDArray[Any], seed: int = 0) -> float:
    """Share of random point pairs, differing by more than 5 %, that are put in the right order."""
    known = np.flatnonzero(disparity > 0)
    a, b = np.random.default_rng(seed).choice(known, (2, 20000))
    first, second = disparity.ravel()[a], disparity.ravel()[b]
    plain = np.abs(first - second) > 0.05 * np.maximum(first, second)
    guess = nearness.ravel()[a] > nearness.ravel()[b]
    return float((guess == (first > second))[plain].mean())


def test_on_real_pairs_it_is_no_worse_than_the_position_alone(pairs: list[Path]) -> None:
    scores: list[tuple[float, float]] = []
    for folder in pairs:
        bgr = cv2.imread(str(folder / "left.png"))
        disparity = cv2.imread(str(folder / "disp_left.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) / 256
        height, width = disparity.shape
        small = cv2.resize(bgr, (round(width * 216 / height), 216), interpolation=cv2.INTER_AREA)
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB).astype(np.float32) / 255
        (raw,) = BuiltinDepth().estimate([DepthInput(rgb, None, True, 0.0)])
        ramp = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
        whole = cv2.resize(raw, (width, height))
        scores.append((ordinal_accuracy(whole, disparity), ordinal_accuracy(ramp, disparity)))
    own, position = np.mean(scores, axis=0)
    assert own > 0.81
    assert own > position
