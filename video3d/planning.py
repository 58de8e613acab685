"""The plan: which frames there are, when each is shown, where the shots begin, and which units they make.

Planning reads the source once, small, and hands units out while it goes on; or it is shown the frames that are being
converted (`single_pass.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, takewhile, tee
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from video3d.errors import Cancelled, SourceError
from video3d.media.source import SmallPicture, ThumbnailReader
from video3d.media.timeline import RisingTimes
from video3d.reporting import Reporter
from video3d.settings import RangeSettings
from video3d.shot_edits import ShotEdits, ShotValues
from video3d.shots import LOOK_AHEAD, CutDetector, Thumbnail, UnitGatherer, UnitLimits
from video3d.types import Unit
from video3d.video_info import VideoInfo

SEEKABLE_CONTAINERS = ("mov", "matroska", "avi")
"""Formats whose index leads to the right frame."""
SEEK_FROM = Fraction(10)
"""Seconds: a range that begins earlier is reached by reading."""
RUN_OUT = Fraction(3, 2)
"""Seconds that the stages of a unit look ahead, all together."""
SHORT_READ = Fraction(95, 100)
Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class PlannedUnit:
    """A unit, and what is needed to decode it alone."""

    unit: Unit
    times: npt.NDArray[np.int64]
    """Repaired times, in ticks of the source's video track, of frames `unit.first - unit.warm_up` to
    `unit.last + run_out`."""
    stated: npt.NDArray[np.int64] | None
    """The same frames' times as the file states them; None where these do not lead to the frames."""
    end: int
    """When the last frame gives way to the next, in ticks."""
    interlaced: bool
    run_out: int
    """Frames after the last one that stages with a look-ahead see, and nobody writes: where the shot goes on."""
    values: tuple[ShotValues, ...] = ()
    """What a person set for the unit's shots: for the one that it begins in, and for one after each cut. Or nothing."""

    @property
    def own_times(self) -> npt.NDArray[np.int64]:
        """Times of the frames that are written."""
        return self.times[self.unit.warm_up:self.unit.warm_up + self.unit.frame_count]


@dataclass(frozen=True)
class PlannedRange:
    """Which part of the source is converted, in seconds from its first frame."""

    start: Fraction
    end: Fraction | None

    @classmethod
    def of(cls, settings: RangeSettings) -> PlannedRange:
        """From the settings; a preview is a short range."""
        start = _exact(settings.start)
        ends = [_exact(settings.end)] if settings.end is not None else []
        if settings.preview is not None:
            ends.append(start + _exact(settings.preview))
        return cls(start, min(ends, default=None))


class SmallPictures(Protocol):
    """All frames of a source, small, from where a plan begins to read."""

    @property
    def notices(self) -> list[str]:
        """What went wrong, once all is read."""
        ...

    def __iter__(self) -> Iterator[SmallPicture]:
        """Once."""
        ...


class Planner:
    """Iterate once for the units. Frames are numbered from where reading began (`origin`)."""

    def __init__(self, info: VideoInfo, chosen: PlannedRange, reporter: Reporter, edits: ShotEdits | None = None,
                 look: Callable[[Fraction, SmallPicture], None] | None = None,
                 reader: Callable[[VideoInfo, int | None], SmallPictures] | None = None) -> None:
        """`edits`: shots that a person made of those found. `look` sees each picture, and its time in seconds from the
        source's first frame. `reader`, given the source and the `origin`, gives the pictures; else the file is read
        small."""
        self._info = info
        self._range = chosen
        self._reporter = reporter
        self._edits = edits
        self._look = look
        self._reader = reader or ThumbnailReader
        self.origin = self._origin()
        """Time (ticks) that was sought before frame 0, or None for the file's start."""
        self.planned_frames = 0
        """Frames handed out so far; all of them once `is_complete`."""
        self.is_complete = False
        self._typical = max(1, round(1 / (info.frame_rate or Fraction(25)) / info.time_base))
        self._rising = RisingTimes(self._typical)
        self._end = info.first_pts

    def __iter__(self) -> Iterator[PlannedUnit]:
        """Units in order; SourceError where the range holds no frame."""
        reader = self._reader(self._info, self.origin)
        draft = self.draft()
        with closing(self.stamps(reader)) as stamps:
            for stamp in stamps:
                draft.add(stamp)
                while draft.is_settled:
                    yield self.planned(draft.take())
        draft.close()
        while draft.is_settled:
            yield self.planned(draft.take())
        self.finish(reader.notices)

    def draft(self) -> Draft:
        """Of this plan's units, with no frame yet."""
        return Draft(self._info.time_base, self._stated_end())

    def stamps(self, reader: SmallPictures) -> Generator[Stamp, None, None]:
        """The frames of the range, a few frames after the reader has given them; close it."""
        with closing(self._stamped(reader)) as frames:
            yield from self._with_shots(self._chosen(frames))

    def planned(self, drafted: DraftedUnit) -> PlannedUnit:
        """A unit of the draft, counted as planned."""
        unit, stamps = drafted.unit, drafted.stamps
        offset = stamps[unit.warm_up].number - unit.first  # the draft counts from the range's first frame
        moved = replace(unit, first=unit.first + offset, last=unit.last + offset,
                        cuts=tuple(cut + offset for cut in unit.cuts))
        times = np.array([stamp.time for stamp in (*stamps, *drafted.run_out)], np.int64)
        self.planned_frames += unit.frame_count
        return PlannedUnit(
            moved, times, times if all(stamp.trusted for stamp in stamps) else None,
            self._end if drafted.next_time is None else drafted.next_time, any(stamp.interlaced for stamp in stamps),
            len(drafted.run_out), self._values(unit, stamps),
        )

    def finish(self, notices: list[str]) -> None:
        """All is planned; `notices` are the reader's. SourceError where the range holds no frame."""
        if self.planned_frames == 0:
            raise SourceError(f"{self._info.path}: there is no frame in the chosen range.", stage="plan",
                              remedy="Check --start and --end against the video's length.")
        self.is_complete = True
        self._tell(notices)

    def _stated_end(self) -> Fraction | None:
        """Seconds by the file's own clock at which the range ends, as far as the file tells."""
        first = self._info.first_pts * self._info.time_base
        ends = [] if self._info.duration is None else [self._info.start_time + self._info.duration]
        return min([*ends, *([] if self._range.end is None else [first + self._range.end])], default=None)

    def _origin(self) -> int | None:
        info = self._info
        seekable = any(name in SEEKABLE_CONTAINERS for name in info.container.split(","))
        if self._range.start < SEEK_FROM or not seekable:
            return None
        # A second early: the frame wanted must not be the one that reading begins with.
        return info.first_pts + int((self._range.start - 1) / info.time_base)

    def _stamped(self, reader: SmallPictures) -> Generator[tuple[Stamp, SmallPicture], None, None]:
        """Every frame with its repaired time."""
        waiting: deque[SmallPicture] = deque()
        number = 0
        for picture in _with_end(reader):
            if picture is not None:
                waiting.append(picture)
            for time in self._rising.flush() if picture is None else self._rising.push(picture.pts):
                shown = waiting.popleft()
                self._end = time + (shown.duration or self._typical)
                trusted = shown.pts == time and not shown.clock_moved
                yield Stamp(number, time, trusted, shown.interlaced, starts_shot=False), shown
                number += 1

    def _chosen(self, frames: Iterator[tuple[Stamp, SmallPicture]]) -> Iterator[tuple[Stamp, SmallPicture]]:
        for stamp, picture in frames:
            seconds = (stamp.time - self._info.first_pts) * self._info.time_base
            if self._reporter.is_cancelled():
                raise Cancelled("Stopped.", stage="plan")
            if self._range.end is not None and seconds >= self._range.end:
                self._end = stamp.time
                return
            if seconds >= self._range.start:
                if self._look is not None:
                    self._look(seconds, picture)
                yield stamp, picture

    def _with_shots(self, frames: Iterator[tuple[Stamp, SmallPicture]]) -> Iterator[Stamp]:
        """Each frame, with the knowledge whether a shot begins with it: as it is found, or as a person says."""
        if self._edits is None:
            yield from _with_shots(frames)
            return
        stamps, timed = tee(stamp for stamp, _ in frames)
        starts = self._edits.starts(self._seconds(stamp.time) for stamp in timed)
        for stamp, starts_shot in zip(stamps, starts, strict=True):
            yield replace(stamp, starts_shot=starts_shot)

    def _values(self, unit: Unit, stamps: list[Stamp]) -> tuple[ShotValues, ...]:
        if self._edits is None:
            return ()
        firsts = [stamps[unit.warm_up], *(stamps[cut - unit.first + unit.warm_up] for cut in unit.cuts)]
        return tuple(self._edits.values_at(self._seconds(stamp.time)) for stamp in firsts)

    def _seconds(self, time: int) -> Fraction:
        return (time - self._info.first_pts) * self._info.time_base

    def _tell(self, notices: list[str]) -> None:
        name = Path(self._info.path).name
        for notice in notices:
            self._reporter.notice(f"{name}: {notice}")
        if self._rising.repairs:
            self._reporter.notice(f"{name}: {self._rising.repairs} frames had missing or wrong times; they were put "
                                  "between their neighbours.")
        stated = self._info.duration
        read = (self._end - self._info.first_pts) * self._info.time_base
        late = self._info.first_pts * self._info.time_base - self._info.start_time
        if self._range.end is None and stated and read + late < min(SHORT_READ * stated, stated - Fraction(1, 2)):
            self._reporter.notice(f"{name}: pictures were found for {float(read):.1f} s of the {float(stated):.1f} s "
                                  "that the file states; all of these are converted.")


@dataclass(frozen=True)
class Stamp:
    """What the plan keeps of a frame."""

    number: int
    """From where reading began."""
    time: int
    """Repaired, in ticks."""
    trusted: bool
    """Whether the file itself states this time, so that seeking to it leads to the frame."""
    interlaced: bool
    starts_shot: bool


@dataclass(frozen=True)
class DraftedUnit:
    """A unit, numbered from the range's first frame, and what is known around it."""

    unit: Unit
    stamps: list[Stamp]
    """Of its frames, its warm-up before them."""
    run_out: list[Stamp]
    """Of the frames after it in which its shot goes on, as far as `RUN_OUT` reaches."""
    next_time: int | None
    """When the frame after it begins, in ticks; None where there is none."""


class Draft:
    """Gathers stamps to units, and remembers as many as warm-ups and run-outs need. Numbers count from the range's
    first frame."""

    def __init__(self, time_base: Fraction, end: Fraction | None) -> None:
        """`end` is what the gatherer is told."""
        limits = UnitLimits()
        self._gatherer = UnitGatherer(limits, end)
        self._base = time_base
        self._reach = int(limits.warm_up / time_base) + 1
        self._run_out = int(RUN_OUT / time_base) + 1
        self._stamps: deque[Stamp] = deque()
        self._forgotten = 0
        self._ended: deque[Unit] = deque()
        self._is_closed = False

    def add(self, stamp: Stamp) -> None:
        """The next frame of the range; the first begins a shot, whatever is said of it."""
        stamp = stamp if self.frames else replace(stamp, starts_shot=True)
        self._stamps.append(stamp)
        unit = self._gatherer.push(stamp.time * self._base, stamp.starts_shot)
        if unit is not None:
            self._ended.append(unit)

    def close(self) -> None:
        """There are no more frames."""
        last = self._gatherer.flush()
        self._is_closed = True
        if last is not None:
            self._ended.append(last)

    @property
    def frames(self) -> int:
        """Frames added so far."""
        return self._forgotten + len(self._stamps)

    @property
    def begin(self) -> int:
        """The first frame that the oldest unit decodes."""
        unit = self.ended
        return self.first - (self._gatherer.warm_up if unit is None else unit.warm_up)

    @property
    def first(self) -> int:
        """The oldest unit's own first frame."""
        unit = self.ended
        return self._gatherer.first if unit is None else unit.first

    @property
    def ended(self) -> Unit | None:
        """The oldest unit, once it has ended."""
        return self._ended[0] if self._ended else None

    @property
    def is_over(self) -> bool:
        """Whether all units were taken."""
        return self._is_closed and not self._ended

    @property
    def is_settled(self) -> bool:
        """Whether the oldest unit has ended, and all of its run-out is known."""
        unit = self.ended
        return unit is not None and (self._is_closed or not self.runs_out(self._stamps[-1], unit))

    def stamp(self, number: int) -> Stamp:
        """Of a frame that is still remembered."""
        return self._stamps[number - self._forgotten]

    def runs_out(self, stamp: Stamp, unit: Unit) -> bool:
        """Whether a frame after `unit` is so near that it belongs to its run-out, if its shot goes on there."""
        return stamp.time <= self.stamp(unit.last).time + self._run_out

    def take(self) -> DraftedUnit:
        """The oldest unit, which has ended, with as much of its run-out as was added; what no later unit can need is
        forgotten."""
        unit = self._ended.popleft()
        begin, end = unit.first - unit.warm_up - self._forgotten, unit.last + 1 - self._forgotten
        stamps, following = list(islice(self._stamps, begin, end)), list(islice(self._stamps, end, None))
        run_out = takewhile(lambda stamp: not stamp.starts_shot and self.runs_out(stamp, unit), following)
        drafted = DraftedUnit(unit, stamps, list(run_out), following[0].time if following else None)
        while self._stamps[0].time < stamps[-1].time - self._reach:
            self._stamps.popleft()
            self._forgotten += 1
        return drafted


def _with_shots(frames: Iterator[tuple[Stamp, SmallPicture]]) -> Iterator[Stamp]:
    """Each frame, now with the knowledge whether a shot begins with it."""
    detector = CutDetector()
    waiting: deque[Stamp] = deque()
    cuts: set[int] = set()
    decided = 0
    for item in _with_end(frames):
        if item is not None:
            waiting.append(item[0])
            cuts.update(detector.push(Thumbnail(*item[1].planes)))
        else:
            cuts.update(detector.flush())
        while waiting and (item is None or len(waiting) > LOOK_AHEAD):
            yield replace(waiting.popleft(), starts_shot=decided in cuts)
            decided += 1


def _with_end(items: Iterable[Item]) -> Iterator[Item | None]:
    yield from items
    yield None


def _exact(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(1_000_000)
