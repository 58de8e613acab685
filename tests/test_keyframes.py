"""Key frames where they must be, and not where they need not."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.keyframes import KeyFrameChooser, is_copy, usual_distance
from video3d.motion import MotionEstimator
from video3d.types import Motion

SIZE = (96, 64)
Grey = npt.NDArray[np.uint8]


def texture(seed: int) -> Grey:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(SIZE[::-1]).astype(np.float32), (0, 0), 1.5)
    return cv2.normalize(noise, None, 30, 220, cv2.NORM_MINMAX).astype(np.uint8)


def square(frames: int, speed: float) -> list[Grey]:
    greys: list[Grey] = []
    for n in range(frames):
        left = round(8 + speed * n) % (SIZE[0] - 32)
        grey = texture(0).copy()
        grey[16:48, left:left + 32] = texture(1)[16:48, :32]
        greys.append(grey)
    return greys


def keys_of(greys: list[Grey], longest: int, first: int = 0) -> list[int]:
    estimator = MotionEstimator(SIZE)
    motions: list[Motion | None] = [None, *(estimator.estimate(a, b) for a, b in itertools.pairwise(greys))]
    chooser = KeyFrameChooser(longest, 25)
    return [number for number, motion in enumerate(motions, first) if chooser.push(motion, number / 25)]


@pytest.mark.parametrize("longest", [1, 2, 4])
def test_calm_motion_needs_few_key_frames(longest: int) -> None:
    assert keys_of(square(13, 0.5), longest) == list(range(0, 13, longest))


def test_work_that_begins_elsewhere_comes_to_the_same_key_frames() -> None:
    greys = square(21, 0.5)
    whole = keys_of(greys, 4)
    for first in (1, 2, 7):
        assert keys_of(greys[first:], 4, first) == sorted({first, *(key for key in whole if key > first)})


def test_a_frame_that_motion_does_not_reach_is_a_key_frame() -> None:
    greys = square(6, 0.5) + [255 - grey[::-1] for grey in square(7, 0.5)]
    keys = keys_of(greys, 4)
    assert 6 in keys
    assert max(np.diff(keys)) <= 4


def test_much_that_comes_into_sight_ends_the_way() -> None:
    assert len(keys_of(square(13, 6), 4)) > len(keys_of(square(13, 0.5), 4))


@pytest.mark.parametrize(("rate", "distance"), [(5, 1), (10, 1), (12, 2), (15, 2), (18, 3), (24, 4), (25, 4), (60, 4)])
def test_frames_that_come_slowly_are_all_key_frames(rate: float, distance: int) -> None:
    assert usual_distance(rate) == distance


def test_a_copy_is_the_same_frame_again() -> None:
    grey = texture(0)
    noisy = grey + (np.random.default_rng(0).random(grey.shape) < 0.2).astype(np.uint8)
    assert is_copy(grey, grey)
    assert is_copy(grey, noisy)
    assert not is_copy(grey, np.roll(grey, 1, axis=1))


def test_something_small_that_has_moved_makes_it_no_copy() -> None:
    grey = np.full(SIZE[::-1], 90, np.uint8)
    moved = grey.copy()
    grey[20:26, 20:26] = 130
    moved[20:26, 23:29] = 130
    assert np.abs(grey.astype(int) - moved).mean() < 0.5
    assert not is_copy(grey, moved)
