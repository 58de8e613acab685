"""The second eye of a whole shot, on YUV planes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from video3d.motion import MotionEstimator, flow_size, small_grey
from video3d.stereo import invention
from video3d.stereo.backend import load_kernels
from video3d.stereo.edges import at_frame_size
from video3d.stereo.plate import BackgroundPlate
from video3d.stereo.rows import RowWorkers, Step
from video3d.stereo.warp import Picture, Warper, WarpMap, Widening, facing
from video3d.types import Disocclusion, Eye, FloatMap, Frame, Motion, PixelFormat, Plane, PlateInpainter, StereoFrame
from video3d.video_info import ChromaSite, ColourTags

LOOK_AHEAD = 8
"""Frames; at 8 frames/s and more that is at most a second."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    number: int
    frame: Frame
    disparity: FloatMap


class ShotSynthesizer:
    """Push the frames of a shot with their disparity, flush at its end; the next shot may follow.

    Frames come out as they went in, none lost or added, in order; what comes out depends neither on `workers` nor on
    earlier shots.
    """

    def __init__(
        self,
        width: int,
        height: int,
        pixel_format: PixelFormat,
        eye: Eye,
        *,
        chroma_site: ChromaSite | None = None,
        edge_dilation: int = 2,
        background_plate: bool = True,
        workers: int = 2,
        look_ahead: int = LOOK_AHEAD,
        compiled: bool | None = None,
        inpainter: PlateInpainter | None = None,
        colour: ColourTags | None = None,
        lends: bool = False,
    ) -> None:
        """`inpainter` is asked once per shot (see `invention`), in RGB by `colour`; without a plate it is not used.

        `lends`: the eye that is the source may lie in memory that changes with the next `push`, which spares a copy.
        """
        self._size = (width, height)
        self._format = pixel_format
        self._eye = eye
        self._site = chroma_site or ChromaSite.LEFT
        # Both eyes are made from one map: what is odd would favour one of them.
        wider = edge_dilation + edge_dilation % 2 if eye is Eye.BOTH else edge_dilation
        self._widening = Widening.of(wider, eye is Eye.LEFT)
        self._rows = RowWorkers(workers)
        self._kernels = load_kernels(compiled)
        self._warper = Warper(self._kernels, self._rows)
        self._plate: BackgroundPlate | None = None
        if background_plate and self._kernels.plate is not None and look_ahead > 0:
            self._plate = BackgroundPlate(width, height, pixel_format, look_ahead, self._kernels, self._kernels.plate,
                                          self._rows, invents=inpainter is not None)
        self._inpainter = inpainter
        self._colour = colour or ColourTags()
        self._lends = lends
        self._look_ahead = look_ahead if self._plate is not None else 0
        self._motion = MotionEstimator(flow_size(width, height), rough=True)
        self._waiting: deque[_Waiting] = deque()
        self._spare: list[FloatMap] = []
        """Maps of frames that are done, to be written again: fresh memory costs as much as the writing."""
        self._pushed = 0
        self._grey: Plane | None = None

    @property
    def look_ahead(self) -> int:
        """How many frames `push` may hold back."""
        return self._look_ahead

    def push(self, frame: Frame, disparity: FloatMap, motion: Motion | None = None, grey: Plane | None = None
             ) -> list[StereoFrame]:
        """Takes the next frame and its disparity, float32 [h, w] of any size, in pixels of the frame.

        `motion` is that from the frame before, and `grey` the small picture it was made from, where they are known
        already. Returns the frames that are ready. ValueError for a frame of another size or format.
        """
        if (frame.width, frame.height) != self._size or frame.pixel_format != self._format:
            raise ValueError(f"{frame} is not {self._size[0]}x{self._size[1]} {self._format.name}")
        if disparity.ndim != 2:
            raise ValueError(f"disparity of shape {disparity.shape} for {frame}")
        full = at_frame_size(disparity, frame.planes[0], self._format.peak, self._kernels, self._rows,
                             self._spare.pop() if self._spare else np.empty((frame.height, frame.width), np.float32),
                             grey if self._format.bit_depth == 8 else None)
        if self._plate is not None:
            # It keeps the pictures for longer than they wait here: theirs need not be kept twice.
            frame = self._plate.put(self._pushed, frame, full, self._widening, self._motion_to(frame, motion, grey))
        self._waiting.append(_Waiting(self._pushed, frame, full))
        self._pushed += 1
        return [self._render(self._waiting.popleft())] if len(self._waiting) > self._look_ahead else []

    def flush(self) -> Iterator[StereoFrame]:
        """Ends the shot: the frames still held back, each made when it is asked for. All are taken before a `push`."""
        while self._waiting:
            yield self._render(self._waiting.popleft())
        self._pushed = 0
        self._grey = None

    def close(self) -> None:
        """Ends the threads."""
        self._rows.close()

    def _motion_to(self, frame: Frame, motion: Motion | None, grey: Plane | None) -> Motion | None:
        if motion is not None:
            return motion
        if grey is None:
            grey = small_grey(frame.planes[0], self._format.bit_depth, self._motion.size)
        before, self._grey = self._grey, grey
        return None if before is None else self._motion.estimate(before, grey)

    def _render(self, waiting: _Waiting) -> StereoFrame:
        frame = waiting.frame
        share = 0.5 if self._eye is Eye.BOTH else 1.0
        if waiting.number == 0 and self._plate is not None and self._inpainter is not None:
            self._invent(waiting, share, self._plate, self._inpainter)
        torn: list[Disocclusion] = []
        if self._plate is not None and self._eye is not Eye.BOTH and not self._lends:
            frame = _copied(frame)  # what comes out is nobody's but the caller's
        left = frame if self._eye is Eye.RIGHT else self._eye_of(waiting, share, left_eye=True, torn=torn)
        right = frame if self._eye is Eye.LEFT else self._eye_of(waiting, share, left_eye=False, torn=torn)
        self._spare.append(waiting.disparity)
        mean = sum(eye.share for eye in torn) / len(torn)
        return StereoFrame(left, right, Disocclusion(mean, max(eye.widest for eye in torn)))

    def _eye_of(self, waiting: _Waiting, share: float, *, left_eye: bool, torn: list[Disocclusion]) -> Frame:
        luma = self._warper.map(waiting.disparity, left_eye, widening=self._widening, share=share)
        torn.append(luma.disocclusion)
        made = tuple(np.empty_like(plane) for plane in waiting.frame.planes)
        if self._plate is None:
            self._make(waiting.frame, luma, left_eye, made)
            return Frame((made[0], made[1], made[2]), waiting.frame.pts, self._format)
        unseen = facing(luma.kind & np.uint8(self._kernels.region), left_eye)
        found = self._plate.find(waiting.number, luma, share, left_eye)
        if found is None:
            self._make(waiting.frame, luma, left_eye, made)
        else:
            self._make(waiting.frame, found.warp, left_eye, made, self._plate.painting(found, left_eye, made))
        self._plate.remember(waiting.number, unseen, made, left_eye)
        return Frame((made[0], made[1], made[2]), waiting.frame.pts, self._format)

    def _invent(self, first: _Waiting, share: float, plate: BackgroundPlate, inpainter: PlateInpainter) -> None:
        """Asks for what no frame shows behind the things of the shot's first frame."""
        behind = invention.nothing_hidden(first.frame.height, first.frame.width)
        for left_eye, other in ((True, Eye.RIGHT), (False, Eye.LEFT)):
            if self._eye is other:
                continue
            farther = invention.REACH * share
            warp = self._warper.map(first.disparity, left_eye, widening=self._widening, share=farther)
            found = plate.find(first.number, warp, farther, left_eye)
            invention.add_hidden(behind, warp if found is None else found.warp, self._kernels.hole,
                                 self._kernels.region, farther, left_eye=left_eye)
        behind = invention.widened(behind, first.disparity, self._kernels.surface_jump)
        mask = np.isfinite(behind)
        if mask.any():
            planes = invention.invented_planes(first.frame, mask, self._colour, inpainter)
            plate.take_invention(planes, np.where(mask, behind, first.disparity), self._widening)

    def _make(self, frame: Frame, luma: WarpMap, left_eye: bool, made: Sequence[Plane],
              before_filling: Callable[[int], Sequence[Step]] = lambda _number: ()) -> None:
        chroma = self._warper.chroma_map(luma, self._format, self._site, left_eye)
        pictures = [Picture(np.ascontiguousarray(plane), warp, target)
                    for plane, warp, target in zip(frame.planes, (luma, chroma, chroma), made, strict=True)]
        self._warper.make(pictures, left_eye, self._format.peak, before_filling)


def _copied(frame: Frame) -> Frame:
    y, u, v = frame.planes
    return replace(frame, planes=(y.copy(), u.copy(), v.copy()))
