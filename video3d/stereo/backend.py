"""Which kernels do the work: compiled ones where numba is at hand, numpy ones where it is not."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from video3d.stereo.compiling import HAS_NUMBA

RowKernel = Callable[..., Any]
"""Works on the rows `first` to `last`, its last two arguments, and writes only those."""


@dataclass(frozen=True)
class PlateKernels:
    """See `plate_kernels`."""

    plate_rows: RowKernel
    paint_rows: RowKernel
    shrink_rows: RowKernel
    fit_samples: Callable[..., None]


@dataclass(frozen=True)
class Kernels:
    """The row kernels; `kernels` and `edge_kernels` say what each of them does."""

    project_rows: RowKernel
    region_rows: RowKernel
    reopen_rows: RowKernel
    gather_rows: RowKernel
    chroma_rows: RowKernel
    ground_rows: RowKernel
    fill_rows: RowKernel
    seam_rows: RowKernel
    surface_rows: RowKernel
    tone_rows: RowKernel
    snap_rows: RowKernel
    rim_rows: RowKernel
    plate: PlateKernels | None
    """None where numba is missing: the background plate is left out then."""
    surface_jump: float
    """Neighbours whose disparity falls by more pixels belong to different surfaces."""
    region: int
    """Mask of the region in a map of kinds."""
    hole: int
    """The region that is disoccluded."""
    surface_reach: int
    """Pixels on all sides of the disparity by which `surface_rows` wants it continued."""
    tone_border: tuple[int, int]
    """Columns before and after the pictures that `tone_rows` reads."""


def load_kernels(compiled: bool | None = None) -> Kernels:
    """The compiled kernels or the plain ones; None takes the compiled ones where numba is installed."""
    if compiled is None:
        compiled = HAS_NUMBA
    names = ("kernels", "edge_kernels") if compiled else ("plain", "plain_edges")
    warp, edge = (importlib.import_module(f"video3d.stereo.{name}") for name in names)
    plate = None
    if compiled:
        rows = importlib.import_module("video3d.stereo.plate_kernels")
        plate = PlateKernels(rows.plate_rows, rows.paint_rows, rows.shrink_rows, rows.fit_samples)
    return Kernels(warp.project_rows, warp.region_rows, warp.reopen_rows, warp.gather_rows, warp.chroma_rows,
                   warp.ground_rows, warp.fill_rows, warp.seam_rows, edge.surface_rows, edge.tone_rows,
                   edge.snap_rows, edge.rim_rows, plate, warp.SURFACE_JUMP, warp.REGION, warp.HOLE,
                   edge.SURFACE_REACH, edge.BORDER)
