"""A constant is one."""

from __future__ import annotations

import numpy as np

from video3d.depth.constant import ConstantDepth
from video3d.depth_model import DepthInput


def test_every_pixel_of_every_picture_is_alike() -> None:
    pictures = [DepthInput(np.zeros((4, 6, 3), np.float32), None, True, 0.0)] * 2
    maps = ConstantDepth().estimate(pictures)
    assert [m.shape for m in maps] == [(4, 6), (4, 6)]
    assert {float(value) for m in maps for value in np.unique(m)} == {0.5}
