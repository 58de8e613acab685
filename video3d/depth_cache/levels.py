"""Depth maps as whole numbers: what is kept, and for that reason also what is used at once.

A map is stored as 12-bit levels between its own ends. Each level is predicted from its left, upper and upper left
neighbours; what is left is packed by zlib. On maps of 704x384 that is 45 to 120 KiB, where float16 takes 110 to 240;
packing takes 4 ms and unpacking 3.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.types import FloatMap

LEVELS = 4095
"""The highest level."""
_STRIDE = 4
_ENDS = (0.5, 99.5)


@dataclass(frozen=True, eq=False)
class LevelMap:
    """A depth map in levels: level n stands for `low` + n · `step`."""

    levels: npt.NDArray[np.uint16]
    """uint16 [h, w], 0…4095."""
    low: float
    step: float

    def restored(self) -> FloatMap:
        """float32 [h, w]: the map that everything after this uses."""
        result: FloatMap = self.levels.astype(np.float32)
        result *= np.float32(self.step)
        result += np.float32(self.low)
        return result


def to_levels(near: FloatMap) -> LevelMap:
    """`near`: float32 [h, w], finite. Values farther out than twice the middle 99 % are clipped: a speck must not
    take the levels from all others."""
    low, high = float(near.min()), float(near.max())
    inner_low, inner_high = (float(value) for value in np.percentile(near[::_STRIDE, ::_STRIDE], _ENDS))
    margin = (inner_high - inner_low) / 2
    low, high = max(low, inner_low - margin), min(high, inner_high + margin)
    low = float(np.float32(low))
    step = float(np.float32((high - low) / LEVELS))
    if step <= 0:
        return LevelMap(np.zeros(near.shape, np.uint16), low, 0.0)
    scaled: Any = (near - np.float32(low)) * np.float32(1 / step)
    np.clip(scaled, 0, LEVELS, out=scaled)
    return LevelMap(np.rint(scaled, out=scaled).astype(np.uint16), low, step)


def packed(levels: npt.NDArray[np.uint16]) -> bytes:
    """uint16 [h, w] without loss, small."""
    rest = np.diff(levels.astype(np.int16), axis=1, prepend=np.int16(0))
    rest = np.diff(rest, axis=0, prepend=np.int16(0))
    folded = ((rest << 1) ^ (rest >> 15)).view(np.uint16)  # small numbers of either sign become small ones
    return zlib.compress((folded & 255).astype(np.uint8).tobytes() + (folded >> 8).astype(np.uint8).tobytes(), 1)


def unpacked(data: bytes, shape: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """What `packed` was given; ValueError where `data` is not that."""
    try:
        parts = np.frombuffer(zlib.decompress(data), np.uint8).reshape(2, *shape)
    except zlib.error as problem:
        raise ValueError(str(problem)) from None
    folded = parts[0] | (parts[1].astype(np.uint16) << 8)
    rest = (folded >> 1).view(np.int16) ^ -(folded & 1).view(np.int16)
    np.cumsum(rest, axis=0, dtype=np.int16, out=rest)
    return np.cumsum(rest, axis=1, dtype=np.int16).view(np.uint16)
