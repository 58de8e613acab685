"""Medians and percentiles of small maps, many times a frame: what numpy's own give, without their overhead.

Values must be finite; arrays of any shape are taken as one row of values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


def median(values: Values) -> float:
    """As `np.median`: the middle value, or the mean of the middle two."""
    count = values.size
    parted = np.partition(values, count // 2, axis=None)
    middle = parted[count // 2]
    if count % 2:
        return float(middle)
    return float((parted[: count // 2].max() + middle) / 2)


def percentiles(values: Values, *per_cents: float) -> list[float]:
    """As `np.percentile` with a list: linear between neighbours in rank."""
    last = values.size - 1
    places = [last * (per_cent / 100) for per_cent in per_cents]
    ranks = sorted({rank for place in places for rank in (int(place), min(int(place) + 1, last))})
    chosen = _levels(values, ranks) if values.dtype == np.uint8 else np.partition(values, ranks, axis=None)[ranks]
    return [_between(chosen[ranks.index(int(place))], chosen[ranks.index(min(int(place) + 1, last))],
                     place - int(place)) for place in places]


def _levels(values: npt.NDArray[np.uint8], ranks: list[int]) -> Values:
    """The values of these ranks, by counting."""
    return np.searchsorted(np.cumsum(np.bincount(values.ravel(), minlength=256)), ranks, side="right")


def _between(low: Any, high: Any, share: float) -> float:
    # The difference in the values' own precision, and from the nearer end, as numpy has it.
    apart = float(high - low)
    return float(low) + apart * share if share < 0.5 else float(high) - apart * (1 - share)
