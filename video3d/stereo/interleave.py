"""Rows, columns or squares of the two eyes by turns, for passive 3D screens.

The first row, the first column and the top-left square are the left eye's. Samples are picked, not filtered: each one
is shown exactly where it was seen.
"""

from __future__ import annotations

import numpy as np

from video3d.stereo.resampling import COLUMNS, ROWS, chroma_to_luma_grid, divide, is_cosited
from video3d.types import Frame, Layout, PixelFormat, Plane
from video3d.video_info import ChromaSite

INTERLEAVED = (Layout.ROW_INTERLEAVED, Layout.COLUMN_INTERLEAVED, Layout.CHECKERBOARD)


def full_chroma(frame: Frame, site: ChromaSite | None) -> tuple[Plane, Plane, Plane]:
    """The planes of `frame` as 4:4:4, chroma interpolated linearly from where its samples sit."""
    luma, u, v = frame.planes
    return luma, _full(u, frame, site), _full(v, frame, site)


def interleave(left: Plane, right: Plane, layout: Layout, out: Plane) -> None:
    """Writes the two eyes' planes [H, W] into `out` [H, W] by turns."""
    out[...] = left
    if layout is Layout.ROW_INTERLEAVED:
        out[1::2] = right[1::2]
    elif layout is Layout.COLUMN_INTERLEAVED:
        out[:, 1::2] = right[:, 1::2]
    else:
        out[0::2, 1::2] = right[0::2, 1::2]
        out[1::2, 0::2] = right[1::2, 0::2]


def interleaved_format(pixel_format: PixelFormat) -> PixelFormat:
    """4:4:4 at the same depth: shared chroma samples would mix the eyes."""
    return PixelFormat(pixel_format.bit_depth, 0, 0)


def _full(plane: Plane, frame: Frame, site: ChromaSite | None) -> Plane:
    sums, shift = plane, 0
    axes = ((ROWS, frame.pixel_format.chroma_shift_y, frame.height),
            (COLUMNS, frame.pixel_format.chroma_shift_x, frame.width))
    for axis, subsampled, count in axes:
        if subsampled:
            cosited = is_cosited(site, axis)
            sums = chroma_to_luma_grid(sums, axis, count, cosited=cosited)
            shift += 1 if cosited else 2
    return divide(sums, shift, np.dtype(plane.dtype))
