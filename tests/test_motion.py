"""Laws of the small grid, and of the flow on it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.motion import MotionEstimator, flow_size, pixel_grid, resize_flow, small_grey
from video3d.types import Motion


def texture(seed: int = 0, size: tuple[int, int] = (320, 180)) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(seed).random((size[1], size[0])).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(blurred, None, 30, 220, cv2.NORM_MINMAX).astype(np.uint8)


def estimate(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], *, rough: bool = False) -> Motion:
    return MotionEstimator((before.shape[1], before.shape[0]), rough=rough).estimate(before, after)


@pytest.mark.parametrize("size", [(16, 8), (1, 1), (1920, 1080), (1080, 1920), (4096, 2160), (1000, 12), (3, 5000)])
def test_every_size_gives_a_grid_that_flow_can_be_found_on(size: tuple[int, int]) -> None:
    columns, rows = flow_size(*size)
    assert columns * rows <= 61000
    picture = texture(size=(columns, rows))
    assert estimate(picture, picture).to_previous.shape == (rows, columns, 2)


def test_the_grid_keeps_the_aspect() -> None:
    assert flow_size(1920, 1080) == (320, 180)
    assert flow_size(1080, 1920) == (180, 320)
    assert flow_size(64, 48) == (64, 48)


def test_small_grey_of_ten_bits_is_that_of_eight() -> None:
    plane = texture(size=(640, 360))
    wide = plane.astype(np.uint16) << 2
    assert np.abs(small_grey(plane, 8, (320, 180)).astype(int) - small_grey(wide, 10, (320, 180))).max() <= 1


@pytest.mark.parametrize("rough", [False, True])
@pytest.mark.parametrize("shift", [(3, 0), (0, -2), (-4, 3)])
def test_a_moved_picture_gives_its_displacement(shift: tuple[int, int], rough: bool) -> None:
    before = texture()
    motion = estimate(before, np.roll(before, shift, axis=(1, 0)), rough=rough)
    inside = (slice(20, -20), slice(20, -20))
    assert np.abs(motion.to_previous[inside] + np.array(shift)).mean() < 0.1
    assert np.abs(motion.to_next_from_previous[inside] - np.array(shift)).mean() < 0.1
    assert motion.confidence[inside].mean() > 0.9


def test_confidence_is_lost_across_a_cut_and_kept_through_a_flash() -> None:
    before = texture()
    assert estimate(before, texture(1)).confidence.mean() < 0.3
    brighter = cv2.add(before, 30)
    assert estimate(before, brighter).confidence.mean() > 0.9


def test_confidence_is_nought_where_the_flow_leads_out() -> None:
    before = texture()
    motion = estimate(before, np.roll(before, 12, axis=1))
    assert motion.confidence[:, :6].max() < 0.1


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    before, after = texture(), np.roll(texture(), 2, axis=1)
    count = cv2.getNumThreads()
    try:
        results: list[Motion] = []
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            results.append(estimate(before, after))
    finally:
        cv2.setNumThreads(count)
    for other in results[1:]:
        assert np.array_equal(results[0].to_previous, other.to_previous)
        assert np.array_equal(results[0].confidence, other.confidence)


def test_flow_resized_is_in_pixels_of_the_new_grid() -> None:
    flow = np.full((10, 20, 2), (2.0, -1.0), np.float32)
    resized = resize_flow(flow, (40, 30))
    assert resized.shape == (30, 40, 2)
    assert np.allclose(resized, (4.0, -3.0))
    assert resize_flow(flow, (20, 10)) is flow


def test_pixel_grid_names_each_pixel() -> None:
    assert pixel_grid((3, 2))[1, 2].tolist() == [2.0, 1.0]
