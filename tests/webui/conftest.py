"""Doubles shaped like the webui's own parts. The real ones cannot be installed beside this program's tests.

Each double says which part it stands for; `docs/hosts.md` says what was tried in the real ones.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest


class QueueLockDouble:
    """Stands for `modules.fifo_lock.FIFOLock`: its order, and its flaw that the releaser may take it again at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guard = threading.Lock()
        self._pending_threads: deque[threading.Event] = deque()

    def acquire(self, blocking: bool = True) -> bool:
        with self._guard:
            if self._lock.acquire(blocking=False):
                return True
            if not blocking:
                return False
            called = threading.Event()
            self._pending_threads.append(called)
        called.wait()
        return self._lock.acquire()

    def release(self) -> None:
        with self._guard:
            if self._pending_threads:
                self._pending_threads.popleft().set()
            self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def locked(self) -> bool:
        return self._lock.locked()


@dataclass
class StateDouble:
    """Stands for `modules.shared_state.State`: the fields that we use, and what `begin` and `end` do to them."""

    job: str = ""
    job_no: int = 0
    job_count: int = 0
    textinfo: str | None = None
    time_start: float | None = None
    interrupted: bool = False
    skipped: bool = False
    stopping_generation: bool = False
    pictures: list[Any] = field(default_factory=list[Any])

    def begin(self, job: str) -> None:
        self.job, self.job_no, self.job_count, self.textinfo = job, 0, -1, None
        self.interrupted = self.skipped = self.stopping_generation = False

    def end(self) -> None:
        self.job, self.job_count = "", 0

    def assign_current_image(self, image: Any) -> None:
        self.pictures.append(image)


@dataclass
class NeighboursDouble:
    """Stands for what moves the webui's checkpoint; remembers what it was asked."""

    asked: list[str] = field(default_factory=list[str])

    def make_room(self, memory: int) -> None:
        self.asked.append(f"room for {memory}")

    def come_back(self, leave: Callable[[], None]) -> None:
        leave()
        self.asked.append("back")


@pytest.fixture
def queue_lock() -> QueueLockDouble:
    return QueueLockDouble()


@pytest.fixture
def state() -> StateDouble:
    return StateDouble()


@pytest.fixture
def neighbours() -> NeighboursDouble:
    return NeighboursDouble()
