"""The kernels of `edge_kernels` in numpy alone: the same results within rounding, slower."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.edge_kernels import (
    BORDER,
    NO_TONE,
    RAMP,
    RIM_CONTRAST,
    RIM_EVEN,
    RIM_FAR,
    RIM_LIKE,
    RIM_NEAR,
    RIM_STEP,
    SURE,
    SURE_PIXELS,
    SURFACE_REACH,
    TONE_FAR,
    TONE_NEAR,
    TONE_REACH,
    TONE_TRUST,
)
from video3d.types import FloatMap, Plane

__all__ = ["BORDER", "SURFACE_REACH"]

_Array = npt.NDArray[Any]
_WINDOW = np.ones((2 * SURFACE_REACH + 1, 2 * SURFACE_REACH + 1), np.uint8)


def surface_rows(beyond: FloatMap, least_step: float, high: FloatMap, low: FloatMap, marked: _Array, between: _Array,
                 first: int, last: int) -> None:
    """See `edge_kernels.surface_rows`."""
    height, reach = marked.shape[0], SURFACE_REACH
    above, below = min(first, reach), min(height - last, reach)
    inner = slice(above, above + last - first)
    around = beyond[first - above + reach : last + below + reach, reach:-reach]
    higher, lower = (np.asarray(extreme(around, _WINDOW), np.float32)[inner] for extreme in (cv2.dilate, cv2.erode))
    slope = np.zeros_like(around)
    slope[:, :-1] = np.abs(np.diff(around, axis=1))
    slope[:-1] = np.maximum(slope[:-1], np.abs(np.diff(around, axis=0)))
    if last + below < height:  # the last row has steps down too, unless the picture ends there
        down = np.abs(beyond[last + below + reach] - beyond[last + below + reach - 1])[reach:-reach]
        slope[-1] = np.maximum(slope[-1], down)
    steepest = np.asarray(cv2.dilate(slope, _WINDOW), np.float32)[inner]
    wider = beyond[first : last + 2 * reach]
    whole = np.asarray(cv2.dilate(wider, _WINDOW) - cv2.erode(wider, _WINDOW), np.float32)[reach:-reach, reach:-reach]
    step = higher - lower
    high[first:last], low[first:last] = higher, lower
    marked[first:last] = (step > np.float32(least_step)) & (steepest > whole * np.float32(RAMP / (2 * reach)))
    disparity = around[inner]
    between[first:last] = (np.minimum(higher - disparity, disparity - lower)
                           > np.maximum(step * np.float32(SURE), np.float32(SURE_PIXELS)))


def tone_rows(disparity: FloatMap, high: FloatMap, low: FloatMap, marked: _Array, luma: FloatMap, tones: _Array,
              first: int, last: int) -> None:
    """See `edge_kernels.tone_rows`."""
    height, width = marked.shape
    disparity, luma = disparity[:, BORDER[0]:-BORDER[1]], luma[:, BORDER[0]:-BORDER[1]]
    y, x = np.nonzero(marked[first:last])
    y += first
    bottom, scale = low[y, x], np.float32(1.0) / (high[y, x] - low[y, x])
    near, far = np.zeros((3, len(y)), np.float64), np.zeros((3, len(y)), np.float64)
    for j in range(-TONE_REACH, TONE_REACH + 1):
        for i in range(-TONE_REACH, TONE_REACH + 1):
            row, column = np.clip(y + j, 0, height - 1), np.clip(x + i, 0, width - 1)
            inside = (row == y + j) & (column == x + i)
            place = (disparity[row, column] - bottom) * scale
            value = luma[row, column]
            powers = np.stack([np.ones_like(value), value, value * value])
            near += np.where(inside, np.maximum(place - np.float32(TONE_NEAR), 0.0), 0.0) * powers
            far += np.where(inside, np.maximum(np.float32(TONE_FAR) - place, 0.0), 0.0) * powers
    both = (near[0] > 0.0) & (far[0] > 0.0)
    near_mean, near_square = near[1:] / np.where(both, near[0], 1.0)
    far_mean, far_square = far[1:] / np.where(both, far[0], 1.0)
    variance = near_square - near_mean * near_mean + far_square - far_mean * far_mean
    tones[y, x, 0], tones[y, x, 1] = near_mean, far_mean
    tones[y, x, 2] = np.where(both, np.sqrt(np.maximum(0.5 * variance, 0.0)), NO_TONE)


def snap_rows(high: FloatMap, low: FloatMap, marked: _Array, tones: _Array, luma: Plane, noise: float, out: FloatMap,
              first: int, last: int) -> None:
    """See `edge_kernels.snap_rows`."""
    rows, columns = marked.shape
    height, width = out.shape
    step_y, step_x = rows / height, columns / width
    cell_y = np.minimum(((np.arange(height) + 0.5) * step_y).astype(np.int64), rows - 1)
    cell_x = np.minimum(((np.arange(width) + 0.5) * step_x).astype(np.int64), columns - 1)
    mine = np.flatnonzero((cell_y >= first) & (cell_y < last))
    if not len(mine):
        return
    y, x = np.nonzero(marked[cell_y[mine]][:, cell_x])
    y += mine[0]
    near, far, spread = (tones[cell_y[y], cell_x[x], n].astype(np.float64) for n in range(3))
    over, under = (_between(plane, (y + 0.5) * step_y - 0.5, (x + 0.5) * step_x - 0.5) for plane in (high, low))
    place = (out[y, x] - under) / np.maximum(over - under, 1e-3)
    contrast = np.abs(near - far)
    trust = np.where(spread == NO_TONE, 0.0, TONE_TRUST * contrast / (contrast + spread + noise))
    value = luma[y, x].astype(np.float64)
    from_near, from_far = np.abs(value - near), np.abs(value - far)
    place += trust * (from_far - from_near) / (from_far + from_near + noise)
    out[y, x] = np.where(place > 0.5, over, under)


def rim_rows(luma: Plane, reach: int, noise: float, out: FloatMap, first: int, last: int) -> None:
    """See `edge_kernels.rim_rows`."""
    disparity, values = out[first:last].copy(), luma[first:last].astype(np.float32)
    falls = np.diff(disparity, axis=1)
    for step, torn in ((1, falls < -np.float32(RIM_STEP)), (-1, falls > np.float32(RIM_STEP))):
        y, x = np.nonzero(torn)
        if len(y):
            x = x + (step < 0)
            rim = _rim(disparity, values, y, x, step, reach, np.float32(noise))
            for k in range(reach):
                longer = rim > k
                place = x[longer] + step * (k + 1)
                np.maximum.at(out, (y[longer] + first, place), disparity[y[longer], x[longer]])


def _rim(disparity: FloatMap, luma: FloatMap, y: _Array, x: _Array, step: int, reach: int, noise: np.float32) -> _Array:
    """How many pixels of each edge's farther side belong to the nearer one."""
    width = disparity.shape[1]

    def beyond(k: int) -> tuple[_Array, _Array]:
        column = x + step * (k + 1)
        inside = (column >= 0) & (column < width)
        return np.clip(column, 0, width - 1), inside

    known = np.ones(len(y), bool)
    begin = disparity[y, beyond(0)[0]]
    for k in range(reach + RIM_FAR):
        column, inside = beyond(k)
        known &= inside & (np.abs(disparity[y, column] - begin) <= np.float32(RIM_STEP))
    tone, count, same = np.zeros(len(y), np.float32), np.zeros(len(y), np.float32), np.ones(len(y), bool)
    for k in range(RIM_NEAR):
        column, inside = beyond(-k - 1)
        same &= inside & (np.abs(disparity[y, column] - disparity[y, x]) <= np.float32(RIM_STEP))
        tone += np.where(same, luma[y, column], np.float32(0))
        count += same
    tone /= count
    ground = np.stack([luma[y, beyond(k)[0]] for k in range(reach, reach + RIM_FAR)])
    contrast = tone - ground.mean(0)
    known &= np.abs(contrast) >= np.maximum(noise * np.float32(RIM_CONTRAST),
                                          np.ptp(ground, axis=0) * np.float32(RIM_EVEN))
    safe = np.where(known, contrast, np.float32(1))
    rim, even = np.zeros(len(y), np.int64), np.ones(len(y), bool)
    for k in range(reach):
        share = (luma[y, beyond(k)[0]] - ground.mean(0)) / safe
        longer = (share >= np.float32(RIM_LIKE)) & (rim == k)
        even &= longer | (np.abs(share) < np.float32(RIM_LIKE))
        rim += longer
    return np.where(known & even & (rim > 0) & (rim < reach), rim + 1, 0)


def _between(plane: FloatMap, y: _Array, x: _Array) -> _Array:
    """Bilinear samples of `plane` at real positions."""
    rows, columns = plane.shape
    y, x = np.clip(y, 0.0, rows - 1.0), np.clip(x, 0.0, columns - 1.0)
    y0, x0 = np.minimum(y.astype(np.int64), max(rows - 2, 0)), np.minimum(x.astype(np.int64), max(columns - 2, 0))
    y1, x1 = np.minimum(y0 + 1, rows - 1), np.minimum(x0 + 1, columns - 1)
    v, u = y - y0, x - x0
    return ((1 - v) * (1 - u) * plane[y0, x0] + (1 - v) * u * plane[y0, x1] + v * (1 - u) * plane[y1, x0]
            + v * u * plane[y1, x1])
