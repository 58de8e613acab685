"""Finds the shots of a video ahead of any conversion, in the background, and tells what it has found so far."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path

from video3d.errors import Video3DError
from video3d.reporting import Progress, SilentReporter
from video3d.settings import RangeSettings
from video3d.shot_list import FoundShot, find_shots

REMEMBERED = 8
"""Videos whose shots are kept."""
AT_ONCE = 2
"""Videos looked through at one time."""
FORGOTTEN_SECONDS = 3.0
"""A search that nobody asked for so long is given up where another video waits."""


@dataclass(frozen=True)
class ShotList:
    """What is known of a video's shots."""

    shots: tuple[FoundShot, ...] = ()
    """Those whose end is known, with a small picture each."""
    begun: float | None = None
    """Seconds from the first frame at which a shot begins whose end is not known yet."""
    covered: float = 0.0
    """Seconds that were looked through."""
    complete: bool = False
    problem: Video3DError | None = None
    """Why the search ended early."""

    @property
    def starts(self) -> tuple[float, ...]:
        """Seconds from the first frame at which shots begin; the first is 0."""
        return (*(shot.start for shot in self.shots), *(() if self.begun is None else (self.begun,)))

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be found."""
        return self.complete or self.problem is not None


_Key = tuple[str, int, int]


class ShotScout:
    """Looks through a few videos at a time; others wait until one is found, or nobody asks for it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, ShotList] = OrderedDict()
        self._searches: dict[_Key, _Search] = {}

    def shots(self, source: Path) -> ShotList:
        """What is known by now; the first question starts the search. Ask again until it is complete."""
        facts = source.stat()
        key = (str(source.resolve()), facts.st_mtime_ns, facts.st_size)
        with self._lock:
            self._take_found()
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            if key not in self._searches and not self._has_room():
                return ShotList()
            search = self._searches.get(key) or self._begun(key, source)
            search.asked = time.monotonic()
            return search.found

    def close(self) -> None:
        """Give up what is going on."""
        with self._lock:
            for key in list(self._searches):
                self._give_up(key)

    def _begun(self, key: _Key, source: Path) -> _Search:
        search = self._searches[key] = _Search(source)
        search.start()
        return search

    def _take_found(self) -> None:
        for key, search in list(self._searches.items()):
            if search.found.is_over:
                search.join()
                del self._searches[key]
                self._known[key] = search.found
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _has_room(self) -> bool:
        if len(self._searches) < AT_ONCE:
            return True
        oldest = min(self._searches, key=lambda key: self._searches[key].asked)
        if time.monotonic() - self._searches[oldest].asked < FORGOTTEN_SECONDS:
            return False
        self._give_up(oldest)
        return True

    def _give_up(self, key: _Key) -> None:
        search = self._searches.pop(key)
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
    def __init__(self, source: Path) -> None:
        super().__init__(name="video3d shots", daemon=True)
        self.reporter = _Stoppable()
        self.found = ShotList()
        self.asked = 0.0
        self._source = source

    def run(self) -> None:
        """Look through the video; `found` is replaced as it goes on."""
        try:
            for shot in find_shots(self._source, RangeSettings(), self.reporter, thumbnails=True, covered=self._cover):
                self.found = replace(self.found, shots=(*self.found.shots, shot), begun=shot.end,
                                     covered=max(self.found.covered, shot.end))
            self.found = replace(self.found, begun=None, complete=True)
        except Video3DError as problem:
            self.found = replace(self.found, problem=problem)

    def _cover(self, seconds: float) -> None:
        self.found = replace(self.found, covered=seconds, begun=0.0 if self.found.begun is None else self.found.begun)
