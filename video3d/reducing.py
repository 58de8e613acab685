"""Pictures made smaller by area averaging."""

from __future__ import annotations

from typing import Any

import cv2 as opencv

from video3d.types import Plane

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype


def reduced(plane: Plane, size: tuple[int, int]) -> Plane:
    """`plane`, uint8 or uint16 [H, W], of `size` (width, height), each pixel the mean of what it covers.

    Whole even factors are taken in halves first, each rounded: OpenCV halves ten times as fast as it does the rest.
    """
    width, height = size
    while plane.shape[1] % (2 * width) == 0 and plane.shape[0] % (2 * height) == 0:
        plane = cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
