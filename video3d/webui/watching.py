"""Tells the webui's state how our running job is, and hands its Interrupt on to our queue."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

from video3d.errors import JobError
from video3d.queue import JobQueue, JobState, JobView
from video3d.webui.progress import ProgressMirror, ShownJob

IDLE_WAIT = 1.0
BUSY_PAUSE = 0.25
"""Seconds between two looks."""
PICTURE_SECONDS = 2.0
PICTURE_SIDE = 768
"""Pixels of the live preview's longer side: the webui sends it as PNG to whoever asks."""
RESTART_SECONDS = 15.0
"""An Interrupt this shortly before the page is rebuilt was part of that: "Reload UI" interrupts whatever runs."""


class QueueWatch:
    """A thread, from `start` to `close`."""

    def __init__(self, queue: JobQueue, mirror: ProgressMirror) -> None:
        self._queue = queue
        self._mirror = mirror
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="video3d-webui-progress", daemon=True)
        self._interrupted: dict[str, float] = {}
        self._pictured = 0.0

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching; what the rebuilding of the page interrupted goes on afterwards."""
        self._ending.set()
        self._thread.join()
        self._mirror.clear()
        now = time.monotonic()
        for job, moment in self._interrupted.items():
            if now - moment < RESTART_SECONDS:
                self._ask(self._queue.resume, job)

    def _watch(self) -> None:
        version = 0
        while not self._ending.is_set():
            version = self._queue.wait(version, IDLE_WAIT)
            running = [job for job in self._queue.jobs() if job.state is JobState.RUNNING]
            if running:
                self._show(running[0])
            else:
                self._mirror.clear()
            self._ending.wait(BUSY_PAUSE)

    def _show(self, job: JobView) -> None:
        if self._mirror.take_stop():
            self._interrupted[job.id] = time.monotonic()
            self._ask(self._queue.pause, job.id, at_once=True)
            return
        if job.asked is None:
            self._mirror.show(shown(job), self._picture(job))

    def _picture(self, job: JobView) -> Any:
        """The newest frame, small; None most of the time."""
        now = time.monotonic()
        if now - self._pictured < PICTURE_SECONDS:
            return None
        self._pictured = now
        data = self._queue.preview(job.id)
        return None if data is None else small_picture(data)

    def _ask(self, steer: Any, job: str, **how: Any) -> None:
        try:
            steer(job, **how)
        except JobError:  # it has ended, or was deleted, in the meantime
            self._interrupted.pop(job, None)


def shown(job: JobView) -> ShownJob:
    """What the webui is told of a job; no file's name, since everybody sees it."""
    progress = job.progress
    started = job.started or time.time()
    if progress is None:
        return ShownJob(0, None, "2D→3D video: beginning", started)
    total = progress.total or 0
    text = f"2D→3D video: {progress.stage}, frame {progress.done}" + (f" of {total}" if total else "")
    return ShownJob(progress.done, progress.total, text, started)


def small_picture(data: bytes) -> Any:
    """A PIL image of at most `PICTURE_SIDE` pixels a side, from JPEG."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data))
    picture.draft("RGB", (PICTURE_SIDE, PICTURE_SIDE))
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    return picture
