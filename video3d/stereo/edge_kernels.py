"""Kernels that put the edges of a coarse disparity where the picture has them; `plain_edges` has them without numba."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from video3d.stereo.compiling import compiled, helper

SURFACE_REACH = 3
"""Pixels of the coarse disparity from a ramp's middle to where the surfaces are sure."""
RAMP = 1.1
"""How much steeper than the mean slope around the steepest place is where a ramp joins two surfaces."""
SURE, SURE_PIXELS = 0.04, 0.25
"""Within this share of the step from a surface, or so many pixels of disparity, a pixel is on it."""
TONE_REACH = 3
"""Pixels of the coarse disparity to each side in which the tones of two surfaces are measured."""
TONE_NEAR = 0.6
TONE_FAR = 0.4
"""Between these shares of the way from the farther to the nearer surface a pixel counts for neither."""
TONE_TRUST = 0.35
"""How far along that way a clear difference in luma may move the edge."""
NO_TONE = 1e6
RIM_STEP = 1.5
"""Pixels of disparity by which a row falls where one surface ends before another."""
RIM_NEAR = 3
"""Pixels of the nearer surface whose tone is taken as its own."""
RIM_FAR = 8
"""Pixels of the farther surface, beyond the reach, that must show one tone for it to be known."""
RIM_LIKE = 0.15
"""A pixel beside the edge whose tone is so far on the way to the nearer surface's belongs to that."""
RIM_CONTRAST = 8.0
"""Least difference of the two tones, in parts of the noise."""
RIM_EVEN = 8.0
"""And in parts of what the farther surface's own pixels differ by."""
BORDER = (3, 19)
"""Columns before and after the pictures that `tone_rows` reads."""

_WINDOW = 2 * SURFACE_REACH + 1
_STEEPER, _SURE, _SURE_PIXELS = np.float32(RAMP / (2 * SURFACE_REACH)), np.float32(SURE), np.float32(SURE_PIXELS)
_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_RIM_STEP, _RIM_LIKE, _RIM_CONTRAST, _RIM_EVEN = (np.float32(value) for value in (RIM_STEP, RIM_LIKE, RIM_CONTRAST,
                                                                                  RIM_EVEN))
_NEAR, _FAR, _SMALLEST_STEP = np.float32(TONE_NEAR), np.float32(TONE_FAR), np.float32(1e-3)

# Unsigned numbers spare the compiler the question whether an index counts from the end, and let it use vectors.
_U = np.uint64
_LANES = _U(16)
_NEAR_SUM, _NEAR_SQUARE, _FAR_WEIGHT, _FAR_SUM, _FAR_SQUARE, _BOTTOM, _SCALE = (
    _U(16), _U(32), _U(48), _U(64), _U(80), _U(96), _U(112))
"""Where the sums of 16 neighbouring pixels lie in one array: in several, the compiler could not tell them apart."""


@helper
def _higher(row: Any, highest: Any) -> None:
    for x in range(_U(row.shape[0])):
        highest[x] = max(highest[x], row[x])


@helper
def _lower(row: Any, lowest: Any) -> None:
    for x in range(_U(row.shape[0])):
        lowest[x] = min(lowest[x], row[x])


@helper
def _highest_across(line: Any, out: Any) -> None:
    """The highest of each pixel of `line` and the six after it."""
    for x in range(_U(out.shape[0])):
        most = line[x]
        for n in range(_U(1), _U(_WINDOW)):
            most = max(most, line[x + n])
        out[x] = most


@helper
def _lowest_across(line: Any, out: Any) -> None:
    for x in range(_U(out.shape[0])):
        least = line[x]
        for n in range(_U(1), _U(_WINDOW)):
            least = min(least, line[x + n])
        out[x] = least


@helper
def _ended(line: Any, width: int) -> None:
    """Continues the middle `width` pixels of a line with the first and the last of them."""
    for n in range(SURFACE_REACH):
        line[n] = line[SURFACE_REACH]
        line[SURFACE_REACH + width + n] = line[SURFACE_REACH + width - 1]


@helper
def _slopes(row: Any, below: Any, out: Any) -> None:
    """The larger of the steps to the right and down. `out` is as much wider than the rows as the window needs."""
    width, reach = _U(row.shape[0]), _U(SURFACE_REACH)
    out[:] = _ZERO
    for x in range(width - _U(1)):
        out[x + reach] = abs(row[x + _U(1)] - row[x])
    for x in range(width):
        step = abs(below[x] - row[x])
        out[x + reach] = max(out[x + reach], step)


@helper
def _note_ramps(high: Any, low: Any, steepest: Any, whole: Any, least: Any, marked: Any) -> None:
    for x in range(_U(marked.shape[0])):
        marked[x] = (high[x] - low[x] > least) & (steepest[x] > whole[x] * _STEEPER)


@helper
def _note_between(disparity: Any, high: Any, low: Any, between: Any) -> None:
    for x in range(_U(between.shape[0])):
        above, below, sure = high[x] - disparity[x], disparity[x] - low[x], (high[x] - low[x]) * _SURE
        off = min(below, above)
        between[x] = off > max(_SURE_PIXELS, sure)


@compiled("void(f4[:,::1], f8, f4[:,::1], f4[:,::1], u1[:,::1], u1[:,::1], i8, i8)")
def surface_rows(beyond: Any, least_step: float, high: Any, low: Any, marked: Any, between: Any, first: int, last: int
                 ) -> None:
    """The disparities `high` and `low` of the nearer and the farther surface around each pixel.

    And where a ramp of more than `least_step` joins the two (`marked`), and where the pixel lies on neither
    (`between`), 0 or 1, all [h, w]. `beyond` [h + 6, w + 6] is the disparity, continued on all sides: a slope that ends
    where the picture does is still a slope.
    """
    height, width = marked.shape
    wide, reach = beyond.shape[1], SURFACE_REACH
    slopes = np.zeros((_WINDOW, wide), np.float32)
    top, bottom, steep = np.empty(wide, np.float32), np.empty(wide, np.float32), np.empty(wide, np.float32)
    highest, lowest = np.empty(wide, np.float32), np.empty(wide, np.float32)
    steepest, upper, lower = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(first - reach, last + reach):
        if 0 <= y < height:
            row = beyond[y + reach, reach:reach + width]
            _slopes(row, beyond[y + reach + 1, reach:reach + width] if y + 1 < height else row, slopes[y % _WINDOW])
        else:
            slopes[y % _WINDOW] = _ZERO
        centre = y - reach
        if centre < first:
            continue
        inside = beyond[centre + reach]
        top[:], bottom[:], highest[:], lowest[:], steep[:] = inside, inside, inside, inside, _ZERO
        is_inner = reach <= centre < height - reach
        for n in range(_WINDOW):
            line = beyond[centre + n]
            _higher(line, top)
            _lower(line, bottom)
            _higher(slopes[n], steep)
            if not is_inner and 0 <= centre + n - reach < height:
                _higher(line, highest)
                _lower(line, lowest)
        if is_inner:
            highest[:], lowest[:] = top, bottom
        _ended(highest, width)
        _ended(lowest, width)
        _highest_across(highest, high[centre])
        _lowest_across(lowest, low[centre])
        _highest_across(steep, steepest)
        _highest_across(top, upper)
        _lowest_across(bottom, lower)
        for x in range(_U(width)):
            upper[x] -= lower[x]
        _note_ramps(high[centre], low[centre], steepest, upper, np.float32(least_step), marked[centre])
        _note_between(inside[reach:reach + width], high[centre], low[centre], between[centre])


@helper
def _add_tones(disparity: Any, luma: Any, at: int, sums: Any) -> None:
    """Adds seven pixels of a row, from column `at` on, to the sums of a pixel, and so for 16 neighbours."""
    for n in range(_LANES):
        near, near_sum, near_square = sums[n], sums[n + _NEAR_SUM], sums[n + _NEAR_SQUARE]
        far, far_sum, far_square = sums[n + _FAR_WEIGHT], sums[n + _FAR_SUM], sums[n + _FAR_SQUARE]
        bottom, scale = sums[n + _BOTTOM], sums[n + _SCALE]
        for i in range(_U(7)):
            place = (disparity[at + n + i] - bottom) * scale
            value = luma[at + n + i]
            weight = place - _NEAR if place > _NEAR else _ZERO
            near += weight
            near_sum += weight * value
            near_square += weight * value * value
            weight = _FAR - place if place < _FAR else _ZERO
            far += weight
            far_sum += weight * value
            far_square += weight * value * value
        sums[n], sums[n + _NEAR_SUM], sums[n + _NEAR_SQUARE] = near, near_sum, near_square
        sums[n + _FAR_WEIGHT], sums[n + _FAR_SUM], sums[n + _FAR_SQUARE] = far, far_sum, far_square


@helper
def _note_tones(sums: Any, n: int, tone: Any) -> None:
    near, far = sums[n], sums[n + _FAR_WEIGHT]
    if near > _ZERO and far > _ZERO:
        near_tone, far_tone = sums[n + _NEAR_SUM] / near, sums[n + _FAR_SUM] / far
        variance = (sums[n + _NEAR_SQUARE] / near - near_tone * near_tone
                    + sums[n + _FAR_SQUARE] / far - far_tone * far_tone)
        tone[0], tone[1] = near_tone, far_tone
        tone[2] = math.sqrt(max(_ZERO, _HALF * variance))
    else:
        tone[0] = tone[1] = _ZERO
        tone[2] = NO_TONE


@compiled("void(f4[:,::1], f4[:,::1], f4[:,::1], u1[:,::1], f4[:,::1], f4[:,:,::1], i8, i8)")
def tone_rows(disparity: Any, high: Any, low: Any, marked: Any, luma: Any, tones: Any, first: int, last: int) -> None:
    """`tones` [h, w, 3] of marked pixels: mean luma of the nearer and of the farther surface around, and its spread.

    The spread is NO_TONE where one of the two is not to be seen. `high` and `low` are the disparities of the two
    surfaces; `disparity` and `luma` have the columns of BORDER beside them, whose disparity is NaN: they count for
    neither surface. All others have the size of the coarse disparity.
    """
    height, width = marked.shape
    sums = np.zeros(128, np.float32)
    for y in range(first, last):
        x = 0
        while x < width:
            if not marked[y, x]:
                x += 1
                continue
            end = min(x + 16, width)
            sums[:96] = _ZERO
            for n in range(end - x):
                sums[96 + n] = low[y, x + n]
                sums[112 + n] = _ONE / (high[y, x + n] - low[y, x + n]) if marked[y, x + n] else _ZERO
            for j in range(max(0, y - TONE_REACH), min(height, y + TONE_REACH + 1)):
                _add_tones(disparity[j], luma[j], _U(x), sums)
            for n in range(end - x):
                if marked[y, x + n]:
                    _note_tones(sums, _U(n), tones[y, x + n])
            x = end


@helper
def _mixed_rows(upper: Any, lower: Any, part: Any, first: int, last: int, out: Any) -> None:
    for m in range(first, last):
        out[m] = upper[m] + part * (lower[m] - upper[m])


@helper
def _fine_columns(columns: int, width: int, begin: Any, after: Any, parts: Any) -> None:
    """Where the fine grid's columns lie on the coarse one.

    Cell k has the fine columns from `begin[k]` to `begin[k + 1]`; those from `after[k]` to `after[k + 1]` lie between
    the middles of the cells k and k + 1, `parts` of the way.
    """
    step = columns / width
    for k in range(columns + 1):
        begin[k] = min(width, math.ceil(k / step - 0.5))
        after[k] = width
    for x in range(width - 1, -1, -1):
        place = min(max((x + 0.5) * step - 0.5, 0.0), columns - 1.0)
        before = min(int(place), max(columns - 2, 0))
        parts[x] = place - before
        after[before] = x


@helper
def _stretched(coarse: Any, after: Any, parts: Any, cell: int, first: int, last: int, out: Any) -> None:
    """Columns `first` to `last` of the fine grid from a row of the coarse one, the first of them beyond cell `cell`."""
    x, k = _U(first), _U(cell)
    while x < _U(last):
        here, step = coarse[k], coarse[k + _U(1)] - coarse[k]
        end = min(_U(after[k + _U(1)]), _U(last))
        for at in range(x, end):
            out[at] = here + parts[at] * step
        x = end
        k += _U(1)


@helper
def _settled(over: Any, under: Any, near: Any, far: Any, sway: Any, luma: Any, quiet: Any, first: int, last: int,
             out: Any) -> None:
    """Columns `first` to `last` of a row, each to the surface it belongs to."""
    for x in range(_U(first), _U(last)):
        value, high, low = np.float32(luma[x]), over[x], under[x]
        from_near, from_far = abs(value - near[x]), abs(value - far[x])
        step, both = max(high - low, _SMALLEST_STEP), from_far + from_near + quiet
        # place + sway (from_far - from_near) / both > 1/2, without the divisions
        place = (out[x] - low - _HALF * step) * both + sway[x] * (from_far - from_near) * step
        out[x] = high if place > _ZERO else low


@helper
def _note_cell(tone: Any, quiet: Any, first: int, last: int, near: Any, far: Any, sway: Any) -> None:
    """The two tones around a cell, and how far they are trusted, for each of its fine columns."""
    contrast = abs(tone[0] - tone[1])
    sure = tone[2] != np.float32(NO_TONE)
    trust = np.float32(TONE_TRUST * contrast / (contrast + tone[2] + quiet) if sure else 0.0)
    for x in range(_U(first), _U(last)):
        near[x], far[x], sway[x] = tone[0], tone[1], trust


def _snap(high: Any, low: Any, marked: Any, tones: Any, luma: Any, noise: float, out: Any, first: int, last: int
          ) -> None:
    rows, columns = marked.shape
    height, width = out.shape
    step_y, quiet = rows / height, np.float32(noise)
    begin, after, parts = np.empty(columns + 1, np.int32), np.empty(columns + 1, np.int32), np.empty(width, np.float32)
    _fine_columns(columns, width, begin, after, parts)
    above, below = np.empty(columns + 1, np.float32), np.empty(columns + 1, np.float32)
    over, under, near = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    far, sway = np.empty(width, np.float32), np.empty(width, np.float32)
    for n in range(first, last):
        top, bottom = math.ceil(n / step_y - 0.5), min(height, math.ceil((n + 1) / step_y - 0.5))
        end = 0
        while end < columns:
            if not marked[n, end]:
                end += 1
                continue
            cell = end
            while end < columns and marked[n, end]:
                _note_cell(tones[n, end], quiet, begin[end], begin[end + 1], near, far, sway)
                end += 1
            left, right, start, stop = max(cell - 1, 0), min(end + 1, columns), begin[cell], begin[end]
            beyond = left
            while after[beyond + 1] <= start:
                beyond += 1
            for y in range(top, bottom):
                from_y = min(max((y + 0.5) * step_y - 0.5, 0.0), rows - 1.0)
                y0 = min(int(from_y), max(rows - 2, 0))
                y1, part = min(y0 + 1, rows - 1), np.float32(from_y - y0)
                _mixed_rows(high[y0], high[y1], part, left, right, above)
                _mixed_rows(low[y0], low[y1], part, left, right, below)
                above[right], below[right] = above[right - 1], below[right - 1]
                _stretched(above, after, parts, beyond, start, stop, over)
                _stretched(below, after, parts, beyond, start, stop, under)
                _settled(over, under, near, far, sway, luma[y], quiet, start, stop, out[y])


_SNAP = "void(f4[:,::1], f4[:,::1], u1[:,::1], f4[:,:,::1], {}[:,::1], f8, f4[:,::1], i8, i8)"
snap_rows = compiled(_SNAP.format("u1"), _SNAP.format("u2"))(_snap)
"""Moves each pixel of `out` [H, W], the enlarged disparity, in marked cells to the surface it belongs to.

That is the one whose disparity is nearer to its own, swayed by whose tone is nearer to its luma. `first` and `last` are
rows of the coarse grid.
"""


@helper
def _alike(d: Any, start: int, step: int, most: int) -> int:
    """How many pixels from `start` on in steps of `step`, `most` at most, are on one surface with the first."""
    count = 0
    while count < most:
        x = start + step * count
        if x < 0 or x >= d.shape[0] or abs(d[x] - d[start]) > _RIM_STEP:
            break
        count += 1
    return count


@helper
def _rim(d: Any, luma: Any, x: int, step: int, reach: int, noise: Any) -> int:
    """How many pixels beyond a nearer surface's last one, `x`, look like it and not like what lies beyond them.

    And one more where there are any: subsampled chroma bleeds across the edge.
    """
    far = _alike(d, x + step, step, reach + RIM_FAR)
    if far < reach + RIM_FAR:
        return 0
    near = _alike(d, x, -step, RIM_NEAR)
    tone, ground = _ZERO, _ZERO
    for k in range(near):
        tone += np.float32(luma[x - step * k])
    tone /= np.float32(near)
    least = most = np.float32(luma[x + step * (reach + 1)])
    for k in range(reach, reach + RIM_FAR):
        value = np.float32(luma[x + step * (k + 1)])
        ground += value
        least, most = min(least, value), max(most, value)
    ground /= np.float32(RIM_FAR)
    contrast = tone - ground
    if abs(contrast) < max(noise * _RIM_CONTRAST, (most - least) * _RIM_EVEN):
        return 0
    rim = 0
    for k in range(reach):
        share = (np.float32(luma[x + step * (k + 1)]) - ground) / contrast
        if share >= _RIM_LIKE and rim == k:
            rim += 1
        elif abs(share) >= _RIM_LIKE:
            return 0
    return rim + 1 if 0 < rim < reach else 0


@helper
def _run_of_clear(flags: Any, at: Any) -> Any:
    """How many flags are 0 from `at` on; the row ends with one that is set, and has room for a look beyond."""
    end = at
    while True:
        total = 0
        for n in range(_LANES):
            total += flags[end + n]
        if total:
            break
        end += _LANES
    while not flags[end]:
        end += _U(1)
    return end - at


@helper
def _rims_of_row(d: Any, falls: Any, luma: Any, reach: int, noise: Any, out: Any) -> None:
    width = d.shape[0]
    for x in range(width - 1):
        falls[x] = np.uint8(abs(d[x + 1] - d[x]) > _RIM_STEP)
    x = 0
    while x < width - 1:
        if not falls[x]:
            x += int(_run_of_clear(falls, _U(x)))
            continue
        step = 1 if d[x] > d[x + 1] else -1
        at = x if step > 0 else x + 1
        for k in range(_rim(d, luma, at, step, reach, noise)):
            place = at + step * (k + 1)
            out[place] = max(out[place], d[at])
        x += 1


def _rims(luma: Any, reach: int, noise: float, out: Any, first: int, last: int) -> None:
    width = out.shape[1]
    d, falls = np.empty(width, np.float32), np.zeros(width + 16, np.uint8)
    falls[width - 1] = 1
    for y in range(first, last):
        d[:] = out[y]
        _rims_of_row(d, falls, luma[y], reach, np.float32(noise), out[y])


_RIMS = "void({}[:,::1], i8, f8, f4[:,::1], i8, i8)"
rim_rows = compiled(_RIMS.format("u1"), _RIMS.format("u2"))(_rims)
"""Gives rims of near things, left on the surface behind, back to them: `out` [H, W] is a disparity with sharp edges.

Up to `reach` pixels beside an edge that have the nearer surface's tone, or a mixture with it, take its disparity, where
both tones are clear: the farther one even just beyond, and apart from the other.
"""
