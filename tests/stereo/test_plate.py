from __future__ import annotations

import numpy as np
import pytest

from video3d.stereo.backend import load_kernels
from video3d.stereo.plate import STILL, TOLERANCE, TOLERANCE_SHARE, composed, shortest_run

WIDTH, HEIGHT = 640, 360


def model(seed, size=1.0):
    """A camera that moves, turns and comes nearer by a little."""
    rng = np.random.default_rng(seed)
    step = np.zeros(16)
    step[:14] = rng.normal(0, size, 14)
    step[14:] = 1 + rng.normal(0, 0.01), rng.normal(0, 0.2)
    return step


def led(at, near, step):
    """Longuet-Higgins and Prazdny's equations, written out once more."""
    x, y, d = at[:, 0] / WIDTH - 0.5, at[:, 1] / HEIGHT - 0.5, near / WIDTH
    terms = np.stack([np.ones_like(x), x, y], -1)
    u = terms @ step[:3] + step[3] * x * x + step[4] * x * y + d * (step[5] + step[6] * x)
    v = terms @ step[7:10] + step[10] * x * y + step[11] * y * y + d * (step[12] + step[13] * y)
    return at + np.stack([u, v], -1), step[14] * near + step[15]


def test_two_motions_after_each_other_are_one():
    plate = load_kernels(True).plate
    rng = np.random.default_rng(3)
    disparity = np.tile(np.linspace(2, 20, WIDTH // 2, dtype=np.float32), (HEIGHT // 2, 1))
    at = rng.random((200, 2)) * (WIDTH - 1, HEIGHT - 1)
    near = 2 + 18 * at[:, 0] / WIDTH
    whole, expected = STILL, (at, near)
    steps = [model(seed) for seed in range(12)]
    for step in steps:
        expected = led(*expected, step)
    for step in reversed(steps):
        whole = composed(step, whole, disparity, WIDTH, HEIGHT, plate)
    place, there = led(at, near, whole)
    assert np.abs(place - expected[0]).max() < 0.5, "after twelve frames and tens of pixels"
    assert np.abs(expected[0] - at).max() > 5
    assert np.allclose(there, expected[1], atol=1e-6)


def test_standing_still_adds_nothing():
    plate = load_kernels(True).plate
    step = model(1)
    disparity = np.full((HEIGHT // 2, WIDTH // 2), 5.0, np.float32)
    assert np.array_equal(composed(STILL, step, disparity, WIDTH, HEIGHT, plate), step)
    onward = composed(step, STILL, disparity, WIDTH, HEIGHT, plate)
    at, near = np.random.default_rng(0).random((50, 2)) * (WIDTH - 1, HEIGHT - 1), np.full(50, 5.0)
    assert np.allclose(led(at, near, onward)[0], led(at, near, step)[0], atol=0.01)


@pytest.mark.parametrize(("width", "share", "shortest"), [
    (320, 1.0, 2), (640, 1.0, 2), (960, 1.0, 3), (1920, 1.0, 4), (1920, 0.5, 2), (3840, 1.0, 7), (3840, 0.5, 4)])
def test_holes_hardly_wider_than_what_passes_for_one_surface_are_left_alone(width: int, share: float, shortest: int
                                                                             ) -> None:
    tolerance = TOLERANCE + TOLERANCE_SHARE * width
    assert shortest_run(share, tolerance) == shortest
    assert shortest == 2 or (shortest - 1) / share <= tolerance + 0.5 < shortest / share
