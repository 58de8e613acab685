"""Optical flow between neighbouring frames: computed once per frame on a small grid, passed on as a value.

Flow comes from dense inverse search (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016), in
both directions; where the two disagree, or the pictures do after warping, its confidence falls.
"""

from __future__ import annotations

import math
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.order_statistics import median
from video3d.reducing import reduced
from video3d.types import FloatMap, Flow, Motion, Plane

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

GREY_AREA = 320 * 180
"""Pixels of the small grid, about."""
SHORTEST_SIDE = 16
"""Dense inverse search needs patches of 8 pixels on a picture halved once."""
LONGEST_SIDE = 640

_ROUGH_REFINEMENTS = 2
"""Instead of five: a third less time. The background plate, a fit to all of the flow, is no worse for it; depth carried
along single vectors is less steady."""
_CONSISTENCY_PIXELS = 1.0
_BRIGHTNESS_LEVELS = 20.0


def flow_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the small grid for a picture of `width` x `height`: its aspect, about 320x180 pixels.

    Never larger than the picture, except that no side is shorter than 16; sides are even.
    """
    scale = min(1.0, math.sqrt(GREY_AREA / (width * height)), LONGEST_SIDE / max(width, height))
    columns, rows = (max(SHORTEST_SIDE, 2 * round(side * scale / 2)) for side in (width, height))
    return columns, rows


def small_grey(plane: Plane, bit_depth: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The luma plane (uint8 or uint16 [H, W], `bit_depth` bits) as uint8 of `size` (width, height), area-averaged."""
    height, width = plane.shape
    shrinks = size[0] <= width and size[1] <= height
    small: Plane = reduced(plane, size) if shrinks else cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    return small if bit_depth == 8 else (small >> (bit_depth - 8)).astype(np.uint8)


def pixel_grid(size: tuple[int, int]) -> Flow:
    """float32 [H, W, 2]: each pixel's own x and y, for a grid of `size` (width, height)."""
    columns, rows = size
    grid = np.empty((rows, columns, 2), np.float32)
    grid[..., 0] = np.arange(columns, dtype=np.float32)
    grid[..., 1] = np.arange(rows, dtype=np.float32)[:, None]
    return grid


def resize_flow(flow: Flow, size: tuple[int, int]) -> Flow:
    """`flow` on a grid of `size` (width, height), its displacements in that grid's pixels."""
    rows, columns = flow.shape[:2]
    if (columns, rows) == size:
        return flow
    resized: Flow = cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR)
    # Row by row: broadcasting over two values a pixel takes five times as long.
    resized.reshape(size[1], -1)[:] *= np.tile(np.array([size[0] / columns, size[1] / rows], np.float32), size[0])
    return resized


class MotionEstimator:
    """Flow and its confidence between two small grey pictures of one `size` (width, height).

    Not to be shared between threads: it keeps OpenCV's scratch memory.
    """

    def __init__(self, size: tuple[int, int], *, rough: bool = False) -> None:
        """`rough`: single vectors matter less than all together."""
        self.size = size
        self._grid = pixel_grid(size)
        self._search = _dense_inverse_search()
        if rough:
            self._search.setVariationalRefinementIterations(_ROUGH_REFINEMENTS)

    def estimate(self, previous_grey: npt.NDArray[np.uint8], grey: npt.NDArray[np.uint8]) -> Motion:
        """Motion between two uint8 [H, W] pictures of this estimator's size."""
        to_previous: Flow = self._search.calc(grey, previous_grey, None)
        to_next: Flow = self._search.calc(previous_grey, grey, None)
        return Motion(to_previous, to_next, self._confidence(previous_grey, grey, to_previous, to_next))

    def _confidence(self, previous_grey: npt.NDArray[np.uint8], grey: npt.NDArray[np.uint8], to_previous: Flow,
                    to_next: Flow) -> FloatMap:
        # exp(-(|F + B∘F| / 1 px)²) · exp(-(|I_prev∘F − I| / 20)²), and 0 where the flow leads out of the picture.
        target = self._grid + to_previous
        back: Flow = cv2.remap(to_next, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        back += to_previous
        warped = cv2.remap(previous_grey, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        difference = cv2.subtract(grey, warped, dtype=cv2.CV_32F)
        # A flash or a fade changes all pixels alike: that says nothing against the flow.
        difference -= np.float32(median(difference[::4, ::4]))
        np.square(back, out=back)
        exponent: Any = (back[..., 0] + back[..., 1]) * np.float32(1 / _CONSISTENCY_PIXELS ** 2)
        np.square(difference, out=difference)
        difference *= np.float32(1 / _BRIGHTNESS_LEVELS ** 2)
        exponent += difference
        confidence: FloatMap = cv2.exp(np.negative(exponent, out=exponent))
        columns, rows = self.size
        # 255 where the flow leads into the picture: one pass instead of four comparisons.
        inside = cv2.inRange(target, (-0.5, -0.5), (columns - 0.5, rows - 0.5))
        return cv2.copyTo(confidence, inside)


def _dense_inverse_search() -> Any:
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    # Half resolution instead of a quarter: the end-point error falls by a third, for 2 ms at 320x180.
    search.setFinestScale(1)
    search.setPatchStride(5)
    # Propagation between patches runs within stripes, one per thread: results would depend on their number.
    search.setUseSpatialPropagation(False)
    return search
