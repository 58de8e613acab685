"""Which frames get a depth map of their own; the others get theirs from the maps around them.

A frame becomes a key frame when the time of `longest` frames has passed, when the motion that leads to the last one is
no longer trusted, or when too much has come into sight since; so do a shot's first and last frame. Time is counted from
the source's beginning, so that work which begins elsewhere in a shot comes to the same key frames, and finds their maps
in the cache.
"""

from __future__ import annotations

import math
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.motion import pixel_grid
from video3d.types import FloatMap, Flow, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Grey = npt.NDArray[np.uint8]

LONGEST = 4
"""Frames from one key frame to the next, at most."""
LONGEST_SECONDS = 1 / 6

_LEAST_CONFIDENCE = 0.6
_LARGEST_UNSEEN = 0.12
_UNSEEN = 0.3
_COPY_MEAN, _COPY_PEAK = 0.3, 2.0
_COPY_BLOCK = 9


def usual_distance(frames_per_second: float) -> int:
    """Frames from one key frame to the next where the user leaves it open: 1 to 4, a sixth of a second at most."""
    return max(1, min(LONGEST, int(frames_per_second * LONGEST_SECONDS + 1e-6)))


class KeyFrameChooser:
    """Tells, frame by frame of one shot, which are key frames. `longest` = 1 makes all of them so."""

    def __init__(self, longest: int, frames_per_second: float) -> None:
        self._longest = longest
        self._rate = frames_per_second
        self._since = 0
        self._span = 0
        self._trust: FloatMap | None = None

    def push(self, motion: Motion | None, seconds: float) -> bool:
        """Whether the shot's next frame, at this time of the source, is a key frame. `motion` leads to the frame
        before; None begins a shot."""
        self._since += 1
        span = math.floor((seconds * self._rate + 0.5) / self._longest)
        is_due = span != self._span or self._since >= self._longest
        self._span = span
        is_key = motion is None or is_due or self._is_lost(motion)
        if is_key:
            self._since = 0
            self._trust = None
        return is_key

    def _is_lost(self, motion: Motion) -> bool:
        trust = motion.confidence
        if self._trust is not None:
            trust = trust * _moved(self._trust, motion.to_previous)
        self._trust = trust
        return float(trust.mean()) < _LEAST_CONFIDENCE or float((trust < _UNSEEN).mean()) > _LARGEST_UNSEEN


def is_copy(grey: Grey, other: Grey) -> bool:
    """Whether two small luma pictures show the same frame again: alike within 0.3 grey levels on average, and within 2
    in every small area, so that nothing small has moved."""
    difference = cv2.absdiff(grey, other)
    if float(difference.mean()) >= _COPY_MEAN:
        return False
    return float(cv2.blur(difference, (_COPY_BLOCK, _COPY_BLOCK)).max()) < _COPY_PEAK


def _moved(values: FloatMap, flow: Flow) -> FloatMap:
    target = pixel_grid((values.shape[1], values.shape[0])) + flow
    return cv2.remap(values, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
