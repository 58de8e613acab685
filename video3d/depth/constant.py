"""Depth that is the same everywhere: the picture stays flat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from video3d.depth_model import DepthInput
from video3d.types import FloatMap


class ConstantDepth:
    """Half-way between near and far, for every pixel of every picture."""

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """One map of 0.5 per picture, float32 [h, w] of the picture's size."""
        return [np.full(item.rgb.shape[:2], 0.5, np.float32) for item in batch]

    def close(self) -> None:
        """Nothing to give back."""
