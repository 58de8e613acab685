"""A flat screen on a 180° canvas, side by side, for players that know only VR180.

Each eye's canvas is equirectangular: longitude and latitude −90°…90°. The eyes stand half their separation left and
right of the middle, so the screen appears at its distance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.layouts import black_levels
from video3d.stereo.resampling import COLUMNS, ROWS, is_cosited
from video3d.types import FloatMap, Frame, PixelFormat, Plane, StereoFrame
from video3d.video_info import ColourTags

EYE_SEPARATION = 0.063


@dataclass(frozen=True)
class VirtualScreen:
    """Where the flat screen stands in front of the viewer, in metres."""

    width: float = 2.6
    distance: float = 2.0


@dataclass(frozen=True, eq=False)
class _Patch:
    """The part of an eye's plane that the screen covers, and where in the picture it looks."""

    rows: slice
    columns: slice
    map_x: FloatMap
    map_y: FloatMap


class VR180Packer:
    """Packs eyes of one size onto canvases of `side` × `side`; look-up maps are made once."""

    def __init__(self, width: int, height: int, pixel_format: PixelFormat, screen: VirtualScreen | None = None, *,
                 side: int | None = None, colour: ColourTags | None = None) -> None:
        self._tags = colour or ColourTags()
        self._format = pixel_format
        self._screen = screen or VirtualScreen()
        self._size = (width, height)
        self._side = side or natural_side(width, self._screen)
        if self._side % 2:
            raise ValueError(f"the side of a VR180 canvas must be even, not {self._side}")
        shrink = natural_side(width, self._screen, most=1 << 20) / self._side
        self._blur = 0.5 * math.sqrt(shrink * shrink - 1) if shrink > 1.2 else 0.0
        self._patches = [[self._patch(plane, eye) for plane in (0, 1)] for eye in (-1, 1)]

    @property
    def packed_size(self) -> tuple[int, int]:
        """(width, height) of the packed frame."""
        return 2 * self._side, self._side

    def pack(self, stereo: StereoFrame) -> Frame:
        """Both canvases, left eye first; black around the screen. ValueError for frames of another size or format."""
        frame = stereo.left
        if (frame.width, frame.height, frame.pixel_format) != (*self._size, self._format):
            raise ValueError(f"this packer was made for {self._size} {self._format.name}, not {frame}")
        levels = black_levels(self._format, self._tags)
        shapes = self._format.plane_shapes(*self.packed_size)
        planes = [np.full(shape, level, self._format.dtype) for shape, level in zip(shapes, levels, strict=True)]
        for index, eye in enumerate((stereo.left, stereo.right)):
            self._draw(eye, self._patches[index], planes, levels, index)
        return Frame((planes[0], planes[1], planes[2]), frame.pts, self._format)

    def _draw(self, eye: Frame, patches: Sequence[_Patch], planes: Sequence[Plane], levels: Sequence[int],
              index: int) -> None:
        for number, (source, target, level) in enumerate(zip(eye.planes, planes, levels, strict=True)):
            patch = patches[min(number, 1)]
            columns = target.shape[1] // 2
            canvas = target[:, index * columns:(index + 1) * columns]
            if self._blur > 0:
                source = cv2.GaussianBlur(source, (0, 0), self._blur, borderType=cv2.BORDER_REPLICATE)
            canvas[patch.rows, patch.columns] = cv2.remap(source, patch.map_x, patch.map_y, cv2.INTER_LINEAR,
                                                          borderMode=cv2.BORDER_CONSTANT, borderValue=[float(level)])

    def _patch(self, plane: int, eye: int) -> _Patch:
        """The look-up of luma (plane 0) or chroma (1) for the eye at −1 (left) or 1 (right) half separations."""
        shift_x, shift_y = (self._format.chroma_shift_x, self._format.chroma_shift_y) if plane else (0, 0)
        offset_x, offset_y = self._site(shift_x, COLUMNS), self._site(shift_y, ROWS)
        longitude, latitude = _angles(self._side, shift_x, offset_x), -_angles(self._side, shift_y, offset_y)
        width, height = self._size
        per_metre = width / self._screen.width
        reach = self._screen.distance * per_metre
        x = reach * np.tan(longitude)[None] + np.zeros((latitude.size, 1)) + eye * EYE_SEPARATION / 2 * per_metre
        y = -reach * np.tan(latitude)[:, None] / np.cos(longitude)[None]
        map_x = (x + width / 2 - 0.5 - offset_x) / (1 << shift_x)
        map_y = (y + height / 2 - 0.5 - offset_y) / (1 << shift_y)
        source_height, source_width = self._format.plane_shapes(width, height)[1 if plane else 0]
        across = (map_x[0] > -1) & (map_x[0] < source_width)
        columns = _covered(across)
        rows = _covered(((map_y > -1) & (map_y < source_height) & across).any(1))
        return _Patch(rows, columns, np.ascontiguousarray(map_x[rows, columns], np.float32),
                      np.ascontiguousarray(map_y[rows, columns], np.float32))

    def _site(self, shift: int, axis: int) -> float:
        """Position of a chroma sample among the luma samples it stands for, in luma samples."""
        return 0.0 if not shift or is_cosited(self._tags.chroma_site, axis) else 0.5


def natural_side(width: int, screen: VirtualScreen, most: int = 4096) -> int:
    """Even side of an eye's canvas on which the screen's middle keeps the picture's own resolution, at most `most`."""
    per_radian = width / screen.width * screen.distance
    return min(most, 2 * round(per_radian * math.pi / 2))


def _angles(side: int, shift: int, offset: float) -> npt.NDArray[np.float64]:
    """Radians, −π/2…π/2, of the canvas's luma (shift 0) or chroma samples, `offset` luma samples into their own."""
    positions = np.arange(side >> shift, dtype=np.float64) * (1 << shift) + offset
    return ((positions + 0.5) / side - 0.5) * math.pi


def _covered(flags: npt.NDArray[np.bool_]) -> slice:
    inside = np.flatnonzero(flags)
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)
