"""The background plate of a shot: frames kept, and how the background moves between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.stereo.backend import Kernels, PlateKernels
from video3d.stereo.rows import RowWorkers, Step
from video3d.stereo.warp import WarpMap, Widening, empty_runs
from video3d.types import FloatMap, Frame, Motion, PixelFormat

_Array = npt.NDArray[Any]
_MOST_SAMPLES = 1600
"""Of the flow, about; more of them move the fit by less than its noise."""
_LEAST_STRIDE = 4
_LEAST_SAMPLES = 50
_LEAST_INLIERS = 0.4
_STILL = 0.08
TOLERANCE = 0.5
TOLERANCE_SHARE = 0.0015
"""By so many pixels, and parts of the width, disparities may differ that are one surface's."""
TELLING = 0.5
"""Pixels beyond that tolerance by which two surfaces must differ to be told apart in another frame."""
LIKENESS = 12.0 / 255.0
_COMPOSED_POINTS = 12
"""Rows of points by which two motions after each other become one; twice as many columns."""


@dataclass(frozen=True, eq=False)
class MotionStep:
    """How the background moves between two neighbouring frames: 16 numbers each way.

    A rigid scene seen by a moving camera moves by u = a0 + a1 X + a2 Y + a3 X² + a4 XY + D (a5 + a6 X), v alike, with
    X, Y the place and D the disparity, which is affine in inverse depth (Longuet-Higgins and Prazdny 1980); the last
    two numbers carry the disparity itself over.
    """

    to_previous: _Array
    to_next: _Array


def fit_motion(motion: Motion, disparity: FloatMap, previous: FloatMap, width: int, height: int,
               kernels: PlateKernels) -> MotionStep | None:
    """The background's motion from a frame to the previous one, and back; None where no single motion explains it.

    `disparity` and `previous` are both frames' disparities in pixels of the full-size frame, of any size.
    """
    rows, columns = motion.confidence.shape
    stride = max(_LEAST_STRIDE, round(math.sqrt(rows * columns / _MOST_SAMPLES)))
    ys, xs = np.mgrid[stride // 2 : rows : stride, stride // 2 : columns : stride]
    flow = motion.to_previous[ys, xs].reshape(-1, 2).astype(np.float64)
    weight = motion.confidence[ys, xs].ravel().astype(np.float64)
    scale = np.array([width / columns, height / rows])
    at = (np.stack([xs.ravel(), ys.ravel()], -1) + 0.5) * scale - 0.5
    target = at + flow * scale
    near = _sampled(disparity, at, width, height)
    near_before = _sampled(previous, target, width, height)
    inside = (target >= 0).all(1) & (target[:, 0] <= width - 1) & (target[:, 1] <= height - 1)
    weight = weight * inside
    far = near <= np.median(near)
    trusted = weight * np.where(far, 1.0, 0.3)
    if np.count_nonzero(trusted > 0.1) < _LEAST_SAMPLES:
        return None
    parameters, kept, moved = _fitted(at, near, target - at, trusted, scale[0], width, height, kernels)
    if (weight * kept)[far].sum() < _LEAST_INLIERS * max(inside[far].sum(), 1.0):
        return None
    chosen = weight * kept
    back, _, _ = _fitted(target, near_before, at - target, chosen, 0.0, width, height, kernels)
    gain, offset = _carried(near, near_before, chosen)
    gain_back, offset_back = _carried(near_before, near, chosen)
    steps = [np.concatenate([model, pair]) for model, pair in
             ((parameters, (gain, offset)), (back, (gain_back, offset_back)))]
    if float(np.average(np.abs(moved).max(1), weights=chosen + 1e-9)) < _STILL * scale[0]:
        for step in steps:
            step[:14] = 0.0
    return MotionStep(steps[0], steps[1])


STILL: _Array = np.array([0.0] * 14 + [1.0, 0.0])
"""A background that does not move, as one way of a MotionStep."""


def composed(first: _Array, second: _Array, disparity: FloatMap, width: int, height: int, kernels: PlateKernels
             ) -> _Array:
    """One way of a MotionStep that leads where `second` leads from where `first` leads; `disparity` is the start's.

    Two models after each other are no model of the kind: the nearest one to points all over the picture is taken.
    """
    if np.array_equal(first, STILL):
        return second
    ys, xs = np.mgrid[0.5 : _COMPOSED_POINTS, 0.5 : 2 * _COMPOSED_POINTS]
    at = np.stack([xs.ravel() * (width / (2 * _COMPOSED_POINTS)), ys.ravel() * (height / _COMPOSED_POINTS)], -1) - 0.5
    near = _sampled(disparity, at, width, height)
    target, _ = _advanced(*_advanced(at, near, first, width, height), second, width, height)
    parameters, _, _ = _fitted(at, near, target - at, np.ones(len(at)), 0.0, width, height, kernels)
    return np.concatenate([parameters, [first[14] * second[14], second[14] * first[15] + second[15]]])


def _advanced(at: _Array, near: _Array, model: _Array, width: int, height: int) -> tuple[_Array, _Array]:
    """Points [n, 2] and their disparity in the next frame: see `plate_kernels`."""
    x, y, d = at[:, 0] / width - 0.5, at[:, 1] / height - 0.5, near / width
    moved = np.stack([model[0] + model[1] * x + model[2] * y + model[3] * x * x + model[4] * x * y
                      + d * (model[5] + model[6] * x),
                      model[7] + model[8] * x + model[9] * y + model[10] * x * y + model[11] * y * y
                      + d * (model[12] + model[13] * y)], -1)
    return at + moved, model[14] * near + model[15]


def shortest_run(share: float, tolerance: float) -> int:
    """Pixels of the narrowest hole that other frames are asked about; others are filled from beside.

    A hole is as wide as the step of disparity at its edge, times `share`. Where that step is hardly more than
    `tolerance`, what hides would pass for what is hidden.
    """
    return max(2, math.floor(share * (tolerance + TELLING)) + 1)


def _sampled(disparity: FloatMap, at: _Array, width: int, height: int) -> _Array:
    rows, columns = disparity.shape
    x = ((at[:, 0] + 0.5) * (columns / width) - 0.5).round().astype(np.int64).clip(0, columns - 1)
    y = ((at[:, 1] + 0.5) * (rows / height) - 0.5).round().astype(np.int64).clip(0, rows - 1)
    return disparity[y, x].astype(np.float64)


def _fitted(at: _Array, near: _Array, moved: _Array, weight: _Array, unit: float, width: int, height: int,
            kernels: PlateKernels) -> tuple[_Array, _Array, _Array]:
    """Parameters, how much of each sample they explain, and what they say of it: see `plate_kernels.fit_samples`."""
    parameters, kept, predicted = np.empty(14), np.empty(len(near)), np.empty((len(near), 2))
    kernels.fit_samples(np.ascontiguousarray(at), near, float(width), float(height), np.ascontiguousarray(moved),
                        weight, unit, parameters, kept, predicted)
    return parameters, kept, predicted


def _carried(near: _Array, other: _Array, weight: _Array) -> tuple[float, float]:
    """Gain and offset from one frame's disparity of the background to the other's."""
    kept = weight
    gain, offset = 1.0, 0.0
    for _ in range(5):
        total = kept.sum() + 1e-9
        mean, mean_other = (kept * near).sum() / total, (kept * other).sum() / total
        spread = (kept * np.square(near - mean)).sum() / total
        together = (kept * (near - mean) * (other - mean_other)).sum() / total
        gain = (together + 1.0) / (spread + 1.0)
        offset = mean_other - gain * mean
        kept = weight / np.square(1.0 + np.square(other - gain * near - offset))
    return float(gain), float(offset)


@dataclass(frozen=True, eq=False)
class PlateMap:
    """Which frame shows what the source hides: see `plate_kernels.plate_rows`. Good until the next one is made."""

    source: _Array
    places: _Array
    runs: _Array
    counts: _Array
    warp: WarpMap
    """The warp map with what other frames show counted as seen."""


@dataclass(frozen=True, eq=False)
class _Recalled:
    number: int
    invented: _Array
    planes: tuple[_Array, ...]


class BackgroundPlate:
    """The frames around the one being made, within the shot, and the background's motion between them."""

    def __init__(self, width: int, height: int, pixel_format: PixelFormat, look_ahead: int, kernels: Kernels,
                 plate_kernels: PlateKernels, workers: RowWorkers, *, invents: bool = False) -> None:
        self._size = (width, height)
        self._format = pixel_format
        self._look_ahead = look_ahead
        self._capacity = 2 * look_ahead + 1
        self._kernels = kernels
        self._plate_kernels = plate_kernels
        self._workers = workers
        slots = self._capacity + invents
        self._planes: list[_Array] = [np.zeros((slots, *shape), pixel_format.dtype)
                                      for shape in pixel_format.plane_shapes(width, height)]
        self._disparities: _Array = np.zeros((slots, -(-height // 2), -(-width // 2)), np.float32)
        self._steps: dict[int, MotionStep | None] = {}
        self._invents = invents
        self._has_invention = False
        self._to_first: dict[int, _Array | None] = {}
        """From each frame kept to the shot's first: 16 numbers as in a MotionStep; None where that is not known."""
        self._newest = -1
        self._recalled: dict[bool, _Recalled] = {}
        self._nothing: _Array = np.zeros((height, width), np.uint8)
        # Made once: fresh pages for every frame would cost as much as the work.
        self._source: _Array = np.empty((height, width), np.int16)
        self._places: _Array = np.empty((height, width, 4), np.float32)
        self._left_runs, self._left_counts = empty_runs(height, width)

    def put(self, number: int, frame: Frame, disparity: FloatMap, widening: Widening, motion: Motion | None) -> Frame:
        """Frame `number` of the shot, its disparity [H, W], and the motion from the frame before.

        Returns the frame in memory of the plate: it changes when `look_ahead` frames before and after it are through,
        or with the next shot.
        """
        if number == 0:
            self._recalled.clear()
            self._has_invention = False
        slot = number % self._capacity
        for kept, plane in zip(self._planes, frame.planes, strict=True):
            kept[slot] = plane
        kept = self._disparities[slot]
        self._shrink(disparity, widening, kept)
        self._steps[number] = None
        if number > 0 and motion is not None:
            before = self._disparities[(number - 1) % self._capacity]
            self._steps[number] = fit_motion(motion, kept, before, *self._size, self._plate_kernels)
        self._steps.pop(number - self._capacity, None)
        if self._invents:
            self._to_first[number] = STILL if number == 0 else self._composed(number)
            self._to_first.pop(number - self._capacity, None)
        self._newest = number
        y, u, v = (kept[slot] for kept in self._planes)
        return replace(frame, planes=(y, u, v))

    def take_invention(self, planes: Sequence[_Array], disparity: FloatMap, widening: Widening) -> None:
        """One more frame to look at, last of all, until the shot ends: its first, without what hides something."""
        for kept, plane in zip(self._planes, planes, strict=True):
            kept[self._capacity] = plane
        self._shrink(disparity, widening, self._disparities[self._capacity])
        self._has_invention = True

    def find(self, number: int, warp: WarpMap, share: float, left_eye: bool) -> PlateMap | None:
        """Which frames show what `warp` says is hidden in frame `number`; its maps are changed where one does.

        None, and nothing changed, where there is no frame to ask.
        """
        future, past = self._chains(number)
        if not len(future) and not len(past):
            return None
        height, width = warp.shift.shape
        recalled = self._recalled.get(left_eye)
        invented = self._nothing
        if recalled is not None and recalled.number == number - 1:
            invented = recalled.invented
        left = replace(warp, runs=self._left_runs, counts=self._left_counts)
        found = PlateMap(self._source, self._places, warp.runs, warp.counts, left)
        tolerance = TOLERANCE + TOLERANCE_SHARE * width
        self._workers.run(
            height,
            partial(self._plate_kernels.plate_rows, warp.shift, found.runs, found.counts, self._planes[0],
                    self._disparities, number % self._capacity, future, past, invented, share, tolerance,
                    LIKENESS * self._format.peak, shortest_run(share, tolerance), left_eye, found.source, found.places),
            partial(self._kernels.reopen_rows, warp.shift, warp.kind, found.runs, found.counts, found.source,
                    left.runs, left.counts, warp.jump))
        return found

    def remember(self, number: int, invented: _Array, planes: tuple[_Array, ...], left_eye: bool) -> None:
        """The eye made for frame `number`, and where (uint8 [H, W], not 0) it is not what the source showed."""
        self._recalled[left_eye] = _Recalled(number, invented, planes)

    def painting(self, found: PlateMap, left_eye: bool, targets: Sequence[_Array]) -> Callable[[int], Sequence[Step]]:
        """For each plane's number, what paints `targets`, the planes of the new eye, where other frames show it."""
        recalled = self._recalled.get(left_eye)

        def steps(plane: int) -> Sequence[Step]:
            step_x = 1 << self._format.chroma_shift_x if plane else 1
            step_y = 1 << self._format.chroma_shift_y if plane else 1
            before = self._planes[plane][0] if recalled is None else recalled.planes[plane]
            return (partial(self._plate_kernels.paint_rows, self._planes[plane], before, found.runs, found.counts,
                            found.source, found.places, step_x, step_y, left_eye, targets[plane], self._format.peak),)

        return steps

    def _shrink(self, disparity: FloatMap, widening: Widening, kept: _Array) -> None:
        # What is half covered by something near shows neither.
        self._workers.run(kept.shape[0], partial(self._plate_kernels.shrink_rows, disparity, widening.left + 1,
                                                 widening.right + 1, kept))

    def _composed(self, number: int) -> _Array | None:
        step, before = self._steps[number], self._to_first.get(number - 1)
        if step is None or before is None:
            return None
        return composed(step.to_previous, before, self._disparities[number % self._capacity], *self._size,
                        self._plate_kernels)

    def _chains(self, number: int) -> tuple[_Array, _Array]:
        future: list[_Array] = []
        for other in range(number + 1, min(self._newest, number + self._look_ahead) + 1):
            step = self._steps[other]
            if step is None:
                break
            future.append(np.append(step.to_next, other % self._capacity))
        past: list[_Array] = []
        last = number
        for other in range(number - 1, max(0, self._newest - self._capacity + 1) - 1, -1):
            step = self._steps[other + 1]
            if step is None:
                break
            past.append(np.append(step.to_previous, other % self._capacity))
            last = other
        to_first = self._to_first.get(last) if self._has_invention else None
        if to_first is not None:
            past.append(np.append(to_first, self._capacity))
        return np.array(future).reshape(-1, 17), np.array(past).reshape(-1, 17)
