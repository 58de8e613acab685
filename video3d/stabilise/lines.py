"""Straight lines through values of which some lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.order_statistics import median

_SCALE_LIMITS = (0.7, 1.4)
_ROUNDS = 4

Values = npt.NDArray[np.float64]


def robust_line(x: Values, y: Values, base: npt.NDArray[Any], least_error: float) -> tuple[float, float, Values]:
    """Scale (0.7…1.4) and shift that take `x` to `y`, and the weights that found them: iteratively reweighted least
    squares with Cauchy weights, on top of the weights `base`.

    All arrays are [n]. Errors below `least_error`, in units of `y`, are noise.
    """
    scale, shift = 1.0, 0.0
    weights: Values = base
    for _ in range(_ROUNDS):
        scale, shift = _weighted_line(x, y, weights)
        error = scale * x
        error += shift
        error -= y
        np.abs(error, out=error)
        error /= 2 * median(error) + least_error
        np.square(error, out=error)
        error += 1
        weights = base / error
    return scale, shift, weights


def _weighted_line(x: Values, y: Values, weights: Values) -> tuple[float, float]:
    total = float(weights.sum())
    mean_x, mean_y = float(weights @ x) / total, float(weights @ y) / total
    from_mean = x - mean_x
    variance = float(weights @ np.square(from_mean)) / total
    if variance <= 1e-12 * max(1.0, mean_x * mean_x):
        return 1.0, mean_y - mean_x
    covariance = float(weights @ (from_mean * (y - mean_y))) / total
    scale = min(max(covariance / variance, _SCALE_LIMITS[0]), _SCALE_LIMITS[1])
    return scale, mean_y - scale * mean_x
