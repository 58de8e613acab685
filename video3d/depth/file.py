"""Depth made elsewhere: grey pictures (white = near) as raw maps of relative inverse depth."""

from __future__ import annotations

import numpy as np

from video3d.types import FloatMap, Plane


def map_from_picture(plane: Plane, bit_depth: int, full_range: bool = True) -> FloatMap:
    """A decoded grey picture (uint8 or uint16 [H, W], values of `bit_depth` bits) as float32 [H, W] in 0…1, 1 = near.

    `full_range`: 0 and the largest value are the ends; else the studio range of ITU-R BT.601 (16…235 at 8 bit), as
    video usually has. Values outside it are clipped.
    """
    peak = float((1 << bit_depth) - 1)
    low, high = (0.0, peak) if full_range else (16.0 * 2 ** (bit_depth - 8), 235.0 * 2 ** (bit_depth - 8))
    scaled = (plane.astype(np.float32) - np.float32(low)) * np.float32(1 / (high - low))
    return np.clip(scaled, 0, 1, out=scaled)
