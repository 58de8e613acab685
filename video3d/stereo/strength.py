"""A strength that fits the content: what tears much or stands at the frame's sides gets less."""

from __future__ import annotations

import math

import numpy as np

from video3d.stereo.disparity import DEFAULT_STRENGTH, suggested_strength
from video3d.stereo.framing import SIDE_STRIP
from video3d.types import FloatMap

MOST_HOLES = 0.03
"""Disoccluded part of the picture that is still filled well."""
LEAST_SHARE, LARGEST_SHARE = 0.6, 1.2
"""Limits of the suggestion, in parts of the model's usual strength. A model that gets less than others, as the built-in
depth does because it guesses, never gets more than its usual one: that its soft maps tear little says nothing."""

_STEP = 0.03
"""Nearness that changes by more from one of 160 columns to the next is an edge, not a slope."""
_NEAR = 0.75
_STANDS_OUT = 0.1
"""Nearness by which a thing at the side is nearer than the middle of its row; the ground at the corners is as near as
the rest of its row."""
_SIDE_ROWS = 0.1
"""Part of the height from which on such a thing counts."""


class StrengthAdvisor:
    """Looks at some nearness maps of a video, a few of each shot, and suggests a strength in % of the width."""

    def __init__(self, depth_model: str) -> None:
        self._usual = suggested_strength(depth_model)
        self._most = self._usual * (LARGEST_SHARE if self._usual >= DEFAULT_STRENGTH else 1.0)
        self._torn: list[float] = []
        self._sides: list[float] = []

    def push(self, nearness: FloatMap) -> None:
        """Takes one map float32 [h, w], 0…1."""
        stride = max(1, nearness.shape[1] // 160)
        sampled = nearness[::stride, ::stride]
        steps = np.abs(np.diff(sampled, axis=1))
        # Rising and falling edges are about as many; one eye sees behind half of them.
        self._torn.append(float(np.where(steps > _STEP, steps, 0).sum(axis=1).mean()) / 2)
        strip = max(1, round(SIDE_STRIP * sampled.shape[1]))
        middle = np.median(sampled, axis=1)
        self._sides.append(max(_standing(side, middle) for side in (sampled[:, :strip], sampled[:, -strip:])))

    def suggest(self) -> float:
        """% of the width, to a tenth; the model's usual strength where nothing was seen.

        Disocclusions grow with strength: a row whose nearness falls by Σ over its edges loses Σ · strength/100 of its
        width. The strength at which nine frames of ten stay below 3 % is taken, less a fifth where near things stand at
        the sides half of the time, between 0.6 and 1.2 of the usual one (1 of the built-in depth's).
        """
        if not self._torn:
            return self._usual
        torn = float(np.quantile(self._torn, 0.9))
        fitting = 100 * MOST_HOLES / torn if torn > 0 else math.inf
        if float(np.median(self._sides)) > _SIDE_ROWS:
            fitting = min(fitting, self._usual) * 0.8
        return round(min(max(fitting, LEAST_SHARE * self._usual), self._most), 1)


def _standing(side: FloatMap, middle: FloatMap) -> float:
    """The part of the height at which a near thing stands in the strip `side` [h, w], before its rows' `middle` [h]."""
    strip = side.mean(axis=1)
    return float(np.mean((strip > _NEAR) & (strip > middle + _STANDS_OUT)))
