"""The small RGB picture that a depth model sees, made straight from the planes."""

from __future__ import annotations

from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.types import FloatMap, Frame, Plane
from video3d.video_info import ColourTags

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

_LUMA_WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Kr and Kb by matrix code point (ITU-T H.273 table 4)."""
_DIFFUSE_WHITE = 203.0
"""cd/m² of paper white in HDR (ITU-R BT.2408)."""
_BT2020_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
                            np.float32)
"""ITU-R BT.2087-0, linear light."""


def small_rgb(frame: Frame, size: tuple[int, int], colour: ColourTags, small_luma: Plane | None = None
              ) -> npt.NDArray[np.float32]:
    """float32 [h, w, 3] in 0…1, gamma-coded and sRGB-like, of `size` (width, height); HDR is tone-mapped.

    Unspecified matrices are read as BT.601 below 720 lines, else BT.709, as players do. `small_luma` is the frame's
    own at that size, in its bit depth, where it is known already.
    """
    planes = (frame.planes[0] if small_luma is None else small_luma, *frame.planes[1:])
    luma, blue, red = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32) for plane in planes)
    scale = np.float32(1 << (frame.pixel_format.bit_depth - 8))
    if colour.full_range:
        luma /= 255 * scale
        spread = 255 * scale
    else:
        luma -= 16 * scale
        luma /= 219 * scale
        spread = 224 * scale
    for chroma in (blue, red):
        chroma -= 128 * scale
        chroma /= spread
    kr, kb = _LUMA_WEIGHTS.get(colour.matrix, (0.2126, 0.0722) if frame.height >= 720 else (0.299, 0.114))
    kg = 1 - kr - kb
    green = luma - (2 * kb * (1 - kb) / kg) * blue
    green -= (2 * kr * (1 - kr) / kg) * red
    red *= 2 * (1 - kr)
    blue *= 2 * (1 - kb)
    rgb: npt.NDArray[np.float32] = cv2.merge([np.clip(plane, 0, 1, out=plane) for plane in
                                              (np.add(luma, red, out=red), green, np.add(luma, blue, out=blue))])
    return _tone_mapped(rgb, colour) if colour.is_hdr else rgb


def _tone_mapped(rgb: npt.NDArray[np.float32], colour: ColourTags) -> npt.NDArray[np.float32]:
    linear = _pq_light(rgb) if colour.transfer == 16 else _hlg_light(rgb)
    linear = np.clip(linear @ _BT2020_TO_BT709.T, 0, None)
    bright = linear.max(axis=-1, keepdims=True)
    linear = linear / (1 + bright) * 2  # Reinhard on the brightest channel: hues stay, diffuse white lands on 1
    np.clip(linear, 0, 1, out=linear)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)


def _pq_light(rgb: FloatMap) -> FloatMap:
    """Light relative to diffuse white (SMPTE ST 2084, inverse of eq. 5.2)."""
    root = rgb ** np.float32(1 / 78.84375)
    light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return (light ** np.float32(1 / 0.1593017578125) * (10000 / _DIFFUSE_WHITE)).astype(np.float32)


def _hlg_light(rgb: FloatMap) -> FloatMap:
    """Light relative to diffuse white, which HLG puts at 0.75 of the signal (ARIB STD-B67, ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(rgb <= 0.5, rgb * rgb / 3, (np.exp((rgb - c) / a) + b) / 12)
    return (scene / 0.265).astype(np.float32)
