"""One unit: what reaches the encoder is the source's own picture, the other eye, and the times of the plan."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video3d import converting, pipeline
from video3d.errors import Cancelled, ToolError, WorkerError
from video3d.host import StandaloneHost
from video3d.media.source import FrameReader
from video3d.params import from_values
from video3d.planning import PlannedUnit
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings
from video3d.types import Frame
from video3d.unit_frames import PlannedFrames

SLOW = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=4:duration=30", "-c:v", "libx264", "-g", "12", "-pix_fmt",
        "yuv420p")
Slow = tuple[pipeline.Conversion, list[PlannedUnit]]


class OneProcessor(StandaloneHost):
    """A host of one processor and no models of the user's."""

    @property
    def processors(self) -> int:
        return 1

    def models_folders(self) -> tuple[Path, ...]:
        return ()


@dataclass
class Recorder:
    """Stands in for the encoder: keeps what it is given."""

    frames: list[Frame] = field(default_factory=list[Frame])
    times: list[Fraction] = field(default_factory=list[Fraction])
    ended: list[str] = field(default_factory=list[str])
    fails_at: int | None = None

    def __call__(self, *_: object, **__: object) -> Recorder:
        return self

    def write(self, frame: Frame, shown: Fraction) -> None:
        if len(self.frames) == self.fails_at:
            raise ToolError("the encoder broke")
        self.frames.append(frame)
        self.times.append(shown)

    def finish(self) -> None:
        self.ended.append("finished")

    def abort(self) -> None:
        self.ended.append("aborted")

    def digests(self) -> list[str]:
        return [hashlib.sha256(b"".join(plane.tobytes() for plane in frame.planes)).hexdigest()
                for frame in self.frames]


class Asked(SilentReporter):
    """Cancelled once asked to."""

    stop = False

    def is_cancelled(self) -> bool:
        return self.stop


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(converting, "SegmentEncoder", made)
    return made


@pytest.fixture(scope="session")
def slow(make_clip: Callable[..., Path]) -> Slow:
    """30 s of 64x36 at 4 frames/s, one shot: two units, the second with a warm-up."""
    conversion = decided(make_clip(*SLOW), strength=3)
    units = planned(conversion)
    assert len(units) == 2
    assert units[1].unit.warm_up > 0
    return conversion, units


def decided(clip: Path, **values: Any) -> pipeline.Conversion:
    return pipeline.decide(clip, from_values(ConversionSettings, {"speed": "fastest", **values}), OneProcessor())


def convert(conversion: pipeline.Conversion, units: list[PlannedUnit], reporter: SilentReporter | None = None) -> None:
    """Convert `units` with one converter."""
    converter = pipeline.open_converter(conversion, None, reporter or SilentReporter())
    try:
        for unit in units:
            converter.convert(PlannedFrames(unit), Path("segment.mp4"), lambda _: None)
    finally:
        converter.close()


def planned(conversion: pipeline.Conversion) -> list[PlannedUnit]:
    return list(pipeline.plan(conversion, SilentReporter()))


def source_frames(conversion: pipeline.Conversion, unit: PlannedUnit) -> list[Frame]:
    reader = FrameReader(conversion.info, conversion.shared.eye_format)
    try:
        return list(reader.read(unit.unit.first, unit.own_times))
    finally:
        reader.close()


def halves(frame: Frame) -> tuple[list[Any], list[Any]]:
    """Planes of the left and of the right half."""
    middles = [plane.shape[1] // 2 for plane in frame.planes]
    return ([plane[:, :middle] for plane, middle in zip(frame.planes, middles, strict=True)],
            [plane[:, middle:] for plane, middle in zip(frame.planes, middles, strict=True)])


def test_without_strength_both_eyes_are_the_source(small_clip: Path, recorder: Recorder) -> None:
    conversion = decided(small_clip, strength=0, preview=0.5)
    (unit,) = planned(conversion)
    convert(conversion, [unit])
    originals = source_frames(conversion, unit)
    assert len(recorder.frames) == len(originals) == 12
    for original, frame in zip(originals, recorder.frames, strict=True):
        for half in halves(frame):
            for mine, theirs in zip(half, original.planes, strict=True):
                np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(("eye", "kept"), [("left", 1), ("right", 0)])
def test_the_other_eye_stays_the_original(small_clip: Path, recorder: Recorder, eye: str, kept: int) -> None:
    conversion = decided(small_clip, strength=3, eye=eye, start=0.8, preview=0.5)
    (unit,) = planned(conversion)
    convert(conversion, [unit])
    changed = 0
    for original, frame in zip(source_frames(conversion, unit), recorder.frames, strict=True):
        for mine, theirs in zip(halves(frame)[kept], original.planes, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        changed += not np.array_equal(halves(frame)[1 - kept][0], original.planes[0])
    assert changed == len(recorder.frames)


def test_frames_out_are_frames_in_at_the_planned_times(small_clip: Path, recorder: Recorder) -> None:
    conversion = decided(small_clip, depth_model="constant", background_plate=False)
    (unit,) = planned(conversion)
    convert(conversion, [unit])
    base = conversion.info.time_base
    assert [frame.pts for frame in recorder.frames] == unit.own_times.tolist()
    stated = [int(time - unit.own_times[0]) * base for time in unit.own_times]
    tick = Fraction(1, conversion.shared.encode.time_scale)
    assert all(abs(a - b) <= tick / 2 for a, b in zip(stated, recorder.times, strict=True))
    assert recorder.ended == ["finished"]
    assert (recorder.frames[0].width, recorder.frames[0].height) == (640, 180)


def test_a_unit_alone_equals_the_unit_after_its_neighbour(slow: Slow, recorder: Recorder) -> None:
    conversion, units = slow
    convert(conversion, units)
    together = recorder.digests()
    assert len(together) == 120
    recorder.frames.clear()
    more_threads = replace(conversion, shared=replace(conversion.shared, workers=3))
    convert(more_threads, units[1:])
    assert recorder.digests() == together[units[1].unit.first:]


@pytest.mark.parametrize("layout", ["depth", "rgbd"])
def test_layouts_with_depth_show_the_colour_unchanged(small_clip: Path, recorder: Recorder, layout: str) -> None:
    conversion = decided(small_clip, layout=layout, preview=0.2, depth_model="constant")
    (unit,) = planned(conversion)
    convert(conversion, [unit])
    assert len(recorder.frames) == 5
    if layout == "rgbd":
        for original, frame in zip(source_frames(conversion, unit), recorder.frames, strict=True):
            np.testing.assert_array_equal(halves(frame)[0][0], original.planes[0])


def test_a_file_that_ends_before_its_plan_holds_its_last_picture(small_clip: Path, recorder: Recorder) -> None:
    conversion = decided(small_clip, depth_model="constant", background_plate=False, start=1.5)
    (unit,) = planned(conversion)
    longer = replace(unit, unit=replace(unit.unit, last=unit.unit.last + 2),
                     times=np.append(unit.times, unit.times[-1] + [512, 1024]))
    reporter = SilentReporter()
    convert(conversion, [longer], reporter)
    digests = recorder.digests()
    assert len(digests) == 14
    assert digests[10] != digests[11] == digests[12] == digests[13]
    assert recorder.times == sorted(set(recorder.times))
    assert any(notice.startswith("2 pictures could not be decoded") for notice in reporter.notices)


def test_no_picture_at_all_is_an_error_that_names_the_file(small_clip: Path, recorder: Recorder) -> None:
    conversion = decided(small_clip, preview=0.2, depth_model="constant")
    (unit,) = planned(conversion)
    beyond = replace(unit, unit=replace(unit.unit, first=100, last=101, cuts=()), times=unit.times[:2], stated=None)
    with pytest.raises(WorkerError, match=small_clip.name):
        convert(conversion, [beyond])
    assert recorder.ended == ["aborted"]


def test_an_encoder_that_breaks_ends_all_stages(slow: Slow, recorder: Recorder) -> None:
    recorder.fails_at = 3
    conversion, units = slow
    with pytest.raises(ToolError, match="the encoder broke"):
        convert(conversion, units)
    assert recorder.ended == ["aborted"]


@pytest.mark.parametrize("after", [0, 5])
def test_stopping_is_quick_wherever_the_unit_is(slow: Slow, recorder: Recorder, after: int) -> None:
    conversion, units = slow
    reporter = Asked()
    reporter.stop = after == 0
    asked = time.monotonic()

    def count(_: Frame) -> None:
        nonlocal asked
        if len(recorder.frames) == after:
            reporter.stop, asked = True, time.monotonic()

    converter = pipeline.open_converter(conversion, None, reporter)
    try:
        with pytest.raises(Cancelled):
            converter.convert(PlannedFrames(units[0]), Path("segment.mp4"), count)
    finally:
        converter.close()
    assert len(recorder.frames) == after
    assert time.monotonic() - asked < 2
    assert recorder.ended == ["aborted"]
