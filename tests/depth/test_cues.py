"""Each cue says what it should about a scene made for it."""

from __future__ import annotations

import numpy as np
import pytest

from video3d.depth import cues

SIZE = (96, 54)
GRID = cues.CameraGrid(SIZE)
NOISE = 0.1


def picture(sky: tuple[float, float, float]) -> np.ndarray:
    """Plain above, rough ground below."""
    rgb = np.empty((54, 96, 3), np.float32)
    rgb[:] = sky
    rgb[27:] = np.random.default_rng(0).uniform(0.1, 0.6, (27, 96, 1)) * np.array([0.8, 1.0, 0.5])
    return rgb


@pytest.mark.parametrize("colour", [(0.45, 0.65, 0.95), (0.8, 0.8, 0.82)])
def test_sky_is_found_above_and_not_below(colour: tuple[float, float, float]) -> None:
    sky = cues.sky(picture(colour))
    assert sky[:22].mean() > 0.7
    assert sky[32:].mean() < 0.05


@pytest.mark.parametrize("colour", [(0.05, 0.05, 0.05), (0.6, 0.4, 0.2)])
def test_dark_or_brown_is_no_sky(colour: tuple[float, float, float]) -> None:
    assert cues.sky(picture(colour)).max() < 0.3


def test_lower_is_nearer() -> None:
    for horizon in (0.0, 0.5):
        ground = cues.ground(SIZE, horizon)
        assert (np.diff(ground[:, 0]) > 0).all()
        assert ground.min() >= 0
        assert ground.max() <= 1


def test_above_the_horizon_all_is_far() -> None:
    assert cues.ground(SIZE, 0.5)[:26].max() < 0.1


def test_haze_is_far() -> None:
    rgb = np.random.default_rng(0).uniform(0, 1, (54, 96, 3)).astype(np.float32)
    rgb[:27] = 0.7 + 0.3 * rgb[:27]
    near = cues.haze(rgb)
    assert near[35:].mean() > near[:20].mean() + 0.3


def test_sharp_is_above_blurred() -> None:
    import cv2

    luma = np.random.default_rng(0).random((54, 96)).astype(np.float32)
    luma[:, :48] = cv2.GaussianBlur(luma, (0, 0), 3)[:, :48]
    sharp = cues.sharpness(luma)
    assert sharp[:, 60:].mean() > 2 * sharp[:, :36].mean()


def test_texture_is_nought_where_nothing_is() -> None:
    luma = np.full((54, 96), 0.5, np.float32)
    luma[:, 48:] += np.random.default_rng(0).uniform(-0.2, 0.2, (54, 48)).astype(np.float32)
    texture = cues.texture(luma)
    assert texture[:, :40].max() < 0.05
    assert texture[:, 56:].mean() > 0.8


def test_the_middle_stands_out() -> None:
    centre = cues.centre(SIZE)
    assert centre[0, 48] > 0.95
    assert centre[0, 0] < 0.05


def true_nearness() -> np.ndarray:
    """A floor that comes nearer, and a box on it."""
    near = np.linspace(0.1, 0.8, 54, dtype=np.float32)[:, None].repeat(96, 1)
    near[10:30, 60:80] = 0.9
    return near


@pytest.mark.parametrize("shift", [(2.0, 0.0, 0.0), (-2.0, 0.0, 0.0), (0.0, 1.5, 0.0), (0.5, 0.0, 3.0)])
def test_parallax_finds_what_the_guess_does_not_know(shift: tuple[float, float, float]) -> None:
    truth = true_nearness()
    motion = cues.CameraMotion(np.array([0.4, -0.8, 0.2], np.float32), np.array(shift, np.float32))
    noise = np.random.default_rng(0).normal(0, 0.03, (54, 96, 2)).astype(np.float32)
    flow = motion.turn_flow(GRID) + truth[..., None] * motion.shift_flow(GRID) + noise
    known = np.linspace(0.1, 0.8, 54, dtype=np.float32)[:, None].repeat(96, 1)
    weight = np.ones((54, 96), np.float32)
    found = cues.fit_camera(flow, weight, known, GRID, NOISE)
    seen = cues.parallax(flow, weight, found, GRID, NOISE)
    box, behind = seen.nearness[14:26, 64:76], seen.nearness[14:26, 20:50]
    assert np.median(box) > np.median(behind) + 0.3


def test_a_turning_camera_tells_nothing() -> None:
    motion = cues.CameraMotion(np.array([1.0, 3.0, -0.5], np.float32), np.zeros(3, np.float32))
    weight = np.ones((54, 96), np.float32)
    flow = motion.turn_flow(GRID)
    found = cues.fit_camera(flow, weight, true_nearness(), GRID, NOISE)
    assert np.abs(found.shift).max() < 0.2
    assert cues.parallax(flow, weight, found, GRID, NOISE).weight.mean() < 0.5


def test_a_thing_that_moves_by_itself_is_told_apart() -> None:
    flow = np.zeros((54, 96, 2), np.float32)
    flow[20:40, 30:50] = (2.5, -2.0)
    weight = np.ones((54, 96), np.float32)
    found = cues.fit_camera(flow, weight, true_nearness(), GRID, NOISE)
    moving = cues.parallax(flow, weight, found, GRID, NOISE).moving
    assert moving[22:38, 32:48].mean() > 0.9
    assert moving[:, 60:].mean() < 0.1
