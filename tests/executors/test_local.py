"""Every task is done once, by as many workers as there are; the first error ends all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from video3d.executors import do_all


class Crew:
    """Workers that note what they do."""

    def __init__(self, do: Callable[[int], None] = lambda _: None) -> None:
        self.do = do
        self.done: list[int] = []
        self.open = 0
        self.opened = 0
        self.most_at_once = 0
        self.at_work = 0
        self.stopped = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def worker(self) -> Generator[Callable[[int], None], None, None]:
        with self._lock:
            self.open += 1
            self.opened += 1
        try:
            yield self._work
        finally:
            with self._lock:
                self.open -= 1

    def _work(self, task: int) -> None:
        with self._lock:
            self.at_work += 1
            self.most_at_once = max(self.most_at_once, self.at_work)
        try:
            self.do(task)
            self.done.append(task)
        finally:
            with self._lock:
                self.at_work -= 1

    def run(self, tasks: Iterator[int], count: int) -> None:
        openers: list[Callable[[], AbstractContextManager[Callable[[int], None]]]] = [self.worker] * count
        do_all(tasks, openers, self.stopped.set)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_task_is_done_once(count: int) -> None:
    crew = Crew(lambda _: time.sleep(0.002))
    crew.run(iter(range(40)), count)
    assert sorted(crew.done) == list(range(40))
    assert crew.open == 0
    assert not crew.stopped.is_set()


def test_several_work_at_once_and_no_more_than_there_are() -> None:
    together = threading.Barrier(3, timeout=10)
    crew = Crew(lambda _: together.wait() and None)
    crew.run(iter(range(6)), 3)
    assert crew.most_at_once == 3


def test_nobody_is_opened_for_whom_there_is_no_task() -> None:
    crew = Crew()
    crew.run(iter([1]), 4)
    assert (crew.done, crew.opened) == ([1], 1)
    crew.run(iter([]), 4)
    assert crew.opened == 1


def test_tasks_are_taken_no_further_ahead_than_somebody_is_free() -> None:
    taken: list[int] = []
    hold = threading.Event()

    def tasks() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    crew = Crew(lambda _: hold.wait(10) and None)
    thread = threading.Thread(target=crew.run, args=(tasks(), 2))
    thread.start()
    time.sleep(0.3)
    assert len(taken) <= 4  # two at work, one handed over, one in hand
    hold.set()
    thread.join(10)
    assert len(crew.done) == 50


@pytest.mark.parametrize("count", [1, 3])
def test_the_first_error_ends_all_and_is_raised(count: int) -> None:
    def do(task: int) -> None:
        if task == 3:
            raise ZeroDivisionError("third")
        if crew.stopped.wait(0.01 if task < 3 else 5) and count > 1:
            raise KeyError("because of the other")

    crew = Crew(do)
    with pytest.raises(ZeroDivisionError, match="third"):
        crew.run(iter(range(1000)), count)
    assert crew.open == 0
    assert len(crew.done) < 20


@pytest.mark.parametrize("count", [1, 3])
def test_where_the_tasks_fail_all_end_too(count: int) -> None:
    def tasks() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    crew = Crew(lambda _: crew.stopped.wait(5 if count > 1 else 0) and None)
    with pytest.raises(ZeroDivisionError):
        crew.run(tasks(), count)
    assert crew.open == 0


def test_a_worker_that_cannot_be_opened_is_an_error() -> None:
    @contextmanager
    def broken() -> Generator[Callable[[int], None], None, None]:
        raise ZeroDivisionError
        yield lambda _: None

    with pytest.raises(ZeroDivisionError):
        do_all(iter(range(9)), [broken, broken], lambda: None)


def test_tasks_that_end_because_a_worker_failed_do_not_hide_why() -> None:
    def do(_: int) -> None:
        raise ZeroDivisionError("first")

    def tasks() -> Iterator[int]:
        yield 1
        crew.stopped.wait(5)
        raise KeyError("stopped")

    crew = Crew(do)
    with pytest.raises(ZeroDivisionError, match="first"):
        crew.run(tasks(), 2)
    assert crew.open == 0
