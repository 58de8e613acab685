"""The quick order statistics are numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from video3d.order_statistics import median, percentiles


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("count", [1, 2, 3, 101, 102, 4096])
def test_percentiles_are_those_of_numpy(dtype: type[np.generic], count: int) -> None:
    values = (np.random.default_rng(count).random(count) * 255).astype(dtype)
    wanted = [0.0, 1.0, 2.0, 25.0, 50.0, 98.0, 99.5, 100.0]
    assert percentiles(values, *wanted) == np.percentile(values, wanted).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 101, 102, 4096])
def test_medians_are_those_of_numpy(dtype: type[np.generic], count: int) -> None:
    values = np.random.default_rng(count).random(count).astype(dtype)
    assert median(values) == float(np.median(values))


def test_maps_are_taken_whole_and_left_as_they_are() -> None:
    values = np.random.default_rng(0).random((20, 31)).astype(np.float32)
    before = values.copy()
    assert median(values[::2, ::3]) == float(np.median(values[::2, ::3]))
    assert percentiles(values[::2, ::3], 2, 98) == np.percentile(values[::2, ::3], (2, 98)).tolist()
    assert np.array_equal(values, before)
