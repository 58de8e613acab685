"""Where shots begin, and how they are gathered into units of work.

Both parts stream: frames go in as they are decoded, cuts come out at most four frames later, and a unit with the frame
that begins the next.
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
from video3d.types import Unit

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
    """How long units are, in seconds; one may be longer by `shortest` where the clip ends then."""

    shortest: Fraction = Fraction(8)
    longest: Fraction = Fraction(20)
    warm_up: Fraction = Fraction(2)
    """What a unit that begins inside a shot decodes before its own first frame, at most."""


class UnitGatherer:
    """Turns a stream of frame times and cuts into units that cover every frame once.

    A unit ends at the first cut after `shortest`; where none comes before `longest`, its shot is split there. Neither
    is done where less than `shortest` is left, as far as the clip's length is known: so only its last unit may be
    short, where that length is wrong or unknown. No unit depends on frames after its own.
    """

    def __init__(self, limits: UnitLimits | None = None, end: Fraction | None = None) -> None:
        """`end`: about when the clip ends, by the same clock as the frames."""
        self._limits = limits or UnitLimits()
        self._clip_end = end
        self._index = 0
        self._first = 0
        self._begin = Fraction(0)
        """Time of the open unit's first frame."""
        self._warm_up = 0
        self._next = 0
        self._cuts: list[int] = []
        self._recent: deque[Fraction] = deque()
        """Times of the newest shot's last frames, as far as a warm-up reaches."""

    @property
    def first(self) -> int:
        """Number of the open unit's first frame."""
        return self._first

    @property
    def warm_up(self) -> int:
        """Frames before it that warm the open unit up."""
        return self._warm_up

    def push(self, seconds: Fraction | float, starts_shot: bool) -> Unit | None:
        """The next frame's time (rising) and whether a shot begins with it; the unit that ended before it, if one did.
        """
        time = Fraction(seconds)
        if starts_shot:
            self._recent.clear()
        while self._recent and self._recent[0] < time - self._limits.warm_up:
            self._recent.popleft()
        ended = None
        if self._next == 0:
            self._begin = time
        elif self._ends_before(time, starts_shot):
            ended = self._open_unit()
            self._index += 1
            self._first, self._begin, self._warm_up, self._cuts = self._next, time, len(self._recent), []
        elif starts_shot:
            self._cuts.append(self._next)
        self._recent.append(time)
        self._next += 1
        return ended

    def flush(self) -> Unit | None:
        """The clip has ended: the last unit; None where there was no frame."""
        return self._open_unit() if self._next else None

    def _ends_before(self, time: Fraction, starts_shot: bool) -> bool:
        length = time - self._begin
        if length < (self._limits.shortest if starts_shot else self._limits.longest):
            return False
        # What goes on beyond the end that was told has an end that nobody knows.
        return self._clip_end is None or not 0 <= self._clip_end - time < self._limits.shortest

    def _open_unit(self) -> Unit:
        return Unit(self._index, self._first, self._next - 1, tuple(self._cuts), self._warm_up)
