"""One eye from the other: where each of its pixels looks, and the planes gathered from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.stereo.backend import Kernels
from video3d.stereo.rows import RowWorkers, Step
from video3d.types import Disocclusion, FloatMap, PixelFormat, Plane
from video3d.video_info import ChromaSite

NO_STEPS: Sequence[Step] = ()


@dataclass(frozen=True, eq=False)
class WarpMap:
    """Where the pixels of a new eye look, in the orientation of the right eye (`facing` turns a plane to it).

    It lies in memory of its `Warper`, and is good until that one makes the next map of this size.
    """

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

    @classmethod
    def empty(cls, height: int, width: int, jump: float) -> WarpMap:
        """Room for a map; not initialised."""
        return cls(np.empty((height, width), np.float32), np.empty((height, width), np.uint8),
                   *empty_runs(height, width), jump)

    @property
    def disocclusion(self) -> Disocclusion:
        """What lies between two things that are seen; the picture's edges are not counted."""
        height, width = self.shift.shape
        most = int(self.counts.max(initial=0))
        first, after = self.runs[:, :most, 0], self.runs[:, :most, 1]
        inside = (np.arange(most) < self.counts[:, None]) & (first > 0) & (after < width)
        lengths = (after - first)[inside]
        return Disocclusion(int(lengths.sum()) / (height * width), int(lengths.max(initial=0)))


@dataclass(frozen=True, eq=False)
class Picture:
    """A plane to be made: from where, by which map, into what."""

    source: Plane
    warp: WarpMap
    target: Plane


@dataclass(frozen=True)
class Widening:
    """How many pixels near things are made wider, so that their rims, mixed with what is behind, move along."""

    left: int
    """On their right side: so far to the left a pixel looks for something nearer."""
    right: int

    @classmethod
    def of(cls, pixels: int, left_eye: bool) -> Widening:
        """`pixels` in all, half to each side; an odd one goes to the side where the new eye will see behind things."""
        half, rest = pixels // 2, pixels - pixels // 2
        return cls(half, rest) if left_eye else cls(rest, half)


def facing(plane: Any, left_eye: bool) -> Any:
    """`plane` as the kernels want it: mirrored (a view) where the left eye is made."""
    return plane[:, ::-1] if left_eye else plane


def empty_runs(height: int, width: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """Room for the runs of a map and their counts; not initialised."""
    return np.empty((height, width // 2 + 1, 3), np.int16), np.empty(height, np.int32)


class Warper:
    """Makes warp maps and gathers planes with them, on the threads of `workers`.

    It keeps its memory from frame to frame: fresh pages cost as much as the work done on them.
    """

    def __init__(self, kernels: Kernels, workers: RowWorkers) -> None:
        self._kernels = kernels
        self._workers = workers
        self._maps: dict[tuple[int, int, float], WarpMap] = {}
        self._fills: dict[tuple[int, int, int], tuple[FloatMap, FloatMap]] = {}

    def map(self, disparity: FloatMap, left_eye: bool, *, widening: Widening | None = None, share: float = 1.0
            ) -> WarpMap:
        """The warp map of `share` of a source-view disparity, float32 [H, W] in pixels, C-contiguous."""
        wider = widening or Widening(0, 0)
        before, after = (wider.right, wider.left) if left_eye else (wider.left, wider.right)
        height, width = disparity.shape
        warp = self._room(height, width, self._kernels.surface_jump)
        project = partial(self._kernels.project_rows, disparity, left_eye, share, before, after, warp.shift)
        self._workers.run(height, project, self._regions(warp))
        return warp

    def chroma_map(self, luma: WarpMap, pixel_format: PixelFormat, site: ChromaSite, left_eye: bool) -> WarpMap:
        """The warp map of the chroma planes (ITU-T H.273 figure 1 says where their samples sit)."""
        shift_x, shift_y = pixel_format.chroma_shift_x, pixel_format.chroma_shift_y
        if not shift_x and not shift_y:
            return luma
        height, width = luma.shift.shape
        chroma_width, chroma_height = pixel_format.chroma_size(width, height)
        warp = self._room(chroma_height, chroma_width, self._kernels.surface_jump / (1 << shift_x))
        sites_x = 2 if shift_x and site is ChromaSite.CENTRE else 1
        sites_y = 2 if shift_y and site is not ChromaSite.TOP_LEFT else 1
        # Chroma sits at even columns of the true orientation, so that is the orientation to work in.
        self._workers.run(chroma_height, partial(
            self._kernels.chroma_rows, facing(luma.shift, left_eye), facing(luma.kind, left_eye),
            facing(warp.shift, left_eye), 1 << shift_x, 1 << shift_y, sites_x, sites_y), self._regions(warp))
        return warp

    def make(self, pictures: Sequence[Picture], left_eye: bool, peak: int,
             before_filling: Callable[[int], Sequence[Step]] = lambda _number: NO_STEPS) -> None:
        """Gathers the pictures (C-contiguous planes), fills what the source does not show, and softens the seams.

        `before_filling` gives steps for a picture's number that may put something into its target before it is filled.
        """
        kernels = self._kernels
        gathering: list[tuple[int, Sequence[Step]]] = []
        filling: list[tuple[int, Sequence[Step]]] = []
        softening: list[tuple[int, Sequence[Step]]] = []
        for number, picture in enumerate(pictures):
            warp, target, rows = picture.warp, facing(picture.target, left_eye), picture.target.shape[0]
            tone, detail = self._fill_room(number, *picture.target.shape)
            hidden = (target, warp.kind, warp.shift, warp.runs, warp.counts, tone, detail, warp.jump)
            gather = partial(kernels.gather_rows, picture.source, left_eye, warp.shift, picture.target, peak)
            gathering.append((rows, (gather, *before_filling(number), partial(kernels.ground_rows, *hidden))))
            filling.append((rows, (partial(kernels.fill_rows, *hidden, peak),)))
            softening.append((rows, (partial(kernels.seam_rows, target, warp.kind),)))
        # Filling reads the rows around its own, and softening must not change what it reads.
        for jobs in (gathering, filling, softening):
            self._workers.run_all(*jobs)

    def _regions(self, warp: WarpMap) -> Step:
        return partial(self._kernels.region_rows, warp.shift, warp.kind, warp.runs, warp.counts, warp.jump)

    def _room(self, height: int, width: int, jump: float) -> WarpMap:
        key = (height, width, jump)
        if key not in self._maps:
            self._maps[key] = WarpMap.empty(height, width, jump)
        return self._maps[key]

    def _fill_room(self, number: int, height: int, width: int) -> tuple[FloatMap, FloatMap]:
        key = (number, height, width)
        if key not in self._fills:
            self._fills[key] = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
        return self._fills[key]
