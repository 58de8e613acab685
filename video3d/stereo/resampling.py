"""Exact integer filters between luma and chroma grids, and from a full eye to half of one.

Sums stay below 2^15 for 12-bit samples, so uint16 holds them; every filter rounds once, halves upwards.
"""

from __future__ import annotations

import numpy as np

from video3d.types import Plane
from video3d.video_info import ChromaSite

COLUMNS = 1
ROWS = 0


def is_cosited(site: ChromaSite | None, axis: int) -> bool:
    """Whether a subsampled chroma sample lies on a luma sample along `axis`, rather than between two.

    ITU-T H.273 figure 1. Unknown sites count as "left", which H.264 and HEVC presume (H.264 annex E.2.1).
    """
    if site is ChromaSite.CENTRE:
        return False
    return axis == COLUMNS or site is ChromaSite.TOP_LEFT


def halve(plane: Plane, axis: int, *, cosited: bool = False) -> Plane:
    """`plane` at half the samples along `axis` (odd counts round up), area-averaged.

    An output sample at luma position p of the half picture lies at 2p + ½ of the full one. Luma and centred chroma
    average two samples. Co-sited chroma sample k is centred at 2k + ¼ of its own grid: a box two samples wide there
    covers samples 2k−1, 2k, 2k+1 with weights 1, 4, 3 eighths.
    """
    even, odd = _pairs(plane, axis)
    if not cosited:
        total = np.add(even, odd, dtype=np.uint16)
        total += 1
        total >>= 1
        return total.astype(plane.dtype, copy=False)
    total = np.multiply(even, 4, dtype=np.uint16)
    total += np.multiply(odd, 3, dtype=np.uint16)
    total += _shifted(odd, axis, -1, first=_part(even, axis, slice(0, 1)))
    total += 4
    total >>= 3
    return total.astype(plane.dtype, copy=False)


def chroma_to_luma_grid(plane: Plane, axis: int, count: int, *, cosited: bool) -> Plane:
    """`plane` linearly interpolated to `count` samples along `axis`, twice as many (or one less than twice).

    uint16 sums: to be divided by 2 (co-sited) or 4 (centred); `divide` does so.
    """
    shape = list(plane.shape)
    shape[axis] = plane.shape[axis] * 2
    sums = np.empty(shape, np.uint16)
    even, odd = _part(sums, axis, slice(0, None, 2)), _part(sums, axis, slice(1, None, 2))
    after = _shifted(plane, axis, 1, first=_part(plane, axis, slice(-1, None)))
    if cosited:
        np.multiply(plane, 2, out=even, dtype=np.uint16)
        np.add(plane, after, out=odd, dtype=np.uint16)
    else:
        np.multiply(plane, 3, out=even, dtype=np.uint16)
        odd[...] = even
        even += _shifted(plane, axis, -1, first=_part(plane, axis, slice(0, 1)))
        odd += after
    return _part(sums, axis, slice(0, count))


def luma_grid_to_chroma(plane: Plane, axis: int, *, cosited: bool) -> Plane:
    """`plane` at half the samples along `axis`: ¼ ½ ¼ on the even ones (co-sited), or the mean of each two (centred).

    uint16 sums: to be divided by 4 (co-sited) or 2 (centred); `divide` does so.
    """
    even, odd = _pairs(plane, axis)
    if not cosited:
        return np.add(even, odd, dtype=np.uint16)
    sums = np.multiply(even, 2, dtype=np.uint16)
    sums += odd
    sums += _shifted(odd, axis, -1, first=_part(even, axis, slice(0, 1)))
    return sums


def divide(sums: Plane, shift: int, dtype: np.dtype[np.generic]) -> Plane:
    """`sums` / 2^shift, rounded, as `dtype`."""
    if shift:
        sums = (sums + np.uint16(1 << (shift - 1))) >> np.uint16(shift)
    return sums.astype(dtype, copy=False)


def _pairs(plane: Plane, axis: int) -> tuple[Plane, Plane]:
    """Samples 0, 2, 4… and 1, 3, 5…; the last one stands for its missing partner."""
    even, odd = _part(plane, axis, slice(0, None, 2)), _part(plane, axis, slice(1, None, 2))
    if even.shape[axis] != odd.shape[axis]:
        odd = np.concatenate([odd, _part(even, axis, slice(-1, None))], axis)
    return even, odd


def _shifted(plane: Plane, axis: int, step: int, *, first: Plane) -> Plane:
    """The neighbour at `step` (−1 or 1) of each sample; `first` stands where there is none."""
    if step < 0:
        return np.concatenate([first, _part(plane, axis, slice(0, -1))], axis)
    return np.concatenate([_part(plane, axis, slice(1, None)), first], axis)


def _part(plane: Plane, axis: int, which: slice) -> Plane:
    return plane[which] if axis == ROWS else plane[:, which]
