"""Runs a network that is still in training as a depth model, for `score.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.depth.refine import guided_filter
from video3d.motion import resize_flow
from video3d.types import DepthInput

cv2: Any = opencv
Array = npt.NDArray[Any]
AREA = 160 * 96
FLOW_UNIT = 0.02


class LearnedDepth:
    """The network alone, or the mean of the network and a second opinion."""

    def __init__(self, weights: Path, other: Any = None, share: float = 0.35) -> None:
        self._network = cv2.dnn.readNetFromONNX(str(weights))
        self._other = other
        self._share = share

    def estimate(self, batch: Sequence[DepthInput]) -> list[Array]:
        """See `DepthEstimator`."""
        return [self._estimate(item) for item in batch]

    def _estimate(self, item: DepthInput) -> Array:
        height, width = item.rgb.shape[:2]
        scale = (AREA / (width * height)) ** 0.5
        size = tuple(max(16, round(side * scale / 16) * 16) for side in (width, height))
        x = np.zeros((1, 6, size[1], size[0]), np.float32)
        x[0, :3] = cv2.resize(item.rgb, size, interpolation=cv2.INTER_AREA).transpose(2, 0, 1) - 0.5
        if item.motion is not None:
            flow = resize_flow(item.motion.to_previous, size) / np.float32(FLOW_UNIT * size[0])
            x[0, 3:5] = np.clip(flow.transpose(2, 0, 1), -4, 4)
            x[0, 5] = cv2.resize(item.motion.confidence, size, interpolation=cv2.INTER_AREA)
        self._network.setInput(x)
        found = self._network.forward()[0, 0]
        found = (found - found.mean()) / (np.abs(found - found.mean()).mean() + 1e-6)
        luma = cv2.cvtColor(item.rgb, cv2.COLOR_RGB2GRAY)
        if self._other is not None:
            (second,) = self._other.estimate([item])
            second = cv2.resize(second, found.shape[::-1], interpolation=cv2.INTER_AREA)
            second = (second - second.mean()) / (np.abs(second - second.mean()).mean() + 1e-6)
            found = found + self._share * (second - found)
        return guided_filter(luma, found.astype(np.float32), 3, 1e-3)
