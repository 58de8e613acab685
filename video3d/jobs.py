"""A conversion that survives being stopped: its folder holds every finished unit, and a journal of them.

The folder lies beside the target, so that publishing is a rename. Starting the same conversion again goes on where it
was; a change of source, settings, program, ffmpeg or model is noticed and refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from video3d import __version__, pipeline
from video3d.errors import Cancelled, JobError, TargetError
from video3d.host import Host
from video3d.params import to_values
from video3d.pipeline import Conversion
from video3d.planning import PlannedUnit, Planner
from video3d.prefetch import Prefetch
from video3d.settings import ConversionSettings
from video3d.types import Progress, Reporter

FOLDER_SUFFIX = ".video3d-job"
UNITS_AHEAD = 4
"""Units that planning may be ahead of converting."""
_HASHED_BYTES = 1 << 20
_RATE_SECONDS = 10.0


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


def run_job(request: JobRequest, host: Host, reporter: Reporter) -> JobResult:
    """Convert `request.source` to `request.target`: all of it, or nothing but a folder that can be resumed."""
    began = time.monotonic()
    conversion = pipeline.decide(request.source, request.settings, host)
    for notice in conversion.notices:
        reporter.notice(notice)
    _check_target(request)
    folder = JobFolder(request.target.with_name(request.target.name + FOLDER_SUFFIX))
    folder.open(fingerprint(conversion), restart=request.restart)
    try:
        with folder.locked():
            frames = _run(conversion, folder, request, reporter)
    except BaseException:
        folder.leave(discard=request.discard_on_failure)
        raise
    folder.remove()
    return JobResult(request.target, frames, time.monotonic() - began)


def _run(conversion: Conversion, folder: JobFolder, request: JobRequest, reporter: Reporter) -> int:
    planner = pipeline.plan(conversion, reporter)
    meter = _Meter(conversion, planner, reporter)
    converter = pipeline.open_converter(conversion, planner.origin, reporter)
    units: list[PlannedUnit] = []
    try:
        with Prefetch(planner, UNITS_AHEAD, "planning") as planned_units:
            for planned in planned_units:
                units.append(planned)
                if folder.holds(planned):
                    meter.skip(planned.unit.frame_count)
                else:
                    converter.convert(planned, folder.segment(planned), meter.count)
                    folder.add(planned)
    finally:
        converter.close()
    _check_cancelled(reporter)
    reporter.progress(Progress("join", meter.done, meter.done))
    finished = pipeline.join_units(conversion, units, [folder.segment(unit) for unit in units], folder.path, reporter)
    _check_cancelled(reporter)
    _publish(finished, request)
    return meter.done


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
        self._journal: dict[int, dict[str, Any]] = {}

    def open(self, job: dict[str, Any], *, restart: bool) -> None:
        """Make the folder, or go on with the one that is there; JobError if that is another job's."""
        if restart:
            self.remove()
        try:
            (self.path / "segments").mkdir(parents=True, exist_ok=True)
            self._claim(job)
        except OSError as problem:
            raise TargetError(f"{self.path.parent}: it cannot be written to ({problem.strerror}).", stage="target",
                              remedy="Choose another place with -o.") from None
        self._read_journal()

    def _claim(self, job: dict[str, Any]) -> None:
        file = self.path / "job.json"
        if not file.exists():
            file.write_text(json.dumps(job, indent=1), encoding="utf-8")
            return
        before: dict[str, Any] = {}
        with suppress(ValueError):  # a file that was cut off while it was written: nothing was finished then
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
        _sync(segment)
        line = _journal_line(planned, segment)
        with (self.path / "journal.jsonl").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._journal[planned.unit.index] = line

    def leave(self, *, discard: bool) -> None:
        """After a failure: keep what can be resumed, and nothing else."""
        if discard or not self._journal:
            self.remove()
            return
        for leftover in [*self.path.glob("segments/*.part.mp4"), *self.path.glob("joined.*"),
                         *self.path.glob("labelled.*")]:
            leftover.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    @contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Hold the folder; JobError if another process does."""
        with (self.path / "lock").open("a+b") as file:
            if not _lock(file.fileno()):
                raise JobError(f"{self.path}: another process is at work on this conversion.", stage="resume",
                               remedy="Wait for it, or choose another target with -o.")
            yield

    def _read_journal(self) -> None:
        file = self.path / "journal.jsonl"
        if not file.exists():
            return
        for text in file.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # the last line may be cut off
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
    _began: float = field(default_factory=time.monotonic)

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
        elapsed = time.monotonic() - self._began
        made = self.done - self._skipped
        rate = made / elapsed if elapsed > 0 else 0.0
        left = (total - self.done) / rate if total is not None and rate > 0 else None
        self.reporter.progress(Progress("convert", self.done, total, rate, left))

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


def _publish(finished: Path, request: JobRequest) -> None:
    _sync(finished)
    if request.target.exists() and not request.overwrite:
        raise TargetError(f"{request.target}: it was made by someone else meanwhile.", stage="target",
                          remedy="Choose another name with -o; the finished work is kept.")
    finished.replace(request.target)


def _check_cancelled(reporter: Reporter) -> None:
    if reporter.is_cancelled():
        raise Cancelled("Stopped.", stage="convert")


def _digest(source: Path) -> str:
    """Size and both ends: enough to notice another file, without reading all of a film."""
    size = source.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with source.open("rb") as file:
        digest.update(file.read(_HASHED_BYTES))
        file.seek(max(0, size - _HASHED_BYTES))
        digest.update(file.read(_HASHED_BYTES))
    return digest.hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
