"""What a frame shows, in the few numbers that disparity design needs: range of nearness, subject, sides, black bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.order_statistics import percentiles
from video3d.types import FloatMap

LumaMap = npt.NDArray[np.uint8]
"""uint8 [h, w], small."""

SIDE_STRIP = 0.015
"""Width of the strips at the frame's sides, in parts of the frame's width."""
_BINS = 1024
_SAMPLE_COLUMNS = 160
_DARK = 28
_FLAT = 3.0
_LEAST_BAR = 0.02
_LARGEST_BAR = 0.35


@dataclass(frozen=True)
class Box:
    """A part of the picture, in parts of its width and height: 0 = left and top, 1 = right and bottom."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Bars:
    """Black bars at the four sides, in parts of the frame's width (left, right) and height (top, bottom)."""

    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    right: float = 0.0

    def common(self, other: Bars) -> Bars:
        """What is bar in both."""
        return Bars(min(self.top, other.top), min(self.bottom, other.bottom), min(self.left, other.left),
                    min(self.right, other.right))

    def picture(self, columns: int, rows: int) -> tuple[slice, slice]:
        """(rows, columns) of a map that lie between the bars, by their centres; never empty."""
        first_row, last_row = _span(self.top, self.bottom, rows)
        first_column, last_column = _span(self.left, self.right, columns)
        return slice(first_row, last_row), slice(first_column, last_column)


@dataclass(frozen=True)
class FrameMeasure:
    """One frame's numbers; nearness is 0…1."""

    seconds: float
    low: float
    """Percentile 0.5 of nearness between the bars."""
    high: float
    """Percentile 99.5."""
    subject: float
    """Weighted median of nearness: the middle of the picture, sharp things and given boxes weigh more."""
    left_side: float
    """Percentile 90 of nearness in the strip at the left side."""
    right_side: float
    """The same at the right side."""


def detect_bars(luma: LumaMap) -> Bars | None:
    """Letterbox and pillarbox bars of one small luma picture; None where it is too dark to tell.

    A bar is a run of dark, even rows (columns) of the same height on both sides; text inside one of them does not
    break it.
    """
    dark_rows, dark_columns = _dark_lines(luma), _dark_lines(luma.T)
    if dark_rows.mean() > 0.8 or dark_columns.mean() > 0.8:
        return None
    high, wide = _bar(dark_rows), _bar(dark_columns)
    return Bars(high, high, wide, wide)


def measure(nearness: FloatMap, *, seconds: float, luma: LumaMap | None = None, subjects: Sequence[Box] = (),
            bars: Bars | None = None) -> FrameMeasure:
    """The numbers of one nearness map [h, w]; `luma` (any small size) makes sharp things weigh more."""
    bars = bars or Bars()
    stride = max(1, nearness.shape[1] // _SAMPLE_COLUMNS)
    sampled = nearness[stride // 2::stride, stride // 2::stride] if nearness.shape[0] > stride else nearness
    within = bars.picture(sampled.shape[1], sampled.shape[0])
    weights = _subject_weights(sampled.shape, luma, subjects)[within]
    indices = np.clip(sampled[within] * (_BINS - 1) + 0.5, 0, _BINS - 1).astype(np.intp).ravel()
    counts = np.bincount(indices, np.ones(indices.size, np.float64), _BINS)
    weighted = np.bincount(indices, weights.ravel().astype(np.float64), _BINS)
    inside = nearness[bars.picture(nearness.shape[1], nearness.shape[0])]
    strip = max(1, round(SIDE_STRIP * nearness.shape[1]))
    return FrameMeasure(seconds, _quantile(counts, 0.005), _quantile(counts, 0.995), _quantile(weighted, 0.5),
                        *(percentiles(side, 90)[0] for side in (inside[:, :strip], inside[:, -strip:])))


def _span(before: float, after: float, count: int) -> tuple[int, int]:
    """First and last + 1 of the lines whose centres lie outside the bars."""
    first = min(int(np.ceil(before * count - 0.5)), count - 1)
    last = max(count - int(np.ceil(after * count - 0.5)), first + 1)
    return max(first, 0), min(last, count)


def _dark_lines(luma: LumaMap) -> npt.NDArray[np.bool_]:
    values = luma.astype(np.float32)
    dark = values.mean(axis=1) <= _DARK
    if dark.any():
        dark[dark] = values[dark].std(axis=1) <= _FLAT
    return dark


def _bar(dark: npt.NDArray[np.bool_]) -> float:
    """Height of the bars at both ends in parts of the whole; 0 where there is none."""
    bright = np.flatnonzero(~dark)
    count = dark.size
    before, after = int(bright[0]), count - 1 - int(bright[-1])
    height = max(before, after)
    other = dark[:height] if after >= before else dark[::-1][:height]
    if height > _LARGEST_BAR * count or not height or not other[-1] or other.mean() < 0.5:
        height = min(before, after)
    return height / count if _LEAST_BAR * count <= height <= _LARGEST_BAR * count else 0.0


def _subject_weights(shape: tuple[int, ...], luma: LumaMap | None, subjects: Sequence[Box]) -> FloatMap:
    """Centre Gaussian, σ a quarter of the width, × 3 inside given boxes, × (1 + sharpness 0…1)."""
    rows, columns = shape
    across = (np.arange(columns, dtype=np.float32) + 0.5) / columns - 0.5
    down = ((np.arange(rows, dtype=np.float32) + 0.5) - rows / 2) / columns
    weights = np.exp(-(down[:, None] ** 2 + across[None] ** 2) / (2 * 0.25 ** 2)).astype(np.float32)
    for box in subjects:
        weights[int(box.top * rows):int(np.ceil(box.bottom * rows)),
                int(box.left * columns):int(np.ceil(box.right * columns))] *= 3
    return weights if luma is None else weights * (1 + _sharpness(luma, rows, columns))


def _sharpness(luma: LumaMap, rows: int, columns: int) -> FloatMap:
    edges = np.abs(cv2.Laplacian(luma, cv2.CV_32F))
    local = np.asarray(cv2.boxFilter(edges, -1, (9, 9)), np.float32)
    top = percentiles(local, 95)[0]
    scaled = np.minimum(local / top, 1) if top > 0 else np.zeros_like(local)
    return np.asarray(cv2.resize(scaled, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def _quantile(counts: npt.NDArray[Any], share: float) -> float:
    """The value 0…1 below which `share` of the histogram's weight lies, linear within a bin."""
    total = np.cumsum(counts)
    wanted = share * total[-1]
    index = int(np.searchsorted(total, wanted))
    before = total[index - 1] if index else 0.0
    within = (wanted - before) / counts[index] if counts[index] else 0.5
    return float(np.clip((index - 0.5 + within) / (_BINS - 1), 0, 1))
