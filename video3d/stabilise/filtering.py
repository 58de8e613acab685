"""Averaging over time along the motion, and a lock on what stands still."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.order_statistics import median, percentiles
from video3d.settings import Stabilisation
from video3d.stabilise.lines import robust_line
from video3d.stabilise.paths import MotionPath, carried, paths_back
from video3d.stabilise.steps import Step
from video3d.types import FloatMap, Flow, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

_LEAK_SECONDS = 0.08
MEMORY = 1.0
_LOOK_BACK = 0.85
"""Weight of the next map where maps are steadied by those that follow."""
_SHORTEST_MEMORY = 4.0
"""Frames, however few there are in a second."""
_STILL_PIXELS = 0.04
_STILL_SECONDS = 1.0
_LOCK_SECONDS = 10.0
_UNLOCK_SECONDS = 0.5


@dataclass(frozen=True)
class Steadiness:
    """How much of the past a pixel keeps."""

    memory: float
    """Seconds that a pixel's average reaches back."""
    agreement: float
    """Difference from the past, in parts of the range, at which the past's weight falls to 1/e."""
    locks_background: bool


STEADINESS = {
    Stabilisation.NORMAL: Steadiness(memory=0.6, agreement=0.2, locks_background=False),
    Stabilisation.TALKING_HEAD: Steadiness(memory=1.0, agreement=0.2, locks_background=True),
}


class TemporalFilter:
    """Fits each map to the carried past, then averages the two by how much each is worth.

    A pixel's `age` is the number of frames its average stands for; age is carried along by motion and lost where the
    motion is not trusted or the depth disagrees.
    """

    def __init__(self, steadiness: Steadiness) -> None:
        self._steadiness = steadiness
        self._past: FloatMap | None = None
        self._age: FloatMap | None = None
        self._has_seen = False
        """Whether the shot has shown anything but blank pictures."""
        self._spread = 0.0
        self._seconds = 0.0
        self._lock = BackgroundLock() if steadiness.locks_background else None

    def apply(self, near: FloatMap, motions: Sequence[Motion], blankness: float, seconds: float) -> FloatMap:
        """The steady map (float32 [H, W], in the scale of the shot's first clear frame).

        `motions`: of all frames since the map before, the last one being this frame's own.
        """
        elapsed, self._seconds = seconds - self._seconds, seconds
        fits = self._past is not None and self._past.shape == near.shape and len(motions) > 0
        if self._past is None or self._age is None or not fits or not self._has_seen:
            return self._start(near, blankness)
        path = paths_back(motions)[-1].resized((near.shape[1], near.shape[0]))
        if blankness > 0:
            path = MotionPath(path.flow * np.float32(1 - blankness), path.confidence)
        locked = self._locked(motions, path, elapsed)
        if locked is not None:
            path = MotionPath(np.where(locked[..., None], np.float32(0), path.flow), path.confidence)
        past, age = carried(self._past, path), path.sampled(self._age)
        fitted = _fit(near, past, path.confidence * np.minimum(age, 4),
                      1 - _step(elapsed / len(motions), _LEAK_SECONDS))
        trust = self._trust(fitted, past, path.confidence, blankness)
        if self._lock and locked is not None:
            trust = self._lock.keep(trust, locked, elapsed)
        age *= trust
        own = np.float32(1 - blankness)
        age += np.float32(1e-3)
        steady: Any = (own * fitted + age * past) / (own + age)
        self._remember(steady, age + own, locked, elapsed / len(motions))
        return steady

    def _locked(self, motions: Sequence[Motion], path: MotionPath, elapsed: float) -> npt.NDArray[np.bool_] | None:
        if self._lock is None:
            return None
        return [self._lock.update(motion, path.flow, path.confidence, elapsed / len(motions)) for motion in motions][-1]

    def _start(self, near: FloatMap, blankness: float) -> FloatMap:
        if blankness >= 1 and self._past is not None and self._past.shape == near.shape:
            # Nothing was seen yet, nor is: whatever the network makes of black, let it not flicker.
            return self._past
        self._has_seen = blankness < 1
        self._past = near
        self._age = np.full_like(near, max(1 - blankness, 1e-3))
        self._spread = _spread(near)
        return near

    def _trust(self, fitted: FloatMap, past: FloatMap, confidence: FloatMap, blankness: float) -> FloatMap:
        # A blank picture says nothing about depth: then the past holds, whatever the network made of it.
        limit = max(self._steadiness.agreement * self._spread, 1e-12)
        difference: Any = (fitted - past) * np.float32(1 / limit)
        agreement: FloatMap = cv2.exp(difference * difference * np.float32(blankness - 1))
        agreement *= np.maximum(confidence, np.float32(blankness))
        return agreement

    def _remember(self, steady: FloatMap, age: FloatMap, locked: npt.NDArray[np.bool_] | None,
                  elapsed: float) -> None:
        frames_per_second = 1 / max(elapsed, 1e-3)
        longest = max(_SHORTEST_MEMORY, self._steadiness.memory * frames_per_second * MEMORY)
        if locked is None:
            self._age = np.minimum(age, np.float32(longest))
        else:
            lock_memory = max(longest, _LOCK_SECONDS * frames_per_second)
            self._age = np.minimum(age, np.where(locked, np.float32(lock_memory), np.float32(longest)))
        self._past = steady
        self._spread = _spread(steady)


    def look_back(self, steps: Sequence[Step]) -> list[Step]:
        """Maps steadied by those that follow them."""
        near = steps[-1].near
        result = [steps[-1]]
        for step, later in zip(steps[-2::-1], steps[:0:-1], strict=True):
            if step.near.shape == near.shape and later.motions and not (later.range.is_blank or step.range.is_blank):
                near = self._backed(step.near, near, later.way_here)
                step = replace(step, near=near)
            else:
                near = step.near
            result.append(step)
        return result[::-1]

    def _backed(self, near: FloatMap, later: FloatMap, way: MotionPath) -> FloatMap:
        path = way.resized((near.shape[1], near.shape[0]))
        moved = carried(later, path)
        backed: Any = near + np.float32(_LOOK_BACK) * self._trust(moved, near, path.confidence, 0.0) * (moved - near)
        return backed


class BackgroundLock:
    """Tells which pixels stand still before a still camera, and keeps their depth through short disagreements."""

    def __init__(self) -> None:
        self._mean_flow: Flow | None = None
        self._still_seconds = 0.0
        self._disagreeing: FloatMap | None = None

    def update(self, motion: Motion, flow: Flow, confidence: FloatMap, elapsed: float) -> npt.NDArray[np.bool_] | None:
        """bool [H, W] on the depth's grid: pixels that stand still; None while the camera moves.

        Noise in the flow averages out over a second, slow camera moves do not.
        """
        small = motion.to_previous[::4, ::4].copy()
        if self._mean_flow is None:
            self._mean_flow = small
        else:
            self._mean_flow += (small - self._mean_flow) * np.float32(_step(elapsed, _STILL_SECONDS))
        is_still = median(np.hypot(self._mean_flow[..., 0], self._mean_flow[..., 1])) < _STILL_PIXELS
        self._still_seconds = self._still_seconds + elapsed if is_still else 0.0
        if self._still_seconds < _STILL_SECONDS:
            return None
        locked: npt.NDArray[np.bool_] = (np.square(flow).sum(-1) < 0.25) & (confidence > 0.5)
        return locked

    def keep(self, trust: FloatMap, locked: npt.NDArray[np.bool_], elapsed: float) -> FloatMap:
        """`trust`, and 1 where a locked pixel has disagreed for less than half a second."""
        if self._disagreeing is None:
            self._disagreeing = np.zeros_like(trust)
        self._disagreeing = np.where(locked & (trust < 0.4), self._disagreeing + np.float32(elapsed), 0)
        return np.where(locked & (self._disagreeing < _UNLOCK_SECONDS), np.float32(1), trust)


def _step(elapsed: float, time_constant: float) -> float:
    """The share of the way that an exponential approach covers in `elapsed` seconds."""
    return 1 - math.exp(-max(elapsed, 0.0) / time_constant)


def _spread(near: FloatMap) -> float:
    low, high = percentiles(near[::4, ::4], 2, 98)
    return high - low


def _fit(near: FloatMap, past: FloatMap, weight: FloatMap, kept: float) -> FloatMap:
    """`near` scaled and shifted to `past`.

    `kept` is how much of the correction remains: a correction that is not renewed leaks away, so that the chain of
    fits cannot drift.
    """
    x, y = near[::3, ::3].ravel().astype(np.float64), past[::3, ::3].ravel().astype(np.float64)
    scale, shift, weights = robust_line(x, y, weight[::3, ::3].ravel() + 0.01, 1e-12)
    # The shift is about the middle of the values: a scale that leaks back must not move them all.
    centre = float(np.average(x, weights=weights))
    moved = scale * centre + shift - centre
    scale = 1 + (scale - 1) * kept
    shift = centre + moved * kept - scale * centre
    return near * np.float32(scale) + np.float32(shift)
