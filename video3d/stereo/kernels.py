"""Row kernels of the synthesis, compiled by numba; `plain` holds the same functions without it.

Everything here works in the orientation of the right eye: near things move left. Callers give mirrored views for the
left eye, which makes a mirrored input give the mirrored result exactly. All functions take whole pictures and the rows
to work on, so that threads can share the work; a row's result depends on nothing that another call writes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from video3d.stereo.compiling import compiled

# numba keeps compiled code by the age of its source file: numbers it bakes in must stand in that file.
SURFACE_JUMP = 1.5
"""Neighbours whose disparity falls by more than so many pixels belong to different surfaces."""
UNSET = -1e9
"""Stands in a shift map where nothing has landed."""

SEEN = 0
"""The source shows what this pixel sees."""
HOLE = 1
"""Disoccluded: hidden in the source by something nearer."""
BORDER_LEFT = 2
"""Beyond the source's left edge."""
BORDER_RIGHT = 3
"""Beyond the source's right edge."""
REGION = 3
"""Mask of the above."""
SEAM = 4
"""Added where the neighbour to the left or right lies on another surface."""

STRIP_SHARE = 0.5
"""A filled pixel's ground tone is the mean of a strip of the surface behind, so many pixels long per pixel of
distance."""
STRIP_LONGEST = 24
HOLE_SPREAD = 0.2
"""Its standard deviation across rows, per pixel of distance to the surface behind: what lies farther in is known
less."""
BORDER_SPREAD = 0.25
SPREAD_LEAST = 0.3
SPREAD_MOST = 10.0
SPREAD_TAPS = 6
"""Rows looked at to each side; where it spreads wider, in strides."""
HOLE_DETAIL = 0.7
"""How much of the mirrored surface's texture is laid over the ground tone."""
BORDER_DETAIL = 0.3
SEAM_SHARE = 0.2
"""Weight of each side neighbour where two surfaces meet: the mixed pixels of a real edge."""

_TORN = np.float32(1e9)
# Whole numbers would turn float32 arithmetic into float64.
_ZERO, _HALF, _ONE, _TWO, _THREE, _FOUR, _FIVE = (np.float32(value) for value in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0))
_JUMP = np.float32(SURFACE_JUMP)
_UNSET = np.float32(UNSET)


@compiled("void(f4[:], f4[::1], f4[::1], i4[::1])")
def _prepare_row(row: Any, d: Any, slope: Any, end: Any) -> None:
    """`d` is the row and one value beyond it; `end` the last column at or left of each landing place.

    `slope` is the change of disparity per column of the new eye on the way to the next pixel, _TORN where that pixel is
    on another surface or this one turns away.
    """
    width = row.shape[0]
    for x in range(width):
        d[x] = row[x]
    d[width] = d[width - 1]
    for x in range(width):
        end[x] = np.int32(x) + np.int32(math.floor(-d[x]))
        fall = d[x] - d[x + 1]
        slope[x] = -fall / (_ONE + fall) if -_ONE < fall <= _JUMP else _TORN
    slope[width - 1] = _TORN


@compiled("void(f4[:,:], f4[:,::1], i8, i8)")
def project_rows(disparity: Any, shift: Any, first: int, last: int) -> None:
    """What each pixel of the new eye sees: `shift` [H, W] float32, source x minus own x; UNSET where nothing lands.

    The source row is a chain of segments between neighbouring pixels, torn where the disparity falls by more than
    SURFACE_JUMP; rims of torn surfaces reach half a pixel farther. Of all that lands on one pixel the largest source x
    is the nearest (x = c + d), so writing from left to right leaves the nearest surface standing.
    """
    width = disparity.shape[1]
    d = np.empty(width + 1, np.float32)
    slope = np.empty(width, np.float32)
    end = np.empty(width, np.int32)
    for y in range(first, last):
        _prepare_row(disparity[y], d, slope, end)
        for c in range(width):
            shift[y, c] = _UNSET
        c = 0
        torn = True
        for x in range(width):
            here = d[x]
            if torn:
                c = end[x]
                away = np.float32(c - x) + here
                if away < _ZERO:
                    if away >= -_HALF and 0 <= c < width:
                        shift[y, np.uint32(c)] = np.float32(x - c)
                    c += 1
            torn = slope[x] == _TORN
            if not torn:
                for k in range(max(c, 0), min(end[x + 1], width - 1) + 1):
                    shift[y, np.uint32(k)] = here + (np.float32(k - x) + here) * slope[x]
                c = end[x + 1] + 1
            elif 0 <= c < width and np.float32(c - x) + here <= _HALF:
                shift[y, np.uint32(c)] = np.float32(x - c)


@compiled("i8(f4[:,::1], u1[:,::1], i2[:,:,::1], i4[::1], f8, i8, i8)")
def region_rows(shift: Any, kind: Any, runs: Any, counts: Any, jump: float, first: int, last: int) -> int:
    """Says of every pixel what it is, and continues the surface behind into what the source does not show.

    UNSET pixels take the shift of their row's farther neighbour, or of the only one at the picture's edges. `kind`
    [H, W] uint8 gets its region, with SEAM where the shift differs by more than `jump` from a side neighbour's.
    `runs` [H, n, 3] int16 gets for each run of pixels that are not SEEN its first column, the column after its last,
    and the column that shows the surface behind (outside the run, or outside the picture where nothing does); `counts`
    [H] int32 says how many. Returns how many pixels are not SEEN.
    """
    width = shift.shape[1]
    unseen = 0
    for y in range(first, last):
        count = 0
        c = 0
        while c < width:
            if shift[y, np.uint32(c)] != _UNSET:
                kind[y, np.uint32(c)] = SEEN
                c += 1
                continue
            end = c
            while end < width and shift[y, end] == _UNSET:
                end += 1
            if c == 0:
                what, anchor = BORDER_LEFT, end
            elif end == width:
                what, anchor = BORDER_RIGHT, c - 1
            else:
                what, anchor = HOLE, (c - 1 if shift[y, c - 1] < shift[y, end] else end)
            behind = shift[y, anchor] if anchor < width else np.float32(0.0)
            for i in range(c, end):
                kind[y, i] = what
                shift[y, i] = behind
            runs[y, count, 0], runs[y, count, 1], runs[y, count, 2] = c, end, anchor
            count += 1
            unseen += end - c
            c = end
        counts[y] = count
        for c in range(width - 1):
            if abs(shift[y, c + 1] - shift[y, c]) > jump:
                kind[y, c] |= SEAM
                kind[y, c + 1] |= SEAM
    return unseen


def _gather(plane: Any, shift: Any, out: Any, peak: int, first: int, last: int) -> None:
    width = plane.shape[1]
    source = np.empty(width + 5, np.float32)
    part = np.empty(width, np.float32)
    column = np.empty(width, np.int32)
    top = np.float32(peak)
    for y in range(first, last):
        for c in range(width):
            source[c + 2] = plane[y, c]
        source[0] = source[1] = source[2]
        source[width + 2] = source[width + 3] = source[width + 4] = source[width + 1]
        for c in range(width):
            whole = np.float32(math.floor(shift[y, c]))
            part[c] = shift[y, c] - whole
            column[c] = min(max(np.int32(c) + np.int32(whole), np.int32(-1)), np.int32(width)) + np.int32(1)
        for c in range(width):
            t, k = part[c], np.uint32(column[c])
            p0, p1, p2, p3 = source[k], source[k + 1], source[k + 2], source[k + 3]
            value = p1 + _HALF * t * (p2 - p0 + t * (_TWO * p0 - _FIVE * p1 + _FOUR * p2 - p3
                                                    + t * (_THREE * (p1 - p2) + p3 - p0)))
            part[c] = min(max(value + _HALF, _ZERO), top)
        for c in range(width):
            out[y, c] = np.uint16(part[c])


gather_rows = compiled("void(u1[:,:], f4[:,::1], u1[:,:], i8, i8, i8)",
                       "void(u2[:,:], f4[:,::1], u2[:,:], i8, i8, i8)")(_gather)
"""Each pixel of `out` from `plane` at its own x plus `shift`: Catmull-Rom along the row, rounded, 0…peak."""


@compiled("void(f4[:,:], u1[:,:], f4[:,:], i8, i8, i8, i8, i8, i8)")
def chroma_rows(shift: Any, kind: Any, chroma_shift: Any, step_x: int, step_y: int, sites_x: int, sites_y: int,
                first: int, last: int) -> None:
    """The shift of chroma samples from that of the luma samples they sit among; UNSET where none of them is seen.

    A chroma sample stands for the `sites_x` by `sites_y` luma samples from (step_x k, step_y l) on. Of those that are
    seen the nearest surface counts, averaged, so that two surfaces are never mixed.
    """
    height, width = shift.shape
    scale = np.float32(1.0 / step_x)
    for row in range(first, last):
        top, bottom = row * step_y, min(row * step_y + sites_y, height)
        for k in range(chroma_shift.shape[1]):
            left, right = k * step_x, min(k * step_x + sites_x, width)
            total, count, nearest = _ZERO, _ZERO, _UNSET
            for y in range(top, bottom):
                for x in range(left, right):
                    if kind[y, x] & REGION != SEEN or shift[y, x] < nearest - _JUMP:
                        continue
                    if shift[y, x] > nearest + _JUMP:
                        total, count, nearest = _ZERO, _ZERO, shift[y, x]
                    total += shift[y, x]
                    count += _ONE
            chroma_shift[row, k] = total / count * scale if count > _ZERO else _UNSET


def _ground(plane: Any, kind: Any, shift: Any, runs: Any, counts: Any, tone: Any, detail: Any, jump: float, first: int,
            last: int) -> None:
    width = plane.shape[1]
    for y in range(first, last):
        for n in range(counts[y]):
            c, end, anchor = int(runs[y, n, 0]), int(runs[y, n, 1]), int(runs[y, n, 2])
            if anchor >= width:
                tone[y, c:end] = 0.0
                detail[y, c:end] = 0.0
                continue
            step = 1 if anchor >= end else -1
            length = 0
            x = anchor
            while (0 <= x < width and kind[y, x] & REGION == SEEN and length <= 2 * (end - c)
                   and abs(shift[y, x] - shift[y, anchor]) <= jump + 0.25 * length):
                x += step
                length += 1
            total, count = 0.0, 0
            for r in range(1, end - c + 1):
                while count < length and count < min(int(STRIP_SHARE * r) + 1, STRIP_LONGEST):
                    total += plane[y, anchor + step * count]
                    count += 1
                i = anchor - step * r
                tone[y, i] = total / count
                turn = (r - 1) % (2 * length)
                turn = min(turn, 2 * length - 1 - turn)
                around, near = 0.0, 0
                for k in range(max(0, turn - 2), min(length, turn + 3)):
                    around += plane[y, anchor + step * k]
                    near += 1
                detail[y, i] = plane[y, anchor + step * turn] - around / near


ground_rows = compiled(
    "void(u1[:,:], u1[:,::1], f4[:,::1], i2[:,:,::1], i4[::1], f4[:,::1], f4[:,::1], f8, i8, i8)",
    "void(u2[:,:], u1[:,::1], f4[:,::1], i2[:,:,::1], i4[::1], f4[:,::1], f4[:,::1], f8, i8, i8)")(_ground)
"""What a row alone knows of its own fill: `tone`, a strip's mean, and `detail`, the mirrored strip's texture."""


def _fill(plane: Any, kind: Any, shift: Any, runs: Any, counts: Any, tone: Any, detail: Any, jump: float, peak: int,
          first: int, last: int) -> None:
    height = plane.shape[0]
    for y in range(first, last):
        for n in range(counts[y]):
            inside = kind[y, runs[y, n, 0]] & REGION == HOLE
            growth, share = (HOLE_SPREAD, HOLE_DETAIL) if inside else (BORDER_SPREAD, BORDER_DETAIL)
            for c in range(runs[y, n, 0], runs[y, n, 1]):
                distance = abs(runs[y, n, 2] - c)
                span = int(2.2 * min(SPREAD_LEAST + growth * distance, SPREAD_MOST) + 0.5)
                falloff = 1.0 / ((span + 1.0) * (span + 1.0))
                stride = 1 + span // SPREAD_TAPS
                total, weights = float(tone[y, c]), 1.0
                for j in range(1, span // stride + 1):
                    dy = j * stride
                    weight = 1.0 - dy * dy * falloff
                    for row in (y - dy, y + dy):
                        if 0 <= row < height and abs(shift[row, c] - shift[y, c]) <= jump + 0.1 * dy:
                            total += weight * (plane[row, c] if kind[row, c] & REGION == SEEN else tone[row, c])
                            weights += weight
                value = total / weights + share * min(1.0, 0.5 * (distance - 1)) * detail[y, c]
                plane[y, c] = int(min(max(value + 0.5, 0.0), float(peak)))


fill_rows = compiled(
    "void(u1[:,:], u1[:,::1], f4[:,::1], i2[:,:,::1], i4[::1], f4[:,::1], f4[:,::1], f8, i8, i8, i8)",
    "void(u2[:,:], u1[:,::1], f4[:,::1], i2[:,:,::1], i4[::1], f4[:,::1], f4[:,::1], f8, i8, i8, i8)")(_fill)
"""Fills what is not SEEN: the tones of the rows around it on the same surface, more of them farther in, and detail."""


def _seam(plane: Any, kind: Any, first: int, last: int) -> None:
    width = plane.shape[1]
    for y in range(first, last):
        before = float(plane[y, 0])
        for c in range(1, width - 1):
            here = float(plane[y, c])
            if kind[y, c] & SEAM:
                value = (1.0 - 2.0 * SEAM_SHARE) * here + SEAM_SHARE * (before + float(plane[y, c + 1]))
                plane[y, c] = int(value + 0.5)
            before = here


seam_rows = compiled("void(u1[:,:], u1[:,::1], i8, i8)", "void(u2[:,:], u1[:,::1], i8, i8)")(_seam)
"""Softens the meeting of two surfaces along the row, as a lens and a sensor would."""
