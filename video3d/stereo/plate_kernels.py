"""Kernels of the background plate: what other frames of the shot saw of the surface behind.

Positions here are those of the true orientation, in pixels of the frame; warp maps come in the right eye's orientation
(`flipped` says that the two differ).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from video3d.stereo.compiling import compiled
from video3d.stereo.kernels import UNSET

PLATE_STRIP = 8
"""Pixels of the surface beside a hole that must look the same in another frame before that frame is trusted."""
PLATE_STRIP_LEAST = 3
NOWHERE = -1
RECALLED = -2
"""In place of a frame's slot: no frame shows the pixel; the eye made for the frame before does."""
RECALLED_SHARE = 0.5
"""How much of a pixel that another frame shows still comes from the eye made before: it steadies it."""


@compiled("void(f8[:,::1], i8, f8[::1], i8, i8)")
def _advance(points: Any, count: int, model: Any, width: int, height: int) -> None:
    """Points of the background (rows: x, y, disparity) from one frame to the next, by a model of `MotionStep`."""
    x, y, d = points[0], points[1], points[2]
    for n in range(count):
        u, v = x[n] / width - 0.5, y[n] / height - 0.5
        near = d[n] / width
        x[n] += (model[0] + model[1] * u + model[2] * v + model[3] * u * u + model[4] * u * v
                 + near * (model[5] + model[6] * u))
        y[n] += (model[7] + model[8] * u + model[9] * v + model[10] * u * v + model[11] * v * v
                 + near * (model[12] + model[13] * v))
        d[n] = model[14] * d[n] + model[15]


@compiled("f8(u1[:,:], f8, f8)", "f8(u2[:,:], f8, f8)")
def _bilinear(plane: Any, x: float, y: float) -> float:
    height, width = plane.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    x0, y0 = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    u, v = x - x0, y - y0
    return ((1.0 - v) * ((1.0 - u) * plane[y0, x0] + u * plane[y0, x1])
            + v * ((1.0 - u) * plane[y1, x0] + u * plane[y1, x1]))


@compiled("f8(f8, f8, f8, f8, f8)")
def _cubic(p0: float, p1: float, p2: float, p3: float, t: float) -> float:
    return p1 + 0.5 * t * (p2 - p0 + t * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + t * (3.0 * (p1 - p2) + p3 - p0)))


@compiled("b1(f4[:,::1], f8, f8, f8, f8)")
def _shows(disparity: Any, x: float, y: float, d: float, tolerance: float) -> bool:
    """Whether a frame's disparity, kept at half its size, says that the surface at `d` is what is seen at (x, y)."""
    rows, columns = disparity.shape
    x0, y0 = math.floor(0.5 * x), math.floor(0.5 * y)
    for row in (y0, y0 + 1):
        for column in (x0, x0 + 1):
            value = disparity[min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)]
            if abs(value - d) > tolerance:
                return False
    return True


@compiled("b1(u1[:,:], f8, f8)")
def _is_set(mask: Any, x: float, y: float) -> bool:
    height, width = mask.shape
    x0, y0 = math.floor(x), math.floor(y)
    if x0 < 0 or x0 >= width or y0 < 0 or y0 >= height:
        return False
    x1 = min(x0 + 1, width - 1) if x - x0 > 0.05 else x0
    y1 = min(y0 + 1, height - 1) if y - y0 > 0.05 else y0
    return bool(mask[y0, x0] and mask[y0, x1] and mask[y1, x0] and mask[y1, x1])


@compiled("i8(f4[:,::1], i8, i8, i8, i8, f8, f8, b1, f8[:,:,::1])")
def _start(shift: Any, row: int, start: int, end: int, anchor: int, share: float, tolerance: float, flipped: bool,
           points: Any) -> int:
    """Puts a run's pixels and then up to PLATE_STRIP of the surface beside it into `points` [2, 3, n], in the source.

    Returns how many points there are: the run's alone where it is a stray pixel or nothing lies beside it.
    """
    width = shift.shape[1]
    step = 1 if anchor >= end else -1
    length = end - start
    if length < 2 or anchor >= width:
        return length
    for k in range(length + PLATE_STRIP):
        c = start + k if k < length else anchor + step * (k - length)
        if k >= length and (c < 0 or c >= width or abs(shift[row, c] - shift[row, anchor]) > tolerance):
            return k
        at = c + shift[row, c]
        for way in range(2):
            points[way, 0, k] = width - 1.0 - at if flipped else at
            points[way, 1, k] = row
            points[way, 2, k] = shift[row, c] / share
    return length + PLATE_STRIP


@compiled(*(f"i8({kind}[:,:], f4[:,::1], f8[:,::1], i8, i8, f8[::1], f8, f8)" for kind in ("u1", "u2")))
def _likeness(luma: Any, disparity: Any, points: Any, first: int, last: int, tone: Any, tolerance: float,
              likeness: float) -> int:
    """How many of the points `first` to `last` a frame shows, less than none if they look different there."""
    seen, apart = 0, 0.0
    for k in range(first, last):
        if _shows(disparity, points[0, k], points[1, k], points[2, k], tolerance):
            apart += abs(_bilinear(luma, points[0, k], points[1, k]) - tone[k - first])
            seen += 1
    return seen if apart <= likeness * seen else -1


@compiled("i8(f4[:,::1], f8[:,::1], i8, f8, i8, i2[::1], f4[:,::1], f8, f8)")
def _take(disparity: Any, points: Any, length: int, tolerance: float, slot: int, source: Any, places: Any,
          right: float, bottom: float) -> int:
    """Notes frame `slot` for those of a run's points that it shows and none before did; returns how many."""
    taken = 0
    for k in range(length):
        x, y = points[0, k], points[1, k]
        if source[k] >= 0 or x < 0.0 or x > right or y < 0.0 or y > bottom:
            continue
        if _shows(disparity, x, y, points[2, k], tolerance):
            source[k] = slot
            places[k, 0], places[k, 1] = x, y
            taken += 1
    return taken


@compiled("void(u1[:,:], f8[:,::1], i8, f8, i2[::1], f4[:,::1])")
def _recall(invented: Any, points: Any, length: int, share: float, source: Any, places: Any) -> None:
    """Notes where the eye made before shows a run's points, if it had to be filled there; `share` is signed."""
    for k in range(length):
        x, y = points[0, k] - share * points[2, k], points[1, k]
        if _is_set(invented, x, y):
            places[k, 2], places[k, 3] = x, y
            if source[k] < 0:
                source[k] = RECALLED


def _plate(shift: Any, runs: Any, counts: Any, lumas: Any, disparities: Any, here: int, future: Any, past: Any,
           invented: Any, share: float, tolerance: float, likeness: float, flipped: bool, source: Any, places: Any,
           first: int, last: int) -> None:
    height, width = shift.shape
    points = np.empty((2, 3, width + PLATE_STRIP), np.float64)
    tone = np.empty(PLATE_STRIP, np.float64)
    signed = -share if flipped else share
    for row in range(first, last):
        for n in range(counts[row]):
            start, end, anchor = int(runs[row, n, 0]), int(runs[row, n, 1]), int(runs[row, n, 2])
            mine, at = source[row, start:end], places[row, start:end]
            mine[:] = NOWHERE
            at[:, 2] = -1.0
            length = left = end - start
            total = _start(shift, row, start, end, anchor, share, tolerance, flipped, points)
            if total - length < PLATE_STRIP_LEAST:
                continue
            for k in range(length, total):
                tone[k - length] = _bilinear(lumas[here], points[0, 0, k], float(row))
            for turn in range(2 * max(len(future), len(past))):
                far, way = turn // 2, turn % 2
                if left == 0 and far > 0:
                    break
                models = future if way == 0 else past
                if far >= len(models):
                    continue
                slot = int(models[far, 16])
                _advance(points[way], total, models[far], width, height)
                seen = _likeness(lumas[slot], disparities[slot], points[way], length, total, tone, tolerance, likeness)
                if turn == 1 and seen >= 0:
                    _recall(invented, points[way], length, signed, mine, at)
                if seen >= PLATE_STRIP_LEAST:
                    left -= _take(disparities[slot], points[way], length, tolerance, slot, mine, at, width - 1.0,
                                  height - 1.0)


_PLATE = ("void(f4[:,::1], i2[:,:,::1], i4[::1], {}[:,:,::1], f4[:,:,::1], i8, f8[:,::1], f8[:,::1], u1[:,:], f8, f8, "
          "f8, b1, i2[:,::1], f4[:,:,::1], i8, i8)")
plate_rows = compiled(_PLATE.format("u1"), _PLATE.format("u2"))(_plate)
"""For each pixel that the source does not show: which other frame shows it, and where.

`source` [H, W] int16 gets that frame's slot in `lumas` [n, H, W] and `disparities` [n, H/2, W/2], RECALLED where only
the eye made for the frame before has something to show (`invented` [H, W] says where it was filled), or NOWHERE.
`places` [H, W, 4] float32 gets x and y in that frame, and x and y in that eye (x −1 where it has nothing). `future` and
`past` [k, 17] hold the motion models from one frame to the next, and its slot, nearest first. A frame is asked only if
the surface beside the hole, followed there, looks the same (within `likeness` levels of luma); it shows a point if its
disparity there is the point's own (within `tolerance` pixels). `share` is how much of the disparity this eye has.
"""


@compiled("void(f4[:,::1], i2[:,:,::1], i4[::1], i2[:,::1], i8, i8)")
def reopen_rows(shift: Any, runs: Any, counts: Any, source: Any, first: int, last: int) -> None:
    """`shift` becomes UNSET again where nothing else shows the pixel."""
    for row in range(first, last):
        for n in range(counts[row]):
            for c in range(runs[row, n, 0], runs[row, n, 1]):
                if source[row, c] == NOWHERE:
                    shift[row, c] = np.float32(UNSET)


@compiled(*(f"f8({kind}[:,:], f8, f8)" for kind in ("u1", "u2")))
def _bicubic(plane: Any, x: float, y: float) -> float:
    height, width = plane.shape
    x0, y0 = math.floor(x), math.floor(y)
    tap = np.empty(4, np.float64)
    for j in range(4):
        line = plane[min(max(y0 - 1 + j, 0), height - 1)]
        tap[j] = _cubic(line[min(max(x0 - 1, 0), width - 1)], line[min(max(x0, 0), width - 1)],
                        line[min(max(x0 + 1, 0), width - 1)], line[min(max(x0 + 2, 0), width - 1)], x - x0)
    return _cubic(tap[0], tap[1], tap[2], tap[3], y - y0)


def _paint(planes: Any, recalled: Any, runs: Any, counts: Any, source: Any, places: Any, step_x: int, step_y: int,
           flipped: bool, out: Any, peak: int, first: int, last: int) -> None:
    frame_width = source.shape[1]
    for row in range(first, last):
        line = row * step_y
        for n in range(counts[line]):
            for c in range(runs[line, n, 0], runs[line, n, 1]):
                slot = source[line, c]
                column = frame_width - 1 - c if flipped else c
                if slot == NOWHERE or column % step_x:
                    continue
                at = places[line, c]
                share, value = 0.0, 0.0
                if at[2] >= 0.0:
                    share = RECALLED_SHARE if slot >= 0 else 1.0
                    value = share * _bicubic(recalled, at[2] / step_x, at[3] / step_y)
                if slot >= 0:
                    value += (1.0 - share) * _bicubic(planes[slot], at[0] / step_x, at[1] / step_y)
                out[row, column // step_x] = int(min(max(value + 0.5, 0.0), float(peak)))


_PAINT = ("void({0}[:,:,::1], {0}[:,::1], i2[:,:,::1], i4[::1], i2[:,::1], f4[:,:,::1], i8, i8, b1, {0}[:,:], i8, i8, "
          "i8)")
paint_rows = compiled(_PAINT.format("u1"), _PAINT.format("u2"))(_paint)
"""`out` (true orientation) takes what `plate_rows` found, bicubic: from other frames' `planes` [n, h, w] and from the
same plane of the eye made before, `recalled` [h, w], mixed where both show it."""
