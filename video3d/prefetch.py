"""An iterator that runs ahead in a thread of its own, by a bounded number of items."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetch(Generic[Item]):
    """Iterate inside its `with`: on leaving, the thread has ended, and an iterator with `close` is closed.

    An error of the source is raised where the next item would have been.
    """

    def __init__(self, source: Iterable[Item], ahead: int, name: str) -> None:
        self._source = source
        self._queue: queue.Queue[tuple[Item] | BaseException | None] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._items()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stop.set()
        while self._thread.is_alive():
            self._drain()
            self._thread.join(0.02)

    def _items(self) -> Iterator[Item]:
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item[0]

    def _run(self) -> None:
        iterator = iter(self._source)
        try:
            for item in iterator:
                self._queue.put((item,))
                if self._stop.is_set():
                    break
            self._queue.put(None)
        except BaseException as problem:  # noqa: BLE001 - it is raised again by the reader of the queue
            self._queue.put(problem)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    def _drain(self) -> None:
        try:
            while True:
                self._queue.get_nowait()
        except queue.Empty:
            return
