"""Tasks done by threads of this process, each by the first worker that is free.

Threads are enough: the loops over pixels, the networks and the encoders all run outside Python's lock.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Generic, TypeVar

Task = TypeVar("Task")
Opener = Callable[[], AbstractContextManager[Callable[[Task], None]]]
"""Opens a worker, in the thread that will use it; the worker is a function that does one task."""
WAIT_SECONDS = 0.1


def do_all(tasks: Iterable[Task], openers: Sequence[Opener[Task]], stop: Callable[[], None]) -> None:
    """Do all tasks; the first error is raised, when every worker has ended.

    One worker works in the calling thread. Of several, those are opened for which there is a task. `stop` is called
    at the first error: it must make running tasks end soon.
    """
    if len(openers) == 1:
        with openers[0]() as work:
            for task in tasks:
                work(task)
        return
    crew = _Crew(openers, stop)
    try:
        for task in tasks:
            if not crew.give(task):
                break
    except BaseException as problem:  # noqa: BLE001 - raised below, unless it only follows from another
        crew.fail(problem)
    finally:
        crew.end()
    crew.check()


class _Crew(Generic[Task]):
    def __init__(self, openers: Sequence[Opener[Task]], stop: Callable[[], None]) -> None:
        self._openers = list(openers)
        self._stop = stop
        self._waiting: queue.Queue[tuple[Task] | None] = queue.Queue(1)
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._first_problem: BaseException | None = None
        self._lock = threading.Lock()

    def give(self, task: Task) -> bool:
        """Hand a task to whoever is free; False where somebody has failed."""
        if not self._idle.acquire(blocking=False) and len(self._threads) < len(self._openers):
            number = len(self._threads)
            self._threads.append(threading.Thread(target=self._work, args=(self._openers[number],),
                                                  name=f"unit worker {number}"))
            self._threads[-1].start()
        while self._first_problem is None:
            if self._has_put((task,)):
                return True
        return False

    def end(self) -> None:
        """Let everyone finish, and wait."""
        for thread in self._threads:
            while thread.is_alive():
                self._has_put(None)
                thread.join(WAIT_SECONDS)

    def fail(self, problem: BaseException) -> None:
        """Something went wrong: all end."""
        with self._lock:
            if self._first_problem is not None:
                return
            self._first_problem = problem
        self._stop()

    def check(self) -> None:
        """Raise what went wrong."""
        if self._first_problem is not None:
            raise self._first_problem

    def _has_put(self, item: tuple[Task] | None) -> bool:
        with suppress(queue.Full):
            self._waiting.put(item, timeout=WAIT_SECONDS)
            return True
        return False

    def _work(self, opener: Opener[Task]) -> None:
        try:
            with opener() as work:
                while self._first_problem is None and (item := self._waiting.get()) is not None:
                    work(item[0])
                    self._idle.release()
        except BaseException as problem:  # noqa: BLE001 - raised again where the tasks come from
            self.fail(problem)
