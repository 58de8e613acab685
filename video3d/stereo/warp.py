"""One eye from the other: where each of its pixels looks, and the planes gathered from there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.stereo.backend import Kernels
from video3d.stereo.rows import RowWorkers
from video3d.types import ChromaSite, FloatMap, PixelFormat, Plane


@dataclass(frozen=True, eq=False)
class WarpMap:
    """Where the pixels of a new eye look, in the orientation of the right eye (`facing` turns a plane to it)."""

    shift: FloatMap
    """float32 [H, W]: source x minus own x, in pixels of this grid; of the surface behind where nothing is seen."""
    kind: npt.NDArray[np.uint8]
    """uint8 [H, W]: the region, and SEAM."""
    runs: npt.NDArray[np.int16]
    """int16 [H, n, 3]: first column, column after the last, and the one that shows the surface behind, of each run of
    pixels that are not SEEN."""
    counts: npt.NDArray[np.int32]
    """int32 [H]: runs in each row."""
    jump: float
    """What separates surfaces, in pixels of this grid."""
    tone: FloatMap
    detail: FloatMap
    """Room for the fill."""


def facing(plane: Any, left_eye: bool) -> Any:
    """`plane` as the kernels want it: mirrored (a view) where the left eye is made."""
    return plane[:, ::-1] if left_eye else plane


class Warper:
    """Makes warp maps and gathers planes with them, on the threads of `workers`."""

    def __init__(self, kernels: Kernels, workers: RowWorkers) -> None:
        self._kernels = kernels
        self._workers = workers

    def map(self, disparity: FloatMap, left_eye: bool) -> WarpMap:
        """The warp map of a source-view disparity, float32 [H, W] in pixels."""
        height, width = disparity.shape
        warp = _room(height, width, self._kernels.surface_jump)
        self._workers.run(self._kernels.project_rows, disparity.shape[0], facing(disparity, left_eye), warp.shift)
        self._find_regions(warp)
        return warp

    def chroma_map(self, luma: WarpMap, pixel_format: PixelFormat, site: ChromaSite, left_eye: bool) -> WarpMap:
        """The warp map of the chroma planes (ITU-T H.273 figure 1 says where their samples sit)."""
        shift_x, shift_y = pixel_format.chroma_shift_x, pixel_format.chroma_shift_y
        if not shift_x and not shift_y:
            return luma
        height, width = luma.shift.shape
        chroma_width, chroma_height = pixel_format.chroma_size(width, height)
        warp = _room(chroma_height, chroma_width, self._kernels.surface_jump / (1 << shift_x))
        sites_x = 2 if shift_x and site is ChromaSite.CENTRE else 1
        sites_y = 2 if shift_y and site is not ChromaSite.TOP_LEFT else 1
        # Chroma sits at even columns of the true orientation, so that is the orientation to work in.
        self._workers.run(self._kernels.chroma_rows, chroma_height, facing(luma.shift, left_eye),
                          facing(luma.kind, left_eye), facing(warp.shift, left_eye), 1 << shift_x, 1 << shift_y,
                          sites_x, sites_y)
        self._find_regions(warp)
        return warp

    def gather(self, plane: Plane, warp: WarpMap, left_eye: bool, peak: int, out: Plane) -> None:
        """`out` [H, W] becomes `plane` seen from the new eye; what the source does not show is left to `fill`."""
        self._workers.run(self._kernels.gather_rows, out.shape[0], facing(plane, left_eye), warp.shift,
                          facing(out, left_eye), peak)

    def fill(self, warp: WarpMap, left_eye: bool, peak: int, out: Plane) -> None:
        """Fills the rest of `out` from the surfaces behind and softens the seams."""
        plane, rows = facing(out, left_eye), out.shape[0]
        self._workers.run(self._kernels.ground_rows, rows, plane, warp.kind, warp.shift, warp.runs, warp.counts,
                          warp.tone, warp.detail, warp.jump)
        self._workers.run(self._kernels.fill_rows, rows, plane, warp.kind, warp.shift, warp.runs, warp.counts,
                          warp.tone, warp.detail, warp.jump, peak)
        self._workers.run(self._kernels.seam_rows, rows, plane, warp.kind)

    def with_regions(self, warp: WarpMap) -> WarpMap:
        """`warp` with new runs, its regions found again; `shift` UNSET marks what nothing shows."""
        again = replace(warp, runs=np.empty_like(warp.runs), counts=np.empty_like(warp.counts))
        self._find_regions(again)
        return again

    def _find_regions(self, warp: WarpMap) -> None:
        self._workers.run(self._kernels.region_rows, warp.shift.shape[0], warp.shift, warp.kind, warp.runs,
                          warp.counts, warp.jump)


def _room(height: int, width: int, jump: float) -> WarpMap:
    size = (height, width)
    return WarpMap(np.empty(size, np.float32), np.empty(size, np.uint8),
                   np.empty((height, width // 2 + 1, 3), np.int16), np.empty(height, np.int32), jump,
                   np.empty(size, np.float32), np.empty(size, np.float32))
