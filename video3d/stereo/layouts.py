"""Two eyes into one frame, in planes at their native depth.

Sizes: an eye's cell is rounded up to even columns and rows by repeating its last column and row, so that every frame
can be encoded as 4:2:0 and no chroma sample belongs to both eyes. Interleaved layouts keep the exact size: they are
4:4:4.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from video3d.stereo.anaglyph import ANAGLYPHS, anaglyph
from video3d.stereo.interleave import INTERLEAVED, full_chroma, interleave, interleaved_format
from video3d.stereo.resampling import COLUMNS, ROWS, halve, is_cosited
from video3d.types import FloatMap, Frame, Layout, PixelFormat, Plane, StereoFrame
from video3d.video_info import ColourTags

_SIDE_BY_SIDE = (Layout.FULL_SBS, Layout.HALF_SBS, Layout.RGBD)
_TOP_AND_BOTTOM = (Layout.FULL_TAB, Layout.HALF_TAB, Layout.SEPARATE)
"""Separate files are packed as one above the other, which parts without a copy: see `packer.parted`."""
_HALVED = {Layout.HALF_SBS: COLUMNS, Layout.HALF_TAB: ROWS}
_BLOCK_ROWS = 64


def packed_size(layout: Layout, width: int, height: int) -> tuple[int, int]:
    """(width, height) of the packed frame for eyes of `width` × `height`; even but for the interleaved layouts.

    ValueError for VR180, whose canvas has a size of its own (`packer.Packer`).
    """
    if layout is Layout.VR180:
        raise ValueError("a VR180 canvas has a size of its own")
    if layout in INTERLEAVED:
        return width, height
    cell_width, cell_height = _cell(layout, width, height)
    return cell_width * (2 if layout in _SIDE_BY_SIDE else 1), cell_height * (2 if layout in _TOP_AND_BOTTOM else 1)


def packed_format(layout: Layout, pixel_format: PixelFormat) -> PixelFormat:
    """The pixel format `pack` returns: 4:4:4 for interleaved layouts, else the eyes' own.

    Anaglyphs may be 4:2:0, which every player shows, at the price of some crosstalk at colour edges.
    """
    return interleaved_format(pixel_format) if layout in INTERLEAVED else pixel_format


def allocate(layout: Layout, pixel_format: PixelFormat, width: int, height: int) -> tuple[Plane, Plane, Plane]:
    """Planes that `pack(..., out=...)` can fill for eyes of `width` × `height` in `pixel_format`; not initialised."""
    packed = packed_format(layout, pixel_format)
    luma, u, v = packed.plane_shapes(*packed_size(layout, width, height))
    return np.empty(luma, packed.dtype), np.empty(u, packed.dtype), np.empty(v, packed.dtype)


def pack(stereo: StereoFrame, layout: Layout, *, swap_eyes: bool = False, depth: FloatMap | None = None,
         colour: ColourTags | None = None, out: tuple[Plane, Plane, Plane] | None = None) -> Frame:
    """Both eyes as one frame, at the left frame's time.

    `depth` is nearness, 0…1, of any size [h, w], and needed for RGBD and DEPTH: grey, white = near, in the frame's
    own range of values. For these two give the source as both eyes. `colour` tells chroma sites, matrix, range and
    transfer; without it they are taken as untagged. `out` are planes as `allocate` makes them, which are filled and
    become the frame's; they must not overlap the eyes' planes.

    ValueError where the eyes differ in size or format, where `depth` is missing, or where `out` does not fit.
    """
    _check(stereo, layout, depth)
    tags = colour or ColourTags()
    if swap_eyes:
        stereo = StereoFrame(stereo.right, stereo.left)
    planes = out or allocate(layout, stereo.left.pixel_format, stereo.left.width, stereo.left.height)
    _check_planes(planes, layout, stereo.left)
    if layout in INTERLEAVED:
        _pack_interleaved(stereo, layout, tags, planes)
    elif layout in ANAGLYPHS:
        _pack_anaglyph(stereo, layout, tags, planes)
    else:
        _pack_cells(_pictures(stereo, layout, tags, depth), layout, planes)
    return Frame(planes, stereo.left.pts, packed_format(layout, stereo.left.pixel_format))


def depth_planes(depth: FloatMap, like: Frame, tags: ColourTags) -> tuple[Plane, Plane, Plane]:
    """Nearness 0…1 [h, w] as grey planes of the size and format of `like`, in the tagged range of values."""
    pixel_format = like.pixel_format
    scale = 1 << (pixel_format.bit_depth - 8)
    black, white = (0, pixel_format.peak) if tags.full_range else (16 * scale, 235 * scale)
    grey = cv2.resize(depth, (like.width, like.height), interpolation=cv2.INTER_LINEAR)
    np.clip(grey, 0, 1, out=grey)
    grey *= white - black
    grey += black + 0.5
    chroma = np.full(like.planes[1].shape, 128 * scale, pixel_format.dtype)
    return grey.astype(pixel_format.dtype), chroma, chroma


def depth_picture(depth: FloatMap, width: int, height: int) -> Plane:
    """Nearness 0…1 [h, w] as a grey picture uint16 [height, width], 0…65535, for lossless depth files."""
    grey = cv2.resize(depth, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.rint(np.clip(grey, 0, 1) * 65535).astype(np.uint16)


def with_floating_window(stereo: StereoFrame, left_pixels: float, right_pixels: float,
                         colour: ColourTags | None = None) -> StereoFrame:
    """Black over the first `left_pixels` columns of the left eye and the last `right_pixels` of the right eye.

    What is cut off by the frame's side then seems to be cut off by a window that stands nearer. Fractions of a column
    are mixed with black, so a moving window moves smoothly. The frames given stay as they are.
    """
    tags = colour or ColourTags()
    left = _blackened(stereo.left, left_pixels, tags, from_right=False) if left_pixels > 0 else stereo.left
    right = _blackened(stereo.right, right_pixels, tags, from_right=True) if right_pixels > 0 else stereo.right
    return StereoFrame(left, right)


def black_levels(pixel_format: PixelFormat, tags: ColourTags) -> tuple[int, int, int]:
    """Sample values of black in Y, U and V."""
    scale = 1 << (pixel_format.bit_depth - 8)
    return 0 if tags.full_range else 16 * scale, 128 * scale, 128 * scale


def _cell(layout: Layout, width: int, height: int) -> tuple[int, int]:
    if layout in _HALVED:
        width, height = (-(-width // 2), height) if _HALVED[layout] == COLUMNS else (width, -(-height // 2))
    return width + width % 2, height + height % 2


def _pictures(stereo: StereoFrame, layout: Layout, tags: ColourTags,
              depth: FloatMap | None) -> list[Sequence[Plane]]:
    """What the cells show, in reading order, at full size or already halved."""
    if layout is Layout.LEFT_ONLY:
        return [stereo.left.planes]
    if layout is Layout.RIGHT_ONLY:
        return [stereo.right.planes]
    if depth is not None and layout in (Layout.RGBD, Layout.DEPTH):
        grey = depth_planes(depth, stereo.left, tags)
        return [grey] if layout is Layout.DEPTH else [stereo.left.planes, grey]
    if layout in _HALVED:
        return [_halved(eye, _HALVED[layout], tags) for eye in (stereo.left, stereo.right)]
    return [stereo.left.planes, stereo.right.planes]


def _halved(frame: Frame, axis: int, tags: ColourTags) -> list[Plane]:
    shift = frame.pixel_format.chroma_shift_x if axis == COLUMNS else frame.pixel_format.chroma_shift_y
    cosited = bool(shift) and is_cosited(tags.chroma_site, axis)
    luma, *chroma = frame.planes
    return [_halved_by_blocks(luma, axis, cosited=False),
            *(_halved_by_blocks(plane, axis, cosited=cosited) for plane in chroma)]


def _halved_by_blocks(plane: Plane, axis: int, *, cosited: bool) -> Plane:
    """`halve`, a few rows at a time where rows do not need their neighbours: the sums stay in the cache."""
    if cosited and axis == ROWS:
        return halve(plane, axis, cosited=True)
    rows, columns = plane.shape
    halved = np.empty((-(-rows // 2), columns) if axis == ROWS else (rows, -(-columns // 2)), plane.dtype)
    for top in range(0, rows, _BLOCK_ROWS):
        block = halve(plane[top:top + _BLOCK_ROWS], axis, cosited=cosited)
        first = top // 2 if axis == ROWS else top
        halved[first:first + block.shape[0]] = block
    return halved


def _pack_cells(pictures: list[Sequence[Plane]], layout: Layout, out: Sequence[Plane]) -> None:
    down = layout in _TOP_AND_BOTTOM
    for index, picture in enumerate(pictures):
        for plane, target in zip(picture, out, strict=True):
            rows, columns = target.shape
            if down:
                cell = target[index * rows // len(pictures):(index + 1) * rows // len(pictures)]
            else:
                cell = target[:, index * columns // len(pictures):(index + 1) * columns // len(pictures)]
            _place(plane, cell)


def _pack_interleaved(stereo: StereoFrame, layout: Layout, tags: ColourTags, out: Sequence[Plane]) -> None:
    left, right = full_chroma(stereo.left, tags.chroma_site), full_chroma(stereo.right, tags.chroma_site)
    for planes in zip(left, right, out, strict=True):
        interleave(planes[0], planes[1], layout, planes[2])


def _pack_anaglyph(stereo: StereoFrame, layout: Layout, tags: ColourTags, out: Sequence[Plane]) -> None:
    mixed = [np.empty_like(plane) for plane in stereo.left.planes]
    anaglyph(stereo, layout, tags, mixed)
    for plane, target in zip(mixed, out, strict=True):
        _place(plane, target)


def _place(plane: Plane, cell: Plane) -> None:
    """Copies, and repeats the last column and row where the cell is larger."""
    rows, columns = plane.shape
    cell[:rows, :columns] = plane
    cell[:rows, columns:] = plane[:, -1:]
    cell[rows:] = cell[rows - 1:rows]


def _blackened(frame: Frame, pixels: float, tags: ColourTags, *, from_right: bool) -> Frame:
    planes: list[Plane] = []
    levels = black_levels(frame.pixel_format, tags)
    for plane, level, shift in zip(frame.planes, levels, (0, *[frame.pixel_format.chroma_shift_x] * 2), strict=True):
        plane = plane.copy()
        view = plane[:, ::-1] if from_right else plane
        covered = min(pixels / (1 << shift), float(plane.shape[1]))
        whole = int(covered)
        view[:, :whole] = level
        if whole < plane.shape[1]:
            rim = view[:, whole].astype(np.float32)
            view[:, whole] = np.rint(rim + (level - rim) * (covered - whole)).astype(plane.dtype)
        planes.append(plane)
    return Frame((planes[0], planes[1], planes[2]), frame.pts, frame.pixel_format)


def _check(stereo: StereoFrame, layout: Layout, depth: FloatMap | None) -> None:
    left, right = stereo.left, stereo.right
    if (left.width, left.height, left.pixel_format) != (right.width, right.height, right.pixel_format):
        raise ValueError(f"the eyes differ: {left} and {right}")
    if depth is None and layout in (Layout.RGBD, Layout.DEPTH):
        raise ValueError(f"layout {layout.value} needs the depth map")


def _check_planes(planes: Sequence[Plane], layout: Layout, eye: Frame) -> None:
    expected = packed_format(layout, eye.pixel_format)
    shapes = expected.plane_shapes(*packed_size(layout, eye.width, eye.height))
    if any(plane.shape != shape or plane.dtype != expected.dtype
           for plane, shape in zip(planes, shapes, strict=True)):
        raise ValueError(f"the planes given do not fit {layout.value} of {eye}")
