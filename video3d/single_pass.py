"""A plan that is made while its units are converted, so that the source is decoded once.

Only where a shot is split, the few seconds around that place are decoded again: the next unit's warm-up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np

from video3d.media.source import BothReader, FrameReader, Planes, SmallPicture
from video3d.planning import Draft, PlannedUnit, Planner, Stamp
from video3d.shot_edits import ShotValues
from video3d.types import Frame, PixelFormat
from video3d.unit_frames import UnitFrame
from video3d.video_info import VideoInfo

_WAITING = 16
"""Whole pictures: more than the search for cuts looks ahead."""


class NotInOnePass(Exception):  # noqa: N818 - no fault: the same is to be done in another way
    """The source turns out to need a plan before it is converted: its fields must be made frames."""


class SinglePass:
    """Iterate once for the units; all frames of one are taken before the next is asked for.

    The units are those that `planner` would find; it counts them.
    """

    def __init__(self, planner: Planner, info: VideoInfo, pixel_format: PixelFormat) -> None:
        """`pixel_format`: of the frames wanted."""
        self._planner = planner
        self._info = info
        self._format = pixel_format

    def __iter__(self) -> Generator[OpenUnit, None, None]:
        """Close it. NotInOnePass where that turns out, from here or from a unit's frames."""
        pictures = _Pictures(BothReader(self._info, self._format, self._planner.origin))
        with closing(self._planner.stamps(pictures)) as stamps:
            drafting = _Drafting(self._planner, stamps, pictures, self._format)
            index = 0
            while drafting.has_unit():
                unit = OpenUnit(index, drafting)
                yield unit
                index += 1
        self._planner.finish(pictures.notices)


class OpenUnit:
    """A unit that ends where the plan finds its end while its frames are taken. See `UnitFrames`."""

    values: tuple[ShotValues, ...] = ()

    def __init__(self, index: int, drafting: _Drafting) -> None:
        self.index = index
        self._drafting = drafting
        self._begin = drafting.draft.begin
        self.begins_shot = self._begin == drafting.draft.first
        self._planned: PlannedUnit | None = None

    @property
    def planned(self) -> PlannedUnit:
        """See `UnitFrames`."""
        if self._planned is None:
            raise RuntimeError("not all frames of the unit have been taken")
        return self._planned

    def frames(self, reader: FrameReader) -> Iterator[UnitFrame]:
        """See `UnitFrames`."""
        drafting = self._drafting
        number, first = self._begin, drafting.draft.first
        for frame in drafting.again(self._begin, reader):
            stamp = drafting.draft.stamp(number)
            yield UnitFrame(frame, stamp.number, stamp.starts_shot, number >= first)
            number += 1
        while (stamp := drafting.stamp(number)) is not None:
            ended = drafting.draft.ended
            is_after = ended is not None and number > ended.last
            if ended is not None and is_after and (stamp.starts_shot or not drafting.draft.runs_out(stamp, ended)):
                break
            starts_shot = stamp.starts_shot or (number == first and self.begins_shot)
            yield UnitFrame(drafting.frame(number), stamp.number, starts_shot, number >= first and not is_after)
            number += 1
        self._planned = drafting.planned()

    def times_of_shot(self, first: int) -> list[int]:
        """See `UnitFrames`: the shot's end is not known yet."""
        del first
        return []


class _Pictures:
    """Small pictures for the plan; the whole ones wait until it has come to them."""

    def __init__(self, reader: BothReader) -> None:
        self.notices = reader.notices
        self._reader = reader
        self._waiting: OrderedDict[int, Planes] = OrderedDict()

    def __iter__(self) -> Iterator[SmallPicture]:
        for number, both in enumerate(self._reader):
            if both.small.interlaced or both.planes is None:
                raise NotInOnePass
            self._waiting[number] = both.planes
            if len(self._waiting) > _WAITING:
                self._waiting.popitem(last=False)  # before the range
            yield both.small

    def take(self, number: int) -> Planes:
        """Those of one frame, once."""
        planes = self._waiting.pop(number, None)
        if planes is None:
            raise NotInOnePass
        return planes


class _Drafting:
    """The plan as far as it is made, and the frames that it was made from. Numbers are the draft's."""

    def __init__(self, planner: Planner, stamps: Iterator[Stamp], pictures: _Pictures, pixel_format: PixelFormat
                 ) -> None:
        self.draft: Draft = planner.draft()
        self._planner = planner
        self._stamps = stamps
        self._pictures = pictures
        self._format = pixel_format
        self._given = 0
        """Frames that were handed out."""

    def has_unit(self) -> bool:
        """Whether there is a frame beyond the units that were taken."""
        return not self.draft.is_over and self.stamp(self.draft.first) is not None

    def stamp(self, number: int) -> Stamp | None:
        """Of a frame that is known, or the next; None where there is none."""
        if number < self.draft.frames:
            return self.draft.stamp(number)
        stamp = next(self._stamps, None)
        if stamp is None:
            self.draft.close()
            return None
        self.draft.add(stamp)
        return self.draft.stamp(number)

    def frame(self, number: int) -> Frame:
        """The first one that was not handed out yet."""
        stamp = self.draft.stamp(number)
        self._given = number + 1
        return Frame(self._pictures.take(stamp.number), stamp.time, self._format)

    def again(self, begin: int, reader: FrameReader) -> Iterator[Frame]:
        """Frames from number `begin` on that were handed out before, for the unit at the split."""
        stamps = [self.draft.stamp(number) for number in range(begin, self._given)]
        if not stamps:
            return
        times = np.array([stamp.time for stamp in stamps], np.int64)
        stated = times if all(stamp.trusted for stamp in stamps) else None
        came = 0
        for frame in reader.read(stamps[0].number, times, stated):
            came += 1
            yield frame
        reader.close()
        if came < len(stamps):
            raise NotInOnePass

    def planned(self) -> PlannedUnit:
        """The oldest unit, all of whose frames were handed out."""
        return self._planner.planned(self.draft.take())
