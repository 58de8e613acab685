"""One conversion from its beginning, or from where it was stopped, to the finished file."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from video3d import pipeline
from video3d.advice import advised
from video3d.converting import UnitConverter
from video3d.durable import sync_file, sync_folder
from video3d.errors import Cancelled, JobError, SettingsError, TargetError
from video3d.executors import Opener, do_all
from video3d.host import Host
from video3d.jobs.description import JobDescription
from video3d.jobs.fingerprint import fingerprint, with_chosen_model
from video3d.jobs.folder import JobFolder, folder_for
from video3d.jobs.log import LOG_NAME, Clock, JobLog
from video3d.jobs.meter import Meter
from video3d.jobs.space import check_space
from video3d.params import to_values
from video3d.pipeline import Conversion
from video3d.planning import PlannedUnit
from video3d.prefetch import Prefetch
from video3d.preparing import loading_ahead
from video3d.reporting import Progress, Reporter
from video3d.settings import Container, ConversionSettings
from video3d.shot_edits import ShotEdits
from video3d.single_pass import NotInOnePass, OpenUnit
from video3d.types import Frame
from video3d.unit_files import check_beside, publish_beside
from video3d.unit_frames import PlannedFrames, UnitFrames
from video3d.video_info import ColourTags

UNITS_AHEAD = 4
"""Units that planning may be ahead of converting."""
_NEARLY_FULL = 1 << 16
_FULL_DISK = ("No space left", "the disk is full")
"""What the stages say then."""


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
    workers: int = 1
    """Units converted at once; the result is the same."""
    devices: tuple[str, ...] = ()
    """torch's names of the devices that the workers' networks run on, in turn; empty: what the settings say."""
    shots: ShotEdits | None = None
    """The cut list that a person edited."""
    log: Path | None = None
    """Where the log goes; into the job's folder, and away with it, where nothing is said."""
    new_shots: bool = False
    """Go on with an unfinished conversion that had other shots; its units that stay the same are kept."""


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
        """True once the job should stop when the units in work are done; it ends as `Cancelled`, and can be resumed."""
        return False

    def frame_written(self, frame: Frame, colour: ColourTags) -> None:
        """Called with each packed frame, from a thread that does the work; must return soon."""
        del frame, colour

    def unit_finished(self, planned: PlannedUnit, segment: Path, conversion: Conversion) -> None:
        """Called when a unit's segment can be played; also for what an earlier attempt finished."""
        del planned, segment, conversion


def run_job(request: JobRequest, host: Host, reporter: Reporter, watcher: JobWatcher | None = None) -> JobResult:
    """Convert `request.source` to `request.target`: all of it, or nothing but a folder that can be resumed."""
    log = JobLog(request.log)
    log.begin(request.source, request.target)
    try:
        with loading_ahead():
            result = _run_job(request, host, _Logging(reporter, log), watcher or JobWatcher(), log)
    except BaseException as problem:
        log.problem(problem)
        raise
    log.write(f"done: {result.frames} frames in {result.seconds:.2f} s")
    return result


def _run_job(request: JobRequest, host: Host, reporter: Reporter, watcher: JobWatcher, log: JobLog) -> JobResult:
    clock, began = Clock(), time.monotonic()
    with _explained(request.target):
        frames = _published(request.target)
        if frames is not None:
            return JobResult(request.target, frames, time.monotonic() - began, request.settings)
        _check_target(request)
    conversion = replace(pipeline.decide(request.source, request.settings, host), shots=request.shots)
    _check_suffix(request, conversion)
    log.decided(conversion, clock.lap())
    check_beside(conversion.settings, request.target, overwrite=request.overwrite)
    for notice in conversion.notices:
        reporter.notice(notice)
    _check_cancelled(reporter)
    conversion = advised(conversion, reporter)
    folder = JobFolder(folder_for(request.target))
    with _explained(request.target), folder.locked():
        try:
            folder.open(_description(request, conversion), restart=request.restart, new_shots=request.new_shots)
            log.go_to(folder.path / LOG_NAME)
            check_space(conversion, folder.path, folder.kept_bytes(), reporter)
            frames = _Run(conversion, folder, request, reporter, watcher, log).run()
        except JobError:  # the folder is another conversion's
            raise
        except BaseException:
            folder.leave(discard=request.discard_on_failure)
            raise
        folder.clear()
    return JobResult(request.target, frames, time.monotonic() - began, conversion.settings)


def _published(target: Path) -> int | None:
    """Frames of a result that took its name just before its attempt was killed; the folder is cleared then."""
    folder = JobFolder(folder_for(target))
    frames = folder.published(target) if folder.path.is_dir() else None
    if frames is not None:
        with folder.locked():
            folder.clear()
    return frames


def _description(request: JobRequest, conversion: Conversion) -> JobDescription:
    return JobDescription(str(Path(conversion.info.path).absolute()),
                          to_values(with_chosen_model(request.settings, conversion)), fingerprint(conversion),
                          request.shots.to_json() if request.shots else None)


class _Run:
    """The units of one attempt, and their joining."""

    def __init__(self, conversion: Conversion, folder: JobFolder, request: JobRequest, reporter: Reporter,
                 watcher: JobWatcher, log: JobLog) -> None:
        self._conversion = conversion
        self._log = log
        self._folder = folder
        self._request = request
        self._reporter = _Stoppable(reporter)
        self._watcher = watcher
        self._planner = pipeline.plan(conversion, self._reporter)
        self._meter = Meter(conversion, self._planner, reporter)
        self._units: list[PlannedUnit] = []
        self._told: set[int] = set()
        """Numbers of the units whose end the watcher knows."""
        self._noting = threading.Lock()
        self._is_paused = False

    def run(self) -> int:
        """Do what is not done yet; returns how many frames the result has."""
        count = max(1, self._request.workers, len(self._request.devices))
        openers = [self._opener(number, count) for number in range(count)]
        clock = Clock()
        if not (count == 1 and self._folder.is_new and self._is_done_in_one_pass(openers)):
            with Prefetch(self._planner, UNITS_AHEAD, "planning") as planned:
                do_all(self._undone(planned), openers, self._reporter.stop)
        if self._is_paused:
            raise Cancelled("Paused.", stage="convert")
        self._check()
        self._folder.forget_earlier()
        self._log.write(f"all {len(self._units)} units after {clock.lap():.2f} s")
        self._reporter.progress(Progress("join", self._meter.done, self._meter.done))
        segments = [self._folder.segment(unit) for unit in self._units]
        finished = pipeline.join_units(self._conversion, self._units, segments, self._folder.attempt, self._reporter,
                                       self._folder)
        self._check()
        self._log.write(f"joined and labelled in {clock.lap():.2f} s, {finished.stat().st_size} bytes")
        for path in publish_beside(self._conversion.settings, self._request.target, self._folder.attempt,
                                   overwrite=self._request.overwrite):
            self._reporter.notice(f"Beside it: {path}")
        self._folder.about_to_publish(finished, self._meter.done)
        _publish(finished, self._request)
        return self._meter.done

    def _is_done_in_one_pass(self, openers: Sequence[Opener[UnitFrames]]) -> bool:
        """Plan and convert at once, where that can be; where it cannot, what was finished is kept."""
        one_pass = pipeline.single_pass(self._conversion, self._planner)
        if one_pass is None:
            return False
        try:
            with closing(iter(one_pass)) as units:
                do_all(self._unpaused(units), openers, self._reporter.stop)
        except NotInOnePass:
            self._log.write("the source is planned before it is converted")
            self._planner = pipeline.plan(self._conversion, self._reporter)
            self._meter.begin_again(self._planner)
            self._units.clear()
            return False
        return True

    def _unpaused(self, units: Iterator[OpenUnit]) -> Iterator[UnitFrames]:
        for unit in units:
            self._check()
            if self._is_pausing():
                return
            yield unit
            self._units.append(unit.planned)

    def _undone(self, planned_units: Iterator[PlannedUnit]) -> Iterator[UnitFrames]:
        """The units that must be converted, as they are planned."""
        for planned in planned_units:
            self._check()
            if self._is_pausing():
                return
            self._units.append(planned)
            with self._noting:
                is_held = self._folder.holds(planned)
            if is_held:
                self._log.write(f"unit {planned.unit.index}: finished before")
                self._meter.skip(planned.unit.frame_count)
                self._tell_finished(planned)
            else:
                yield PlannedFrames(planned)

    def _opener(self, number: int, count: int) -> Opener[UnitFrames]:
        @contextmanager
        def opened() -> Generator[Callable[[UnitFrames], None], None, None]:
            conversion = _for_worker(self._conversion, self._request.devices, number, count)
            converter = pipeline.open_converter(conversion, self._planner.origin, self._reporter)
            try:
                yield lambda unit: self._convert(converter, unit)
            finally:
                converter.close()

        return opened

    def _convert(self, converter: UnitConverter, unit: UnitFrames) -> None:
        if self._is_pausing():  # it was handed over while all were busy
            return
        clock = Clock()
        converter.convert(unit, self._folder.unfinished(unit.index), self._written)
        planned = unit.planned
        with self._noting:
            self._folder.add(planned)
        self._log.unit(planned, self._folder.segment(planned), clock.lap())
        self._tell_finished(planned)

    def _tell_finished(self, planned: PlannedUnit) -> None:
        if planned.unit.index not in self._told:
            self._told.add(planned.unit.index)
            self._watcher.unit_finished(planned, self._folder.segment(planned), self._conversion)

    def _is_pausing(self) -> bool:
        self._is_paused = self._is_paused or self._watcher.is_pausing()
        return self._is_paused

    def _written(self, frame: Frame) -> None:
        self._meter.count()
        self._watcher.frame_written(frame, self._conversion.info.colour)

    def _check(self) -> None:
        if self._reporter.is_cancelled():
            raise Cancelled("Stopped.", stage="convert")


class _Logging:
    """A reporter that puts notices into the log too."""

    def __init__(self, reporter: Reporter, log: JobLog) -> None:
        self._reporter = reporter
        self._log = log
        self.progress = reporter.progress
        self.is_cancelled = reporter.is_cancelled

    def notice(self, message: str) -> None:
        """See `Reporter`."""
        self._log.write(f"notice: {message}")
        self._reporter.notice(message)


class _Stoppable:
    """A reporter whose work also ends when a worker has failed."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._stopped = threading.Event()
        self.progress = reporter.progress
        self.notice = reporter.notice

    def stop(self) -> None:
        """End what is under way."""
        self._stopped.set()

    def is_cancelled(self) -> bool:
        """See `Reporter`."""
        return self._stopped.is_set() or self._reporter.is_cancelled()


def _for_worker(conversion: Conversion, devices: Sequence[str], number: int, count: int) -> Conversion:
    """Its share of the processors, and its device."""
    shared = replace(conversion.shared, workers=max(1, conversion.shared.workers // count))
    if not devices:
        return replace(conversion, shared=shared)
    depth = replace(conversion.settings.depth, device=devices[number % len(devices)])
    return replace(conversion, settings=replace(conversion.settings, depth=depth), shared=shared)


@contextmanager
def _explained(target: Path) -> Generator[None, None, None]:
    """What the system says about writing, as a TargetError."""
    try:
        yield
    except BrokenPipeError:  # not a file: whoever read our output has gone
        raise
    except TargetError as problem:
        if not any(words in problem.message for words in _FULL_DISK):
            raise
        raise _disk_is_full(target, problem.details) from None  # it named a file of the attempt
    except OSError as problem:
        # numpy reports a short write without saying why.
        is_short = problem.errno is None and shutil.disk_usage(target.parent).free < _NEARLY_FULL
        if problem.errno == errno.ENOSPC or is_short:
            raise _disk_is_full(target) from None
        raise TargetError(f"{target}: it cannot be written ({problem.strerror or problem}).", stage="target",
                          remedy="Choose another place with -o.") from None


def _disk_is_full(target: Path, details: str = "") -> TargetError:
    return TargetError(f"{target}: the disk is full.", stage="target", details=details,
                       remedy="Free some space and start the same conversion again; what is finished is kept.")


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
