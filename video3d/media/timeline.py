"""Broken times made rising, first at the packets (all tracks alike), then at the frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

RESTART_SECONDS = Fraction(1)
"""A step back of more than this is a restart of the clock, not a wrong stamp."""
LEAP_SECONDS = Fraction(10)
"""A step forward of more than this, in formats that allow the clock to jump (MPEG-TS), is closed up."""


@dataclass
class ClockRepair:
    """Watches packets in file order and gives the offset (seconds) that joins the clock's restarts.

    One offset for all tracks, so that sound stays with its picture. The rule is that of ffmpeg's own handling of
    discontinuities: after a jump, the new part begins where the longest track of the old part ended.
    """

    clock_may_leap: bool
    offset: Fraction = Fraction(0)
    repairs: int = 0
    _ends: dict[int, Fraction] = field(default_factory=dict[int, "Fraction"])

    def push(self, track: int, dts: Fraction, duration: Fraction) -> Fraction:
        """The offset to add to the times of this packet (`dts` in seconds as the file states it)."""
        end = self._ends.get(track)
        if end is not None:
            step = dts + self.offset - end
            if step < -RESTART_SECONDS or (self.clock_may_leap and step > LEAP_SECONDS):
                self.offset = max(self._ends.values()) - dts
                self.repairs += 1
                self._ends = dict.fromkeys(self._ends, dts + self.offset)
        self._ends[track] = max(dts + self.offset + duration, self._ends.get(track, dts + self.offset))
        return self.offset


@dataclass
class RisingTimes:
    """Makes the frames' times rising, one frame behind.

    A missing or wrong time is put between its neighbours; where the clock steps back for good, all later times move.
    """

    typical: int
    """Ticks between frames where the file gives no better word."""
    repairs: int = 0
    _previous: int | None = None
    _waiting: int | None = None
    _is_waiting: bool = False
    _offset: int = 0

    def push(self, pts: int | None) -> list[int]:
        """Times that are now certain."""
        ready = self._settle(pts) if self._is_waiting else []
        self._waiting, self._is_waiting = pts, True
        return ready

    def flush(self) -> list[int]:
        """The time of the last frame."""
        ready = self._settle(None) if self._is_waiting else []
        self._is_waiting = False
        return ready

    def _settle(self, following: int | None) -> list[int]:
        later = None if following is None else following + self._offset
        time = None if self._waiting is None else self._waiting + self._offset
        if self._previous is None:
            time = time if time is not None else (later - self.typical if later is not None else 0)
        else:
            time = self._after(self._previous, time, later)
        if self._previous is not None and time > self._previous:
            self.typical = max(1, round(0.9 * self.typical + 0.1 * min(time - self._previous, 10 * self.typical)))
        self._previous = time
        return [time]

    def _after(self, previous: int, time: int | None, later: int | None) -> int:
        is_outlier = time is not None and later is not None and previous < later < time
        if time is not None and time > previous and not is_outlier:
            return time
        self.repairs += 1
        if later is not None and later > previous + 1:
            return min(previous + self.typical, (previous + later) // 2)
        stepped_back_for_good = time is not None and (later is None or later <= previous)
        if stepped_back_for_good and time is not None:
            self._offset += previous + self.typical - time
        return previous + self.typical
