"""What no frame shows of a shot's background, invented once per shot by a network that the host has.

The shot's first frame is taken without the near things that hide something: what their rims hide, and no frame within
the look-ahead shows, is handed to the host's `PlateInpainter` as a mask. The answer is one more frame for the plate to
look at, last of all, for the rest of the shot; so what was invented stays as it is. What comes to be hidden later in
the shot, farther behind things than REACH, is filled from beside it as without a network.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.anaglyph import rgb_from_yuv
from video3d.stereo.warp import WarpMap
from video3d.stereo.wiggle import to_rgb
from video3d.types import FloatMap, Frame, PlateInpainter
from video3d.video_info import ColourTags

REACH = 2.0
"""How far behind things is invented, in parts of what the eye sees there: the camera and the things will move."""
_MARGIN_SHARE = 1 / 240
"""Of the width: so far around, near things are masked too, that the network does not continue them."""
_LEAST_MARGIN = 4

Mask = npt.NDArray[np.bool_]


def nothing_hidden(height: int, width: int) -> FloatMap:
    """float32 [H, W] for `add_hidden`: infinite where nothing is hidden behind what the source shows."""
    return np.full((height, width), np.inf, np.float32)


def add_hidden(behind: FloatMap, warp: WarpMap, hole: int, region: int, share: float, *, left_eye: bool) -> None:
    """Notes in `behind` [H, W], in the source's orientation, the disparity of what `warp` calls disoccluded."""
    width = behind.shape[1]
    rows, columns = np.nonzero((warp.kind & np.uint8(region)) == hole)
    shift = warp.shift[rows, columns]
    at = columns + shift
    if left_eye:
        at = width - 1 - at
    for place in (np.floor(at), np.ceil(at)):
        column = place.astype(np.int64)
        inside = (column >= 0) & (column < width)
        np.minimum.at(behind, (rows[inside], column[inside]), shift[inside] / np.float32(share))


def widened(behind: FloatMap, disparity: FloatMap, tolerance: float) -> FloatMap:
    """`behind` with what is nearer around it, so that nothing near borders on what the network is to continue."""
    margin = max(_LEAST_MARGIN, round(_MARGIN_SHARE * behind.shape[1]))
    around = np.asarray(cv2.erode(behind, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)), np.float32)
    near = np.isinf(behind) & np.isfinite(around) & (disparity > around + np.float32(tolerance))
    return np.where(near, around, behind).astype(np.float32)


def invented_planes(frame: Frame, mask: Mask, tags: ColourTags, inpainter: PlateInpainter) -> list[npt.NDArray[Any]]:
    """The planes of `frame` with what `inpainter` makes of it where `mask` [H, W] is set; elsewhere as they were.

    ValueError where the answer is no picture of that size.
    """
    colour = to_rgb(frame, tags)
    answer = np.asarray(inpainter.inpaint(colour, mask))
    if answer.shape != colour.shape or answer.dtype != np.uint8:
        raise ValueError(f"the inpainter gave {answer.dtype} {answer.shape} for uint8 {colour.shape}")
    made = np.where(mask[:, :, None], answer, colour)
    to_colour = rgb_from_yuv(tags, frame.pixel_format, frame.height) * 255
    back = np.linalg.inv(to_colour[:, :3])
    values = cv2.transform(made.astype(np.float32), np.concatenate([back, -(back @ to_colour[:, 3:])], axis=1))
    planes: list[npt.NDArray[Any]] = []
    for number, plane in enumerate(frame.planes):
        rows, columns = plane.shape
        size = (columns, rows)
        channel = cv2.resize(np.ascontiguousarray(values[:, :, number]), size, interpolation=cv2.INTER_AREA)
        where = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        whole = np.rint(np.clip(channel, 0, frame.pixel_format.peak)).astype(plane.dtype)
        planes.append(np.where(where, whole, plane))
    return planes
