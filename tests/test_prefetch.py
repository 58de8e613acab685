"""A thread runs ahead, by a bounded number of items; nothing is lost, swapped or left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video3d.prefetch import Prefetch


class Source:
    """Counts what was taken out of it, and remembers being closed."""

    def __init__(self, count: int, failing_at: int | None = None) -> None:
        self.made = 0
        self.closed_by: str | None = None
        self._count = count
        self._failing_at = failing_at

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self._count):
                if number == self._failing_at:
                    raise ZeroDivisionError("at the source")
                self.made += 1
                yield number
        finally:
            self.closed_by = threading.current_thread().name


@settings(max_examples=50, deadline=None)
@given(items=st.lists(st.none() | st.integers() | st.tuples()), ahead=st.integers(1, 5))
def test_all_items_come_in_order(items: list[object], ahead: int) -> None:
    with Prefetch(items, ahead, "test") as numbers:
        assert list(numbers) == items


def test_it_runs_ahead_but_only_so_far() -> None:
    source = Source(100)
    with Prefetch(source, 3, "test") as numbers:
        assert next(numbers) == 0
        deadline = time.monotonic() + 5
        while source.made < 5 and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.05)
        # One was taken, three wait in the queue, one waits for its place there.
        assert source.made == 5
    assert source.made <= 100


def test_the_source_runs_in_its_own_named_thread() -> None:
    source = Source(2)
    with Prefetch(source, 1, "decoding") as numbers:
        list(numbers)
    assert source.closed_by == "decoding"


@pytest.mark.parametrize("taken", [0, 1, 7])
def test_leaving_early_ends_the_thread_and_closes_the_source(taken: int) -> None:
    source = Source(1000)
    before = threading.active_count()
    with Prefetch(source, 2, "test") as numbers:
        for _ in range(taken):
            next(numbers)
    assert threading.active_count() == before
    assert source.closed_by == "test"
    assert source.made < 1000


def test_an_error_comes_where_its_item_would_have_been() -> None:
    with Prefetch(Source(10, failing_at=4), 2, "test") as numbers:
        assert [next(numbers) for _ in range(4)] == [0, 1, 2, 3]
        with pytest.raises(ZeroDivisionError, match="at the source"):
            next(numbers)
        assert list(numbers) == []


def test_an_error_that_nobody_reads_is_dropped_with_the_rest() -> None:
    with Prefetch(Source(10, failing_at=2), 5, "test") as numbers:
        assert next(numbers) == 0


def test_an_error_of_the_reader_passes_through() -> None:
    source = Source(1000)
    with pytest.raises(KeyError), Prefetch(source, 2, "test") as numbers:
        raise KeyError(next(numbers))
    assert source.closed_by == "test"


def test_two_in_a_row_are_ended_together() -> None:
    """As decoding and depth are: the second reads what the first runs ahead with."""
    source = Source(1000)
    with Prefetch(source, 2, "first") as first, Prefetch((-n for n in first), 2, "second") as second:
        assert [next(second) for _ in range(3)] == [0, -1, -2]
    assert source.closed_by == "first"


def test_an_error_passes_two_in_a_row() -> None:
    source = Source(10, failing_at=1)
    with Prefetch(source, 2, "first") as first, Prefetch(first, 2, "second") as second:
        assert next(second) == 0
        with pytest.raises(ZeroDivisionError):
            next(second)
