"""One shot's depth, steadied: the stage that the rest of the program sees."""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.depth_model import DepthKind
from video3d.order_statistics import percentiles
from video3d.settings import Stabilisation
from video3d.stabilise.filtering import STEADINESS, TemporalFilter
from video3d.stabilise.paths import between
from video3d.stabilise.ranging import FrameRange, RangeTracker, range_of
from video3d.stabilise.resting import with_rest
from video3d.stabilise.steps import Between, Step
from video3d.types import FloatMap, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Grey = npt.NDArray[np.uint8]

LOOK_AHEAD_SECONDS = 0.8
"""How far the range looks ahead."""
LARGEST_QUEUE = 64
"""Frames held back at most, whatever the frame rate."""
WORKING_AREA = 640 * 360
"""Larger raw maps are reduced to about so many pixels before they are filtered."""
SPARSE_LOOK_BACK = 6
"""Maps ahead that steady a map, where not every frame has one of its own."""

_NEAREST_METRES = 0.1
_BLANK_SPREAD, _CLEAR_SPREAD = 8.0, 20.0


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

    As many maps come out as went in, in order, each at most `look_ahead` seconds late, or as long as it takes until
    the next frame with a map of its own (and at most 64 maps). `kind` is that of the model, whose maps were turned into
    inverse depth.
    """

    def __init__(self, kind: DepthKind, mode: Stabilisation = Stabilisation.NORMAL,
                 look_ahead: float = LOOK_AHEAD_SECONDS) -> None:
        self._is_metric = kind is DepthKind.METRIC_DEPTH
        self._steadiness = STEADINESS.get(mode)
        self._look_ahead = look_ahead
        self._begin_shot()

    def _begin_shot(self) -> None:
        self._filter = None if self._steadiness is None else TemporalFilter(self._steadiness)
        self._range = RangeTracker()
        self._queue: deque[Step] = deque()
        self._between: list[Between] = []
        self._motions: list[Motion] = []
        self._grey: Grey | None = None
        """The picture before."""
        self._shown: Step | None = None
        """What was given out last."""

    def push(self, near: FloatMap | None, motion: Motion | None, grey: Grey, seconds: float) -> list[FloatMap]:
        """The next frame of the shot.

        `near`: float32 [h, w], inverse depth as `to_inverse_depth` gives it; None for a frame between two that have
        maps (a shot's first and last frame have). `motion`: from the previous frame, None at the first. `grey`: the
        small luma picture that the motion was made from. `seconds`: the frame's time, rising.
        Returns the nearness maps that are now certain: float32 in 0…1, of the raw maps' size, or, where they are
        filtered and larger than `WORKING_AREA`, of about that.
        """
        blankness = blank_share(grey)
        if motion is not None:
            self._motions.append(motion if self._grey is None else with_rest(motion, self._grey, grey))
        self._grey = grey
        if near is None:
            if motion is None:
                raise ValueError("a shot's first frame needs a map of its own")
            self._between.append(Between(seconds, blankness >= 1.0))
            return []
        if self._filter is not None:
            near = self._filter.apply(_within_working_area(near), self._motions, blankness, seconds)
        low, high = range_of(near, grey, is_metric=self._is_metric)
        self._queue.append(Step(near, FrameRange(low, high, seconds, blankness >= 1.0), tuple(self._between),
                                 tuple(self._motions)))
        self._between, self._motions = [], []
        ready: list[FloatMap] = []
        while seconds - self._queue[0].begin >= self._look_ahead or len(self._queue) > LARGEST_QUEUE:
            ready += self._emit()
        return ready

    def flush(self) -> list[FloatMap]:
        """The shot has ended: its last maps. Everything learnt from it is forgotten."""
        if self._between:
            raise ValueError("a shot's last frame needs a map of its own")
        rest: list[FloatMap] = []
        while self._queue:
            rest += self._emit()
        self._begin_shot()
        return rest

    def _emit(self) -> list[FloatMap]:
        """Maps of the frames up to the next that has its own."""
        step = self._backed()
        before, self._shown = self._shown, step
        maps = between(before.near, step.near, step.motions) if before is not None and step.between else []
        ranges = step.ranges_after(before)
        ahead = [item.range for item in self._queue]
        self._queue.popleft()
        result: list[FloatMap] = []
        for number, near in enumerate([*maps, step.near]):
            self._range.settle([*ranges[number:], *ahead[1:]])
            result.append(self._range.normalise(near))
        return result

    def _backed(self) -> Step:
        """The next step, steadied by those after it: a shot's first maps by all that wait, for they have no past, and
        sparse ones by a few."""
        step = self._queue[0]
        if self._filter is None:
            return step
        if self._shown is None:
            self._queue = deque(self._filter.look_back(list(self._queue)))
            return self._queue[0]
        if not step.between:
            return step
        return self._filter.look_back(list(islice(self._queue, 1 + SPARSE_LOOK_BACK)))[0]


def blank_share(grey: Grey) -> float:
    """1 where a picture shows nothing (faded to black or white), 0 where it shows something; in between, between."""
    low, high = percentiles(grey[::2, ::2], 2, 98)
    return float(np.clip((_CLEAR_SPREAD - (high - low)) / (_CLEAR_SPREAD - _BLANK_SPREAD), 0, 1))


def _within_working_area(near: FloatMap) -> FloatMap:
    height, width = near.shape
    if height * width <= WORKING_AREA:
        return near
    scale = math.sqrt(WORKING_AREA / (height * width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(near, size, interpolation=cv2.INTER_AREA)
