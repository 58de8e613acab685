"""The row kernels of `kernels` in numpy alone: the same results within rounding, slower."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.stereo.kernels import (
    BORDER_DETAIL,
    BORDER_LEFT,
    BORDER_RIGHT,
    BORDER_SPREAD,
    HOLE,
    HOLE_DETAIL,
    HOLE_SPREAD,
    NOWHERE,
    REGION,
    SEAM,
    SEAM_SHARE,
    SEEN,
    SPREAD_LEAST,
    SPREAD_MOST,
    SPREAD_TAPS,
    STRIP_LONGEST,
    STRIP_SHARE,
    SURFACE_JUMP,
    UNSET,
)
from video3d.types import FloatMap, Plane

__all__ = ["HOLE", "REGION", "SURFACE_JUMP"]

_Array = npt.NDArray[Any]


def project_rows(disparity: FloatMap, flipped: bool, share: float, before: int, after: int, shift: FloatMap,
                 first: int, last: int) -> None:
    """See `kernels.project_rows`."""
    part = disparity[first:last, ::-1] if flipped else disparity[first:last]
    around = np.pad(part * np.float32(share), ((0, 0), (before, after)), constant_values=np.float32(-1e9))
    rows, width = part.shape
    d: FloatMap = np.stack([around[:, n : n + width] for n in range(before + after + 1)]).max(axis=0)
    x = np.broadcast_to(np.arange(width), (rows, width))
    end = x + np.floor(-d).astype(np.int64)
    fall = np.full((rows, width), 2 * SURFACE_JUMP, np.float32)
    fall[:, :-1] = d[:, :-1] - d[:, 1:]
    joined = (fall > -1.0) & (fall <= SURFACE_JUMP)
    slope = -fall / np.where(joined, np.float32(1.0) + fall, np.float32(1.0))
    next_end = np.roll(end, -1, axis=1)
    landed_exactly = (end - x).astype(np.float32) + d == 0.0
    start = end + ~landed_exactly
    nearest = np.full((rows, width), UNSET, np.float32)
    for k in range(int(SURFACE_JUMP) + 3):
        c = start + k
        _land(nearest, c, d + ((c - x).astype(np.float32) + d) * slope, joined & (c <= next_end))
    still = (x - start).astype(np.float32)
    _land(nearest, start, still, ~joined & (d - still <= 0.5))
    begins = np.ones((rows, width), np.bool_)
    begins[:, 1:] = ~joined[:, :-1]
    earlier = (x - end).astype(np.float32)
    _land(nearest, end, earlier, begins & ~landed_exactly & (d - earlier >= -0.5))
    shift[first:last] = nearest


def _land(nearest: _Array, c: _Array, shift: _Array, where: _Array) -> None:
    rows, width = nearest.shape
    where = where & (c >= 0) & (c < width)
    landed = np.full((rows, width), UNSET, np.float32)
    row = np.broadcast_to(np.arange(rows)[:, None], where.shape)[where]
    # Of repeated indices numpy keeps the last, which here is the largest source x: the nearest.
    landed[row, c[where]] = shift[where]
    np.maximum(nearest, landed, out=nearest)


def region_rows(shift: FloatMap, kind: _Array, runs: _Array, counts: _Array, jump: float, first: int, last: int
                ) -> None:
    """See `kernels.region_rows`."""
    width = shift.shape[1]
    for y in range(first, last):
        line = shift[y]
        empty = line == UNSET
        kind[y] = SEEN
        edges = np.flatnonzero(np.diff(np.concatenate(([False], empty, [False])).astype(np.int8)))
        starts, ends = edges[::2], edges[1::2]
        counts[y] = len(starts)
        for n, (c, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            what, anchor = _surface_behind(line, c, end)
            kind[y, c:end] = what
            line[c:end] = line[anchor] if anchor < width else 0.0
            runs[y, n] = c, end, anchor
        apart = np.abs(np.diff(line)) > jump
        kind[y, :-1][apart] |= SEAM
        kind[y, 1:][apart] |= SEAM


def _surface_behind(line: _Array, c: int, end: int) -> tuple[int, int]:
    if c == 0:
        return BORDER_LEFT, end
    if end == len(line):
        return BORDER_RIGHT, c - 1
    return HOLE, c - 1 if line[c - 1] < line[end] else end


def reopen_rows(shift: FloatMap, kind: _Array, runs: _Array, counts: _Array, source: _Array, new_runs: _Array,
                new_counts: _Array, jump: float, first: int, last: int) -> None:
    """See `kernels.reopen_rows`."""
    for y in range(first, last):
        for c, end, _ in runs[y, : counts[y]].tolist():
            shift[y, c:end][source[y, c:end] == NOWHERE] = UNSET
    region_rows(shift, kind, new_runs, new_counts, jump, first, last)


def gather_rows(plane: Plane, flipped: bool, shift: FloatMap, out: Plane, peak: int, first: int, last: int) -> None:
    """See `kernels.gather_rows`."""
    if flipped:
        plane, out = plane[:, ::-1], out[:, ::-1]
    width = plane.shape[1]
    delta = shift[first:last]
    whole = np.floor(delta)
    t = delta - whole
    x = np.clip(np.arange(width)[None, :] + whole.astype(np.int64), -1, width)
    row = np.arange(first, last)[:, None]

    def tap(offset: int) -> _Array:
        return plane[row, np.clip(x + offset, 0, width - 1)].astype(np.float32)

    p0, p1, p2, p3 = tap(-1), tap(0), tap(1), tap(2)
    value = p1 + 0.5 * t * (p2 - p0 + t * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + t * (3.0 * (p1 - p2) + p3 - p0)))
    out[first:last] = np.clip(value + 0.5, 0.0, peak).astype(out.dtype)


def chroma_rows(shift: FloatMap, kind: _Array, chroma_shift: FloatMap, step_x: int, step_y: int, sites_x: int,
                sites_y: int, first: int, last: int) -> None:
    """See `kernels.chroma_rows`."""
    height, width = shift.shape
    ys, xs = np.arange(first, last) * step_y, np.arange(chroma_shift.shape[1]) * step_x
    size = (len(ys), len(xs))
    total, count = np.zeros(size, np.float32), np.zeros(size, np.float32)
    nearest = np.full(size, UNSET, np.float32)
    for j in range(sites_y):
        for i in range(sites_x):
            rows, columns = np.minimum(ys + j, height - 1)[:, None], np.minimum(xs + i, width - 1)[None, :]
            inside = ((ys + j < height)[:, None] & (xs + i < width)[None, :])
            here = shift[rows, columns]
            counted = inside & (kind[rows, columns] & REGION == SEEN) & (here >= nearest - np.float32(SURFACE_JUMP))
            nearer = counted & (here > nearest + np.float32(SURFACE_JUMP))
            total[nearer], count[nearer] = 0.0, 0.0
            nearest[nearer] = here[nearer]
            total += np.where(counted, here, np.float32(0.0))
            count += counted
    mean = total / np.maximum(count, 1.0) * np.float32(1.0 / step_x)
    chroma_shift[first:last] = np.where(count > 0.0, mean, np.float32(UNSET))


def ground_rows(plane: Plane, kind: _Array, shift: FloatMap, runs: _Array, counts: _Array, tone: FloatMap,
                detail: FloatMap, jump: float, first: int, last: int) -> None:
    """See `kernels.ground_rows`."""
    width = plane.shape[1]
    for y in range(first, last):
        for c, end, anchor in runs[y, : counts[y]].tolist():
            if anchor >= width:
                tone[y, c:end] = 0.0
                detail[y, c:end] = 0.0
                continue
            step = 1 if anchor >= end else -1
            strip = _strip(plane[y], kind[y], shift[y], anchor, step, 2 * (end - c) + 1, jump)
            length = len(strip)
            r = np.arange(1, end - c + 1)
            count = np.minimum(np.minimum((STRIP_SHARE * r).astype(np.int64) + 1, STRIP_LONGEST), length)
            sums = np.concatenate(([0.0], np.cumsum(strip)))
            turn = (r - 1) % (2 * length)
            turn = np.minimum(turn, 2 * length - 1 - turn)
            low, high = np.maximum(0, turn - 2), np.minimum(length, turn + 3)
            place = anchor - step * r
            tone[y, place] = sums[count] / count
            detail[y, place] = strip[turn] - (sums[high] - sums[low]) / (high - low)


def _strip(plane: _Array, kind: _Array, shift: _Array, anchor: int, step: int, longest: int, jump: float) -> _Array:
    """Colours of the surface behind, from `anchor` on, at most `longest`."""
    places = np.arange(anchor, len(plane) if step > 0 else -1, step)[:longest]
    away = np.abs(shift[places] - shift[anchor])
    inside = (kind[places] & REGION == SEEN) & (away <= jump + 0.25 * np.arange(len(places)))
    stop = len(places) if inside.all() else int(np.argmin(inside))
    return plane[places[:stop]].astype(np.float64)


def fill_rows(plane: Plane, kind: _Array, shift: FloatMap, runs: _Array, counts: _Array, tone: FloatMap,
              detail: FloatMap, jump: float, peak: int, first: int, last: int) -> None:
    """See `kernels.fill_rows`."""
    height = plane.shape[0]
    spans = [(y, *run) for y in range(first, last) for run in runs[y, : counts[y]].tolist()]
    if not spans:
        return
    row = np.concatenate([np.full(end - c, y) for y, c, end, _ in spans])
    column = np.concatenate([np.arange(c, end) for _, c, end, _ in spans])
    distance = np.abs(np.concatenate([np.full(end - c, anchor) for _, c, end, anchor in spans]) - column)
    inside = kind[row, column] & REGION == HOLE
    growth = np.where(inside, HOLE_SPREAD, BORDER_SPREAD)
    span = (2.2 * np.minimum(SPREAD_LEAST + growth * distance, SPREAD_MOST) + 0.5).astype(np.int64)
    falloff = 1.0 / ((span + 1.0) * (span + 1.0))
    stride = 1 + span // SPREAD_TAPS
    here = shift[row, column]
    total, weights = tone[row, column].astype(np.float64), np.ones(len(row))
    for j in range(1, int((span // stride).max()) + 1):
        dy = j * stride
        weight = np.where(j <= span // stride, 1.0 - dy * dy * falloff, 0.0)
        for signed in (-dy, dy):
            other = np.clip(row + signed, 0, height - 1)
            counted = (other == row + signed) & (weight > 0.0)
            counted &= np.abs(shift[other, column] - here) <= jump + 0.1 * dy
            seen = kind[other, column] & REGION == SEEN
            colour = np.where(seen, plane[other, column], np.where(counted, tone[other, column], 0.0))
            total += np.where(counted, weight * colour, 0.0)
            weights += np.where(counted, weight, 0.0)
    share = np.where(inside, HOLE_DETAIL, BORDER_DETAIL) * np.minimum(1.0, 0.5 * (distance - 1))
    value = total / weights + share * detail[row, column]
    plane[row, column] = np.clip(value + 0.5, 0.0, peak).astype(plane.dtype)


def seam_rows(plane: Plane, kind: _Array, first: int, last: int) -> None:
    """See `kernels.seam_rows`."""
    part = plane[first:last]
    here = part[:, 1:-1].astype(np.float64)
    value = (1.0 - 2.0 * SEAM_SHARE) * here + SEAM_SHARE * (part[:, :-2].astype(np.float64) + part[:, 2:])
    where = kind[first:last, 1:-1] & SEAM > 0
    part[:, 1:-1][where] = (value[where] + 0.5).astype(plane.dtype)
