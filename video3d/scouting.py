"""Finds the shots of a video ahead of any conversion, in the background, and tells what it has found so far."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from video3d.errors import Video3DError
from video3d.media.source import probe
from video3d.planning import PlannedRange, PlannedUnit, Planner
from video3d.types import Progress, SilentReporter

REMEMBERED = 8
"""Videos whose shots are kept."""


@dataclass(frozen=True)
class ShotList:
    """What is known of a video's shots."""

    starts: tuple[float, ...]
    """Seconds from the first frame at which shots begin; the first is 0."""
    covered: float
    """Seconds that were looked through."""
    complete: bool
    problem: Video3DError | None = None
    """Why the search ended early."""


_Key = tuple[str, int, int]


class ShotScout:
    """Looks through one video at a time; whoever asks for another one has the first given up. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, ShotList] = OrderedDict()
        self._search: _Search | None = None

    def shots(self, source: Path) -> ShotList:
        """What is known by now; the first question starts the search. Ask again until it is complete."""
        facts = source.stat()
        key = (str(source.resolve()), facts.st_mtime_ns, facts.st_size)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            if self._search is not None and self._search.key == key:
                return self._taken(self._search)
            self._give_up()
            self._search = _Search(key, source)
            self._search.start()
            return self._search.found

    def close(self) -> None:
        """Give up what is going on."""
        with self._lock:
            self._give_up()

    def _taken(self, search: _Search) -> ShotList:
        found = search.found
        if found.complete or found.problem is not None:
            search.join()
            self._search = None
            self._known[search.key] = found
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _give_up(self) -> None:
        search, self._search = self._search, None
        if search is not None:
            search.reporter.stop()
            search.join()


@dataclass
class _Stoppable(SilentReporter):
    stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        self.stopped.set()

    def is_cancelled(self) -> bool:
        return self.stopped.is_set()

    def progress(self, progress: Progress) -> None:
        """Ignored."""


class _Search(threading.Thread):
    def __init__(self, key: _Key, source: Path) -> None:
        super().__init__(name="video3d shots", daemon=True)
        self.key = key
        self.reporter = _Stoppable()
        self.found = ShotList((), 0.0, complete=False)
        self._source = source
        self._starts: list[float] = []

    def run(self) -> None:
        """Look through the video; `found` is replaced as it goes on."""
        try:
            info = probe(self._source)
            base, first = info.time_base, info.first_pts
            for unit in Planner(info, PlannedRange(Fraction(0), None), self.reporter):
                self._take(unit, base, first)
            self.found = ShotList(tuple(self._starts), self.found.covered, complete=True)
        except Video3DError as problem:
            self.found = ShotList(tuple(self._starts), self.found.covered, complete=False, problem=problem)

    def _take(self, planned: PlannedUnit, base: Fraction, first: int) -> None:
        unit = planned.unit
        beginnings = [unit.first] if unit.warm_up == 0 else []
        for frame in [*beginnings, *unit.cuts]:
            time = int(planned.times[frame - unit.first + unit.warm_up])
            self._starts.append(float((time - first) * base))
        self.found = ShotList(tuple(self._starts), float((planned.end - first) * base), complete=False)
