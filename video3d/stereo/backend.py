"""Which kernels do the work: compiled ones where numba is at hand, numpy ones where it is not."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RowKernel = Callable[..., Any]
"""Works on the rows `first` to `last`, its last two arguments, and writes only those."""


@dataclass(frozen=True)
class Kernels:
    """The row kernels; `kernels` and `edge_kernels` say what each of them does."""

    project_rows: RowKernel
    region_rows: RowKernel
    gather_rows: RowKernel
    chroma_rows: RowKernel
    ground_rows: RowKernel
    fill_rows: RowKernel
    seam_rows: RowKernel
    tone_rows: RowKernel
    snap_rows: RowKernel
    plate_rows: RowKernel | None
    reopen_rows: RowKernel | None
    paint_rows: RowKernel | None


def load_kernels(compiled: bool | None = None) -> Kernels:
    """The compiled kernels or the plain ones; None takes the compiled ones where numba is installed."""
    if compiled is None:
        compiled = importlib.util.find_spec("numba") is not None
    names = ("kernels", "edge_kernels") if compiled else ("plain", "plain_edges")
    warp, edge = (importlib.import_module(f"video3d.stereo.{name}") for name in names)
    plate: Any = importlib.import_module("video3d.stereo.plate_kernels") if compiled else None
    return Kernels(warp.project_rows, warp.region_rows, warp.gather_rows, warp.chroma_rows, warp.ground_rows,
                   warp.fill_rows, warp.seam_rows, edge.tone_rows, edge.snap_rows,
                   getattr(plate, "plate_rows", None), getattr(plate, "reopen_rows", None),
                   getattr(plate, "paint_rows", None))
