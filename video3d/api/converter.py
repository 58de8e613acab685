"""Conversion in a process of its own: the server answers at once whatever the processors are doing.

The child converts what waits in the queue's folder. Its standard input is its life line: where that ends, it stops
like a queue that is closed, and the running job goes on later.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from pathlib import Path
from typing import IO, cast

from video3d.media.process import start_child

ENDING_SECONDS = 20.0
"""After which a child that was asked to end is killed; what it finished is on the disk."""
NICENESS = 5
"""Where processors are short, answers go before conversion."""
PAUSES = (0.5, 2.0, 10.0)
"""Seconds before a child that died is started again: the first time, the second, and from then on."""
_log = logging.getLogger(__name__)


class ConverterProcess:
    """Starts the child, and starts it again when it dies, until it is closed."""

    def __init__(self, queue_folder: Path, workers: int = 1, devices: tuple[str, ...] = ()) -> None:
        """`workers` and `devices` are those of `JobRequest`."""
        self._arguments = [str(queue_folder), str(workers), *devices]
        self._closing = threading.Event()
        self._process = self._started()
        self._thread = threading.Thread(target=self._watch, name="converter")
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the child that runs now."""
        return self._process.pid

    def close(self) -> None:
        """End the child in order; it is killed where it takes too long."""
        self._closing.set()
        self._end(self._process)
        self._thread.join()

    def _started(self) -> subprocess.Popen[bytes]:
        return start_child(__name__, *self._arguments)

    def _watch(self) -> None:
        deaths = 0
        while not self._closing.is_set():
            code = self._process.wait()
            if self._closing.is_set():
                return
            _log.warning("the process that converts ended with exit code %s; it is started again", code)
            if self._closing.wait(PAUSES[min(deaths, len(PAUSES) - 1)]):
                return
            deaths += 1
            _close(self._process)
            self._process = self._started()
            if self._closing.is_set():
                self._end(self._process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _close(process)
        try:
            process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(queue_folder: str, workers: str = "1", *devices: str) -> int:
    """The child: convert until standard input ends."""
    from video3d.host import StandaloneHost
    from video3d.queue import JobQueue

    if hasattr(os, "nice"):
        os.nice(NICENESS)
    queue = JobQueue(StandaloneHost(), Path(queue_folder), workers=int(workers), devices=devices)
    queue.start()
    try:
        while os.read(0, 4096):
            continue
    finally:
        queue.close()
    return 0


def _close(process: subprocess.Popen[bytes]) -> None:
    try:
        cast("IO[bytes]", process.stdin).close()
    except BrokenPipeError:
        return
