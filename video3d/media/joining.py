"""The last step: finished segments and the source's other tracks become one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from video3d.media.process import WorkerProcess
from video3d.presets.model import AudioRule
from video3d.serial import to_json
from video3d.settings import Container, Tracks
from video3d.video_info import Chapter


@dataclass(frozen=True)
class Segment:
    """A finished unit: its file, and how many frames it holds."""

    path: str
    frame_count: int


@dataclass(frozen=True)
class MuxRequest:
    """All that the join needs."""

    target: str
    container: Container
    segments: tuple[Segment, ...]
    times: str
    """File of little-endian int64: when each frame is shown, in ticks of 1/time_scale, the result's zero taken off."""
    time_scale: int
    last_duration: int
    """Ticks for which the last frame is shown."""
    source: str
    video_index: int
    tracks: Tracks
    zero: Fraction
    """The moment of the source, in seconds, at which the result begins."""
    start: Fraction | None
    """What begins before this moment of the source is left out; None keeps all."""
    end: Fraction | None
    chapters: tuple[Chapter, ...]
    tags: tuple[tuple[str, str], ...]
    audio: AudioRule | None = None
    """What the device plays; None keeps whatever the container can hold."""


def join(request: MuxRequest, report: Callable[[int], None]) -> list[str]:
    """Write `request.target` in a child process; `report` hears how many frames are joined.

    Returns notices about what could not be kept; TargetError where the file cannot be written.
    """
    with WorkerProcess("mux", to_json(request), what=request.source) as worker:
        for message in worker.messages():
            if message["kind"] == "end":
                return list(message["notices"])
            report(message["done"])
    raise AssertionError("unreachable")


def write_times(path: Path, times: npt.NDArray[np.int64]) -> None:
    """Times as `MuxRequest.times` wants them; ValueError where they do not rise."""
    if any(later <= earlier for earlier, later in pairwise(times.tolist())):
        raise ValueError("times must rise")
    times.astype("<i8").tofile(path)
