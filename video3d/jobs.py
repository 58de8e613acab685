"""A conversion that survives being stopped: its folder holds every finished unit, and a journal of them.

The folder lies beside the target, so that publishing is a rename. Starting the same conversion again goes on where it
was; a change of source, settings, program, ffmpeg or model is noticed and refused.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from video3d import __version__, pipeline
from video3d.durable import lock, sync_file, sync_folder, write_text
from video3d.errors import Cancelled, JobError, SettingsError, TargetError
from video3d.host import Host
from video3d.params import to_values
from video3d.pipeline import Conversion
from video3d.planning import PlannedUnit, Planner
from video3d.prefetch import Prefetch
from video3d.settings import Container, ConversionSettings
from video3d.types import ColourTags, Frame, Progress, Reporter

FOLDER_SUFFIX = ".video3d-job"
UNITS_AHEAD = 4
"""Units that planning may be ahead of converting."""
_HASHED_BYTES = 1 << 20
_RATE_SECONDS = 10.0
_NEARLY_FULL = 1 << 16


@dataclass(frozen=True)
class JobRequest:
    """What is to be converted, and what may be done to what is there already."""

    source: Path
    target: Path
    settings: ConversionSettings
    overwrite: bool = False
    restart: bool = False
    """Throw away an unfinished conversion to the same target."""
    discard_on_failure: bool = False


@dataclass(frozen=True)
class JobResult:
    """A conversion that is done."""

    target: Path
    frames: int
    seconds: float
    """Wall time."""
    settings: ConversionSettings
    """As they were settled: a preset's word is in them."""


class JobWatcher:
    """Looks on while a job runs. This one takes no notice."""

    def is_pausing(self) -> bool:
        """True once the job should stop when the unit in work is done; it ends as `Cancelled`, and can be resumed."""
        return False

    def frame_written(self, frame: Frame, colour: ColourTags) -> None:
        """Called with each packed frame, from the thread that does the work; must return soon."""
        del frame, colour


def run_job(request: JobRequest, host: Host, reporter: Reporter, watcher: JobWatcher | None = None) -> JobResult:
    """Convert `request.source` to `request.target`: all of it, or nothing but a folder that can be resumed."""
    began = time.monotonic()
    with _explained(request.target):
        _check_target(request)
    conversion = pipeline.decide(request.source, request.settings, host)
    _check_suffix(request, conversion)
    for notice in conversion.notices:
        reporter.notice(notice)
    _check_cancelled(reporter)
    folder = JobFolder(folder_for(request.target))
    with _explained(request.target), folder.locked():
        try:
            folder.open(fingerprint(conversion), restart=request.restart)
            frames = _run(conversion, folder, request, reporter, watcher or JobWatcher())
        except JobError:  # the folder is another conversion's
            raise
        except BaseException:
            folder.leave(discard=request.discard_on_failure)
            raise
        folder.clear()
    return JobResult(request.target, frames, time.monotonic() - began, conversion.settings)


def _run(conversion: Conversion, folder: JobFolder, request: JobRequest, reporter: Reporter,
         watcher: JobWatcher) -> int:
    planner = pipeline.plan(conversion, reporter)
    meter = _Meter(conversion, planner, reporter)
    converter = pipeline.open_converter(conversion, planner.origin, reporter)
    units: list[PlannedUnit] = []

    def written(frame: Frame) -> None:
        meter.count()
        watcher.frame_written(frame, conversion.info.colour)

    try:
        with Prefetch(planner, UNITS_AHEAD, "planning") as planned_units:
            for planned in planned_units:
                _check_cancelled(reporter)
                _check_pausing(watcher)
                units.append(planned)
                if folder.holds(planned):
                    meter.skip(planned.unit.frame_count)
                else:
                    converter.convert(planned, folder.segment(planned), written)
                    folder.add(planned)
    finally:
        converter.close()
    _check_cancelled(reporter)
    reporter.progress(Progress("join", meter.done, meter.done))
    finished = pipeline.join_units(conversion, units, [folder.segment(unit) for unit in units], folder.path, reporter)
    _check_cancelled(reporter)
    _publish(finished, request)
    return meter.done


def folder_for(target: Path) -> Path:
    """Where the unfinished work towards a target lies."""
    return target.with_name(target.name + FOLDER_SUFFIX)


def fingerprint(conversion: Conversion) -> dict[str, Any]:
    """All that the result's bytes depend on."""
    source = Path(conversion.info.path)
    return {
        "source": str(source.resolve()), "source_digest": _digest(source), "settings": to_values(conversion.settings),
        "program": __version__, "ffmpeg": conversion.shared.ffmpeg.version, "depth_model": conversion.model.id,
        "encoder": conversion.shared.encode.encoder,
    }


class JobFolder:
    """`job.json` (what the job is), `journal.jsonl` (one line for each finished unit), `segments/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_file = path / "lock"
        self._journal_file = path / "journal.jsonl"
        self._journal: dict[int, dict[str, Any]] = {}

    def open(self, job: dict[str, Any], *, restart: bool) -> None:
        """Make the folder, or go on with the one that is there; JobError if that is another job's."""
        if restart:
            self.clear()
        (self.path / "segments").mkdir(exist_ok=True)
        self._read_journal()
        self._claim(job)

    def _claim(self, job: dict[str, Any]) -> None:
        file = self.path / "job.json"
        if not self._journal:  # nothing was finished: there is nothing to go on with, and nothing to lose
            write_text(file, json.dumps(job, indent=1))
            return
        before: dict[str, Any] = {}
        with suppress(ValueError, FileNotFoundError):
            before = json.loads(file.read_text(encoding="utf-8"))
        changed = [name for name in job if before.get(name) != job[name]]
        if changed:
            what = ", ".join(name.replace("_", " ") for name in changed)
            raise JobError(
                f"{self.path}: an unfinished conversion to the same target is there, made with another {what}.",
                stage="resume", remedy="Add --restart to throw it away, or choose another target with -o.",
            )

    def segment(self, planned: PlannedUnit) -> Path:
        """Where the unit's segment lies."""
        return self.path / "segments" / f"{planned.unit.index:05d}.mp4"

    def holds(self, planned: PlannedUnit) -> bool:
        """Whether this very unit is finished."""
        segment = self.segment(planned)
        line = self._journal.get(planned.unit.index)
        return line == _journal_line(planned, segment) if segment.exists() else False

    def add(self, planned: PlannedUnit) -> None:
        """Note a finished unit; it is on the disk when this returns."""
        segment = self.segment(planned)
        sync_file(segment)
        sync_folder(segment.parent)
        line = _journal_line(planned, segment)
        with self._journal_file.open("a", encoding="utf-8") as journal:
            journal.write("\n" + json.dumps(line) + "\n")  # the line before may have been cut off
            journal.flush()
            os.fsync(journal.fileno())
        self._journal[planned.unit.index] = line

    def leave(self, *, discard: bool) -> None:
        """After a failure: keep what can be resumed, and nothing else."""
        if discard or not self._journal:
            self.clear()
            return
        for leftover in [*self.path.glob("segments/*.part.mp4"), *self.path.glob("joined.*"),
                         *self.path.glob("labelled.*")]:
            leftover.unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete all in the folder; the folder itself goes when it is no longer held."""
        self._journal.clear()
        shutil.rmtree(self.path / "segments", ignore_errors=True)
        for file in self.path.iterdir():
            if file != self._lock_file and file.is_file():
                file.unlink(missing_ok=True)

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

    def _read_journal(self) -> None:
        if not self._journal_file.exists():
            return
        for text in self._journal_file.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(KeyError, TypeError, ValueError):  # a line may be cut off
                line = json.loads(text)
                self._journal[line["index"]] = line


@dataclass
class _Meter:
    """Counts frames and tells how fast they come."""

    conversion: Conversion
    planner: Planner
    reporter: Reporter
    done: int = 0
    _skipped: int = 0
    _recent: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def skip(self, frames: int) -> None:
        """Frames of a unit that was finished before."""
        self._skipped += frames
        self.done += frames
        self._tell()

    def count(self) -> None:
        """One more frame."""
        self.done += 1
        self._tell()

    def _tell(self) -> None:
        total = self.planner.planned_frames if self.planner.is_complete else self._estimate()
        rate = self._rate(time.monotonic(), self.done - self._skipped)
        left = (total - self.done) / rate if total is not None and rate > 0 else None
        self.reporter.progress(Progress("convert", self.done, total, rate, left))

    def _rate(self, now: float, made: int) -> float:
        """Frames per second, lately: what came before the first frame does not count."""
        self._recent.append((now, made))
        while len(self._recent) > 2 and self._recent[1][0] < now - _RATE_SECONDS:
            self._recent.popleft()
        elapsed = now - self._recent[0][0]
        return (made - self._recent[0][1]) / elapsed if elapsed > 0 else 0.0

    def _estimate(self) -> int | None:
        info, chosen = self.conversion.info, self.conversion.range
        if info.duration is None or info.frame_rate is None:
            return None
        end = min(info.duration, chosen.end) if chosen.end is not None else info.duration
        return max(self.planner.planned_frames, self.done, round((end - chosen.start) * info.frame_rate))


def _journal_line(planned: PlannedUnit, segment: Path) -> dict[str, Any]:
    unit = planned.unit
    return {
        "index": unit.index, "first": unit.first, "last": unit.last, "cuts": list(unit.cuts), "warm_up": unit.warm_up,
        "run_out": planned.run_out, "times": hashlib.sha256(planned.times.tobytes()).hexdigest()[:16],
        "bytes": segment.stat().st_size,
    }


@contextmanager
def _explained(target: Path) -> Generator[None, None, None]:
    """What the system says about writing, as a TargetError."""
    try:
        yield
    except BrokenPipeError:  # not a file: whoever read our output has gone
        raise
    except OSError as problem:
        # numpy reports a short write without saying why.
        is_short = problem.errno is None and shutil.disk_usage(target.parent).free < _NEARLY_FULL
        if problem.errno == errno.ENOSPC or is_short:
            raise TargetError(f"{target}: the disk is full.", stage="target",
                              remedy="Free some space and start the same conversion again.") from None
        raise TargetError(f"{target}: it cannot be written ({problem.strerror or problem}).", stage="target",
                          remedy="Choose another place with -o.") from None


def _check_target(request: JobRequest) -> None:
    target = request.target
    if target.is_dir():
        raise TargetError(f"{target}: this is a folder.", stage="target", remedy="Name a file with -o.")
    if target.exists() and target.resolve() == request.source.resolve():
        raise TargetError(f"{target}: the result would replace the source.", stage="target",
                          remedy="Choose another name with -o.")
    if target.exists() and not request.overwrite:
        raise TargetError(f"{target}: it is there already.", stage="target",
                          remedy="Add --overwrite, or choose another name with -o.")
    if not target.parent.is_dir():
        raise TargetError(f"{target.parent}: there is no such folder.", stage="target", remedy="Make it first.")


def _check_suffix(request: JobRequest, conversion: Conversion) -> None:
    """SettingsError where the target's name promises another kind of file than the preset writes."""
    suffix, container = request.target.suffix.lower().lstrip("."), conversion.settings.output.container
    if suffix in [known.value for known in Container if known is not container]:
        raise SettingsError(f"{request.target}: a {container.value} file will be written.", stage="settings",
                            remedy=f"Let the name end in .{container.value}, or leave --preset out.")


def _publish(finished: Path, request: JobRequest) -> None:
    sync_file(finished)
    if request.target.exists() and not request.overwrite:
        raise TargetError(f"{request.target}: it was made by someone else meanwhile.", stage="target",
                          remedy="Choose another name with -o; the finished work is kept.")
    finished.replace(request.target)
    sync_folder(request.target.parent)


def _check_cancelled(reporter: Reporter) -> None:
    if reporter.is_cancelled():
        raise Cancelled("Stopped.", stage="convert")


def _check_pausing(watcher: JobWatcher) -> None:
    if watcher.is_pausing():
        raise Cancelled("Paused.", stage="convert")


def _digest(source: Path) -> str:
    """Size and both ends: enough to notice another file, without reading all of a film."""
    size = source.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with source.open("rb") as file:
        digest.update(file.read(_HASHED_BYTES))
        file.seek(max(0, size - _HASHED_BYTES))
        digest.update(file.read(_HASHED_BYTES))
    return digest.hexdigest()
