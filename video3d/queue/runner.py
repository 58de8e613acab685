"""The thread that converts what waits in a queue."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from video3d.durable import lock
from video3d.errors import AccessError, Cancelled, JobError, Video3DError
from video3d.jobs import JobFolder, JobRequest, JobResult, JobWatcher, folder_for, run_job
from video3d.jobs.log import LOG_NAME
from video3d.queue.model import JobProblem, JobState
from video3d.queue.preview import PreviewMaker
from video3d.queue.store import JobRecord
from video3d.reporting import Progress
from video3d.types import Frame
from video3d.video_info import ColourTags

if TYPE_CHECKING:
    from video3d.queue.job_queue import JobQueue

IDLE_SECONDS = 1.0
SECONDS_BETWEEN_TOLD = 0.2
SECONDS_BETWEEN_SAVED = 1.0
_log = logging.getLogger(__name__)


class Runner:
    """One job at a time, the most urgent first."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="video3d queue")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End: a running job stops at once, and waits for the next start."""
        self._closing.set()
        with self._queue.changed:
            self._queue.changed.notify_all()
        self._thread.join()

    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    @staticmethod
    def discard(record: JobRecord) -> None:
        """Throw away what was finished of a job that does not run."""
        folder = JobFolder(folder_for(record.target))
        with suppress(JobError, OSError):  # another process is at work on the same target: it is not ours
            if folder.path.is_dir():
                with folder.locked():
                    folder.clear()

    def _work(self) -> None:
        with self._queue.store.runner_lock.open("a+b") as file:
            if not self._is_ours(file):
                return
            for record in self._queue.interrupted():
                self._queue.update(record.id, **_after_a_stop(record))
            while not self._closing.is_set():
                self._sweep()
                record = self._queue.next_waiting()
                if record is None:
                    with self._queue.changed:
                        self._queue.changed.wait(IDLE_SECONDS)
                else:
                    self._run(record)

    def _is_ours(self, file: IO[bytes]) -> bool:
        while not lock(file.fileno()):
            if self._closing.wait(IDLE_SECONDS):
                return False
        return True

    def _sweep(self) -> None:
        """Jobs that were deleted while they ran, and those that are over for long."""
        with self._queue.changed:
            for record in [*self._queue.deleted(), *self._queue.outdated()]:
                self._queue.purge(record)

    def _run(self, record: JobRecord) -> None:
        now = time.time()
        is_new = record.restart or record.has_new_shots or record.begun is None
        begun = now if is_new else record.begun
        started = self._queue.update(record.id, state=JobState.RUNNING, started=now, begun=begun, asked=None,
                                     at_once=False, has_new_shots=False, error=None, notices=(), finished=None)
        if started is None or started.deleted:
            return
        looker = _Looker(self._queue, self, record.id)
        order = record.order
        request = JobRequest(order.source, record.target, order.settings, overwrite=order.overwrite,
                             restart=record.restart, workers=self._queue.workers, devices=self._queue.devices,
                             shots=order.shots, new_shots=True, log=self._queue.store.folder_of(record.id) / LOG_NAME)
        try:
            _check_links(order.confined)
            if order.target is None:
                record.target.parent.mkdir(parents=True, exist_ok=True)
            self._done(record, run_job(request, self._queue.host, looker, looker))
        except Cancelled:
            self._stopped(record)
        except Video3DError as problem:
            self._failed(record, JobProblem.of(problem))
        except OSError as problem:
            self._failed(record, JobProblem("OSError", "queue", f"{record.target}: {problem}.", "Try again."))
        except Exception as problem:  # noqa: BLE001 - a fault of ours in one job must not end the others
            _log.exception("job %s", record.id)
            self._failed(record, JobProblem(type(problem).__name__, "program", f"The program failed ({problem!r}).",
                                            "Please report it, with the job's log."))

    def _done(self, record: JobRecord, result: JobResult) -> None:
        self._queue.update(record.id, state=JobState.DONE, asked=None, restart=False, frames=result.frames,
                           finished=time.time())
        self._queue.forget_source(record)

    def _failed(self, record: JobRecord, problem: JobProblem) -> None:
        self._queue.update(record.id, state=JobState.FAILED, asked=None, restart=False, error=problem,
                           finished=time.time())

    def _stopped(self, record: JobRecord) -> None:
        now = self._queue.record(record.id)
        if now is None:
            return
        changes = _after_a_stop(now)
        if changes["state"] is JobState.CANCELLED:
            self.discard(now)
            changes["begun"] = None
        self._queue.update(record.id, restart=False, **changes)


def _check_links(paths: Sequence[Path]) -> None:
    """AccessError where a link was put in the way since the paths were checked."""
    for path in paths:
        if Path(os.path.realpath(path)) != path:
            raise AccessError(f"{path}: a link leads elsewhere by now.", stage="access", remedy="Name the file itself.")


def _after_a_stop(record: JobRecord) -> dict[str, object]:
    """What becomes of a job that no longer runs and has not ended."""
    state = record.asked or JobState.WAITING
    return {"state": state, "asked": None, "at_once": False, "finished": time.time() if state.is_over else None}


class _Looker(JobWatcher):
    """Tells the queue how the running job goes, and the job what is asked of it."""

    def __init__(self, queue: JobQueue, runner: Runner, job: str) -> None:
        self._queue = queue
        self._runner = runner
        self._job = job
        self._preview = PreviewMaker()
        self._told = self._saved = 0.0
        self._stage = ""

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        is_news = progress.stage != self._stage or progress.done == progress.total
        if not is_news and now - self._told < SECONDS_BETWEEN_TOLD:
            return
        self._told, self._stage = now, progress.stage
        self._queue.tell_progress(self._job, progress)
        if is_news or now - self._saved >= SECONDS_BETWEEN_SAVED:
            self._saved = now
            self._queue.store.save_progress(self._job, progress)

    def notice(self, message: str) -> None:
        record = self._queue.record(self._job)
        if record is not None and message not in record.notices:
            self._queue.update(self._job, notices=(*record.notices, message))

    def is_cancelled(self) -> bool:
        record = self._queue.record(self._job)
        return self._runner.is_closing() or record is None or (record.asked is not None and record.at_once)

    def is_pausing(self) -> bool:
        record = self._queue.record(self._job)
        return record is not None and record.asked is not None

    def frame_written(self, frame: Frame, colour: ColourTags) -> None:
        picture = self._preview.picture(frame, colour)
        if picture is not None:
            self._queue.store.save_preview(self._job, picture)
