"""The parts make one file."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from video3d import pipeline
from video3d.errors import Cancelled
from video3d.host import StandaloneHost
from video3d.params import from_values
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings
from video3d.unit_frames import PlannedFrames


class Stopped(SilentReporter):
    def is_cancelled(self) -> bool:
        return True


def test_joining_stops_when_asked(small_clip: Path, tmp_path: Path) -> None:
    settings = from_values(ConversionSettings, {"speed": "fastest", "preview": 0.2, "depth_model": "constant"})
    conversion = pipeline.decide(small_clip, settings, StandaloneHost())
    (unit,) = list(pipeline.plan(conversion, SilentReporter()))
    converter = pipeline.open_converter(conversion, None, SilentReporter())
    segment = tmp_path / "segment.mp4"
    try:
        converter.convert(PlannedFrames(unit), segment, lambda _: None)
    finally:
        converter.close()
    with pytest.raises(Cancelled):
        pipeline.join_units(conversion, [unit], [segment], tmp_path, Stopped())
    finished = pipeline.join_units(conversion, [unit], [segment], tmp_path, SilentReporter())
    with av.open(str(finished)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
        assert container.streams.audio
