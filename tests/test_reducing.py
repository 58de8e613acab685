"""Pictures made smaller."""

from __future__ import annotations

import numpy as np
import pytest

from video3d.reducing import reduced


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("shape", "size"), [((216, 384), (32, 18)), ((216, 384), (64, 36)), ((216, 384), (96, 54))])
def test_each_pixel_is_the_mean_of_what_it_covers(dtype: type, shape: tuple[int, int], size: tuple[int, int]) -> None:
    plane = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    width, height = size
    mean = plane.reshape(height, shape[0] // height, width, shape[1] // width).mean((1, 3))
    made = reduced(plane, size)
    assert made.dtype == dtype
    assert np.abs(made - mean).max() <= 1.5, "each halving rounds"
    assert abs(float((made - mean).mean())) < 0.3


@pytest.mark.parametrize("size", [(384, 216), (100, 50), (383, 108), (1, 1)])
def test_any_size_is_reached(size: tuple[int, int]) -> None:
    assert reduced(np.full((216, 384), 77, np.uint8), size).tolist() == np.full(size[::-1], 77).tolist()


def test_the_result_is_nobody_elses_memory() -> None:
    plane = np.zeros((8, 16), np.uint8)
    assert not np.shares_memory(reduced(plane, (16, 8)), plane)
