"""What is taken to stand still, and what is not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.stabilise.resting import with_rest
from video3d.types import Motion

SIZE = (160, 96)
INSIDE = (slice(16, -16), slice(16, -16))
Grey = npt.NDArray[np.uint8]


def texture(deviation: float, level: float = 60, smooth: float = 2) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(0).standard_normal(SIZE[::-1]).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), smooth)
    return np.asarray(blurred / blurred.std() * deviation + level, np.float32)


def grey(values: npt.NDArray[np.float32], noise: float = 0, seed: int = 1) -> Grey:
    grain = np.random.default_rng(seed).normal(0, noise, values.shape)
    return (values + grain).clip(0, 255).round().astype(np.uint8)


def confused(confidence: float = 0.1) -> Motion:
    rng = np.random.default_rng(2)
    flows = (rng.normal(0, 5, (*SIZE[::-1], 2)).astype(np.float32) for _ in range(2))
    return Motion(*flows, np.full(SIZE[::-1], confidence, np.float32))


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 2.0])
def test_a_dark_and_even_picture_stands_still_in_its_noise(noise: float) -> None:
    before, after = (grey(texture(2, level=30), noise, seed) for seed in (1, 2))
    motion = with_rest(confused(), before, after)
    assert not motion.to_previous[INSIDE].any()
    assert not motion.to_next_from_previous[INSIDE].any()
    assert motion.confidence[INSIDE].min() > 0.5


def test_a_fade_is_no_motion() -> None:
    picture = texture(12, level=80)
    motion = with_rest(confused(), grey(picture * 0.7), grey(picture * 0.8 + 4))
    assert not motion.to_previous.any()
    assert motion.confidence.min() > 0.8


@pytest.mark.parametrize("deviation", [10.0, 30.0])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_what_moves_keeps_its_flow_however_confused(deviation: float, noise: float) -> None:
    picture = texture(deviation)
    before, after = grey(picture, noise, 1), grey(np.roll(picture, 3, axis=1), noise, 2)
    before_rest = confused(0.3)
    motion = with_rest(before_rest, before, after)
    assert np.mean(motion.to_previous[INSIDE] == before_rest.to_previous[INSIDE]) > 0.95


def test_trusted_flow_is_left_alone() -> None:
    even = np.full(SIZE[::-1], 60, np.uint8)
    flow = confused(1.0)
    motion = with_rest(flow, even, even)
    assert np.array_equal(motion.to_previous, flow.to_previous)
    assert np.array_equal(motion.confidence, flow.confidence)


def test_a_thing_that_moves_before_a_still_ground_is_told_from_it() -> None:
    ground, thing = texture(3), texture(25, level=120)[30:66, 40:80]
    pictures: list[Grey] = []
    for left in (50, 55):
        picture = ground.copy()
        picture[30:66, left:left + 40] = thing
        pictures.append(grey(picture, 0.5, left))
    motion = with_rest(confused(), *pictures)
    still = ~motion.to_previous.any(axis=-1)
    assert still[:20].all()
    assert still[:, :40].all()
    assert not still[36:60, 58:90].any()


def test_the_motion_given_is_not_changed() -> None:
    even = np.full(SIZE[::-1], 60, np.uint8)
    motion = confused()
    kept = motion.to_previous.copy(), motion.confidence.copy()
    with_rest(motion, even, even)
    assert np.array_equal(motion.to_previous, kept[0])
    assert np.array_equal(motion.confidence, kept[1])
