"""Grey pictures become maps."""

from __future__ import annotations

import numpy as np
import pytest

from video3d.depth.file import map_from_picture


@pytest.mark.parametrize(("values", "bits", "full_range", "expected"), [
    ([0, 51, 255], 8, True, [0, 0.2, 1]),
    ([16, 235, 0, 255], 8, False, [0, 1, 0, 1]),
    ([0, 1023], 10, True, [0, 1]),
    ([64, 940], 10, False, [0, 1]),
    ([0, 65535], 16, True, [0, 1]),
])
def test_white_is_near(values: list[int], bits: int, full_range: bool, expected: list[float]) -> None:
    plane = np.array([values], np.uint8 if bits == 8 else np.uint16)
    result = map_from_picture(plane, bits, full_range)
    assert result.dtype == np.float32
    assert np.allclose(result, [expected], atol=1e-6)


def test_the_picture_is_left_as_it_was() -> None:
    plane = np.array([[7, 200]], np.uint8)
    map_from_picture(plane, 8)
    assert plane.tolist() == [[7, 200]]
