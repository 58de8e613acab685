"""Disparity at frame size with its edges where the picture has them.

Depth networks give edges as ramps; a ramp moved sideways is a smear of neither surface. So each pixel on a ramp is
moved to one of the two surfaces it lies between, by a shock filter (Osher and Rudin 1990) swayed by luma.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.order_statistics import median
from video3d.stereo.backend import Kernels
from video3d.stereo.rows import RowWorkers
from video3d.types import FloatMap, Plane

_LEAST_STEP = 1.0
"""Disparity steps below so many pixels need no edge."""
_RIM_SHARE = 3.0
_RIM_REACH = (2, 10)
"""Pixels of the coarse disparity by which an edge may lie inside its thing; of the frame at least and at most."""
_NOISE = 6.0 / 255.0
"""Differences in luma that mean nothing, as a share of the peak."""
_LEAST_GRAIN = 0.1
"""Grain below so many pixels of disparity is left alone."""
_GRAIN_STEPS = 6.0
"""Within the window in which surfaces are looked for, grain alone makes steps of so many of its deviations."""
_GRAIN_LEFT = 0.42
"""How much of the deviation of normal grain a median of nine leaves."""


def at_frame_size(disparity: FloatMap, luma: Plane, peak: int, kernels: Kernels, workers: RowWorkers,
                  out: FloatMap | None = None, small_luma: Plane | None = None) -> FloatMap:
    """`disparity` float32 [h, w] (in pixels of the frame) on the grid of `luma` [H, W], with sharp edges.

    A larger map is reduced first: networks round sizes up, to multiples of their patches. One of the frame's own size
    is taken as it is unless its edges are soft. `out` [H, W] may be given to hold the result; without it the map given
    may come back itself. `small_luma` is the luma, reduced, which serves where it has the map's size.
    """
    height, width = luma.shape
    coarse: FloatMap = np.ascontiguousarray(disparity, dtype=np.float32)
    if coarse.shape[0] > height or coarse.shape[1] > width:
        coarse = _resized(coarse, width, height, cv2.INTER_AREA)
    is_whole = coarse.shape == (height, width)
    is_ready = is_whole and not is_soft(coarse)
    noise = 0.0
    reduced = coarse
    if not is_ready:
        if 2 * coarse.shape[1] > width + 1:
            reduced = _resized(coarse, -(-width // 2), -(-height // 2), cv2.INTER_AREA)
        noise = grain(reduced)
        is_ready = is_whole and noise >= _LEAST_GRAIN and not is_soft(coarse, noise)
    if is_ready and out is None and coarse.flags.writeable:  # compiled kernels refuse what may not be written
        return coarse
    enlarged: FloatMap = np.empty((height, width), np.float32) if out is None else out
    if is_ready:
        enlarged[...] = coarse
        return enlarged
    if noise >= _LEAST_GRAIN:
        # The extremes of grain are no surfaces: snapped to them, it would double.
        coarse = reduced = np.asarray(cv2.medianBlur(reduced, 3), np.float32)
        noise *= _GRAIN_LEFT
    if coarse.shape == (height, width):
        enlarged[...] = coarse
    else:
        cv2.resize(coarse, (width, height), dst=enlarged, interpolation=cv2.INTER_LINEAR)
    _snap(reduced, luma, small_luma, peak, enlarged, kernels, workers, noise)
    return enlarged


def grain(disparity: FloatMap) -> float:
    """The standard deviation of a map's noise from pixel to pixel, in its own units.

    From second differences in both directions (Immerkær 1996), which smooth surfaces do not have; taken between every
    second pixel, for maps that were enlarged a little; and by their median, so that edges do not count. Every third
    pixel of every third row is asked.
    """
    if min(disparity.shape) < 5:
        return 0.0
    across = disparity[:-4:3] - 2 * disparity[2:-2:3] + disparity[4::3]
    both = np.abs(across[:, :-4:3] - 2 * across[:, 2:-2:3] + across[:, 4::3])
    return median(both) / (6 * 0.6745)


def is_soft(disparity: FloatMap, noise: float = 0.0) -> bool:
    """Whether most steps along rows are spread over several pixels. `noise`: deviation of what is no step."""
    rows = disparity[::4]
    if rows.shape[1] < 6:
        return False
    span = np.abs(rows[:, 5:] - rows[:, :-5])
    y, x = np.nonzero(span > max(2.0, _GRAIN_STEPS * noise))
    largest = np.max([np.abs(rows[y, x + k + 1] - rows[y, x + k]) for k in range(5)], axis=0)
    return bool(np.count_nonzero(largest < 0.6 * span[y, x]) * 2 > len(y))


def _resized(plane: npt.NDArray[Any], width: int, height: int, interpolation: int) -> FloatMap:
    return np.asarray(cv2.resize(plane, (width, height), interpolation=interpolation), np.float32)


def _snap(coarse: FloatMap, luma: Plane, small_luma: Plane | None, peak: int, enlarged: FloatMap, kernels: Kernels,
          workers: RowWorkers, noise: float) -> None:
    height, width = coarse.shape
    high, low, marked = _surfaces(coarse, noise, kernels, workers)
    if not marked.any():
        return
    tones: npt.NDArray[np.float32] = np.empty((height, width, 3), np.float32)
    border = kernels.tone_border
    if small_luma is None or small_luma.shape != coarse.shape:
        small_luma = _resized(luma, width, height, cv2.INTER_AREA)
    around = [_bordered(coarse, np.nan, border), _bordered(small_luma, 0.0, border)]
    workers.run(height, partial(kernels.tone_rows, around[0], high, low, marked, around[1], tones))
    fine = np.ascontiguousarray(luma)
    workers.run(height, partial(kernels.snap_rows, high, low, marked, tones, fine, _NOISE * peak, enlarged))
    reach = min(max(round(_RIM_SHARE * fine.shape[1] / width), _RIM_REACH[0]), _RIM_REACH[1])
    workers.run(fine.shape[0], partial(kernels.rim_rows, fine, reach, _NOISE * peak, enlarged))


def _bordered(plane: npt.NDArray[Any], value: float, columns: tuple[int, int]) -> FloatMap:
    """With so many columns before and after it as `edge_kernels.tone_rows` looks at."""
    before, after = columns
    wide: FloatMap = np.full((plane.shape[0], before + plane.shape[1] + after), value, np.float32)
    wide[:, before:-after] = plane
    return wide


def _surfaces(coarse: FloatMap, noise: float, kernels: Kernels, workers: RowWorkers
              ) -> tuple[FloatMap, FloatMap, npt.NDArray[np.uint8]]:
    """The disparities of the nearer and the farther surface around each pixel, and where a ramp joins the two."""
    height, width = coarse.shape
    reach = kernels.surface_reach
    beyond = (np.pad(coarse, reach, mode="reflect", reflect_type="odd") if min(height, width) > reach
              else np.pad(coarse, reach, mode="edge"))
    high, low = np.empty_like(coarse), np.empty_like(coarse)
    marked, between = np.empty((height, width), np.uint8), np.empty((height, width), np.uint8)
    least = max(_LEAST_STEP, _GRAIN_STEPS * noise)
    workers.run(height, partial(kernels.surface_rows, beyond, least, high, low, marked, between))
    # What lies on one of the two already stays there, unless its neighbour does not.
    marked &= np.asarray(cv2.dilate(between, np.ones((3, 3), np.uint8)), np.uint8)
    return high, low, marked
