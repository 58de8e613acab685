"""The queue on disk: one folder a job, which several processes may read and change.

    FOLDER/changes              touched after each change
    FOLDER/lock                 held while something is changed
    FOLDER/runner               held by the process that converts
    FOLDER/ID/job.json          the record: replaced as a whole
    FOLDER/ID/progress.json     how far it is, once a second
    FOLDER/ID/preview.jpg       the newest picture
    FOLDER/ID/log.txt           what happened
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from video3d.durable import locked, sync_folder, write_text
from video3d.errors import JobError, SettingsError
from video3d.params import from_values, to_values
from video3d.queue.model import JobOrder, JobProblem, JobState
from video3d.reporting import Progress
from video3d.serial import from_json, to_json
from video3d.settings import ConversionSettings

RECORD = "job.json"
PROGRESS = "progress.json"
PREVIEW = "preview.jpg"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, SettingsError)


@dataclass(frozen=True)
class JobRecord:
    """What is kept of a job."""

    id: str
    order: JobOrder
    target: Path
    created: float
    state: JobState = JobState.WAITING
    asked: JobState | None = None
    at_once: bool = False
    """What is asked of a running job is not to wait for the end of its unit."""
    restart: bool = False
    """What an earlier attempt finished is thrown away."""
    has_new_shots: bool = False
    """The shots were edited since an attempt ran."""
    deleted: bool = False
    """Nobody sees it any more; it goes as soon as it no longer runs."""
    notices: tuple[str, ...] = ()
    error: JobProblem | None = None
    started: float | None = None
    begun: float | None = None
    """When it began what is finished of it: never later than `started`, and anew where some of that is thrown away."""
    finished: float | None = None
    frames: int | None = None


class JobStore:
    """Reads and writes records. It remembers what it saw last, and whether another process changed something since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = -1

    def make(self) -> None:
        """Make the folder; JobError where that cannot be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise JobError(f"{self.folder}: the queue cannot be kept here ({problem.strerror or problem}).",
                           stage="queue", remedy="Choose another folder with --queue.") from None

    @property
    def runner_lock(self) -> Path:
        """Whoever holds it converts."""
        return self.folder / "runner"

    def folder_of(self, job: str) -> Path:
        """Where all about one job lies."""
        return self.folder / job

    def has_changed(self) -> bool:
        """Whether another process changed something since `load` or `changing`."""
        return self._stamp() != self._seen

    def load(self) -> dict[str, JobRecord]:
        """All records that can be read."""
        self._seen = self._stamp()
        found = (self._read(file) for file in self.folder.glob(f"*/{RECORD}"))
        return {record.id: record for record in found if record is not None}

    @contextmanager
    def changing(self) -> Generator[bool, None, None]:
        """Hold the folder while records change; gives whether somebody else changed something before."""
        with locked(self.folder / "lock"):
            yield self.has_changed()
            (self.folder / "changes").touch()
            self._seen = self._stamp()

    def save(self, record: JobRecord) -> None:
        """Write a record; it is on the disk when this returns."""
        data = to_json(record)
        data["order"]["settings"] = to_values(record.order.settings)
        folder = self.folder_of(record.id)
        if not folder.is_dir():
            folder.mkdir()
            sync_folder(self.folder)
        write_text(folder / RECORD, json.dumps(data, indent=1))

    def remove(self, job: str) -> None:
        """Forget a job."""
        folder = self.folder_of(job)
        (folder / RECORD).unlink(missing_ok=True)  # first: a folder without it is none
        shutil.rmtree(folder, ignore_errors=True)

    def save_progress(self, job: str, progress: Progress) -> None:
        """For other processes, and for later."""
        with suppress(OSError):
            write_text(self.folder_of(job) / PROGRESS, json.dumps(to_json(progress)), sync=False)

    def progress(self, job: str) -> Progress | None:
        """What was saved last."""
        with suppress(*_UNREADABLE):
            return from_json(Progress, json.loads((self.folder_of(job) / PROGRESS).read_text(encoding="utf-8")))
        return None

    def save_preview(self, job: str, picture: bytes) -> None:
        """The newest picture, as JPEG."""
        part = self.folder_of(job) / f"{PREVIEW}.part"
        with suppress(OSError):
            part.write_bytes(picture)
            part.replace(part.with_suffix(""))

    def preview(self, job: str) -> bytes | None:
        """What was saved last."""
        with suppress(OSError):
            return (self.folder_of(job) / PREVIEW).read_bytes()
        return None

    def _read(self, file: Path) -> JobRecord | None:
        with suppress(*_UNREADABLE):
            data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            settings = from_values(ConversionSettings, data["order"]["settings"])
            data["order"]["settings"] = to_json(settings)
            record = from_json(JobRecord, data)
            return record if record.id == file.parent.name else None
        return None

    def _stamp(self) -> int:
        with suppress(OSError):
            return (self.folder / "changes").stat().st_mtime_ns
        return 0
