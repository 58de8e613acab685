"""The frames of a unit on their way into the converter, and what is known of the unit when they have come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from video3d.media.source import FrameReader
from video3d.planning import PlannedUnit
from video3d.shot_edits import ShotValues
from video3d.types import Frame


@dataclass(frozen=True, eq=False)
class UnitFrame:
    """A frame of a unit; its `pts` is its repaired time."""

    frame: Frame
    number: int
    """In the source, from where reading began."""
    starts_shot: bool
    is_written: bool
    """False in a warm-up and a run-out."""


class UnitFrames(Protocol):
    """A unit, planned before or while its frames come."""

    @property
    def index(self) -> int:
        """Units are numbered from 0."""
        ...

    @property
    def values(self) -> tuple[ShotValues, ...]:
        """See `PlannedUnit`."""
        ...

    def frames(self, reader: FrameReader) -> Iterator[UnitFrame]:
        """All of them, once, those that were not decoded yet by `reader`. A source that ends early gives fewer."""
        ...

    def times_of_shot(self, first: int) -> list[int]:
        """Times of the frames from number `first` to the next cut, in ticks; none where they are not known, or the
        file does not state them."""
        ...

    @property
    def planned(self) -> PlannedUnit:
        """The unit as it was planned, known when all frames have come."""
        ...


class PlannedFrames:
    """Of a unit that was planned before."""

    def __init__(self, planned: PlannedUnit) -> None:
        self.planned = planned
        self.index = planned.unit.index
        self.begins_shot = planned.unit.warm_up == 0
        """Whether nothing warms it up: its first frame begins a shot, or is too far from the one before."""
        self.values = planned.values
        self._begin = planned.unit.first - planned.unit.warm_up

    def frames(self, reader: FrameReader) -> Iterator[UnitFrame]:
        """See `UnitFrames`."""
        planned, unit = self.planned, self.planned.unit
        frames = reader.read(self._begin, planned.times, planned.stated, interlaced=planned.interlaced)
        for number, frame in enumerate(frames, self._begin):
            starts_shot = number in unit.cuts or (number == unit.first and self.begins_shot)
            yield UnitFrame(frame, number, starts_shot, unit.first <= number <= unit.last)

    def times_of_shot(self, first: int) -> list[int]:
        """See `UnitFrames`."""
        planned = self.planned
        if planned.stated is None:
            return []
        end = min((cut for cut in planned.unit.cuts if cut > first), default=self._begin + len(planned.times))
        return [int(time) for time in planned.times[first - self._begin:end - self._begin]]
