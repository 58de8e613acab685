"""Where shots begin, and how they are gathered into units of work.

Both parts stream: frames go in as they are decoded, cuts come out at most four frames later, and units as soon as it is
certain where they end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.motion import MotionEstimator
from video3d.types import Frame, Plane, Unit

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

THUMBNAIL_SIZE = (160, 90)
"""(width, height) of a thumbnail's luma; its chroma is half of that."""
LOOK_AHEAD = 4
"""Frames that must follow a frame before it is known whether it begins a shot (fewer at the end): the longest flash."""

_LEAST_CHANGE = 4.0
_NEIGHBOUR_RATIO = 2.5
_LOST_MOTION = 0.3
_KEPT_MOTION = 0.4
_BLANK_DEVIATION = 2.5
_SHORTEST_BLANK = 3


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A frame shrunk for the search for cuts: uint8 luma [90, 160] and chroma [45, 80]."""

    luma: npt.NDArray[np.uint8]
    blue: npt.NDArray[np.uint8]
    red: npt.NDArray[np.uint8]


def thumbnail(frame: Frame) -> Thumbnail:
    """The frame's planes shrunk by area averaging, whatever their aspect, bit depth and subsampling."""
    columns, rows = THUMBNAIL_SIZE
    half = (columns // 2, rows // 2)
    depth = frame.pixel_format.bit_depth
    luma, blue, red = (_shrink(plane, depth, size)
                       for plane, size in zip(frame.planes, (THUMBNAIL_SIZE, half, half), strict=True))
    return Thumbnail(luma, blue, red)


def _shrink(plane: Plane, bit_depth: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    return small if bit_depth == 8 else (small >> (bit_depth - 8)).astype(np.uint8)


class CutDetector:
    """Finds hard cuts; dissolves, fades, flashes and fast pans are none.

    A frame begins a shot where the picture changes far more than around it, optical flow finds no way from one frame
    to the other, and the old picture does not come back within four frames (that would be a flash). A frame that
    follows three or more blank ones (a fade through black) begins one too, unless it shows what was before them.
    """

    def __init__(self) -> None:
        self._motion = MotionEstimator(THUMBNAIL_SIZE)
        self._pictures: deque[Thumbnail] = deque(maxlen=2 * LOOK_AHEAD + 2)
        self._changes: deque[float] = deque(maxlen=2 * LOOK_AHEAD + 2)
        self._pushed = 0
        self._decided = 1
        self._blank_run = 0

    def push(self, picture: Thumbnail) -> list[int]:
        """The next frame; numbers of frames now known to begin a shot (frame 0 always does, and is not told)."""
        self._changes.append(_change(self._pictures[-1], picture) if self._pictures else 0.0)
        self._pictures.append(picture)
        self._pushed += 1
        return self._decide(self._pushed - LOOK_AHEAD)

    def flush(self) -> list[int]:
        """The clip has ended: decides its last frames."""
        return self._decide(self._pushed)

    def _decide(self, end: int) -> list[int]:
        cuts: list[int] = []
        while self._decided < end:
            if self._begins_shot(self._decided - self._pushed):
                cuts.append(self._decided)
            self._decided += 1
        return cuts

    def _begins_shot(self, at: int) -> bool:
        # `at` is negative: -1 is the newest frame.
        self._blank_run = self._blank_run + 1 if _is_blank(self._pictures[at - 1]) else 0
        if self._blank_run >= _SHORTEST_BLANK and not _is_blank(self._pictures[at]):
            return not self._is_back_after(self._blank_run, at)
        change = self._changes[at]
        if change < _LEAST_CHANGE or change < _NEIGHBOUR_RATIO * self._usual_change(at):
            return False
        return self._is_lost(at - 1, at) and not any(self._is_same(*pair) for pair in self._around(at))

    def _usual_change(self, at: int) -> float:
        # The calmer neighbour of each side: the other one may be a cut of its own.
        count = len(self._changes)
        before = [self._changes[at - n] for n in (1, 2) if count + at - n >= 1]
        after = [self._changes[at + n] for n in (1, 2) if at + n < 0]
        calm = [min(side) for side in (before, after) if side]
        return sum(calm) / len(calm) if calm else 0.0

    def _is_back_after(self, blank_run: int, at: int) -> bool:
        before = at - 1 - blank_run
        return blank_run <= LOOK_AHEAD and len(self._pictures) + before >= 0 and self._is_same(before, at)

    def _around(self, at: int) -> Iterator[tuple[int, int]]:
        # Pairs that are alike if `at` begins or ends a flash.
        begins = ((at - 1, at + length) for length in range(1, LOOK_AHEAD + 1))
        ends = ((at - 1 - length, at) for length in range(1, LOOK_AHEAD + 1))
        for first, second in (*begins, *ends):
            if len(self._pictures) + first >= 0 and second < 0:
                yield first, second

    def _is_lost(self, first: int, second: int) -> bool:
        return self._mean_confidence(first, second) < _LOST_MOTION

    def _is_same(self, first: int, second: int) -> bool:
        a, b = self._pictures[first], self._pictures[second]
        return _change(a, b) < _LEAST_CHANGE or self._mean_confidence(first, second) > _KEPT_MOTION

    def _mean_confidence(self, first: int, second: int) -> float:
        motion = self._motion.estimate(self._pictures[first].luma, self._pictures[second].luma)
        return float(motion.confidence.mean())


def _change(a: Thumbnail, b: Thumbnail) -> float:
    """Mean absolute difference in grey levels, chroma at half weight."""
    luma, blue, red = (float(cv2.absdiff(x, y).mean()) for x, y in ((a.luma, b.luma), (a.blue, b.blue), (a.red, b.red)))
    return luma + 0.5 * blue + 0.5 * red


def _is_blank(picture: Thumbnail) -> bool:
    return float(picture.luma.std()) < _BLANK_DEVIATION


@dataclass(frozen=True)
class UnitLimits:
    """How long units are, in seconds."""

    shortest: Fraction = Fraction(8)
    longest: Fraction = Fraction(20)
    warm_up: Fraction = Fraction(2)
    """What a unit that begins inside a shot decodes before its own first frame, at most."""


class UnitGatherer:
    """Turns a stream of frame times and cuts into units that cover every frame once.

    A unit ends at the first cut after `shortest`; where none comes before `longest`, its shot is split there, or in
    the middle of what is left where the rest would be shorter than `shortest`. Only the clip's last unit may be short.
    A unit is handed out as soon as the next `shortest` seconds are known; so at most `shortest` + `longest` wait.
    """

    def __init__(self, limits: UnitLimits | None = None) -> None:
        self._limits = limits or UnitLimits()
        self._index = 0
        self._first = 0
        self._times: deque[Fraction] = deque()
        self._history: deque[Fraction] = deque()
        """Times before `_first` of the same shot, as far as a warm-up reaches."""
        self._cuts: deque[int] = deque()

    def push(self, seconds: Fraction | float, starts_shot: bool) -> list[Unit]:
        """The next frame's time (rising) and whether a shot begins with it; units that are now certain."""
        if starts_shot and self._times:
            self._cuts.append(self._first + len(self._times))
        self._times.append(Fraction(seconds))
        units: list[Unit] = []
        while (end := self._certain_end()) is not None:
            units.append(self._close(end))
        return units

    def flush(self) -> list[Unit]:
        """The clip has ended: the last units."""
        units: list[Unit] = []
        while self._times:
            units.append(self._close(self._last_end()))
        return units

    def _span(self, frame: int) -> Fraction:
        """Seconds from the open unit's first frame to `frame`."""
        return self._times[frame - self._first] - self._times[0]

    def _end_at_cut(self) -> int | None:
        limits = self._limits
        spans = ((cut, self._span(cut)) for cut in self._cuts)
        return next((cut for cut, span in spans if limits.shortest <= span <= limits.longest), None)

    def _end_at(self, span: Fraction) -> int:
        """The first frame at least `span` after the open unit's first, or the one after the newest."""
        spans = (n for n, time in enumerate(self._times) if n and time - self._times[0] >= span)
        return self._first + next(spans, len(self._times))

    def _certain_end(self) -> int | None:
        known = self._times[-1] - self._times[0]
        cut = self._end_at_cut()
        if cut is not None:
            return cut if known >= self._span(cut) + self._limits.shortest else None
        if known < self._limits.longest + self._limits.shortest:
            return None
        return self._end_at(self._limits.longest)

    def _last_end(self) -> int:
        known = self._times[-1] - self._times[0]
        if known < self._limits.longest:
            return self._first + len(self._times)
        cut = self._end_at_cut()
        return self._end_at(min(known / 2, self._limits.longest)) if cut is None else cut

    def _close(self, end: int) -> Unit:
        inside = [cut for cut in self._cuts if self._first < cut < end]
        unit = Unit(self._index, self._first, end - 1, tuple(inside), len(self._history))
        times = [self._times.popleft() for _ in range(end - self._first)]
        self._remember(times[inside[-1] - self._first:] if inside else [*self._history, *times], end)
        while self._cuts and self._cuts[0] <= end:
            self._cuts.popleft()
        self._index += 1
        self._first = end
        return unit

    def _remember(self, times: list[Fraction], end: int) -> None:
        begins_shot = bool(self._times) and end in self._cuts
        start = self._times[0] - self._limits.warm_up if self._times else Fraction(0)
        kept = [time for time in times if time >= start]
        self._history = deque() if begins_shot else deque(kept)
