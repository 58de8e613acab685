"""A strength that fits the content: what tears much or stands at the frame's sides gets less."""

from __future__ import annotations

import math

import numpy as np

from video3d.stereo.disparity import suggested_strength
from video3d.stereo.framing import SIDE_STRIP
from video3d.types import FloatMap

MOST_HOLES = 0.03
"""Disoccluded part of the picture that is still filled well."""
LEAST_SHARE, LARGEST_SHARE = 0.6, 1.2
"""Limits of the suggestion, in parts of the model's usual strength."""

_STEP = 0.03
"""Nearness that changes by more from one of 160 columns to the next is an edge, not a slope."""


class StrengthAdvisor:
    """Looks at some nearness maps of a video, a few of each shot, and suggests a strength in % of the width."""

    def __init__(self, depth_model: str) -> None:
        self._usual = suggested_strength(depth_model)
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
        self._sides.append(max(float(np.quantile(side, 0.9)) for side in (sampled[:, :strip], sampled[:, -strip:])))

    def suggest(self) -> float:
        """% of the width, to a tenth; the model's usual strength where nothing was seen.

        Disocclusions grow with strength: a row whose nearness falls by Σ over its edges loses Σ · strength/100 of its
        width. The strength at which nine frames of ten stay below 3 % is taken, less a fifth where near things stand at
        the sides half of the time, between 0.6 and 1.2 of the usual one.
        """
        if not self._torn:
            return self._usual
        torn = float(np.quantile(self._torn, 0.9))
        fitting = 100 * MOST_HOLES / torn if torn > 0 else math.inf
        if float(np.median(self._sides)) > 0.75:
            fitting = min(fitting, self._usual) * 0.8
        return round(min(max(fitting, LEAST_SHARE * self._usual), LARGEST_SHARE * self._usual), 1)
