"""A strength that suits what a video shows, where the user leaves it to the program."""

from __future__ import annotations

from dataclasses import replace

from video3d.depth_model import Role
from video3d.errors import Cancelled, SourceError
from video3d.pipeline import Conversion
from video3d.planning import SEEKABLE_CONTAINERS
from video3d.preview import look
from video3d.reporting import Reporter
from video3d.stereo.strength import StrengthAdvisor
from video3d.types import Layout

SECONDS_APART = 20.0
MOST_MOMENTS = 8
READ_SECONDS = 60.0
"""Where a file must be read to get to a moment, only so much of it is looked at."""
UNKNOWN_LENGTH = (1.0, 10.0)
"""Seconds that are looked at where the file does not state its length: short files have the first."""
_FLAT = (Layout.RGBD, Layout.DEPTH)


def advised(conversion: Conversion, reporter: Reporter) -> Conversion:
    """`conversion` with a strength from its content where the settings say auto; the same one otherwise.

    One strength for the whole video: a few moments (one for every 20 s, at most eight, spread evenly) are decoded and
    their depth is made; `StrengthAdvisor.suggest` has the rule. The same video always gets the same strength.
    """
    settings, model = conversion.settings, conversion.model
    if settings.stereo.strength is not None or settings.output.layout in _FLAT or model.role is not Role.ESTIMATES:
        return conversion
    advisor = StrengthAdvisor(model.id)
    for moment in _moments(conversion):
        if reporter.is_cancelled():
            raise Cancelled("Stopped.", stage="plan")
        try:
            seen = look(conversion, moment)
        except SourceError:  # there is no frame any more: the conversion itself will say so
            continue
        advisor.push(seen.nearness[seen.wanted])
    strength = advisor.suggest()
    reporter.notice(f"Strength {strength:g} %: what suits this video's depth; --strength sets another.")
    return replace(conversion, shared=replace(conversion.shared, strength=strength))


def _moments(conversion: Conversion) -> list[float]:
    """Seconds from the start of the video, in the middles of equal parts of what is converted."""
    info, chosen = conversion.info, conversion.range
    begin = float(chosen.start)
    ends = [float(end) for end in (info.duration, chosen.end) if end is not None]
    if not ends:
        return [begin + seconds for seconds in UNKNOWN_LENGTH]
    end = max(min(ends), begin)
    if not any(name in SEEKABLE_CONTAINERS for name in info.container.split(",")):
        end = min(end, begin + READ_SECONDS)
    count = min(max(round((end - begin) / SECONDS_APART), 1), MOST_MOMENTS)
    return [begin + (n + 0.5) * (end - begin) / count for n in range(count)]
