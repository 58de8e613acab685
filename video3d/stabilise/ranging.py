"""The range of depth that becomes 0…1: where it lies in a picture, and how it moves over a shot."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from video3d.order_statistics import percentiles
from video3d.types import FloatMap

RANGE_MEMORY_SECONDS = 2.0
"""How far the range looks back."""

_SHOULDER = 0.05
_LEAST_METRIC_SPREAD = 0.15
_BAR_LUMA = 24

Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FrameRange:
    """From far to near, of one frame."""

    low: float
    high: float
    seconds: float
    is_blank: bool


@dataclass(frozen=True)
class Span:
    """From `start` to `stop`, in parts of the whole."""

    start: float
    stop: float


def range_of(near: FloatMap, grey: Grey, *, is_metric: bool) -> tuple[float, float]:
    """(far, near) ends of a map, without its specks and without black bars."""
    rows, columns = picture_area(grey)
    height, width = near.shape
    inside = near[round(rows.start * height):math.ceil(rows.stop * height),
                  round(columns.start * width):math.ceil(columns.stop * width)]
    low, high = percentiles(inside[::3, ::3], *((1, 99) if is_metric else (2, 98)))
    return (min(low, high * (1 - _LEAST_METRIC_SPREAD)), high) if is_metric else (low, high)


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


class RangeTracker:
    """The range that is mapped to 0…1: the mean of the frames' own ranges, from two seconds ago to the look-ahead.

    It moves slowly, knows what is coming, and forgets the past wholly, so that work that begins inside a shot comes to
    the same range after a warm-up of two seconds.
    """

    def __init__(self) -> None:
        self._low = self._high = 0.0
        self._recent: deque[FrameRange] = deque()

    def settle(self, coming: Sequence[FrameRange]) -> None:
        """Finds the range of the first frame, the others being those ahead of it."""
        now = coming[0]
        while self._recent and now.seconds - self._recent[0].seconds > RANGE_MEMORY_SECONDS:
            self._recent.popleft()
        shown = [item for item in (*self._recent, *coming) if not item.is_blank]
        if shown:
            self._low = sum(item.low for item in shown) / len(shown)
            self._high = sum(item.high for item in shown) / len(shown)
        elif not self._recent:
            self._low, self._high = now.low, now.high
        self._recent.append(now)

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
