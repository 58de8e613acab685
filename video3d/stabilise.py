"""Raw depth maps in, steady nearness out: one push/flush stage per shot.

Networks give every frame its own scale and shift and its own noise. Here each map is first fitted (scale and shift, on
pixels whose motion is trusted) to what came before it, carried along by optical flow; then averaged with it where both
agree; then mapped to 0…1 by a range that looks ahead and moves slowly.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.motion import pixel_grid, resize_flow
from video3d.settings import Stabilisation
from video3d.types import DepthKind, FloatMap, Flow, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Grey = npt.NDArray[np.uint8]

LOOK_AHEAD_SECONDS = 0.8
"""How far the range looks ahead."""
RANGE_MEMORY_SECONDS = 2.0
"""How far the range looks back."""
LARGEST_QUEUE = 64
"""Frames held back at most, whatever the frame rate."""
WORKING_AREA = 640 * 360
"""Larger raw maps are reduced to about so many pixels before they are filtered."""

_NEAREST_METRES = 0.1
_LEAST_METRIC_SPREAD = 0.15
_SCALE_LIMITS = (0.7, 1.4)
_LEAK_SECONDS = 0.08
_SHOULDER = 0.05
_BLANK_SPREAD, _CLEAR_SPREAD = 8.0, 20.0
_BAR_LUMA = 24
_LOOK_BACK = 0.8
"""Weight of the next map in a shot's first maps."""
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


def to_inverse_depth(raw: FloatMap, kind: DepthKind) -> FloatMap:
    """float32 [H, W], larger = nearer: the quantity that is affine in disparity as far as `kind` allows.

    Relative depth has an unknown shift, so its inverse is unknown too: it is only turned around. Values that are not
    finite become the farthest finite one.
    """
    if kind is DepthKind.METRIC_DEPTH:
        near = 1 / np.maximum(raw, np.float32(_NEAREST_METRES))
    else:
        near = -raw if kind is DepthKind.RELATIVE_DEPTH else raw
    near = near.astype(np.float32, copy=False)
    finite = np.isfinite(near)
    if finite.all():
        return near
    return np.where(finite, near, near[finite].min() if finite.any() else 0).astype(np.float32)


class DepthStabiliser:
    """Steadies one shot's depth. `flush` ends the shot; the next `push` begins another, and nothing leaks into it.

    As many maps come out as went in, in order, each at most `look_ahead` seconds late (and at most 64 frames).
    """

    def __init__(self, kind: DepthKind, mode: Stabilisation = Stabilisation.NORMAL,
                 look_ahead: float = LOOK_AHEAD_SECONDS) -> None:
        self._kind = kind
        self._steadiness = STEADINESS.get(mode)
        self._look_ahead = look_ahead
        self._begin_shot()

    def _begin_shot(self) -> None:
        self._filter = None if self._steadiness is None else TemporalFilter(self._steadiness)
        self._range = RangeTracker()
        self._queue: deque[Pending] = deque()
        self._has_emitted = False

    def push(self, raw: FloatMap, motion: Motion | None, grey: Grey, seconds: float) -> list[FloatMap]:
        """The next frame of the shot.

        `raw`: float32 [h, w], numbers of this stabiliser's kind. `motion`: from the previous frame, None at the first.
        `grey`: the small luma picture that the motion was made from. `seconds`: the frame's time, rising.
        Returns the nearness maps that are now certain: float32 in 0…1, of the raw maps' size, or, where they are
        filtered and larger than `WORKING_AREA`, of about that.
        """
        near = to_inverse_depth(raw, self._kind)
        blankness = blank_share(grey)
        if self._filter is not None:
            near = self._filter.apply(_within_working_area(near), motion, blankness, seconds)
        low, high = self._range_of(near, grey)
        self._queue.append(Pending(near, low, high, seconds, blankness >= 1.0, motion))
        ready: list[FloatMap] = []
        while seconds - self._queue[0].seconds >= self._look_ahead or len(self._queue) > LARGEST_QUEUE:
            ready.append(self._emit())
        return ready

    def flush(self) -> list[FloatMap]:
        """The shot has ended: its last maps. Everything learnt from it is forgotten."""
        rest: list[FloatMap] = []
        while self._queue:
            rest.append(self._emit())
        self._begin_shot()
        return rest

    def _range_of(self, near: FloatMap, grey: Grey) -> tuple[float, float]:
        rows, columns = picture_area(grey)
        height, width = near.shape
        inside = near[round(rows.start * height):math.ceil(rows.stop * height),
                      round(columns.start * width):math.ceil(columns.stop * width)]
        metric = self._kind is DepthKind.METRIC_DEPTH
        low, high = (float(value) for value in np.percentile(inside[::3, ::3], (1, 99) if metric else (2, 98)))
        return min(low, high * (1 - _LEAST_METRIC_SPREAD)) if metric else low, high

    def _emit(self) -> FloatMap:
        if self._filter is not None and not self._has_emitted:
            self._queue = deque(self._filter.look_back(self._queue))
        self._has_emitted = True
        self._range.settle(self._queue)
        return self._range.normalise(self._queue.popleft().near)


@dataclass(frozen=True, eq=False)
class Pending:
    """A filtered map that waits for its range."""

    near: FloatMap
    low: float
    high: float
    seconds: float
    is_blank: bool
    motion: Motion | None


class RangeTracker:
    """The range that is mapped to 0…1: the mean of the frames' own ranges, from two seconds ago to the look-ahead.

    It moves slowly, knows what is coming, and forgets the past wholly, so that work that begins inside a shot comes to
    the same range after a warm-up of two seconds.
    """

    def __init__(self) -> None:
        self._low = self._high = 0.0
        self._recent: deque[Pending] = deque()

    def settle(self, queue: Sequence[Pending]) -> None:
        """Finds the range of the queue's first map, the others being those ahead of it."""
        now = queue[0]
        while self._recent and now.seconds - self._recent[0].seconds > RANGE_MEMORY_SECONDS:
            self._recent.popleft()
        shown = [item for item in (*self._recent, *queue) if not item.is_blank]
        if shown:
            self._low = sum(item.low for item in shown) / len(shown)
            self._high = sum(item.high for item in shown) / len(shown)
        elif not self._recent:
            self._low, self._high = now.low, now.high
        self._recent.append(replace(now, near=now.near[:0], motion=None))

    def normalise(self, near: FloatMap) -> FloatMap:
        """`near` in 0…1: linear inside the range, which takes 0.05…0.95, with soft shoulders beyond it."""
        middle = (self._low + self._high) / 2
        width = max(self._high - self._low, 1e-6 * abs(middle), 1e-12)
        slope = 1 - 2 * _SHOULDER
        result: FloatMap = (near - np.float32(middle)) * np.float32(slope / width) + np.float32(0.5)
        below, above = result < _SHOULDER, result > 1 - _SHOULDER
        result[below] = _SHOULDER * np.exp(result[below] / np.float32(_SHOULDER) - 1)
        result[above] = 1 - _SHOULDER * np.exp((1 - result[above]) / np.float32(_SHOULDER) - 1)
        return result


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

    def apply(self, near: FloatMap, motion: Motion | None, blankness: float, seconds: float) -> FloatMap:
        """The steady map (float32 [H, W], in the scale of the shot's first clear frame)."""
        elapsed, self._seconds = seconds - self._seconds, seconds
        fits = self._past is not None and self._past.shape == near.shape
        if motion is None or self._past is None or self._age is None or not fits or not self._has_seen:
            return self._start(near, blankness)
        size = (near.shape[1], near.shape[0])
        flow = resize_flow(motion.to_previous, size) * np.float32(1 - blankness)
        confidence: FloatMap = cv2.resize(motion.confidence, size, interpolation=cv2.INTER_LINEAR)
        locked = self._lock.update(motion, flow, confidence, elapsed) if self._lock else None
        if locked is not None:
            flow = np.where(locked[..., None], np.float32(0), flow)
        past, age = _carry(self._past, self._age, flow)
        fitted = _fit(near, past, confidence * np.minimum(age, 4), 1 - _step(elapsed, _LEAK_SECONDS))
        trust = self._trust(fitted, past, confidence, blankness)
        if self._lock and locked is not None:
            trust = self._lock.keep(trust, locked, elapsed)
        age *= trust
        own = np.float32(1 - blankness)
        age += np.float32(1e-3)
        steady: Any = (own * fitted + age * past) / (own + age)
        self._remember(steady, age + own, locked, elapsed)
        return steady

    def _start(self, near: FloatMap, blankness: float) -> FloatMap:
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
        longest = max(_SHORTEST_MEMORY, self._steadiness.memory * frames_per_second)
        if locked is None:
            self._age = np.minimum(age, np.float32(longest))
        else:
            lock_memory = max(longest, _LOCK_SECONDS * frames_per_second)
            self._age = np.minimum(age, np.where(locked, np.float32(lock_memory), np.float32(longest)))
        self._past = steady
        self._spread = _spread(steady)


    def look_back(self, maps: Sequence[Pending]) -> list[Pending]:
        """A shot's first maps, which had no past to lean on, steadied by those that follow them."""
        later: Pending | None = None
        result: list[Pending] = []
        for item in reversed(maps):
            alike = later is not None and later.near.shape == item.near.shape and not (later.is_blank or item.is_blank)
            if later is not None and later.motion is not None and alike:
                item = replace(item, near=self._backed(item.near, later.near, later.motion))
            result.append(item)
            later = item
        return result[::-1]

    def _backed(self, near: FloatMap, later: FloatMap, motion: Motion) -> FloatMap:
        size = (near.shape[1], near.shape[0])
        flow = resize_flow(motion.to_next_from_previous, size)
        confidence = cv2.resize(motion.confidence, size, interpolation=cv2.INTER_LINEAR)
        carried, confidence = _carry(later, confidence, flow)
        trust = self._trust(carried, near, confidence, 0.0)
        backed: Any = near + np.float32(_LOOK_BACK) * trust * (carried - near)
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
        is_still = float(np.median(np.hypot(self._mean_flow[..., 0], self._mean_flow[..., 1]))) < _STILL_PIXELS
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


def blank_share(grey: Grey) -> float:
    """1 where a picture shows nothing (faded to black or white), 0 where it shows something; in between, between."""
    low, high = np.percentile(grey[::2, ::2], (2, 98))
    return float(np.clip((_CLEAR_SPREAD - (high - low)) / (_CLEAR_SPREAD - _BLANK_SPREAD), 0, 1))


@dataclass(frozen=True)
class Span:
    """From `start` to `stop`, in parts of the whole."""

    start: float
    stop: float


def picture_area(grey: Grey) -> tuple[Span, Span]:
    """Rows and columns of the picture without black bars."""
    return _span(grey.max(axis=1)), _span(grey.max(axis=0))


def _span(brightest: Grey) -> Span:
    lit = np.flatnonzero(brightest > _BAR_LUMA)
    count = brightest.size
    # More than a quarter black on one side is a dark picture, not a bar.
    if lit.size == 0 or lit[0] > count / 4 or lit[-1] < count * 3 / 4:
        return Span(0, 1)
    return Span(float(lit[0]) / count, float(lit[-1] + 1) / count)


def _step(elapsed: float, time_constant: float) -> float:
    """The share of the way that an exponential approach covers in `elapsed` seconds."""
    return 1 - math.exp(-max(elapsed, 0.0) / time_constant)


def _spread(near: FloatMap) -> float:
    low, high = np.percentile(near[::4, ::4], (2, 98))
    return float(high - low)


def _within_working_area(near: FloatMap) -> FloatMap:
    height, width = near.shape
    if height * width <= WORKING_AREA:
        return near
    scale = math.sqrt(WORKING_AREA / (height * width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(near, size, interpolation=cv2.INTER_AREA)


def _carry(past: FloatMap, age: FloatMap, flow: Flow) -> tuple[FloatMap, FloatMap]:
    """The past and its age, moved to where things are now."""
    target = pixel_grid((past.shape[1], past.shape[0])) + flow
    # Bilinear sampling again and again would wash edges out.
    return (cv2.remap(past, target, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
            cv2.remap(age, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _fit(near: FloatMap, past: FloatMap, weight: FloatMap, kept: float) -> FloatMap:
    """`near` scaled and shifted to `past` by iteratively reweighted least squares with Cauchy weights.

    `kept` is how much of the correction remains: a correction that is not renewed leaks away, so that the chain of
    fits cannot drift.
    """
    x, y = near[::3, ::3].ravel().astype(np.float64), past[::3, ::3].ravel().astype(np.float64)
    base = weight[::3, ::3].ravel() + 0.01
    scale, shift = 1.0, 0.0
    weights = base
    for _ in range(4):
        scale, shift = _weighted_line(x, y, weights)
        error = np.abs(scale * x + shift - y)
        deviation = 2 * float(np.median(error)) + 1e-12
        weights = base / (1 + np.square(error / deviation))
    # The shift is about the middle of the values: a scale that leaks back must not move them all.
    centre = float(np.average(x, weights=weights))
    moved = scale * centre + shift - centre
    scale = 1 + (scale - 1) * kept
    shift = centre + moved * kept - scale * centre
    return near * np.float32(scale) + np.float32(shift)


def _weighted_line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64],
                   weights: npt.NDArray[Any]) -> tuple[float, float]:
    total = float(weights.sum())
    mean_x, mean_y = float(weights @ x) / total, float(weights @ y) / total
    variance = float(weights @ np.square(x - mean_x)) / total
    if variance <= 1e-12 * max(1.0, mean_x * mean_x):
        return 1.0, mean_y - mean_x
    covariance = float(weights @ ((x - mean_x) * (y - mean_y))) / total
    scale = min(max(covariance / variance, _SCALE_LIMITS[0]), _SCALE_LIMITS[1])
    return scale, mean_y - scale * mean_x
