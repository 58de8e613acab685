"""Work shared between threads by rows of the picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Step = Callable[[int, int], object]
"""Works on the rows from its first to before its last argument, and writes only those."""


class RowWorkers:
    """A few threads that work on blocks of rows of one picture; `close` joins them.

    A step writes only the rows it is told to, so the result does not depend on the number of workers.
    """

    def __init__(self, workers: int) -> None:
        self._workers = max(1, workers)
        self._pool = ThreadPoolExecutor(self._workers, "stereo-rows") if self._workers > 1 else None

    def run(self, rows: int, *steps: Step) -> None:
        """Each step over all of 0…rows, in blocks; a block passes through all steps before its thread takes another.

        So a step must not read rows that an earlier one wrote for another block.
        """
        self.run_all((rows, steps))

    def run_all(self, *jobs: tuple[int, Sequence[Step]]) -> None:
        """Several independent jobs of `run` at once: (rows, steps) each."""
        if self._pool is None:
            for rows, steps in jobs:
                _pass(steps, 0, rows)
            return
        count = 2 * self._workers
        tasks = [self._pool.submit(_pass, steps, first, last)
                 for rows, steps in jobs
                 for first, last in itertools.pairwise([rows * n // count for n in range(count + 1)]) if last > first]
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


def _pass(steps: Sequence[Step], first: int, last: int) -> None:
    for step in steps:
        step(first, last)
