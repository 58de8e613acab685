"""Both eyes in one picture for coloured glasses.

Matrices: E. Dubois, "Conversion of a stereo pair to anaglyph with the least-squares projection method", 2009 (LCD).
They hold in linear light. Half-colour and grey are mixtures of gamma-coded values, as they always were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.interleave import full_chroma
from video3d.stereo.resampling import COLUMNS, ROWS, divide, is_cosited, luma_grid_to_chroma
from video3d.types import Frame, Layout, PixelFormat, Plane, StereoFrame
from video3d.video_info import ChromaSite, ColourTags

Matrix = npt.NDArray[np.float64]

ANAGLYPHS = (Layout.ANAGLYPH_DUBOIS, Layout.ANAGLYPH_HALF_COLOUR, Layout.ANAGLYPH_GREY, Layout.ANAGLYPH_GREEN_MAGENTA,
             Layout.ANAGLYPH_AMBER_BLUE)
DUBOIS = {
    Layout.ANAGLYPH_DUBOIS: (
        ((0.437, 0.449, 0.164), (-0.062, -0.062, -0.024), (-0.048, -0.050, -0.017)),
        ((-0.011, -0.032, -0.007), (0.377, 0.761, 0.009), (-0.026, -0.093, 1.234))),
    Layout.ANAGLYPH_GREEN_MAGENTA: (
        ((-0.062, -0.158, -0.039), (0.284, 0.668, 0.143), (-0.015, -0.027, 0.021)),
        ((0.529, 0.705, 0.024), (-0.016, -0.015, -0.065), (0.009, 0.075, 0.937))),
    Layout.ANAGLYPH_AMBER_BLUE: (
        ((1.062, -0.205, 0.299), (-0.026, 0.908, 0.068), (-0.038, -0.173, 0.022)),
        ((-0.016, -0.123, -0.017), (0.006, 0.062, -0.017), (0.094, 0.185, 0.911))),
}
"""Linear RGB of the left and of the right eye to linear RGB; together white stays white."""

_LUMA_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
                 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
"""K_R and K_B by matrix code point (ITU-T H.273 table 4)."""
_STEPS = 65535
_BLOCK_ROWS = 32


def luma_weights(tags: ColourTags, height: int) -> tuple[float, float, float]:
    """K_R, K_G, K_B of the tagged matrix; an untagged one is BT.601 below 720 lines, else BT.709."""
    red, blue = _LUMA_WEIGHTS.get(tags.matrix, _LUMA_WEIGHTS[6 if height < 720 else 1])
    return red, 1 - red - blue, blue


def rgb_from_yuv(tags: ColourTags, pixel_format: PixelFormat, height: int) -> Matrix:
    """[3, 4]: gamma-coded RGB, 0…1, = matrix · (Y, U, V, 1) in sample values (ITU-T H.273, 8.3)."""
    red, green, blue = luma_weights(tags, height)
    decode = np.array([[1, 0, 2 * (1 - red)],
                       [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
                       [1, 2 * (1 - blue), 0]])
    scale = 1 << (pixel_format.bit_depth - 8)
    black, white, reach = (0, pixel_format.peak, pixel_format.peak) if tags.full_range else \
        (16 * scale, 235 * scale, 224 * scale)
    decode = decode / [white - black, reach, reach]
    return _matrix(decode, decode @ np.array([-black, -128.0 * scale, -128.0 * scale]))


def electro_optical(transfer: int, coded: Matrix) -> Matrix:
    """Linear light, 0…1 of the peak, of gamma-coded values 0…1, by transfer code point (ITU-T H.273 table 3).

    13 sRGB, 16 PQ (SMPTE ST 2084), 18 HLG (ITU-R BT.2100), 8 linear, 4 and 5 powers; others, and untagged ones, the
    power 2.4 of ITU-R BT.1886.
    """
    if transfer == 13:
        return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    if transfer == 16:
        root = coded ** (32 / 2523)
        return (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (8192 / 1305)
    if transfer == 18:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(coded <= 0.5, coded * coded / 3, (np.exp((coded - c) / a) + b) / 12)
    return coded ** {8: 1.0, 4: 2.2, 5: 2.8}.get(transfer, 2.4)


def anaglyph(stereo: StereoFrame, layout: Layout, tags: ColourTags, out: Sequence[Plane]) -> None:
    """Writes the anaglyph into planes of the frames' own size and pixel format."""
    frame = stereo.left
    mixer = _mixer(layout, tags, frame)
    left, right = full_chroma(stereo.left, tags.chroma_site), full_chroma(stereo.right, tags.chroma_site)
    mixed = tuple(np.empty_like(plane) for plane in left)
    for top in range(0, frame.height, _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        block = mixer.mix([plane[rows] for plane in left], [plane[rows] for plane in right])
        for plane, values in zip(mixed, cv2.split(np.minimum(block, frame.pixel_format.peak)), strict=True):
            plane[rows] = values
    out[0][...] = mixed[0]
    for source, target in zip(mixed[1:], out[1:], strict=True):
        target[...] = _subsampled(source, frame.pixel_format, tags.chroma_site)


class _Mixer(Protocol):
    def mix(self, left: Sequence[Plane], right: Sequence[Plane]) -> npt.NDArray[np.uint16]:
        """Y, U, V of both eyes [h, w] to Y, U, V of the anaglyph [h, w, 3]."""
        ...


@dataclass(frozen=True, eq=False)
class _GammaMixer:
    """A mixture of gamma-coded values is one affine map of each eye's Y, U, V."""

    eyes: tuple[Matrix, Matrix]
    """[3, 4] each"""

    def mix(self, left: Sequence[Plane], right: Sequence[Plane]) -> npt.NDArray[np.uint16]:
        total = _transformed(left, self.eyes[0])
        total += _transformed(right, self.eyes[1])
        return _whole(total)


@dataclass(frozen=True, eq=False)
class _LinearMixer:
    """A mixture of linear light, through tables."""

    to_rgb: Matrix
    """[3, 4]: sample values to gamma-coded RGB, 0…65535."""
    to_linear: npt.NDArray[np.float32]
    """By gamma-coded value, 0…65535 = 0…1."""
    eyes: tuple[Matrix, Matrix]
    """[3, 3] each, of linear light 0…1 to linear light 0…65535²."""
    from_root: npt.NDArray[np.float32]
    """Gamma-coded value, 0…65535, by the square root of linear light, which has fine steps in the dark."""
    from_rgb: Matrix
    """[3, 4]: gamma-coded RGB, 0…65535, to sample values."""

    def mix(self, left: Sequence[Plane], right: Sequence[Plane]) -> npt.NDArray[np.uint16]:
        light = self._light(left, self.eyes[0])
        light += self._light(right, self.eyes[1])
        root = _whole(np.sqrt(np.maximum(light, 0, out=light), out=light))
        return _whole(np.asarray(cv2.transform(np.take(self.from_root, root), self.from_rgb), np.float32))

    def _light(self, eye: Sequence[Plane], matrix: Matrix) -> npt.NDArray[np.float32]:
        linear = np.take(self.to_linear, _whole(_transformed(eye, self.to_rgb)))
        return np.asarray(cv2.transform(linear, matrix), np.float32)


def _mixer(layout: Layout, tags: ColourTags, frame: Frame) -> _Mixer:
    to_rgb = rgb_from_yuv(tags, frame.pixel_format, frame.height)
    inverse: Matrix = np.linalg.inv(to_rgb[:, :3]).astype(np.float64)
    from_rgb = _matrix(inverse, -inverse @ to_rgb[:, 3])
    if layout in DUBOIS:
        to_linear, from_root = _light_tables(tags.transfer)
        left, right = (np.array(matrix) * float(_STEPS) ** 2 for matrix in DUBOIS[layout])
        return _LinearMixer(to_rgb * _STEPS, to_linear, (left, right), from_root,
                            _matrix(from_rgb[:, :3] / _STEPS, from_rgb[:, 3]))
    grey = np.array(luma_weights(tags, frame.height))
    left = np.array([grey, np.zeros(3), np.zeros(3)])
    right = np.array([np.zeros(3), grey, grey]) if layout is Layout.ANAGLYPH_GREY else np.diag([0.0, 1.0, 1.0])
    parts = inverse @ left @ to_rgb, inverse @ right @ to_rgb
    parts[1][:, 3] += from_rgb[:, 3]
    return _GammaMixer(parts)


def _matrix(linear: Matrix, offset: Matrix) -> Matrix:
    """[3, 3] and [3] as the [3, 4] of an affine map."""
    return np.concatenate([linear, offset[:, None]], 1)


def _transformed(planes: Sequence[Plane], matrix: Matrix) -> npt.NDArray[np.float32]:
    """matrix [3, 4] · (three planes [h, w], 1) as [h, w, 3]."""
    return np.asarray(cv2.transform(cv2.merge([plane.astype(np.float32) for plane in planes]), matrix), np.float32)


def _whole(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Rounded and kept in 0…65535; `values` are used up."""
    values += np.float32(0.5)
    return np.clip(values, 0, _STEPS, out=values).astype(np.uint16)


def _light_tables(transfer: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    coded: Matrix = np.linspace(0.0, 1.0, _STEPS + 1, dtype=np.float64)
    linear = electro_optical(transfer, coded)
    back = np.interp(coded * coded, linear, coded)
    return linear.astype(np.float32), (back * _STEPS).astype(np.float32)


def _subsampled(plane: Plane, pixel_format: PixelFormat, site: ChromaSite | None) -> Plane:
    sums, shift = plane, 0
    for axis, subsampled in ((ROWS, pixel_format.chroma_shift_y), (COLUMNS, pixel_format.chroma_shift_x)):
        if subsampled:
            cosited = is_cosited(site, axis)
            sums = luma_grid_to_chroma(sums, axis, cosited=cosited)
            shift += 2 if cosited else 1
    return divide(sums, shift, np.dtype(plane.dtype))
