from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest

from video3d.stereo.backend import load_kernels
from video3d.stereo.edges import at_frame_size, grain, is_soft
from video3d.stereo.rows import RowWorkers
from video3d.stereo.warp import Warper, Widening, facing


def step(width=160, height=90):
    disparity = np.full((height, width), 3.0, np.float32)
    disparity[20:70, 50:100] = 15.0
    return disparity


def at_size(disparity, luma):
    with RowWorkers(1) as workers:
        return at_frame_size(disparity, luma, 255, load_kernels(), workers)


def test_only_soft_edges_are_soft():
    assert not is_soft(step())
    assert is_soft(cv2.GaussianBlur(step(), (0, 0), 3))
    assert not is_soft(np.tile(np.linspace(0, 20, 160, dtype=np.float32), (90, 1)))


def test_sharp_maps_of_the_frames_size_are_taken_as_they_are():
    disparity = step()
    assert np.array_equal(at_size(disparity, np.zeros(disparity.shape, np.uint8)), disparity)


@pytest.mark.parametrize("shape", [(162, 90), (160, 91), (159, 92), (320, 180)])
def test_a_map_that_is_larger_than_the_frame_is_reduced(shape):
    """Networks round a small video's size up, to multiples of their patches."""
    found = at_size(cv2.resize(step(), shape, interpolation=cv2.INTER_AREA), np.zeros((90, 160), np.uint8))
    assert found.shape == (90, 160)
    assert (np.abs(found - step()) > 0.5).mean() < 0.03


@pytest.mark.parametrize("shape", [(80, 45), (53, 30), (160, 90)])
def test_ramps_become_edges_where_they_were(shape):
    soft = cv2.GaussianBlur(cv2.resize(step(), shape, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    found = at_size(soft, np.zeros((90, 160), np.uint8))
    off = np.abs(found - step())
    bilinear = np.abs(cv2.resize(soft, (160, 90)) - step())
    assert (off[45] > 0.5).sum() <= 6
    assert (off > 0.5).mean() < 0.35 * (bilinear > 0.5).mean()


def test_luma_moves_an_edge_that_lies_beside_it():
    luma = np.full((90, 160), 60, np.uint8)
    luma[20:70, 50:100] = 180
    beside = np.roll(step(), 2, axis=1)
    soft = cv2.GaussianBlur(cv2.resize(beside, (80, 45), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    guided = np.abs(at_size(soft, luma) - step())[25:65] > 0.5
    unguided = np.abs(at_size(soft, np.full_like(luma, 60)) - step())[25:65] > 0.5
    assert guided.sum() < 0.5 * unguided.sum()


def test_a_slope_is_no_edge():
    slope = np.tile(np.linspace(0, 30, 80, dtype=np.float32), (45, 1))
    found = at_size(slope, np.zeros((90, 160), np.uint8))
    assert np.allclose(found, cv2.resize(slope, (160, 90)), atol=1e-4)


@pytest.mark.parametrize("compiled", [True, False])
def test_widening_is_shared_by_both_sides_and_odd_pixels_go_to_the_uncovered_one(compiled):
    disparity = np.zeros((1, 31), np.float32)
    disparity[0, 15] = 1

    def near(pixels, left_eye):
        with RowWorkers(1) as workers:
            warp = Warper(load_kernels(compiled), workers).map(
                disparity, left_eye, widening=Widening.of(pixels, left_eye))
            shift = facing(warp.shift, left_eye)
        # A near pixel is seen one column to the left in the right eye, one to the right in the left eye.
        return np.flatnonzero((shift[0] > 0.99) & (facing(warp.kind, left_eye)[0] & 3 == 0)).tolist()

    assert near(0, False) == [14]
    assert near(2, False) == [13, 14, 15]
    assert near(2, True) == [15, 16, 17]
    assert near(1, False) == [14, 15]
    assert near(1, True) == [15, 16]


def rimmed(side, reach=2):
    """A beam's picture and a disparity whose edges lie `reach` pixels inside it."""
    luma = np.full((40, 120), 60 if side > 0 else 200, np.uint8)
    luma[:, 50:62] = 200 if side > 0 else 60
    disparity = np.full(luma.shape, 2.0, np.float32)
    disparity[:, 50 + reach : 62 - reach] = 14.0
    return luma, disparity


def with_rims(luma, disparity, reach=4, compiled=None):
    found = disparity.copy()
    load_kernels(compiled).rim_rows(luma, reach, 6.0, found, 0, len(luma))
    return found


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("side", [1, -1])
def test_the_rim_of_a_beam_before_a_clear_sky_moves_with_it(side, compiled):
    luma, disparity = rimmed(side)
    found = with_rims(luma, disparity, compiled=compiled)
    assert np.flatnonzero(found[7] > 8).tolist() == list(range(49, 63)), "the rim, and a pixel for bled chroma"
    mirrored = with_rims(np.ascontiguousarray(luma[:, ::-1]), np.ascontiguousarray(disparity[:, ::-1]),
                         compiled=compiled)
    assert np.array_equal(mirrored[:, ::-1], found)


def test_where_tones_do_not_tell_surfaces_apart_nothing_moves():
    luma, disparity = rimmed(1)
    waves = np.tile((128 + 100 * np.sin(np.arange(120) * 1.3)).astype(np.uint8), (40, 1))
    for other in (np.full_like(luma, 90), waves, np.tile(np.arange(120, dtype=np.uint8), (40, 1))):
        assert np.array_equal(with_rims(other, disparity), disparity)
    # A rim as wide as the reach may as well be the surface behind.
    assert np.array_equal(with_rims(*rimmed(1, 4)), rimmed(1, 4)[1])


def test_rims_are_the_same_without_numba():
    rng = np.random.default_rng(4)
    noise = cv2.GaussianBlur(rng.standard_normal((60, 300)).astype(np.float32), (0, 0), 9)
    luma = np.where(noise > np.median(noise), 200, 60).astype(np.uint8)
    disparity = np.where(cv2.GaussianBlur(luma, (0, 0), 2) > 180, 12, 2).astype(np.float32)
    found = with_rims(luma, disparity, compiled=True)
    assert (found != disparity).sum() > 20
    assert np.array_equal(found, with_rims(luma, disparity, compiled=False))


def test_maps_that_may_not_be_written_do():
    disparity = step()
    disparity.flags.writeable = False
    found = at_size(disparity, np.zeros(disparity.shape, np.uint8))
    assert found.flags.writeable
    assert np.array_equal(found, disparity)


def test_grain_of_a_soft_map_is_not_taken_for_edges():
    """The extremes of grain are no surfaces: snapped to them, it would double."""
    soft = cv2.GaussianBlur(cv2.resize(step(), (80, 45), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    noise = np.random.default_rng(5).standard_normal(soft.shape).astype(np.float32) * np.float32(0.4)
    luma = np.where(step() > 9, 180, 60).astype(np.uint8)
    assert grain(soft) < 0.05
    assert abs(grain(soft + noise) - 0.4) < 0.1
    found = np.abs(at_size(soft + noise, luma) - step())
    even = np.abs(cv2.resize(soft + noise, (160, 90)) - step())
    surface = cv2.dilate((at_size(soft, luma) != step()).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert found[surface].mean() < 0.8 * even[surface].mean()
    assert (found > 4).mean() < 0.02, "edges are still where they were"


def test_a_sharp_map_with_grain_is_no_soft_one():
    grainy = step(320, 180) + cv2.resize(
        np.random.default_rng(6).standard_normal((90, 160)).astype(np.float32) * np.float32(2.0), (320, 180))
    assert np.array_equal(at_size(grainy, np.zeros(grainy.shape, np.uint8)), grainy)


def surfaces(disparity, workers, compiled, least=1.0):
    reach = load_kernels(compiled).surface_reach
    beyond = np.pad(disparity, reach, mode="reflect", reflect_type="odd")
    high, low = np.zeros_like(disparity), np.zeros_like(disparity)
    marked, between = np.zeros(disparity.shape, np.uint8), np.zeros(disparity.shape, np.uint8)
    with RowWorkers(workers) as rows:
        rows.run(len(disparity), partial(load_kernels(compiled).surface_rows, beyond, least, high, low, marked,
                                         between))
    return high, low, marked, between


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("shape", [(40, 70), (9, 31), (13, 4), (4, 4)])
def test_surfaces_are_the_extremes_of_seven_by_seven_pixels_inside_the_picture(shape, compiled):
    disparity = np.random.default_rng(8).normal(0, 4, shape).astype(np.float32)
    high, low, _, between = surfaces(disparity, 1, compiled)
    for y, x in np.ndindex(shape):
        around = disparity[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4]
        assert (high[y, x], low[y, x]) == (around.max(), around.min())
    off = np.minimum(high - disparity, disparity - low)
    assert np.array_equal(between, off > np.maximum((high - low) * np.float32(0.04), np.float32(0.25)))


@pytest.mark.parametrize("shape", [(40, 70), (9, 31), (4, 4)])
def test_surfaces_do_not_depend_on_how_they_are_computed(shape):
    noise = np.random.default_rng(9).normal(0, 4, shape).astype(np.float32)
    disparity = np.ascontiguousarray(cv2.GaussianBlur(noise, (0, 0), 1), np.float32)
    first, *others = (surfaces(disparity, workers, compiled) for workers in (1, 3) for compiled in (True, False))
    assert 0 < first[2].mean() < 1 or shape == (4, 4)
    for other in others:
        assert all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("compiled", [True, False])
def test_only_what_is_steeper_than_its_surroundings_is_a_ramp(compiled):
    even = np.tile(np.arange(40, dtype=np.float32), (20, 1))
    assert not surfaces(even, 1, compiled)[2].any(), "nor where the picture ends"
    torn = even * np.float32(0.1)
    torn[:, 20:] += 5
    assert np.flatnonzero(surfaces(torn, 1, compiled)[2][10]).tolist() == list(range(17, 23))
    assert not surfaces(torn, 1, compiled, least=6.0)[2].any(), "the step is smaller"


@pytest.mark.parametrize("size", [(80, 45), (40, 30)])
def test_a_small_luma_that_is_there_already_serves_where_it_fits(size):
    luma = np.full((90, 160), 60, np.uint8)
    luma[20:70, 50:100] = 180
    soft = cv2.GaussianBlur(cv2.resize(np.roll(step(), 2, axis=1), (80, 45), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    with RowWorkers(1) as workers:
        given, other = (at_frame_size(soft, luma, 255, load_kernels(), workers, None, each)
                        for each in (small, 255 - small))
    assert np.array_equal(given, at_size(soft, luma))
    assert np.array_equal(other, given) == (size != (80, 45))
