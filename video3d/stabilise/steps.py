"""What waits inside the stabiliser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from video3d.stabilise.paths import MotionPath, paths_on
from video3d.stabilise.ranging import FrameRange
from video3d.types import FloatMap, Motion


@dataclass(frozen=True)
class Between:
    """A frame without a map of its own."""

    seconds: float
    is_blank: bool


@dataclass(frozen=True, eq=False)
class Step:
    """A filtered map that waits for its range, and the frames between the map before and it."""

    near: FloatMap
    range: FrameRange
    between: tuple[Between, ...]
    motions: tuple[Motion, ...]
    """Of the frames between and of its own; none where a shot begins with it."""

    @property
    def begin(self) -> float:
        """Time of the first frame that waits for it, in seconds."""
        return self.between[0].seconds if self.between else self.range.seconds

    @cached_property
    def way_here(self) -> MotionPath:
        """From the frame with the map before to its own frame; found once, for a step is looked back from several
        times. Only where there are motions."""
        return paths_on(self.motions)[0]

    def ranges_after(self, before: Step | None) -> list[FrameRange]:
        """Ranges of the frames between `before` and this one, and its own."""
        if before is None:
            return [self.range]
        first, last, count = before.range, self.range, len(self.motions)
        ranges: list[FrameRange] = []
        for number, frame in enumerate(self.between, 1):
            share = number / count
            ranges.append(FrameRange(first.low + (last.low - first.low) * share,
                                     first.high + (last.high - first.high) * share, frame.seconds, frame.is_blank))
        return [*ranges, last]
