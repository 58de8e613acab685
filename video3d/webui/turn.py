"""The GPU's turn, shared with the webui's own work through the lock that image generation takes.

The webui's lock lets whoever releases it take it again at once, before those who wait have woken. So a turn is given
away only together with a pause that lasts until they have it; and as long as nobody waits it is kept, also between two
uses, because moving networks in and out of the GPU's memory takes longer than a batch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from video3d.errors import Cancelled
from video3d.host import GpuTurn, GpuUse

TURN_SECONDS = 2.0
"""How long it is kept where a lock does not tell whether somebody waits."""
IDLE_SECONDS = 1.0
"""How long it is kept while nothing runs."""
LOOK_SECONDS = 0.05
HAND_OVER_SECONDS = 0.25
"""The longest pause for somebody who was called and does not come."""


class QueueLock(Protocol):
    """The webui's lock: first come, first served, and not to be taken twice by one thread."""

    def acquire(self, blocking: bool = True) -> bool:
        """True once it is taken."""
        ...

    def release(self) -> None:
        """Any thread may release it."""
        ...


class Neighbours(Protocol):
    """The webui's own networks in the GPU's memory."""

    def make_room(self, memory: int) -> None:
        """Move them out where fewer than `memory` bytes are free."""
        ...

    def come_back(self, leave: Callable[[], None]) -> None:
        """Move them back where they were moved out; `leave` takes our network away where memory is short."""
        ...


class SharedGpu:
    """One turn for all of this program. `on_taken` and `on_given` are called while the lock is held."""

    def __init__(self, lock: QueueLock, neighbours: Neighbours) -> None:
        self.on_taken: Callable[[], None] = lambda: None
        self.on_given: Callable[[], None] = lambda: None
        self._lock = lock
        self._neighbours = neighbours
        self._ours = threading.Lock()
        """Held by the one of our threads that uses it: several workers, and previews beside a job, go by turns."""
        self._changing = threading.RLock()
        self._is_held = False
        self._is_used = False
        self._use = GpuUse()
        self._uses: list[GpuUse] = []
        """All since the turn was taken: each may have left a network on the GPU."""
        self._since = 0.0
        """When it was taken, or put down last."""
        self._keeper: threading.Thread | None = None

    @contextmanager
    def turn(self, use: GpuUse | None = None) -> Generator[GpuTurn, None, None]:
        """See `Host.gpu_turn`."""
        use = use or GpuUse()
        while not self._ours.acquire(timeout=LOOK_SECONDS):
            if use.is_cancelled():
                raise Cancelled("Stopped.", stage="depth")
        try:
            self._take(use)
            try:
                yield _Turn(self, use)
            finally:
                self._put_down()
        finally:
            self._ours.release()

    @contextmanager
    def holding(self) -> Generator[bool, None, None]:
        """Whether the turn is ours; it stays so, or not so, until the end of the block."""
        with self._changing:
            yield self._is_held

    def share(self, use: GpuUse) -> None:
        """Give the turn away where somebody waits; returns when it is ours again."""
        with self._changing:
            if not self._is_wanted():
                return
            self._give_back()
        self._take(use)

    def close(self) -> None:
        """Give back what is kept."""
        with self._changing:
            if self._is_held and not self._is_used:
                self._give_back()
        keeper = self._keeper
        if keeper is not None:
            keeper.join()

    def _take(self, use: GpuUse) -> None:
        with self._changing:
            if self._is_held:
                if use != self._use:
                    self._neighbours.make_room(use.memory)
                self._use_by(use)
                return
        wait_for(self._lock, use.is_cancelled)
        try:
            with self._changing:
                self._neighbours.make_room(use.memory)
                self._is_held, self._since = True, time.monotonic()
                self._use_by(use)
                self.on_taken()
                if self._keeper is None:
                    self._keeper = threading.Thread(target=self._keep, name="video3d-gpu-turn", daemon=True)
                    self._keeper.start()
        except BaseException:
            self._is_held = self._is_used = False
            self._lock.release()
            raise

    def _use_by(self, use: GpuUse) -> None:
        self._is_used, self._use = True, use
        if use not in self._uses:
            self._uses.append(use)

    def _leave(self) -> None:
        for use in self._uses:
            use.leave()

    def _put_down(self) -> None:
        with self._changing:
            self._is_used = False
            if self._is_held and self._is_wanted():
                self._give_back()
            elif self._is_held:
                self._since = time.monotonic()

    def _is_wanted(self) -> bool:
        waiting = waiting_for(self._lock)
        return time.monotonic() - self._since > TURN_SECONDS if waiting is None else waiting > 0

    def _give_back(self) -> None:
        is_wanted = self._is_wanted()
        self._is_held = self._is_used = False
        try:
            self._neighbours.come_back(self._leave)
            self.on_given()
        finally:
            self._uses.clear()
            self._lock.release()
        if is_wanted:
            _pause_until_taken(self._lock)

    def _keep(self) -> None:
        """Gives back what nobody uses, when somebody waits for it or after a while."""
        while True:
            time.sleep(LOOK_SECONDS)
            with self._changing:
                is_idle = self._is_held and not self._is_used
                if is_idle and (self._is_wanted() or time.monotonic() - self._since > IDLE_SECONDS):
                    self._give_back()
                if not self._is_held:
                    self._keeper = None
                    return


class _Turn:
    def __init__(self, gpu: SharedGpu, use: GpuUse) -> None:
        self._gpu = gpu
        self._use = use

    def share(self) -> None:
        """See `GpuTurn`."""
        self._gpu.share(self._use)


def waiting_for(lock: QueueLock) -> int | None:
    """How many threads wait for the lock; None where this lock does not tell."""
    pending = getattr(lock, "_pending_threads", None)
    return None if pending is None else len(pending)


def wait_for(lock: QueueLock, is_cancelled: Callable[[], bool]) -> None:
    """Take the lock in its order, or raise Cancelled as soon as `is_cancelled` says so."""
    if lock.acquire(blocking=False):
        return
    waiter = _Waiter(lock)
    threading.Thread(target=waiter.wait, name="video3d-gpu-wait", daemon=True).start()
    while not waiter.has_it.wait(LOOK_SECONDS):
        if is_cancelled() and waiter.give_up():
            raise Cancelled("Stopped.", stage="depth")


class _Waiter:
    """Waits on behalf of a thread that may lose interest: the lock itself knows no way to stop waiting."""

    def __init__(self, lock: QueueLock) -> None:
        self.has_it = threading.Event()
        self._lock = lock
        self._deciding = threading.Lock()
        self._is_given_up = False

    def wait(self) -> None:
        self._lock.acquire()
        with self._deciding:
            if self._is_given_up:
                self._lock.release()
            else:
                self.has_it.set()

    def give_up(self) -> bool:
        """False where it is too late: the lock is taken."""
        with self._deciding:
            self._is_given_up = not self.has_it.is_set()
            return self._is_given_up


def _pause_until_taken(lock: QueueLock) -> None:
    inner = getattr(lock, "_lock", None)
    deadline = time.monotonic() + HAND_OVER_SECONDS
    while time.monotonic() < deadline and (inner is None or not inner.locked()):
        time.sleep(0.001)
