"""What is packed comes back, bit for bit, and a map loses next to nothing by its levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from video3d.depth_cache.levels import LEVELS, packed, to_levels, unpacked
from video3d.types import FloatMap


@given(arrays.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, LEVELS)))
def test_packing_loses_nothing(levels: np.ndarray) -> None:
    np.testing.assert_array_equal(unpacked(packed(levels), levels.shape), levels)


def test_damaged_bytes_are_a_value_error() -> None:
    body = packed(np.arange(64, dtype=np.uint16).reshape(8, 8))
    for broken, shape in ((body[:-3], (8, 8)), (b"nothing", (8, 8)), (body, (8, 9))):
        with pytest.raises(ValueError, match=r"Error|size"):
            unpacked(broken, shape)


def wavy(rows: int = 90, columns: int = 160) -> FloatMap:
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    return (3 + 2 * np.sin(x / 17) * np.cos(y / 11)).astype(np.float32)


def test_a_level_is_a_fraction_of_the_range() -> None:
    near = wavy()
    restored = to_levels(near).restored()
    assert restored.dtype == np.float32
    assert np.abs(restored - near).max() <= 0.51 * np.ptp(near) / LEVELS


def test_levels_of_levels_are_the_same() -> None:
    once = to_levels(wavy()).restored()
    twice = to_levels(once).restored()
    assert np.abs(twice - once).max() <= 1e-3


def test_a_speck_does_not_take_the_levels_of_the_rest() -> None:
    near = wavy()
    near[3, 5] = 1e6
    restored = to_levels(near).restored()
    near[3, 5] = restored[3, 5]
    assert np.abs(restored - near).max() <= 1.1 * np.ptp(wavy()) / LEVELS
    assert restored[3, 5] == restored.max()


@pytest.mark.parametrize("value", [0.0, -7.5, 1e-20, 3e30])
def test_a_flat_map_stays_flat(value: float) -> None:
    restored = to_levels(np.full((6, 7), value, np.float32)).restored()
    assert np.all(restored == np.float32(value))
