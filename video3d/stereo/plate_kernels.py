"""Kernels of the background plate: what other frames of the shot saw of the surface behind.

Positions here are those of the true orientation, in pixels of the frame; warp maps come in the right eye's orientation
(`flipped` says that the two differ).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from video3d.stereo.compiling import compiled, helper

PLATE_STRIP = 8
"""Pixels of the surface beside a hole that must look the same in another frame before that frame is trusted.

Fewer do where no more are to be seen: between two near things, or on a surface that turns away.
"""
NOWHERE = -1
"""In place of a frame's slot: no frame shows the pixel."""
RECALLED = -2
"""No frame shows the pixel; the eye made for the frame before does."""
RECALLED_SHARE = 0.5
"""How much of a pixel that another frame shows still comes from the eye made before: it steadies it."""


# Unsigned numbers spare the compiler the question whether an index counts from the end, and let it use vectors.
_U = np.uint64
_X, _Y, _D = _U(0), _U(1), _U(2)
"""Rows of a list of points."""


@helper
def _advance(points: Any, way: int, count: int, models: Any, far: int, per_width: float, per_height: float) -> None:
    """Points of the background (rows: x, y, disparity) from one frame to the next, by a model of `MotionStep`."""
    for n in range(count):
        x, y, d = points[way, _X, n], points[way, _Y, n], points[way, _D, n]
        u, v, near = x * per_width - 0.5, y * per_height - 0.5, d * per_width
        points[way, _X, n] = x + (models[far, _U(0)] + models[far, _U(1)] * u + models[far, _U(2)] * v
                                  + models[far, _U(3)] * u * u + models[far, _U(4)] * u * v
                                  + near * (models[far, _U(5)] + models[far, _U(6)] * u))
        points[way, _Y, n] = y + (models[far, _U(7)] + models[far, _U(8)] * u + models[far, _U(9)] * v
                                  + models[far, _U(10)] * u * v + models[far, _U(11)] * v * v
                                  + near * (models[far, _U(12)] + models[far, _U(13)] * v))
        points[way, _D, n] = models[far, _U(14)] * d + models[far, _U(15)]


@helper
def _bilinear(plane: Any, x: float, y: float) -> float:
    height, width = plane.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    x0, y0 = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    u, v = x - x0, y - y0
    return ((1.0 - v) * ((1.0 - u) * plane[y0, x0] + u * plane[y0, x1])
            + v * ((1.0 - u) * plane[y1, x0] + u * plane[y1, x1]))


@helper
def _cubic(p0: float, p1: float, p2: float, p3: float, t: float) -> float:
    return p1 + 0.5 * t * (p2 - p0 + t * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + t * (3.0 * (p1 - p2) + p3 - p0)))


@helper
def _shows(disparities: Any, slot: int, x: float, y: float, d: float, tolerance: float) -> bool:
    """Whether a frame's disparity, kept at half its size, says that the surface at `d` is what is seen at (x, y)."""
    rows, columns = disparities.shape[1], disparities.shape[2]
    x0, y0 = math.floor(0.5 * x), math.floor(0.5 * y)
    left, right = _U(min(max(x0, 0), columns - 1)), _U(min(max(x0 + 1, 0), columns - 1))
    top, bottom = _U(min(max(y0, 0), rows - 1)), _U(min(max(y0 + 1, 0), rows - 1))
    return bool((abs(disparities[slot, top, left] - d) <= tolerance)
                and (abs(disparities[slot, top, right] - d) <= tolerance)
                and (abs(disparities[slot, bottom, left] - d) <= tolerance)
                and (abs(disparities[slot, bottom, right] - d) <= tolerance))


@helper
def _is_set(mask: Any, x: float, y: float) -> bool:
    height, width = mask.shape
    x0, y0 = math.floor(x), math.floor(y)
    if x0 < 0 or x0 >= width or y0 < 0 or y0 >= height:
        return False
    x1 = min(x0 + 1, width - 1) if x - x0 > 0.05 else x0
    y1 = min(y0 + 1, height - 1) if y - y0 > 0.05 else y0
    return bool(mask[y0, x0] and mask[y0, x1] and mask[y1, x0] and mask[y1, x1])


@helper
def _put(shift: Any, row: int, c: int, share: float, flipped: bool, points: Any, k: int) -> None:
    """What pixel (row, c) of the new eye looks at, as point `k` on both ways through the shot."""
    at = c + shift[row, c]
    for way in range(2):
        points[way, 0, k] = shift.shape[1] - 1.0 - at if flipped else at
        points[way, 1, k] = row
        points[way, 2, k] = shift[row, c] / share


@helper
def _start(shift: Any, row: int, start: int, end: int, anchor: int, share: float, tolerance: float, flipped: bool,
           points: Any, strip: Any) -> int:
    """Puts a run's pixels into `points` [2, 3, n] and the surface beside it into `strip` [2, 3, PLATE_STRIP].

    Both are in the source. Returns how long the strip is: 0 where nothing lies beside the run.
    """
    width = shift.shape[1]
    step = 1 if anchor >= end else -1
    length = end - start
    if anchor >= width:
        return 0
    beside = 0
    while beside < PLATE_STRIP:
        c = anchor + step * beside
        if c < 0 or c >= width or abs(shift[row, c] - shift[row, anchor]) > tolerance:
            break
        _put(shift, row, c, share, flipped, strip, beside)
        beside += 1
    for k in range(length):
        _put(shift, row, start + k, share, flipped, points, k)
    return beside


@helper
def _likeness(lumas: Any, disparities: Any, slot: int, strip: Any, way: int, count: int, tone: Any, tolerance: float,
              likeness: float) -> int:
    """How many of the strip's points a frame shows, less than none if they look different there."""
    seen, apart = 0, 0.0
    for k in range(count):
        x, y = strip[way, _X, k], strip[way, _Y, k]
        if _shows(disparities, slot, x, y, strip[way, _D, k], tolerance):
            apart += abs(_bilinear(lumas[slot], x, y) - tone[k])
            seen += 1
    return seen if apart <= likeness * seen else -1


@helper
def _shown(disparities: Any, slot: int, points: Any, way: int, which: Any, count: int, tolerance: float, right: float,
           bottom: float, source: Any, shown: Any) -> Any:
    """Which of the points (places in their list, into `shown`) a frame shows and none before did; and how many."""
    found = _U(0)
    for n in range(count):
        x, y = points[way, _X, n], points[way, _Y, n]
        if source[_U(which[way, n])] >= 0 or x < 0.0 or x > right or y < 0.0 or y > bottom:
            continue
        if _shows(disparities, slot, x, y, points[way, _D, n], tolerance):
            shown[found] = n
            found += _U(1)
    return found


@helper
def _kept(points: Any, way: int, which: Any, count: int, source: Any) -> Any:
    """Drops the points that a frame has been found for from their list; returns how many are left."""
    left = _U(0)
    for n in range(count):
        if source[_U(which[way, n])] < 0:
            for part in range(_U(3)):
                points[way, part, left] = points[way, part, n]
            which[way, left] = which[way, n]
            left += _U(1)
    return left


@helper
def _recall(invented: Any, points: Any, length: int, share: float, source: Any, places: Any) -> None:
    """Notes where the eye made before shows a run's points, if it had to be filled there; `share` is signed."""
    for k in range(length):
        x, y = points[1, 0, k] - share * points[1, 2, k], points[1, 1, k]
        if _is_set(invented, x, y):
            places[k, 2], places[k, 3] = x, y
            if source[k] < 0:
                source[k] = RECALLED


@helper
def _ask_frame(lumas: Any, disparities: Any, models: Any, far: int, way: int, points: Any, strip: Any, reached: Any,
               which: Any, left: Any, shown: Any, tone: Any, invented: Any, signed: float, tolerance: float,
               likeness: float, width: float, height: float, source: Any, places: Any) -> int:
    """Moves a run's points on to the next frame of one way, and notes what that one shows; returns how many points.

    The nearest frame of the past (way 1) also tells where the eye made for it shows them. The strip stays behind, at
    the frame `reached`, until it is looked at: most frames show none of the points.
    """
    slot, beside = _U(models[far, 16]), _U(tone.shape[0])
    _advance(points, way, left[way], models, far, 1.0 / width, 1.0 / height)
    found = _shown(disparities, slot, points, way, which, left[way], tolerance, width - 1.0, height - 1.0, source,
                   shown)
    recalls = way == 1 and far == 0
    if found == 0 and not recalls:
        return 0
    for step in range(reached[way], far + _U(1)):
        _advance(strip, way, beside, models, step, 1.0 / width, 1.0 / height)
    reached[way] = far + _U(1)
    seen = _likeness(lumas, disparities, slot, strip, way, beside, tone, tolerance, likeness)
    if recalls and seen >= 0:
        _recall(invented, points, len(source), signed, source, places)
    if seen <= 0:
        return 0
    for m in range(found):
        n = _U(shown[m])
        k = _U(which[way, n])
        source[k] = slot
        places[k, 0], places[k, 1] = points[way, _X, n], points[way, _Y, n]
    left[way] = _kept(points, way, which, left[way], source)
    return int(found)


def _plate(shift: Any, runs: Any, counts: Any, lumas: Any, disparities: Any, here: int, future: Any, past: Any,
           invented: Any, share: float, tolerance: float, likeness: float, shortest: int, flipped: bool, source: Any,
           places: Any, first: int, last: int) -> None:
    height, width = shift.shape
    points, strip = np.empty((2, 3, width), np.float64), np.empty((2, 3, PLATE_STRIP), np.float64)
    which, left, shown = np.empty((2, width), np.int32), np.empty(2, np.uint64), np.empty(width, np.int32)
    reached = np.empty(2, np.uint64)
    tone = np.empty(PLATE_STRIP, np.float64)
    signed = -share if flipped else share
    for row in range(first, last):
        for n in range(counts[row]):
            start, end, anchor = int(runs[row, n, 0]), int(runs[row, n, 1]), int(runs[row, n, 2])
            mine, at = source[row, start:end], places[row, start:end]
            mine[:] = NOWHERE
            at[:, 2] = -1.0
            if end - start < shortest:
                continue
            beside = _start(shift, row, start, end, anchor, share, tolerance, flipped, points, strip)
            if beside == 0:
                continue
            for k in range(beside):
                tone[k] = _bilinear(lumas[here], strip[0, 0, k], float(row))
            for k in range(end - start):
                which[0, k] = which[1, k] = k
            left[:] = _U(end - start)
            reached[:] = _U(0)
            hidden = end - start
            for turn in range(2 * max(len(future), len(past))):
                models = future if turn % 2 == 0 else past
                if (hidden > 0 or turn < 2) and turn // 2 < len(models):
                    hidden -= _ask_frame(lumas, disparities, models, _U(turn // 2), _U(turn % 2), points, strip,
                                         reached, which, left, shown, tone[:beside], invented, signed, tolerance,
                                         likeness, float(width), float(height), mine, at)


_PLATE = ("void(f4[:,::1], i2[:,:,::1], i4[::1], {}[:,:,::1], f4[:,:,::1], i8, f8[:,::1], f8[:,::1], u1[:,:], f8, f8, "
          "f8, i8, b1, i2[:,::1], f4[:,:,::1], i8, i8)")
plate_rows = compiled(_PLATE.format("u1"), _PLATE.format("u2"))(_plate)
"""For each pixel that the source does not show: which other frame shows it, and where.

`source` [H, W] int16 gets that frame's slot in `lumas` [n, H, W] and `disparities` [n, H/2, W/2], RECALLED where only
the eye made for the frame before has something to show (`invented` [H, W] says where it was filled), or NOWHERE.
`places` [H, W, 4] float32 gets x and y in that frame, and x and y in that eye (x −1 where it has nothing). `future` and
`past` [k, 17] hold the motion models from one frame to the next, and its slot, nearest first. A frame is asked only if
the surface beside the hole, followed there, looks the same (within `likeness` levels of luma); it shows a point if its
disparity there is the point's own (within `tolerance` pixels). `share` is how much of the disparity this eye has.
Runs of less than `shortest` pixels are left alone.
"""


@compiled("void(f4[:,::1], i8, i8, f4[:,::1], i8, i8)")
def shrink_rows(disparity: Any, before: int, after: int, out: Any, first: int, last: int) -> None:
    """`out` [H/2, W/2] takes every second pixel of `disparity` [H, W], as near as the nearest around it.

    Around are the rows above and below, and the columns from `before` to the left to `after` to the right.
    """
    height, width = disparity.shape
    tallest, nearest = np.empty(width + before + after, np.float32), np.empty(width, np.float32)
    tallest[:] = np.float32(-1e9)
    for row in range(first, last):
        above, here, below = disparity[max(2 * row - 1, 0)], disparity[2 * row], disparity[min(2 * row + 1, height - 1)]
        for x in range(_U(width)):
            tallest[_U(before) + x] = max(above[x], here[x], below[x])
        for x in range(_U(width)):
            nearest[x] = tallest[x]
        for n in range(_U(1), _U(before + after + 1)):
            for x in range(_U(width)):
                nearest[x] = max(nearest[x], tallest[x + n])
        for x in range(_U(out.shape[1])):
            out[row, x] = nearest[_U(2) * x]


_FIT_TERMS = 7
_FIT_ROUNDS = 10
_FIT_SCALES = (3.0, 0.15)
"""Pixels of the small grid off which a sample's weight is a quarter, in the first round and in the last."""


@helper
def _fill_basis(at: Any, near: Any, width: float, height: float, basis: Any) -> None:
    for k in range(near.shape[0]):
        u, v, d = at[k, 0] / width - 0.5, at[k, 1] / height - 0.5, near[k] / width
        for way, other in ((0, u), (1, v)):
            basis[way, k, 0], basis[way, k, 1], basis[way, k, 2] = 1.0, u, v
            basis[way, k, 3], basis[way, k, 4] = u * other, v * other
            basis[way, k, 5], basis[way, k, 6] = d, d * other


@helper
def _fill_normal(basis: Any, moved: Any, way: int, weight: Any, normal: Any) -> None:
    """The normal equations of one way, [7, 8]: the upper half and the right side."""
    for k in range(weight.shape[0]):
        for i in range(_FIT_TERMS):
            weighted = weight[k] * basis[k, i]
            for j in range(i, _FIT_TERMS):
                normal[i, j] += weighted * basis[k, j]
            normal[i, _FIT_TERMS] += weighted * moved[k, way]


@helper
def _solve(normal: Any, parameters: Any) -> None:
    """Gaussian elimination of symmetric equations of which the upper half is given."""
    for i in range(_FIT_TERMS):
        for row in range(i + 1, _FIT_TERMS):
            share = normal[i, row] / normal[i, i]
            for j in range(row, _FIT_TERMS + 1):
                normal[row, j] -= share * normal[i, j]
    for i in range(_FIT_TERMS - 1, -1, -1):
        value = normal[i, _FIT_TERMS]
        for j in range(i + 1, _FIT_TERMS):
            value -= normal[i, j] * parameters[j]
        parameters[i] = value / normal[i, i]


@helper
def _least_squares(basis: Any, moved: Any, weight: Any, parameters: Any) -> None:
    """`parameters` [14] of both ways by weighted least squares."""
    total = 0.0
    for k in range(weight.shape[0]):
        total += weight[k]
    normal = np.zeros((_FIT_TERMS, _FIT_TERMS + 1), np.float64)
    for way in range(2):
        normal[:] = 0.0
        for i in range(_FIT_TERMS):
            normal[i, i] = 1e-9 * total + 1e-12
        _fill_normal(basis[way], moved, way, weight, normal)
        _solve(normal, parameters[way * _FIT_TERMS:(way + 1) * _FIT_TERMS])


@helper
def _predict(basis: Any, parameters: Any, predicted: Any) -> None:
    for k in range(basis.shape[1]):
        for way in range(2):
            value = 0.0
            for i in range(_FIT_TERMS):
                value += basis[way, k, i] * parameters[way * _FIT_TERMS + i]
            predicted[k, way] = value


@compiled("void(f8[:,::1], f8[::1], f8, f8, f8[:,::1], f8[::1], f8, f8[::1], f8[::1], f8[:,::1])")
def fit_samples(at: Any, near: Any, width: float, height: float, moved: Any, weight: Any, unit: float, parameters: Any,
                kept: Any, predicted: Any) -> None:
    """A model of motion (14 `parameters`, see `MotionStep`) to samples [n, 2] `at` places of `near` disparity [n].

    Cauchy weights of shrinking scale; `unit` is a pixel of the small grid, or 0 for a plain fit by `weight`. `kept` [n]
    becomes how much of each sample the model explains, 0…1, and `predicted` [n, 2] what it says.
    """
    basis = np.empty((2, near.shape[0], _FIT_TERMS), np.float64)
    _fill_basis(at, near, width, height, basis)
    used = weight.copy()
    for turn in range(_FIT_ROUNDS if unit > 0.0 else 1):
        _least_squares(basis, moved, used, parameters)
        _predict(basis, parameters, predicted)
        scale = unit * _FIT_SCALES[0] * (_FIT_SCALES[1] / _FIT_SCALES[0]) ** (turn / (_FIT_ROUNDS - 1))
        for k in range(near.shape[0]):
            x, y = moved[k, 0] - predicted[k, 0], moved[k, 1] - predicted[k, 1]
            share = 1.0 / (1.0 + (x * x + y * y) / max(scale * scale, 1e-12))
            kept[k] = share * share
            used[k] = weight[k] * kept[k]


@helper
def _along(line: Any, c0: int, c1: int, c2: int, c3: int, t: float) -> float:
    # Differences of unsigned numbers would wrap around.
    return _cubic(float(line[_U(c0)]), float(line[_U(c1)]), float(line[_U(c2)]), float(line[_U(c3)]), t)


@helper
def _bicubic(plane: Any, x: float, y: float) -> float:
    height, width = plane.shape
    x0, y0 = math.floor(x), math.floor(y)
    right, bottom = width - 1, height - 1
    c0, c1 = min(max(x0 - 1, 0), right), min(max(x0, 0), right)
    c2, c3 = min(max(x0 + 1, 0), right), min(max(x0 + 2, 0), right)
    t = x - x0
    if y == y0 and 0 <= y0 <= bottom:
        return _along(plane[y0], c0, c1, c2, c3, t)
    return _cubic(_along(plane[min(max(y0 - 1, 0), bottom)], c0, c1, c2, c3, t),
                  _along(plane[min(max(y0, 0), bottom)], c0, c1, c2, c3, t),
                  _along(plane[min(max(y0 + 1, 0), bottom)], c0, c1, c2, c3, t),
                  _along(plane[min(max(y0 + 2, 0), bottom)], c0, c1, c2, c3, t), y - y0)


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
