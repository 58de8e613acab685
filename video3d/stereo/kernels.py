"""Row kernels of the synthesis, compiled by numba; `plain` holds the same functions without it.

Everything here works in the orientation of the right eye: near things move left. Callers give mirrored views for the
left eye, which makes a mirrored input give the mirrored result exactly. All functions take whole pictures and the rows
to work on, so that threads can share the work; a row's result depends on nothing that another call writes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from video3d.stereo.compiling import compiled, helper

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
NOWHERE = -1
"""In the background plate's finds: no other frame shows the pixel."""

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
_FARTHEST = np.float32(-1e9)
# Whole numbers would turn float32 arithmetic into float64.
_ZERO, _HALF, _ONE, _TWO, _THREE, _FOUR, _FIVE = (np.float32(value) for value in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0))
_JUMP = np.float32(SURFACE_JUMP)
_UNSET = np.float32(UNSET)


# Unsigned numbers spare the compiler the question whether an index counts from the end, and let it use vectors; mixed
# with signed ones they would become floats, so every number beside them is one of these.
_U = np.uint64
_LANES = np.uint64(16)
"""Pixels handled at a time where neighbours move alike."""
_NONE, _NEXT, _TWO_ON, _THREE_ON = _U(0), _U(1), _U(2), _U(3)


@helper
def _run_of_set(flags: Any, at: Any) -> Any:
    """How many flags are set (1) from `at` on; the row must end with one that is not, and have room for a look beyond.

    It is looked at in whole strides, which costs less than one by one.
    """
    end = at
    while True:
        total = 0
        for n in range(_LANES):
            total += flags[end + n]
        if total < 16:
            break
        end += _LANES
    while flags[end]:
        end += _NEXT
    return end - at


@helper
def _widen_row(row: Any, flipped: bool, share: Any, before: int, after: int, around: Any, d: Any) -> None:
    """`d` becomes `share` of the row, turned to the right eye's orientation, each pixel as near as any around it.

    Those are the ones from `before` to the left to `after` to the right. `around` has room for the row and these.
    """
    width = _U(row.shape[0])
    final = width - _NEXT
    for x in range(before):
        around[x] = _FARTHEST
    for x in range(width):
        around[before + x] = row[final - x] * share if flipped else row[x] * share
    for x in range(after):
        around[before + width + x] = _FARTHEST
    for x in range(width):
        d[x] = around[x]
    for n in range(_NEXT, before + after + _NEXT):
        for x in range(width):
            d[x] = max(d[x], around[x + n])
    d[width] = d[final]


@helper
def _prepare_row(d: Any, slope: Any, end: Any, landing: Any, plain: Any) -> None:
    """`d` is a row of disparities and one value beyond it; `end` the last column at or left of each landing place.

    `slope` is the change of disparity per column of the new eye on the way to the next pixel, _TORN where that pixel is
    on another surface or this one turns away. `plain` is 1 where the next pixel is on the same surface and lands one
    column farther: `landing` is then the shift of the one column between the two.
    """
    width = slope.shape[0]
    for x in range(width):
        end[x] = np.int32(np.int32(x) + np.int32(np.floor(-d[x])))
    end[width] = end[width - 1]
    # One array a loop: with more of them the compiler gives up vectors for want of knowing that they lie apart.
    for x in range(width):
        fall = d[x] - d[x + 1]
        slope[x] = -fall / (_ONE + fall) if (fall > -_ONE) & (fall <= _JUMP) else _TORN
    for x in range(width):
        landing[x] = d[x] + (np.float32(np.int32(end[x] - np.int32(x) + np.int32(1))) + d[x]) * slope[x]
    for x in range(width):
        plain[x] = np.uint8((slope[x] != _TORN) & (np.int32(end[x + 1] - end[x]) == np.int32(1)))
    slope[width - 1] = _TORN
    plain[width - 1] = 0


@helper
def _land_run(landing: Any, first: int, last: int, away: int, shift: Any) -> None:
    """Columns `first` to `last` of `landing` to `shift`, `away` columns farther, as far as that lies in the row."""
    begin = max(first, -away)
    source, target = _U(begin), _U(begin + away)
    for n in range(_U(max(0, min(last, shift.shape[0] - away) - begin))):
        shift[target + n] = landing[source + n]


@helper
def _project_row(d: Any, slope: Any, end: Any, landing: Any, plain: Any, shift: Any) -> None:
    """One row of `project_rows`, as `_prepare_row` left it."""
    width = shift.shape[0]
    for c in range(width):
        shift[c] = _UNSET
    c = x = 0
    torn = True
    while x < width:
        if plain[x] and not torn:
            away, first = int(end[x]) - x + 1, x
            x += int(_run_of_set(plain, _U(x)))
            _land_run(landing, first, x, away, shift)
            c = end[x] + 1
            continue
        here = d[x]
        if torn:
            c = end[x]
            away = np.float32(c - x) + here
            if away < _ZERO:
                if away >= -_HALF and 0 <= c < width:
                    shift[np.uint32(c)] = np.float32(x - c)
                c += 1
        torn = slope[x] == _TORN
        if not torn:
            for k in range(max(c, 0), min(end[x + 1], width - 1) + 1):
                shift[np.uint32(k)] = here + (np.float32(k - x) + here) * slope[x]
            c = end[x + 1] + 1
        elif 0 <= c < width and np.float32(c - x) + here <= _HALF:
            shift[np.uint32(c)] = np.float32(x - c)
        x += 1


@compiled("void(f4[:,::1], b1, f8, i8, i8, f4[:,::1], i8, i8)")
def project_rows(disparity: Any, flipped: bool, share: float, before: int, after: int, shift: Any, first: int,
                 last: int) -> None:
    """What each pixel of the new eye sees: `shift` [H, W] float32, source x minus own x; UNSET where nothing lands.

    The source row is a chain of segments between neighbouring pixels, torn where the disparity falls by more than
    SURFACE_JUMP; rims of torn surfaces reach half a pixel farther. Of all that lands on one pixel the largest source x
    is the nearest (x = c + d), so writing from left to right leaves the nearest surface standing.

    The row is `share` of the disparity [H, W], mirrored where `flipped`, each pixel as near as the nearest from
    `before` pixels to its left to `after` to its right.
    """
    width = disparity.shape[1]
    around = np.empty(width + before + after, np.float32)
    d, slope, landing = np.empty(width + 1, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    end, plain = np.empty(width + 1, np.int32), np.zeros(width + 16, np.uint8)
    for y in range(first, last):
        _widen_row(disparity[y], flipped, np.float32(share), _U(before), _U(after), around, d)
        _prepare_row(d, slope, end, landing, plain)
        _project_row(d, slope, end, landing, plain, shift[y])


@helper
def _next_unset(shift: Any, c: int, last: int) -> int:
    """The first column from `c` on that is UNSET, or `last`."""
    while c + 64 <= last:
        found, at = 0, _U(c)
        for n in range(_U(64)):
            found += np.int32(shift[at + n] == _UNSET)
        if found:
            break
        c += 64
    while c < last and shift[np.uint32(c)] != _UNSET:
        c += 1
    return c


@helper
def _note_runs(shift: Any, kind: Any, first: int, last: int, runs: Any, count: int) -> int:
    """Fills what is UNSET in columns `first` to `last`, and adds its runs to the `count` there are; returns how many.

    The columns before and after are set, or there are none.
    """
    width = shift.shape[0]
    c = _next_unset(shift, first, last)
    while c < last:
        end = c
        while end < last and shift[np.uint32(end)] == _UNSET:
            end += 1
        if c == 0:
            what, anchor = BORDER_LEFT, end
        elif end == width:
            what, anchor = BORDER_RIGHT, c - 1
        else:
            what, anchor = HOLE, (c - 1 if shift[c - 1] < shift[end] else end)
        behind = shift[anchor] if anchor < width else _ZERO
        for i in range(c, end):
            kind[np.uint32(i)] = what
            shift[np.uint32(i)] = behind
        runs[count, 0], runs[count, 1], runs[count, 2] = c, end, anchor
        count += 1
        c = _next_unset(shift, end, last)
    return count


@helper
def _mark_seams(shift: Any, kind: Any, first: int, last: int, apart: Any, jump: Any) -> None:
    """Adds SEAM where it belongs in columns `first` to `last`. `apart` is room for a byte per column, and one."""
    width = shift.shape[0]
    apart[0] = apart[width] = 0
    for c in range(_U(max(first, 1)), _U(min(last + 1, width))):
        apart[c] = np.uint8(abs(shift[c] - shift[c - _NEXT]) > jump)
    for c in range(_U(first), _U(last)):
        kind[c] |= (apart[c] | apart[c + _NEXT]) * np.uint8(SEAM)


@compiled("void(f4[:,::1], u1[:,::1], i2[:,:,::1], i4[::1], f8, i8, i8)")
def region_rows(shift: Any, kind: Any, runs: Any, counts: Any, jump: float, first: int, last: int) -> None:
    """Says of every pixel what it is, and continues the surface behind into what the source does not show.

    UNSET pixels take the shift of their row's farther neighbour, or of the only one at the picture's edges. `kind`
    [H, W] uint8 gets its region, with SEAM where the shift differs by more than `jump` from a side neighbour's.
    `runs` [H, n, 3] int16 gets for each run of pixels that are not SEEN its first column, the column after its last,
    and the column that shows the surface behind (outside the run, or outside the picture where nothing does); `counts`
    [H] int32 says how many.
    """
    apart = np.empty(shift.shape[1] + 1, np.uint8)
    width = shift.shape[1]
    for y in range(first, last):
        kind[y] = SEEN
        counts[y] = _note_runs(shift[y], kind[y], 0, width, runs[y], 0)
        _mark_seams(shift[y], kind[y], 0, width, apart, np.float32(jump))


@compiled("void(f4[:,::1], u1[:,::1], i2[:,:,::1], i4[::1], i2[:,::1], i2[:,:,::1], i4[::1], f8, i8, i8)")
def reopen_rows(shift: Any, kind: Any, runs: Any, counts: Any, source: Any, new_runs: Any, new_counts: Any,
                jump: float, first: int, last: int) -> None:
    """`region_rows` again, for what is still not shown when the background plate has been asked.

    Of the runs, only the pixels stay whose `source` [H, W] is NOWHERE; the others are SEEN now, by their present shift.
    """
    width = shift.shape[1]
    apart = np.empty(width + 1, np.uint8)
    for y in range(first, last):
        count = 0
        for n in range(counts[y]):
            start, end = int(runs[y, n, 0]), int(runs[y, n, 1])
            left = 0
            for c in range(start, end):
                left += source[y, c] == NOWHERE
            if left == end - start:
                new_runs[y, count] = runs[y, n]
                count += 1
                continue
            for c in range(start, end):
                kind[y, c] = SEEN
                if source[y, c] == NOWHERE:
                    shift[y, c] = _UNSET
            count = _note_runs(shift[y], kind[y], start, end, new_runs[y], count)
            left, right = max(start - 1, 0), min(end + 1, width)
            for c in range(left, right):
                kind[y, c] &= np.uint8(REGION)
            _mark_seams(shift[y], kind[y], left, right, apart, np.float32(jump))
        new_counts[y] = count


@helper
def _split_shift(shift: Any, part: Any, away: Any, alike: Any) -> None:
    """The shift's fraction, and how far from each column the second of four taps lies in a row with two before it.

    `alike` is 1 where the next column's taps lie as far away.
    """
    width = np.int32(shift.shape[0])
    for c in range(shift.shape[0]):
        whole = np.floor(shift[c])
        part[c] = shift[c] - whole
        column = np.int32(np.int32(c) + np.int32(whole))
        away[c] = np.int32(min(max(column, np.int32(-1)), width) + np.int32(1) - np.int32(c))
    for c in range(shift.shape[0]):
        alike[c] = np.uint8(away[c] == away[c + 1])
    alike[width - 1] = 0


@helper
def _interpolate_row(source: Any, part: Any, away: Any, alike: Any, top: Any, values: Any) -> None:
    """Catmull-Rom along the row, rounded, 0…top, in runs of columns whose taps lie equally far away.

    Whole strides are written: what lies beyond a run's end, the next run writes again.
    """
    width = _U(part.shape[0]) - _LANES
    c = _NONE
    while c < width:
        count = _run_of_set(alike, c) + _NEXT
        step = away[c]
        for at in range(c, c + count, _LANES):
            first = _U(np.int64(at) + step)
            for n in range(_LANES):
                k = first + n
                t = part[at + n]
                p0, p1, p2, p3 = source[k], source[k + _NEXT], source[k + _TWO_ON], source[k + _THREE_ON]
                value = p1 + _HALF * t * (p2 - p0 + t * (_TWO * p0 - _FIVE * p1 + _FOUR * p2 - p3
                                                        + t * (_THREE * (p1 - p2) + p3 - p0)))
                values[at + n] = np.int32(min(max(value + _HALF, _ZERO), top))
        c += count


def _gather(plane: Any, flipped: bool, shift: Any, out: Any, peak: int, first: int, last: int) -> None:
    width = plane.shape[1]
    final = _U(width - 1)
    source = np.zeros(width + 5 + 16, np.float32)
    part = np.zeros(width + 16, np.float32)
    away = np.zeros(width + 16, np.int32)
    alike = np.zeros(width + 16, np.uint8)
    values = np.zeros(width + 16, np.int32)
    for y in range(first, last):
        row, made = plane[y], out[y]
        for c in range(final + _NEXT):
            source[c + _TWO_ON] = row[final - c] if flipped else row[c]
        source[0] = source[1] = source[2]
        source[width + 2] = source[width + 3] = source[width + 4] = source[width + 1]
        _split_shift(shift[y], part, away, alike)
        _interpolate_row(source, part, away, alike, np.float32(peak), values)
        for c in range(final + _NEXT):
            made[c] = values[final - c] if flipped else values[c]


gather_rows = compiled("void(u1[:,::1], b1, f4[:,::1], u1[:,::1], i8, i8, i8)",
                       "void(u2[:,::1], b1, f4[:,::1], u2[:,::1], i8, i8, i8)")(_gather)
"""Each pixel of `out` from `plane` at its own x plus `shift`: Catmull-Rom along the row, rounded, 0…peak.

`flipped`: both planes are mirrored to the shift's orientation.
"""


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
        if sites_x == 1 and bottom - top == 2:
            for k in range(chroma_shift.shape[1]):
                upper, lower = shift[top, k * step_x], shift[top + 1, k * step_x]
                upper = upper if kind[top, k * step_x] & REGION == SEEN else _UNSET
                lower = lower if kind[top + 1, k * step_x] & REGION == SEEN else _UNSET
                nearest = max(upper, lower)
                mean = (upper + lower) / _TWO if abs(upper - lower) <= _JUMP else nearest
                chroma_shift[row, k] = mean * scale if nearest != _UNSET else _UNSET
            continue
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


@helper
def _next_seam(kind: Any, c: int, last: int) -> int:
    """The first column from `c` on that is a SEAM, or `last`."""
    while c + 16 <= last:
        found, at = np.uint8(0), _U(c)
        for n in range(_LANES):
            found |= kind[at + n]
        if found & np.uint8(SEAM):
            break
        c += 16
    while c < last and not kind[np.uint32(c)] & SEAM:
        c += 1
    return c


def _seam(plane: Any, kind: Any, first: int, last: int) -> None:
    width = plane.shape[1]
    for y in range(first, last):
        row, seams = plane[y], kind[y]
        c = _next_seam(seams, 1, width - 1)
        while c < width - 1:
            before = float(row[c - 1])
            while c < width - 1 and seams[c] & SEAM:
                here = float(row[c])
                value = (1.0 - 2.0 * SEAM_SHARE) * here + SEAM_SHARE * (before + float(row[c + 1]))
                row[c] = int(value + 0.5)
                before = here
                c += 1
            c = _next_seam(seams, c, width - 1)


seam_rows = compiled("void(u1[:,:], u1[:,::1], i8, i8)", "void(u2[:,:], u1[:,::1], i8, i8)")(_seam)
"""Softens the meeting of two surfaces along the row, as a lens and a sensor would."""
