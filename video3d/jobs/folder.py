"""The folder of an unfinished conversion.

    job.json         what is converted, and with what (`JobDescription`)
    journal.jsonl    one line for each finished unit
    segments/        what these units became
    joined.mp4       what all segments became, once it is whole: they go then
    joined.json      that it is whole
    published.json   what took the target's name, if it did
    earlier-1/ …     what was finished before a person edited the shots; what is the same is taken over
    attempt-…/       what the attempt at work, or one that died, has not finished
    lock             held by the process at work
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from video3d.durable import lock, sync_file, sync_folder, write_text
from video3d.errors import JobError
from video3d.jobs.description import JobDescription, read_description
from video3d.jobs.earlier import EarlierWork
from video3d.jobs.fingerprint import differences
from video3d.jobs.journal import (
    JOURNAL,
    SEGMENTS,
    content,
    files_of,
    is_same_unit,
    is_whole,
    journal_line,
    read_journal,
)
from video3d.planning import PlannedUnit
from video3d.serial import to_json

FOLDER_SUFFIX = ".video3d-job"


def folder_for(target: Path) -> Path:
    """Where the unfinished work towards a target lies."""
    return target.with_name(target.name + FOLDER_SUFFIX)


class JobFolder:
    """One process at a time works in it, inside `locked`. Its threads may call it at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.segments = path / SEGMENTS
        self.attempt = path / f"attempt-{secrets.token_hex(4)}"
        """Only this attempt writes there: a child of one that was killed may still be writing to its own."""
        self._lock_file = path / "lock"
        self._journal_file = path / JOURNAL
        self._published_file = path / "published.json"
        self._joined_file = path / "joined.json"
        self._journal: dict[int, dict[str, Any]] = {}
        self._earlier = EarlierWork(path)
        self.joined: Path | None = None
        """All segments in one file, where an earlier attempt, or this one, came so far."""

    def open(self, job: JobDescription, *, restart: bool, new_shots: bool = False) -> None:
        """Make the folder, or go on with the one that is there; JobError if that is another job's.

        With `new_shots` it may have been made with other shots: units that are the same are kept.
        """
        if restart:
            self.clear()
        self._journal = read_journal(self._journal_file)
        self.joined = self._read_joined() if self._journal else None
        self._claim(job, new_shots=new_shots)
        self._drop_attempts()
        self.segments.mkdir(exist_ok=True)
        self.attempt.mkdir()
        sync_folder(self.path)

    def _claim(self, job: JobDescription, *, new_shots: bool) -> None:
        self._earlier.tidy()
        if self._journal or self._earlier.is_there:
            before = self._same(job, new_shots=new_shots)
            if before.fingerprint.get("shots") == job.fingerprint.get("shots"):
                return
            if self.joined is not None:  # what was joined cannot be parted
                self.clear()
            elif self._journal:
                self._earlier.set_aside()
                self._journal = {}
        # Else nothing was finished: there is nothing to go on with, and nothing to lose.
        write_text(self.path / "job.json", json.dumps(to_json(job), indent=1))

    def _same(self, job: JobDescription, *, new_shots: bool) -> JobDescription:
        """What the unfinished conversion is; JobError where it is another one."""
        remedy = "Add --restart to throw it away, or choose another target with -o."
        try:
            before = read_description(self.path)
        except JobError:
            raise JobError(f"{self.path}: what was finished there cannot be told to be of this conversion.",
                           stage="resume", remedy=remedy) from None
        now = {name: value for name, value in job.fingerprint.items() if name != "shots" or not new_shots}
        what = differences(before.fingerprint, now)
        if what:
            raise JobError(f"{self.path}: an unfinished conversion to the same target is there, made with another "
                           f"{what}.", stage="resume", remedy=remedy)
        return before

    def segment(self, planned: PlannedUnit) -> Path:
        """Where the unit's finished segment lies."""
        return self.segments / f"{planned.unit.index:05d}.mp4"

    def unfinished(self, index: int) -> Path:
        """Where the segment of unit number `index` is made."""
        return self.attempt / f"{index:05d}.mp4"

    @property
    def is_new(self) -> bool:
        """Whether nothing is finished yet."""
        return not (self._journal or self._earlier.is_there or self.joined)

    def holds(self, planned: PlannedUnit) -> bool:
        """Whether this very unit is finished, and all its files are still what they were, or joined.

        A unit that was finished before the shots were edited, and is the same, is taken over. JobError where what was
        joined has no such unit.
        """
        wanted = journal_line(planned, [])
        line = self._journal.get(planned.unit.index)
        if line is not None and not is_same_unit(line, wanted):
            line = None
        if self.joined is not None:
            if line is None:
                raise JobError(f"{self.path}: what was finished there has other parts than this video.",
                               stage="resume", remedy="Add --restart to throw it away.")
            return True
        if line is not None and is_whole(line, self.segment(planned)):
            return True
        return self._take_over(planned, wanted)

    def _take_over(self, planned: PlannedUnit, wanted: Mapping[str, Any]) -> bool:
        segment = self._earlier.find(wanted)
        if segment is None:
            return False
        stem = self.segment(planned).stem
        for file in self._earlier.beside(segment):
            file.replace(self.path / (stem + file.name.removeprefix(segment.stem)))
        self._keep(planned, segment)
        return True

    def forget_earlier(self) -> None:
        """All units are finished: what was set aside of those before the shots were edited is not needed any more."""
        self._earlier.clear()

    def add(self, planned: PlannedUnit) -> None:
        """Take a unit's files from where they were made, and note it; all is on the disk when this returns."""
        self._keep(planned, self.unfinished(planned.unit.index))

    def _keep(self, planned: PlannedUnit, made: Path) -> None:
        stem = self.segment(planned).stem
        beside = [file for file in made.parent.glob(f"{made.stem}.*") if file != made]
        for file in [*beside, made]:
            sync_file(file)
            file.replace(self.segments / (stem + file.name.removeprefix(made.stem)))
        sync_folder(self.segments)
        line = journal_line(planned, files_of(self.segment(planned)))
        is_new = not self._journal_file.exists()
        with self._journal_file.open("a", encoding="utf-8") as journal:
            journal.write("\n" + json.dumps(line) + "\n")  # the line before may have been cut off
            journal.flush()
            os.fsync(journal.fileno())
        if is_new:
            sync_folder(self.path)
        self._journal[planned.unit.index] = line

    def keep_joined(self, joined: Path) -> Path:
        """Take the file that all segments became, and delete them; returns where it lies now."""
        kept = self.path / f"joined{joined.suffix}"
        sync_file(joined)
        joined.replace(kept)
        sync_folder(self.path)
        write_text(self._joined_file, json.dumps({"name": kept.name, **content(kept)}))
        self.joined = kept
        for segment in self.segments.iterdir():
            segment.unlink()
        return kept

    def _read_joined(self) -> Path | None:
        try:
            note = json.loads(self._joined_file.read_text(encoding="utf-8"))
            file = self.path / note.pop("name")
            return file if note == content(file) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def kept_bytes(self) -> int:
        """What the finished segments take, or what they became."""
        kept = [*self.segments.glob("*"), *([self.joined] if self.joined is not None else []), *self._earlier.files()]
        return sum(file.stat().st_size for file in kept)

    def leave(self, *, discard: bool) -> None:
        """After a failure: keep what can be resumed, and nothing else."""
        if discard or not (self._journal or self._earlier.is_there):
            self.clear()
        else:
            self._drop_attempts()

    def clear(self) -> None:
        """Delete all in the folder; the folder itself goes when it is no longer held."""
        self._journal.clear()
        self.joined = None
        self._journal_file.unlink(missing_ok=True)  # first: what it does not name is not there
        self._earlier.clear()
        self._drop_attempts()
        shutil.rmtree(self.segments, ignore_errors=True)
        for file in sorted(self.path.iterdir(), key=self._published_file.__eq__):  # that one last
            if file != self._lock_file and file.is_file():
                file.unlink(missing_ok=True)

    def about_to_publish(self, finished: Path, frames: int) -> None:
        """Note what is going to take the target's name, so that a kill between that and `clear` is understood."""
        write_text(self._published_file, json.dumps({**content(finished), "frames": frames}))

    def published(self, target: Path) -> int | None:
        """How many frames the target has, where it is what this folder was going to publish."""
        try:
            note = json.loads(self._published_file.read_text(encoding="utf-8"))
            frames = int(note.pop("frames"))
            return frames if note == content(target) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Make the folder and hold it; JobError if another process does. An empty one is removed in the end."""
        self.path.mkdir(exist_ok=True)
        is_empty = False
        try:
            with self._lock_file.open("a+b") as file:
                if not lock(file.fileno()):
                    raise JobError(f"{self.path}: another process is at work on this conversion.", stage="resume",
                                   remedy="Wait for it, or choose another target with -o.")
                try:
                    yield
                finally:
                    is_empty = list(self.path.iterdir()) == [self._lock_file]
        finally:
            if is_empty:
                with suppress(OSError):  # somebody else holds it by now
                    self._lock_file.unlink(missing_ok=True)
                    self.path.rmdir()

    def _drop_attempts(self) -> None:
        for leftover in self.path.glob("attempt-*"):
            shutil.rmtree(leftover, ignore_errors=True)
