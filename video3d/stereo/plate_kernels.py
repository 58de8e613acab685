"""Kernels of the background plate: what other frames of the shot saw of the surface behind.

Positions here are those of the true orientation, in pixels of the frame; warp maps come in the right eye's orientation
(`flipped` says that the two differ).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from video3d.stereo.compiling import compiled
from video3d.stereo.constants import NOWHERE, PLATE_STRIP, PLATE_STRIP_LEAST, RECALLED, UNSET


@compiled("void(f8[::1], f8[::1], f8[::1], i8, f8[::1], i8, i8)")
def _advance(x: Any, y: Any, d: Any, count: int, model: Any, width: int, height: int) -> None:
    """Points of the background from one frame to the next, by its `MotionModel`."""
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
def _all_set(mask: Any, x: float, y: float) -> bool:
    height, width = mask.shape
    x0, y0 = math.floor(x), math.floor(y)
    if not (0 <= x0 and x0 < width and 0 <= y0 and y0 < height):
        return False
    x1 = min(x0 + 1, width - 1) if x - x0 > 1e-3 else x0
    y1 = min(y0 + 1, height - 1) if y - y0 > 1e-3 else y0
    return bool(mask[y0, x0] and mask[y0, x1] and mask[y1, x0] and mask[y1, x1])


def _plate(shift: Any, runs: Any, counts: Any, lumas: Any, disparities: Any, here: int, future: Any, past: Any,
           invented: Any, share: float, tolerance: float, likeness: float, flipped: bool, source: Any, source_x: Any, source_y: Any,
           first: int, last: int) -> None:
    height, width = shift.shape
    ahead, back = len(future), len(past)
    x = np.empty((2, width + PLATE_STRIP), np.float64)
    y = np.empty((2, width + PLATE_STRIP), np.float64)
    d = np.empty((2, width + PLATE_STRIP), np.float64)
    before_x, before_y = np.empty(width, np.float64), np.empty(width, np.float64)
    before_d = np.empty(width, np.float64)
    tone = np.empty(PLATE_STRIP, np.float64)
    for row in range(first, last):
        for n in range(counts[row]):
            start, end, anchor = int(runs[row, n, 0]), int(runs[row, n, 1]), int(runs[row, n, 2])
            length = end - start
            left = length
            for c in range(start, end):
                source[row, c] = NOWHERE
            if length < 2 or anchor >= width:
                continue
            step = 1 if anchor >= end else -1
            strip = 0
            total = length
            for k in range(length + PLATE_STRIP):
                c = start + k if k < length else anchor + step * (k - length)
                if k >= length:
                    if not 0 <= c < width or abs(shift[row, c] - shift[row, anchor]) > tolerance:
                        break
                    strip += 1
                    total += 1
                at = c + shift[row, c]
                at = width - 1.0 - at if flipped else at
                for way in range(2):
                    x[way, k], y[way, k], d[way, k] = at, row, shift[row, c] / share
                if k >= length:
                    tone[k - length] = _bilinear(lumas[here], at, float(row))
            if strip < PLATE_STRIP_LEAST:
                continue
            recalled = False
            for far in range(max(ahead, back)):
                for way in range(2):
                    if far >= (ahead if way == 0 else back):
                        continue
                    slot = int(future[far, 16] if way == 0 else past[far, 16])
                    _advance(x[way], y[way], d[way], total, future[far] if way == 0 else past[far], width, height)
                    seen, apart = 0, 0.0
                    for k in range(length, total):
                        if _shows(disparities[slot], x[way, k], y[way, k], d[way, k], tolerance):
                            apart += abs(_bilinear(lumas[slot], x[way, k], y[way, k]) - tone[k - length])
                            seen += 1
                    if seen < PLATE_STRIP_LEAST or apart > likeness * seen:
                        continue
                    if far == 0 and way == 1:
                        recalled = True
                        for k in range(length):
                            before_x[k], before_y[k], before_d[k] = x[way, k], y[way, k], d[way, k]
                    for k in range(length):
                        px, py = x[way, k], y[way, k]
                        if source[row, start + k] >= 0 or not (0.0 <= px <= width - 1.0 and 0.0 <= py <= height - 1.0):
                            continue
                        if _shows(disparities[slot], px, py, d[way, k], tolerance):
                            source[row, start + k] = slot
                            source_x[row, start + k], source_y[row, start + k] = px, py
                            left -= 1
                if left == 0:
                    break
            if not recalled:
                continue
            for k in range(length):
                if source[row, start + k] >= 0:
                    continue
                px = before_x[k] + share * (before_d[k] if flipped else -before_d[k])
                py = before_y[k]
                if _all_set(invented, px, py):
                    source[row, start + k] = RECALLED
                    source_x[row, start + k], source_y[row, start + k] = px, py


_PLATE = ("void(f4[:,::1], i2[:,:,::1], i4[::1], {}[:,:,::1], f4[:,:,::1], i8, f8[:,::1], f8[:,::1], u1[:,:], f8, f8, f8, b1, "
          "i2[:,::1], f4[:,::1], f4[:,::1], i8, i8)")
plate_rows = compiled(_PLATE.format("u1"), _PLATE.format("u2"))(_plate)
"""For each pixel that the source does not show: which other frame shows it, and where.

`source` [H, W] int16 gets that frame's slot in `lumas` [n, H, W] and `disparities` [n, H/2, W/2], or −1; `source_x` and
`source_y` the place. `future` and `past` [k, 17] hold the motion models from one frame to the next, and its slot, nearest
first. A frame is asked only if the surface beside the hole, followed there, looks the same (`likeness` levels of luma);
it shows a point if its disparity there is the point's own (`tolerance` pixels). `share` is how much of the disparity
this eye has.
"""


@compiled("void(f4[:,::1], i2[:,:,::1], i4[::1], i2[:,::1], i8, i8)")
def reopen_rows(shift: Any, runs: Any, counts: Any, source: Any, first: int, last: int) -> None:
    """`shift` becomes UNSET again where no other frame shows the pixel."""
    for row in range(first, last):
        for n in range(counts[row]):
            for c in range(runs[row, n, 0], runs[row, n, 1]):
                if source[row, c] == NOWHERE:
                    shift[row, c] = np.float32(UNSET)


def _paint(planes: Any, recalled: Any, runs: Any, counts: Any, source: Any, source_x: Any, source_y: Any, step_x: int, step_y: int,
           flipped: bool, out: Any, peak: int, first: int, last: int) -> None:
    _count, height, width = planes.shape
    frame_width = source.shape[1]
    tap = np.empty(4, np.float64)
    for row in range(first, last):
        luma_row = row * step_y
        for n in range(counts[luma_row]):
            for c in range(runs[luma_row, n, 0], runs[luma_row, n, 1]):
                slot = source[luma_row, c]
                column = frame_width - 1 - c if flipped else c
                if slot == NOWHERE or column % step_x:
                    continue
                x, y = source_x[luma_row, c] / step_x, source_y[luma_row, c] / step_y
                x0, y0 = math.floor(x), math.floor(y)
                part = y - y0
                for j in range(4):
                    at = min(max(y0 - 1 + j, 0), height - 1)
                    line = recalled[at] if slot == RECALLED else planes[slot, at]
                    tap[j] = _cubic(line[min(max(x0 - 1, 0), width - 1)], line[min(max(x0, 0), width - 1)],
                                    line[min(max(x0 + 1, 0), width - 1)], line[min(max(x0 + 2, 0), width - 1)], x - x0)
                value = _cubic(tap[0], tap[1], tap[2], tap[3], part)
                out[row, column // step_x] = int(min(max(value + 0.5, 0.0), float(peak)))


_PAINT = "void({0}[:,:,::1], {0}[:,::1], i2[:,:,::1], i4[::1], i2[:,::1], f4[:,::1], f4[:,::1], i8, i8, b1, {0}[:,:], i8, i8, i8)"
paint_rows = compiled(_PAINT.format("u1"), _PAINT.format("u2"))(_paint)
"""`out` (true orientation) takes what other frames' `planes` [n, h, w] show, bicubic, where `plate_rows` found it."""
