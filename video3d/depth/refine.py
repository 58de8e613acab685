"""Depth that follows the picture's edges: a guided filter built from box filters."""

from __future__ import annotations

from typing import Any

import cv2 as opencv
import numpy as np

from video3d.types import FloatMap

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype


def guided_filter(guide: FloatMap, source: FloatMap, radius: int, epsilon: float) -> FloatMap:
    """`source` smoothed so that its edges are those of `guide`, on the guide's grid.

    `guide`: float32 [H, W] in 0…1. `source`: float32 of any size. `radius`: of the window, in the source's pixels.
    `epsilon`: variance of the guide below which an area counts as flat. The linear model is fitted on the source's
    grid and applied on the guide's (He and Sun, "Fast Guided Filter", 2015).
    """
    height, width = source.shape
    small = guide if guide.shape == source.shape else cv2.resize(guide, (width, height), interpolation=cv2.INTER_AREA)
    mean_guide, mean_source = _box(small, radius), _box(source, radius)
    covariance = _box(small * source, radius) - mean_guide * mean_source
    variance = _box(small * small, radius) - mean_guide * mean_guide
    gain = covariance / (variance + np.float32(epsilon))
    offset = mean_source - gain * mean_guide
    model = cv2.merge([_box(gain, radius), _box(offset, radius)])
    if guide.shape != source.shape:
        model = cv2.resize(model, (guide.shape[1], guide.shape[0]), interpolation=cv2.INTER_LINEAR)
    result: FloatMap = model[..., 0] * guide + model[..., 1]
    return result


def _box(values: Any, radius: int) -> FloatMap:
    side = 2 * radius + 1
    return cv2.boxFilter(values, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT)
