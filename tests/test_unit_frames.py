"""A planned unit's frames come as they were planned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from video3d.media.source import FrameReader, probe
from video3d.planning import PlannedRange, Planner
from video3d.reporting import SilentReporter
from video3d.settings import RangeSettings
from video3d.unit_frames import PlannedFrames


def test_frames_know_their_shots_and_whether_they_are_written(make_clip: Callable[..., Path]) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=30", "-c:v", "libx264", "-g", "12",
                     "-pix_fmt", "yuv420p")
    info = probe(clip)
    reader = FrameReader(info, info.pixel_format)
    units = [PlannedFrames(unit) for unit in Planner(info, PlannedRange.of(RangeSettings()), SilentReporter())]
    assert [unit.begins_shot for unit in units] == [True, False]
    frames = [list(unit.frames(reader)) for unit in units]
    reader.close()
    assert [frame.number for frame in frames[1]] == list(range(90, 150))
    assert [frame.number for unit in frames for frame in unit if frame.is_written] == list(range(150))
    assert [frame.number for unit in frames for frame in unit if frame.starts_shot] == [0]
    for unit, shown in zip(units, frames, strict=True):
        assert [frame.frame.pts for frame in shown] == unit.times_of_shot(shown[0].number)
