"""Disparity at frame size with its edges where the picture has them, and near things a little widened.

Depth networks give edges as ramps; a ramp moved sideways is a smear of neither surface. So each pixel on a ramp is
moved to one of the two surfaces it lies between, by a shock filter (Osher and Rudin 1990) swayed by luma.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.backend import Kernels
from video3d.stereo.rows import RowWorkers
from video3d.types import FloatMap, Plane

_REACH = 3
"""Pixels of the coarse disparity from a ramp's middle to where the surfaces are sure."""
_LEAST_STEP = 1.0
"""Disparity steps below so many pixels need no edge."""
_RAMP = 1.1
"""How much steeper than the mean slope around the steepest place is where a ramp joins two surfaces."""
_SURE = 0.04
"""Within this share of the step from a surface a pixel is on it."""
_NOISE = 6.0 / 255.0
"""Differences in luma that mean nothing, as a share of the peak."""


def widened(disparity: FloatMap, pixels: int, left_eye: bool) -> FloatMap:
    """Near things made wider by `pixels`, half to each side, so that their rims, mixed with what is behind, move along.

    An odd pixel goes to the side where the new eye will see behind them.
    """
    if pixels <= 0:
        return disparity
    kernel = np.ones((1, pixels + 1), np.uint8)
    anchor = pixels // 2 if left_eye else pixels - pixels // 2
    return np.asarray(cv2.dilate(disparity, kernel, anchor=(anchor, 0)), np.float32)


def at_frame_size(disparity: FloatMap, luma: Plane, peak: int, kernels: Kernels, workers: RowWorkers) -> FloatMap:
    """`disparity` float32 [h, w] (in pixels of the frame) on the grid of `luma` [H, W], with sharp edges.

    A map of the frame's own size is taken as it is unless its edges are soft.
    """
    height, width = luma.shape
    coarse: FloatMap = np.ascontiguousarray(disparity, dtype=np.float32)
    enlarged = coarse
    if coarse.shape == (height, width):
        if not is_soft(coarse):
            return coarse
    else:
        enlarged = _resized(coarse, width, height, cv2.INTER_LINEAR)
    if 2 * coarse.shape[1] > width + 1:
        coarse = _resized(coarse, -(-width // 2), -(-height // 2), cv2.INTER_AREA)
        enlarged = enlarged.copy()
    _snap(coarse, luma, peak, enlarged, kernels, workers)
    return enlarged


def is_soft(disparity: FloatMap) -> bool:
    """Whether most steps along rows are spread over several pixels."""
    rows = disparity[::4]
    if rows.shape[1] < 6:
        return False
    step = np.abs(np.diff(rows, axis=1))
    span = np.abs(rows[:, 5:] - rows[:, :-5])
    largest = np.max([step[:, k : k + span.shape[1]] for k in range(5)], axis=0)
    strong = span > 2.0
    return bool(np.count_nonzero(largest[strong] < 0.6 * span[strong]) * 2 > np.count_nonzero(strong))


def _resized(plane: npt.NDArray[Any], width: int, height: int, interpolation: int) -> FloatMap:
    return np.asarray(cv2.resize(plane, (width, height), interpolation=interpolation), np.float32)


def _snap(coarse: FloatMap, luma: Plane, peak: int, enlarged: FloatMap, kernels: Kernels, workers: RowWorkers) -> None:
    height, width = coarse.shape
    high, low, marked = _surfaces(coarse)
    if not marked.any():
        return
    tones: npt.NDArray[np.float32] = np.empty((height, width, 3), np.float32)
    coarse_luma = _resized(luma, width, height, cv2.INTER_AREA)
    workers.run(kernels.tone_rows, height, coarse, high, low, marked, coarse_luma, tones)
    workers.run(kernels.snap_rows, height, high, low, marked, tones, luma, _NOISE * peak, enlarged)


def _surfaces(coarse: FloatMap) -> tuple[FloatMap, FloatMap, npt.NDArray[np.uint8]]:
    """The disparities of the nearer and the farther surface around each pixel, and where a ramp joins the two."""
    kernel = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    high = np.asarray(cv2.dilate(coarse, kernel), np.float32)
    low = np.asarray(cv2.erode(coarse, kernel), np.float32)
    slope = np.zeros_like(coarse)
    slope[:, :-1] = np.abs(np.diff(coarse, axis=1))
    slope[:-1] = np.maximum(slope[:-1], np.abs(np.diff(coarse, axis=0)))
    steepest = np.asarray(cv2.dilate(slope, kernel), np.float32)
    step = high - low
    # At the picture's rim the window is cut; continued slopes there are still slopes.
    beyond = np.pad(coarse, _REACH, mode="reflect", reflect_type="odd") if min(coarse.shape) > _REACH else coarse
    whole = np.asarray(cv2.dilate(beyond, kernel) - cv2.erode(beyond, kernel), np.float32)
    if beyond is not coarse:
        whole = whole[_REACH:-_REACH, _REACH:-_REACH]
    marked = (step > _LEAST_STEP) & (steepest > whole * (_RAMP / (2 * _REACH)))
    # What lies on one of the two already stays there, unless its neighbour does not.
    between = np.minimum(high - coarse, coarse - low) > np.maximum(step * _SURE, 0.25)
    beside = cv2.dilate(between.astype(np.uint8), np.ones((3, 3), np.uint8))
    return high, low, marked.astype(np.uint8) & np.asarray(beside, np.uint8)
