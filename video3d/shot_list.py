"""The cut list of a video, as a conversion of it finds it, with a small picture of each shot."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2 as opencv
import numpy as np

from video3d.media.source import SmallPicture, probe
from video3d.planning import PlannedRange, PlannedUnit, Planner
from video3d.reporting import Reporter
from video3d.settings import RangeSettings
from video3d.shot_edits import EditedShot, ShotEdits
from video3d.video_info import VideoInfo

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

PICTURES_EACH = Fraction(1, 2)
"""Seconds between the pictures that a thumbnail is chosen from."""
THUMBNAIL_WIDTH = 240
JPEG_QUALITY = 85


@dataclass(frozen=True)
class FoundShot:
    """A shot of a video."""

    index: int
    start: float
    """Seconds from the video's first frame, exact to a microsecond."""
    end: float
    thumbnail: bytes | None
    """A JPEG of its middle, where it was asked for."""


def find_shots(source: Path, chosen: RangeSettings, reporter: Reporter, *, thumbnails: bool = False,
               covered: Callable[[float], None] = lambda _: None) -> Iterator[FoundShot]:
    """The shots of a video, as they are found; raises what `probe` and `Planner` raise.

    `covered` is told now and then how many seconds from the first frame were looked through.
    """
    info = probe(source)
    pictures = _Pictures(info)
    planner = Planner(info, PlannedRange.of(chosen), reporter, look=pictures.see if thumbnails else None)
    index, start, end = 0, Fraction(0), Fraction(0)
    for number, planned in enumerate(planner):
        for begin in _beginnings(planned, info, is_first=number == 0):
            if number or begin > start:
                yield _found(index, start, begin, pictures)
                index += 1
            start = begin
        end = _seconds(planned.end, info)
        covered(float(end))
    yield _found(index, start, end, pictures)


def edits_of(shots: list[FoundShot]) -> ShotEdits:
    """A list to edit: the shots as they were found, with nothing set."""
    return ShotEdits(tuple(EditedShot(shot.start) for shot in shots))


def _beginnings(planned: PlannedUnit, info: VideoInfo, *, is_first: bool) -> Iterator[Fraction]:
    """When shots begin in a unit."""
    unit = planned.unit
    first = [unit.first] if is_first or unit.warm_up == 0 else []
    for frame in [*first, *unit.cuts]:
        yield _seconds(int(planned.times[frame - unit.first + unit.warm_up]), info)


def _seconds(time: int, info: VideoInfo) -> Fraction:
    return (time - info.first_pts) * info.time_base


def _found(index: int, start: Fraction, end: Fraction, pictures: _Pictures) -> FoundShot:
    return FoundShot(index, round(float(start), 6), round(float(end), 6), pictures.of(start, end))


class _Pictures:
    """Small pictures that were seen on the way, until their shot is known."""

    def __init__(self, info: VideoInfo) -> None:
        self._size = (THUMBNAIL_WIDTH, max(1, round(THUMBNAIL_WIDTH * info.height / info.width)))
        self._seen: deque[tuple[Fraction, SmallPicture]] = deque()
        self._next: Fraction | None = None

    def see(self, seconds: Fraction, picture: SmallPicture) -> None:
        if self._next is None or seconds >= self._next:
            self._next = seconds + PICTURES_EACH
            self._seen.append((seconds, picture))

    def of(self, start: Fraction, end: Fraction) -> bytes | None:
        """Of the middle of a shot; earlier pictures are forgotten."""
        middle = (start + end) / 2
        inside = [seen for seen in self._seen if seen[0] < end] or list(self._seen)[:1]
        while len(self._seen) > 1 and self._seen[0][0] < end:
            self._seen.popleft()
        if not inside:
            return None
        _, picture = min(inside, key=lambda seen: abs(seen[0] - middle))
        return self._jpeg(picture)

    def _jpeg(self, picture: SmallPicture) -> bytes:
        luma, blue, red = picture.planes
        rows, columns = luma.shape
        larger = [luma, *(cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_LINEAR) for plane in (red, blue))]
        colours = cv2.cvtColor(np.dstack(larger), cv2.COLOR_YCrCb2BGR)
        sized = cv2.resize(colours, self._size, interpolation=cv2.INTER_LINEAR)
        _, data = cv2.imencode(".jpg", sized, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return data.tobytes()
