"""The background plate of a shot: frames kept, and how the background moves between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.backend import PlateKernels
from video3d.stereo.rows import RowWorkers
from video3d.stereo.warp import WarpMap
from video3d.types import FloatMap, Frame, Motion, PixelFormat

_Array = npt.NDArray[Any]
_STRIDE = 4
_ROUNDS = 10
_SCALES = (3.0, 0.15)
_LEAST_INLIERS = 0.4
_STILL = 0.08
TOLERANCE = 0.5
TOLERANCE_SHARE = 0.0015
LIKENESS = 12.0 / 255.0


@dataclass(frozen=True, eq=False)
class MotionStep:
    """How the background moves between two neighbouring frames: 16 numbers each way.

    A rigid scene seen by a moving camera moves by u = a0 + a1 X + a2 Y + a3 X² + a4 XY + D (a5 + a6 X), v alike, with
    X, Y the place and D the disparity, which is affine in inverse depth (Longuet-Higgins and Prazdny 1980); the last
    two numbers carry the disparity itself over.
    """

    to_previous: _Array
    to_next: _Array


def fit_motion(motion: Motion, disparity: FloatMap, previous: FloatMap, width: int, height: int) -> MotionStep | None:
    """The background's motion from a frame to the previous one, and back; None where no single motion explains it.

    `disparity` and `previous` are both frames' disparities in pixels of the full-size frame, of any size.
    """
    rows, columns = motion.confidence.shape
    ys, xs = np.mgrid[_STRIDE // 2 : rows : _STRIDE, _STRIDE // 2 : columns : _STRIDE]
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
    fit = _robust(at, near, target - at, weight * np.where(far, 1.0, 0.3), scale[0], width, height)
    if fit is None:
        return None
    parameters, kept = fit
    if (weight * kept)[far].sum() < _LEAST_INLIERS * max(inside[far].sum(), 1.0):
        return None
    chosen = weight * kept
    back = _linear(target, near_before, at - target, chosen, width, height)
    gain, offset = _carried(near, near_before, chosen)
    gain_back, offset_back = _carried(near_before, near, chosen)
    steps = [np.concatenate([model, pair]) for model, pair in
             ((parameters, (gain, offset)), (back, (gain_back, offset_back)))]
    moved = np.abs(_predicted(parameters, at, near, width, height))
    if float(np.average(moved.max(1), weights=chosen + 1e-9)) < _STILL * scale[0]:
        for step in steps:
            step[:14] = 0.0
    return MotionStep(steps[0], steps[1])


def _sampled(disparity: FloatMap, at: _Array, width: int, height: int) -> _Array:
    rows, columns = disparity.shape
    x = ((at[:, 0] + 0.5) * (columns / width) - 0.5).round().astype(np.int64).clip(0, columns - 1)
    y = ((at[:, 1] + 0.5) * (rows / height) - 0.5).round().astype(np.int64).clip(0, rows - 1)
    return disparity[y, x].astype(np.float64)


def _features(at: _Array, near: _Array, width: int, height: int) -> tuple[_Array, _Array]:
    u, v = at[:, 0] / width - 0.5, at[:, 1] / height - 0.5
    d = near / width
    one = np.ones_like(u)
    return np.stack([one, u, v, u * u, u * v, d, d * u], -1), np.stack([one, u, v, u * v, v * v, d, d * v], -1)


def _predicted(parameters: _Array, at: _Array, near: _Array, width: int, height: int) -> _Array:
    for_x, for_y = _features(at, near, width, height)
    return np.stack([for_x @ parameters[:7], for_y @ parameters[7:14]], -1)


def _linear(at: _Array, near: _Array, moved: _Array, weight: _Array, width: int, height: int) -> _Array:
    solved: list[_Array] = []
    for n, columns in enumerate(_features(at, near, width, height)):
        weighted = columns * weight[:, None]
        ridge = np.eye(7) * (1e-9 * weight.sum() + 1e-12)
        solved.append(np.linalg.solve(weighted.T @ columns + ridge, weighted.T @ moved[:, n]))
    return np.concatenate(solved)


def _robust(at: _Array, near: _Array, moved: _Array, weight: _Array, unit: float, width: int, height: int
            ) -> tuple[_Array, _Array] | None:
    """Parameters, and how much of each sample they explain, 0…1; Cauchy weights of shrinking scale."""
    if np.count_nonzero(weight > 0.1) < 50:
        return None
    kept = np.ones_like(weight)
    parameters = np.zeros(14)
    for n in range(_ROUNDS):
        parameters = _linear(at, near, moved, weight * kept, width, height)
        scale = unit * _SCALES[0] * (_SCALES[1] / _SCALES[0]) ** (n / (_ROUNDS - 1))
        off = np.square(moved - _predicted(parameters, at, near, width, height)).sum(1)
        kept = np.square(1.0 / (1.0 + off / scale ** 2))
    return parameters, kept


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
    """Which frame shows what the source hides: see `plate_kernels.plate_rows`."""

    source: _Array
    places: _Array
    runs: _Array
    counts: _Array


@dataclass(frozen=True, eq=False)
class _Recalled:
    number: int
    invented: _Array
    planes: tuple[_Array, ...]


class BackgroundPlate:
    """The frames around the one being made, within the shot, and the background's motion between them."""

    def __init__(self, width: int, height: int, pixel_format: PixelFormat, look_ahead: int, kernels: PlateKernels,
                 workers: RowWorkers) -> None:
        self._size = (width, height)
        self._format = pixel_format
        self._look_ahead = look_ahead
        self._capacity = 2 * look_ahead + 1
        self._kernels = kernels
        self._workers = workers
        self._planes: list[_Array] = [np.zeros((self._capacity, *shape), pixel_format.dtype)
                                      for shape in pixel_format.plane_shapes(width, height)]
        self._disparities: _Array = np.zeros((self._capacity, -(-height // 2), -(-width // 2)), np.float32)
        self._steps: dict[int, MotionStep | None] = {}
        self._newest = -1
        self._recalled: dict[bool, _Recalled] = {}

    def put(self, number: int, frame: Frame, disparity: FloatMap, motion: Motion | None) -> None:
        """Frame `number` of the shot, its disparity [H, W], and the motion from the frame before."""
        if number == 0:
            self._recalled.clear()
        slot = number % self._capacity
        for kept, plane in zip(self._planes, frame.planes, strict=True):
            kept[slot] = plane
        # What is half covered by something near shows neither.
        self._disparities[slot] = cv2.dilate(disparity, np.ones((3, 3), np.uint8))[::2, ::2]
        self._steps[number] = None
        if number > 0 and motion is not None:
            before = self._disparities[(number - 1) % self._capacity]
            self._steps[number] = fit_motion(motion, self._disparities[slot], before, *self._size)
        self._steps.pop(number - self._capacity, None)
        self._newest = number

    def find(self, number: int, warp: WarpMap, share: float, left_eye: bool) -> PlateMap | None:
        """Which frames show what `warp` says is hidden in frame `number`; `warp.shift` is UNSET where none does.

        None, and nothing changed, where there is no frame to ask.
        """
        future, past = self._chains(number)
        if not len(future) and not len(past):
            return None
        height, width = warp.shift.shape
        recalled = self._recalled.get(left_eye)
        invented = np.zeros((height, width), np.uint8)
        if recalled is not None and recalled.number == number - 1:
            invented = recalled.invented
        places: _Array = np.empty((height, width, 4), np.float32)
        found = PlateMap(np.empty((height, width), np.int16), places, warp.runs, warp.counts)
        self._workers.run(self._kernels.plate_rows, height, warp.shift, found.runs, found.counts, self._planes[0],
                          self._disparities, number % self._capacity, future, past,
                          invented, share,
                          TOLERANCE + TOLERANCE_SHARE * width, LIKENESS * self._format.peak, left_eye, found.source,
                          found.places)
        self._workers.run(self._kernels.reopen_rows, height, warp.shift, found.runs, found.counts, found.source)
        return found

    def remember(self, number: int, invented: _Array, planes: tuple[_Array, ...], left_eye: bool) -> None:
        """The eye made for frame `number`, and where (uint8 [H, W], not 0) it is not what the source showed."""
        self._recalled[left_eye] = _Recalled(number, invented, planes)

    def paint(self, plane: int, found: PlateMap, left_eye: bool, out: _Array) -> None:
        """Plane number `plane` of the new eye, where other frames show it."""
        step_x = 1 << self._format.chroma_shift_x if plane else 1
        step_y = 1 << self._format.chroma_shift_y if plane else 1
        recalled = self._recalled.get(left_eye)
        before = self._planes[plane][0] if recalled is None else recalled.planes[plane]
        self._workers.run(self._kernels.paint_rows, out.shape[0], self._planes[plane], before, found.runs, found.counts,
                          found.source, found.places, step_x, step_y, left_eye, out,
                          self._format.peak)

    def _chains(self, number: int) -> tuple[_Array, _Array]:
        future: list[_Array] = []
        for other in range(number + 1, min(self._newest, number + self._look_ahead) + 1):
            step = self._steps[other]
            if step is None:
                break
            future.append(np.append(step.to_next, other % self._capacity))
        past: list[_Array] = []
        for other in range(number - 1, max(0, self._newest - self._capacity + 1) - 1, -1):
            step = self._steps[other + 1]
            if step is None:
                break
            past.append(np.append(step.to_previous, other % self._capacity))
        return np.array(future).reshape(-1, 17), np.array(past).reshape(-1, 17)
