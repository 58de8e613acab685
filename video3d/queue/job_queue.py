"""The queue: jobs are added, one of them runs, and all of it survives a restart.

Every process that opens the folder may add and steer jobs; one of them, the first that was started, converts.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from video3d.errors import JobError, SourceError, TargetError
from video3d.host import Host
from video3d.jobs.log import LOG_NAME
from video3d.pipeline import target_name
from video3d.queue.model import JobOrder, JobState, JobView
from video3d.queue.runner import Runner
from video3d.queue.store import JobRecord, JobStore
from video3d.reporting import Progress
from video3d.shot_edits import ShotEdits

ID_BYTES = 12
LOOK_SECONDS = 0.5
"""How soon what other processes did is seen."""


def queue_folder(host: Host) -> Path:
    """Where a host keeps its queue."""
    return host.work_folder() / "queue"


@dataclass(frozen=True)
class Retention:
    """How long jobs that are over are remembered; their results stay anyway, waiting and paused jobs too."""

    days: float = 30.0
    number: int = 200
    """The newest so many."""


class JobQueue:
    """Thread-safe. `start` makes this process the one that converts; `close` ends that, and the job goes on later."""

    def __init__(self, host: Host, folder: Path, *, retention: Retention | None = None, workers: int = 1,
                 devices: tuple[str, ...] = ()) -> None:
        """`workers` and `devices` are those of `JobRequest`."""
        self.host = host
        self.workers = workers
        self.devices = devices
        self._retention = retention or Retention()
        self.store = JobStore(folder)
        self.changed = threading.Condition(threading.RLock())
        self._records: dict[str, JobRecord] = {}
        self._progress: dict[str, Progress] = {}
        self._saved_progress: dict[str, Progress | None] = {}
        self._version = int(time.time() * 1000)  # higher than what any earlier process told
        self._changed_at: dict[str, int] = {}
        self._looked = 0.0
        self._is_changing = False
        self._runner: Runner | None = None
        self.store.make()
        with self.changed:
            self._load()

    # -- what there is

    @property
    def version(self) -> int:
        """Rises with every change of any job."""
        with self.changed:
            self.look()
            return self._version

    def jobs(self, owner: str | None = None) -> list[JobView]:
        """All jobs, or those of one owner, oldest first."""
        with self.changed:
            self.look()
            records = sorted(self._records.values(), key=lambda record: record.created)
            return [self._view(record) for record in records
                    if not record.deleted and (owner is None or record.order.owner == owner)]

    def job(self, job: str) -> JobView:
        """One job; JobError where there is none of this id."""
        with self.changed:
            self.look()
            return self._view(self._record(job))

    def find(self, word: str) -> JobView:
        """The one job whose id begins like this; JobError where there is none, or more than one."""
        found = [view for view in self.jobs() if view.id == word] or [
            view for view in self.jobs() if word and view.id.startswith(word)]
        if len(found) > 1:
            raise JobError(f"{len(found)} jobs begin with {word}.", stage="queue", remedy="Write more of the id.")
        return found[0] if found else self.job(word)

    def wait(self, version: int, timeout: float) -> int:
        """Return the version as soon as it is higher than `version`, or after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                self.look()
                left = deadline - time.monotonic()
                if self._version > version or left <= 0:
                    return self._version
                self.changed.wait(min(left, LOOK_SECONDS))

    def preview(self, job: str) -> bytes | None:
        """JPEG of the newest frame that was made, as packed; None before the first."""
        self.job(job)
        return self.store.preview(job)

    # -- what can be asked

    def submit(self, order: JobOrder) -> JobView:
        """Add a job; SourceError or TargetError where it can be seen already that it cannot be done."""
        if not order.source.is_file():
            raise SourceError(f"{order.display_name or order.source}: there is no such file.", stage="probe",
                              remedy="Check the name.")
        with self._changing():
            record = JobRecord(_new_id(), order, self._target(order), time.time())
            return self._put(record)

    def pause(self, job: str, *, at_once: bool = False) -> JobView:
        """Stop it until `resume`: a running job when its unit is done, or at once, which loses that unit."""
        with self._changing():
            record = self._record(job)
            if record.state is JobState.RUNNING:
                return self._put(replace(record, asked=JobState.PAUSED, at_once=at_once or record.at_once))
            self._expect(record, "paused", JobState.WAITING, JobState.PAUSED)
            return self._put(replace(record, state=JobState.PAUSED))

    def resume(self, job: str) -> JobView:
        """Let a paused job go on."""
        with self._changing():
            record = self._record(job)
            if record.state is JobState.RUNNING and record.asked is JobState.PAUSED:
                return self._put(replace(record, asked=None, at_once=False))
            self._expect(record, "taken up again", JobState.PAUSED, JobState.WAITING, JobState.RUNNING)
            waits = record.state is JobState.PAUSED
            return self._put(replace(record, state=JobState.WAITING) if waits else record)

    def cancel(self, job: str) -> JobView:
        """End it for good; what was finished of it is thrown away."""
        with self._changing():
            record = self._record(job)
            if record.state is JobState.RUNNING:
                return self._put(replace(record, asked=JobState.CANCELLED, at_once=True))
            if record.state.is_over:
                self._expect(record, "cancelled", JobState.CANCELLED)
                return self._view(record)
            self._discard_work(record)
            return self._put(replace(record, state=JobState.CANCELLED, begun=None, finished=time.time()))

    def retry(self, job: str, *, restart: bool = False) -> JobView:
        """Run a failed or cancelled job again; finished parts are kept, unless `restart` throws them away."""
        with self._changing():
            record = self._record(job)
            self._expect(record, "started again", JobState.FAILED, JobState.CANCELLED)
            return self._put(replace(record, state=JobState.WAITING, asked=None, at_once=False,
                                     restart=restart or record.restart,
                                     error=None, finished=None))

    def delete(self, job: str) -> None:
        """Forget it: its unfinished work and an uploaded source go, its result stays. A running job is stopped."""
        with self._changing():
            record = self._record(job)
            if record.state is JobState.RUNNING:
                self._put(replace(record, asked=JobState.CANCELLED, at_once=True, deleted=True))
            else:
                self.purge(record)

    def set_priority(self, job: str, priority: int) -> JobView:
        """Higher ones go first; a job that runs already goes on."""
        with self._changing():
            return self._put(replace(self._record(job), order=replace(self._record(job).order, priority=priority)))

    def set_shots(self, job: str, shots: ShotEdits | None) -> JobView:
        """Another cut list for a job that neither runs nor is done; its finished units that stay the same are kept."""
        with self._changing():
            record = self._record(job)
            if record.order.shots == shots:
                return self._view(record)
            self._expect(record, "given other shots", JobState.WAITING, JobState.PAUSED, JobState.FAILED,
                         JobState.CANCELLED)
            return self._put(replace(record, order=replace(record.order, shots=shots), has_new_shots=True))

    def release_source(self, source: Path) -> bool:
        """Nobody but unfinished jobs needs this file any more: it goes with the last of them. False: there is none."""
        with self._changing():
            needed = self._that_need(source)
            for record in needed:
                self._put(replace(record, order=replace(record.order, keep_source=False)))
            return bool(needed)

    # -- who converts

    def start(self) -> None:
        """Convert in a thread of this process; while another process does, stand by."""
        with self.changed:
            if self._runner is None:
                self._runner = Runner(self)
                self._runner.start()

    def close(self) -> None:
        """Stop converting; the running job keeps what is finished, and goes on after the next `start`."""
        with self.changed:
            runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    # -- for the runner

    def look(self) -> None:
        """See what other processes did, now and then. The condition `changed` must be held."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            if self.store.has_changed():
                self._load()
            self._look_at_progress()

    def record(self, job: str) -> JobRecord | None:
        """A job as it is kept, deleted ones too."""
        with self.changed:
            self.look()
            return self._records.get(job)

    def next_waiting(self) -> JobRecord | None:
        """What should run next."""
        with self.changed:
            self.look()
            waiting = [record for record in self._records.values()
                       if record.state is JobState.WAITING and not record.deleted]
            return min(waiting, key=lambda record: (-record.order.priority, record.created), default=None)

    def interrupted(self) -> list[JobRecord]:
        """Jobs that were running when their process died."""
        with self.changed:
            return [record for record in self._records.values() if record.state is JobState.RUNNING]

    def deleted(self) -> list[JobRecord]:
        """Jobs that were deleted while they ran, and run no longer."""
        with self.changed:
            return [record for record in self._records.values()
                    if record.deleted and record.state is not JobState.RUNNING]

    def outdated(self) -> list[JobRecord]:
        """Jobs that are over for longer than they are remembered."""
        with self.changed:
            ended = sorted((record for record in self._records.values() if record.state.is_over),
                           key=lambda record: -(record.finished or record.created))
            oldest = time.time() - self._retention.days * 86400
            return [record for place, record in enumerate(ended)
                    if place >= self._retention.number or (record.finished or record.created) < oldest]

    def log(self, job: str) -> str:
        """What happened to a job, in plain text; empty before it ran first."""
        file = self.store.folder_of(self.job(job).id) / LOG_NAME
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def update(self, job: str, **changes: object) -> JobRecord | None:
        """Change a record, if it is still there."""
        with self._changing():
            record = self._records.get(job)
            if record is None:
                return None
            self._put(replace(record, **changes))  # type: ignore[arg-type]
            return self._records[job]

    def tell_progress(self, job: str, progress: Progress) -> None:
        """How far a job is: seen by whoever asks."""
        with self.changed:
            self._progress[job] = progress
            self._touch(job)

    def purge(self, record: JobRecord) -> None:
        """Remove a job that does not run, with what only it needs."""
        with self._changing():
            if record.state is not JobState.DONE:
                self._discard_work(record)
            self.forget_source(record)
            self.store.remove(record.id)
            self._records.pop(record.id, None)
            self._progress.pop(record.id, None)
            self._saved_progress.pop(record.id, None)
            self._touch(record.id)

    def forget_source(self, record: JobRecord) -> None:
        """An upload goes with its job, or with the last one that needs it."""
        if not record.order.keep_source and not self._that_need(record.order.source, but=record.id):
            record.order.source.unlink(missing_ok=True)

    # -- within

    def _that_need(self, source: Path, but: str = "") -> list[JobRecord]:
        """Unfinished jobs of this file."""
        return [record for record in self._records.values() if record.order.source == source and record.id != but
                and not record.state.is_over and not record.deleted]

    def _look_at_progress(self) -> None:
        """How far the job of another process is: that process saves it, and touches no record."""
        for record in self._records.values():
            if record.state is JobState.RUNNING and record.id not in self._progress:
                saved = self.store.progress(record.id)
                if saved != self._saved_progress.get(record.id):
                    self._saved_progress[record.id] = saved
                    self._touch(record.id)

    def _load(self) -> None:
        before, self._records = self._records, self.store.load()
        for job in self._records.keys() | before.keys():
            if self._records.get(job) != before.get(job):
                self._touch(job)

    @contextmanager
    def _changing(self) -> Generator[None, None, None]:
        with self.changed:
            if self._is_changing:  # `purge` within `delete`
                yield
                return
            with self.store.changing() as is_stale:
                if is_stale:
                    self._load()
                self._is_changing = True
                try:
                    yield
                finally:
                    self._is_changing = False

    def _put(self, record: JobRecord) -> JobView:
        self.store.save(record)
        self._records[record.id] = record
        self._touch(record.id)
        return self._view(record)

    def _touch(self, job: str) -> None:
        self._version += 1
        self._changed_at[job] = self._version
        self.changed.notify_all()

    def _record(self, job: str) -> JobRecord:
        record = self._records.get(job)
        if record is None or record.deleted:
            raise JobError(f"There is no job {job}.", stage="queue", remedy="`video3d jobs` lists them all.")
        return record

    def _view(self, record: JobRecord) -> JobView:
        order = record.order
        progress = self._progress.get(record.id) or self._saved_progress.get(record.id)
        if progress is None and record.started is not None:
            progress = self._saved_progress[record.id] = self.store.progress(record.id)
        return JobView(
            record.id, order.owner, order.display_name or order.source.name, order.source, record.target,
            order.settings, record.state, record.asked, order.priority, progress, record.notices, record.error,
            record.created, record.started, record.finished, record.frames, self._changed_at.get(record.id, 0),
            order.shots, record.begun,
        )

    def _expect(self, record: JobRecord, word: str, *states: JobState) -> None:
        if record.state not in states:
            raise JobError(f"This job is {record.state.value}: it cannot be {word}.", stage="queue",
                           remedy=_WHAT_NEXT[record.state])

    def _discard_work(self, record: JobRecord) -> None:
        Runner.discard(record)

    def _target(self, order: JobOrder) -> Path:
        taken = {record.target for record in self._records.values()}
        if order.target is not None:
            busy = {record.target for record in self._records.values() if not record.state.is_over}
            if order.target.absolute() in busy:
                raise TargetError(f"{order.target}: another job makes this file.", stage="target",
                                  remedy="Choose another name.")
            return order.target.absolute()
        named = Path(order.display_name).name or order.source.name
        wanted = self.host.result_name(named)
        folder = self.host.output_folder().absolute() / wanted.parent
        name = Path(target_name(Path(wanted.name), order.settings, order.source))
        numbered = (folder / (f"{name.stem} ({n}){name.suffix}" if n > 1 else name.name) for n in range(1, 1 << 30))
        return next(path for path in numbered if path not in taken and not path.exists())


def _new_id() -> str:
    """Unguessable, and no command line takes it for a flag."""
    while (word := secrets.token_urlsafe(ID_BYTES)).startswith("-"):
        pass
    return word


_WHAT_NEXT = {
    JobState.WAITING: "It runs when its turn comes.", JobState.RUNNING: "Pause or cancel it first.",
    JobState.PAUSED: "Resume or cancel it.", JobState.DONE: "Submit it again to make it anew.",
    JobState.FAILED: "Retry it, or delete it.", JobState.CANCELLED: "Retry it, or delete it.",
}
