"""Depth on key frames only, carried to the frames between them by motion, from both sides.

A push/flush stage per shot, before the stabiliser: as many maps come out as frames went in, at most `longest` frames
late. A frame becomes a key frame when the last one is `longest` frames away, when the motion that leads there is no
longer trusted, or when too much has come into sight since; so do a shot's first and last frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.motion import pixel_grid, resize_flow
from video3d.types import DepthInput, FloatMap, Flow, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Array = npt.NDArray[Any]

LONGEST = 4
_LEAST_CONFIDENCE = 0.6
_LARGEST_UNSEEN = 0.12
_UNSEEN = 0.3
_FLOOR = 1e-3


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A frame after the last key frame."""

    make_input: Callable[[], DepthInput]
    motion: Motion


@dataclass(frozen=True, eq=False)
class _Carried:
    """A map moved along by motion, and how far each pixel of it can be trusted, 0…1."""

    near: Array
    trust: Array


class KeyFrames:
    """Runs `estimate` on key frames and carries its maps to the others.

    `estimate`: one picture in, one raw map (float32 [h, w], of one size throughout a shot) out. `longest`: distance of
    key frames at most, 1 for depth on every frame.
    """

    def __init__(self, estimate: Callable[[DepthInput], FloatMap], longest: int = LONGEST) -> None:
        self._estimate = estimate
        self._longest = longest
        self.estimated = 0
        """Frames that were estimated so far."""
        self._begin_shot()

    def _begin_shot(self) -> None:
        self._key: FloatMap | None = None
        self._waiting: list[_Waiting] = []
        self._trust: FloatMap | None = None

    def push(self, make_input: Callable[[], DepthInput], motion: Motion | None) -> list[FloatMap]:
        """The shot's next frame; raw maps of the frames that are now known.

        `make_input` makes the picture, and is called for key frames alone, at once or up to `longest` frames later.
        `motion` leads to the previous frame; None at the shot's first.
        """
        if motion is None or self._key is None:
            ready = self.flush()
            self._key = self._run(make_input)
            return [*ready, self._key]
        self._waiting.append(_Waiting(make_input, motion))
        return self._to_key() if self._is_key(motion) else []

    def flush(self) -> list[FloatMap]:
        """The shot has ended: its last maps."""
        ready = self._to_key() if self._waiting else []
        self._begin_shot()
        return ready

    def _run(self, make_input: Callable[[], DepthInput]) -> FloatMap:
        self.estimated += 1
        return self._estimate(make_input())

    def _is_key(self, motion: Motion) -> bool:
        if len(self._waiting) >= self._longest:
            return True
        if self._trust is None:
            trust = motion.confidence
        else:
            trust = motion.confidence * _moved(self._trust, motion.to_previous)
        self._trust = trust
        return float(trust.mean()) < _LEAST_CONFIDENCE or float((trust < _UNSEEN).mean()) > _LARGEST_UNSEEN

    def _to_key(self) -> list[FloatMap]:
        """Maps of all waiting frames, the last of which becomes the key frame."""
        before, after = self._key, self._run(self._waiting[-1].make_input)
        if before is None or before.shape != after.shape:
            before = after
        count = len(self._waiting)
        forward = _carry_forward(before, [frame.motion for frame in self._waiting[:-1]])
        backward = _carry_backward(after, [frame.motion for frame in self._waiting[1:]])
        between = [_blend(a, b, (n + 1) / count) for n, (a, b) in enumerate(zip(forward, backward, strict=True))]
        self._key, self._waiting, self._trust = after, [], None
        return [*between, after]


def _carry_forward(key: FloatMap, motions: list[Motion]) -> list[_Carried]:
    """`key`, at the frame before the first of `motions`, carried to each of their frames."""
    size = (key.shape[1], key.shape[0])
    carried = _Carried(key, np.ones_like(key))
    result: list[_Carried] = []
    for motion in motions:
        flow = resize_flow(motion.to_previous, size)
        confidence = cv2.resize(motion.confidence, size, interpolation=cv2.INTER_LINEAR)
        carried = _Carried(_moved(carried.near, flow), _moved(carried.trust, flow) * confidence)
        result.append(carried)
    return result


def _carry_backward(key: FloatMap, motions: list[Motion]) -> list[_Carried]:
    """`key`, at the last frame of `motions`, carried to the frame before each of them; in the order of time."""
    size = (key.shape[1], key.shape[0])
    carried = _Carried(key, np.ones_like(key))
    result: list[_Carried] = []
    for motion in reversed(motions):
        flow = resize_flow(motion.to_next_from_previous, size)
        confidence = cv2.resize(motion.confidence, size, interpolation=cv2.INTER_LINEAR)
        carried = _Carried(_moved(carried.near, flow), _moved(carried.trust * confidence, flow))
        result.append(carried)
    return result[::-1]


def _blend(forward: _Carried, backward: _Carried, progress: float) -> FloatMap:
    """The mean of both, by trust and by nearness in time (`progress`: 0 at the earlier key frame, 1 at the later)."""
    early = (forward.trust + np.float32(_FLOOR)) * np.float32(1 - progress)
    late = (backward.trust + np.float32(_FLOOR)) * np.float32(progress)
    blended: Array = (early * forward.near + late * backward.near) / (early + late)
    return blended


def _moved(values: Array, flow: Flow) -> Array:
    target = pixel_grid((values.shape[1], values.shape[0])) + flow
    return cv2.remap(values, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
