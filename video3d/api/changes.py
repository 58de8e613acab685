"""Waiting for the queue to change without holding a thread for each who waits."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from video3d.queue import JobQueue

LOOK_SECONDS = 0.5


class Changes:
    """One thread waits for the queue, as long as anybody waits here."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Future[None], tuple[asyncio.AbstractEventLoop, int]] = {}
        self._thread: threading.Thread | None = None

    @property
    def version(self) -> int:
        """The queue's, now."""
        return self._queue.version

    async def wait(self, version: int, timeout: float) -> int:
        """Return the queue's version once it is higher than `version`, or after `timeout` seconds."""
        now = self._queue.version
        if now > version or timeout <= 0:
            return now
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._waiting[future] = (loop, version)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="video3d changes", daemon=True)
                self._thread.start()
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(future, timeout)
        finally:
            with self._lock:
                self._waiting.pop(future, None)
        return self._queue.version

    def _watch(self) -> None:
        version = self._queue.version
        while True:
            with self._lock:
                ready = [(future, loop) for future, (loop, known) in self._waiting.items() if known < version]
                for future, _ in ready:
                    del self._waiting[future]
                if not self._waiting:
                    self._thread = None
            for future, loop in ready:
                with suppress(RuntimeError):  # that loop has been closed
                    loop.call_soon_threadsafe(_wake, future)
            if self._thread is not threading.current_thread():
                return
            version = self._queue.wait(version, LOOK_SECONDS)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
