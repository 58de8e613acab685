"""Work shared between threads by rows of the picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class RowWorkers:
    """A few threads that work on blocks of rows of one picture; `close` joins them.

    A function given to `run` must write only the rows it is told to, so the result does not depend on the number of
    workers.
    """

    def __init__(self, workers: int) -> None:
        self._workers = max(1, workers)
        self._pool = ThreadPoolExecutor(self._workers, "stereo-rows") if self._workers > 1 else None

    def run(self, function: Callable[..., Any], rows: int, *arguments: Any) -> None:
        """function(*arguments, first, last) over all of 0…rows, in blocks."""
        if self._pool is None:
            function(*arguments, 0, rows)
            return
        count = 2 * self._workers
        edges = [rows * n // count for n in range(count + 1)]
        tasks = [self._pool.submit(function, *arguments, first, last)
                 for first, last in itertools.pairwise(edges) if last > first]
        for task in tasks:
            task.result()

    def close(self) -> None:
        """Ends the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> RowWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
