"""A part of a video as one fragmented-MP4 segment that players of playlists can follow (RFC 8216, ISO/IEC 14496-12).

All work on the files is done in a child process.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from video3d.media.process import WorkerProcess
from video3d.serial import from_json, to_json

CLOCK_START = Fraction(10)
"""Seconds at which the stream's clock begins, so that decode times, which run ahead, are never negative."""


@dataclass(frozen=True)
class FragmentRequest:
    """Which part of which files goes where."""

    video: str
    """A finished segment, or a finished result."""
    begin: Fraction
    """First moment of the video that is taken, in seconds from its first frame."""
    end: Fraction | None
    """At the first key frame from here on the fragment ends; None: at the video's end."""
    at: Fraction
    """Where the fragment lies in the stream, in seconds from its beginning."""
    sound: str | None
    """A file whose first sound track goes along, where browsers can play it."""
    sound_begin: Fraction
    """Moment of that file, in its own time, that belongs to `begin`."""
    target: str
    """The media segment."""
    start: str
    """The initialisation segment."""
    number: int
    """Of the fragment in its stream, from 0."""


@dataclass(frozen=True)
class FragmentMade:
    """What was written."""

    duration: Fraction
    """Seconds of the video."""
    frames: int


def make_fragment(request: FragmentRequest) -> FragmentMade:
    """Write both files; SourceError where the video cannot be read, or has nothing there."""
    with WorkerProcess("fragment", to_json(request), what=request.video) as worker:
        return from_json(FragmentMade, worker.next_message()["made"])
