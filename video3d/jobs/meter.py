"""How far a conversion is, and how fast."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from video3d.pipeline import Conversion
from video3d.planning import Planner
from video3d.reporting import Progress, Reporter

_RATE_SECONDS = 10.0


@dataclass
class Meter:
    """Counts frames and tells how fast they come. Several threads may count."""

    conversion: Conversion
    planner: Planner
    reporter: Reporter
    done: int = 0
    _skipped: int = 0
    _recent: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin_again(self, planner: Planner) -> None:
        """Nothing is done, by another plan of the same video."""
        with self._lock:
            self.planner, self.done, self._skipped = planner, 0, 0
            self._recent.clear()

    def skip(self, frames: int) -> None:
        """Frames of a unit that was finished before."""
        with self._lock:
            self._skipped += frames
            self.done += frames
            self._tell()

    def count(self) -> None:
        """One more frame."""
        with self._lock:
            self.done += 1
            self._tell()

    def _tell(self) -> None:
        total = self.planner.planned_frames if self.planner.is_complete else self._estimate()
        rate = self._rate(time.monotonic(), self.done - self._skipped)
        left = (total - self.done) / rate if total is not None and rate > 0 else None
        self.reporter.progress(Progress("convert", self.done, total, rate, left))

    def _rate(self, now: float, made: int) -> float:
        """Frames per second, lately: what came before the first frame does not count."""
        self._recent.append((now, made))
        while len(self._recent) > 2 and self._recent[1][0] < now - _RATE_SECONDS:
            self._recent.popleft()
        elapsed = now - self._recent[0][0]
        return (made - self._recent[0][1]) / elapsed if elapsed > 0 else 0.0

    def _estimate(self) -> int | None:
        info, chosen = self.conversion.info, self.conversion.range
        if info.duration is None or info.frame_rate is None:
            return None
        end = min(info.duration, chosen.end) if chosen.end is not None else info.duration
        return max(self.planner.planned_frames, self.done, round((end - chosen.start) * info.frame_rate))
