"""A small picture of what is being made, now and then."""

from __future__ import annotations

import time
from typing import Any

import cv2 as opencv
import numpy as np

from video3d.depth.picture import small_rgb
from video3d.types import Frame
from video3d.video_info import ColourTags

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

LONG_SIDE = 960
SECONDS_BETWEEN = 1.0
JPEG_QUALITY = 80


def jpeg(frame: Frame, colour: ColourTags) -> bytes:
    """The frame as JPEG, its longer side at most `LONG_SIDE`; HDR is tone-mapped."""
    scale = min(1.0, LONG_SIDE / max(frame.width, frame.height))
    size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    rgb = small_rgb(frame, size, colour)
    picture = np.rint(rgb[..., ::-1] * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


class PreviewMaker:
    """Takes every frame, and makes a picture of one in a while."""

    def __init__(self) -> None:
        self._next = 0.0

    def picture(self, frame: Frame, colour: ColourTags) -> bytes | None:
        """A JPEG where it is time for one."""
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + SECONDS_BETWEEN
        return jpeg(frame, colour)
