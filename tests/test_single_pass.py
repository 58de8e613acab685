"""Planned while it is converted, a video has the same units as planned before, and is decoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from video3d import pipeline
from video3d.errors import SourceError
from video3d.host import StandaloneHost
from video3d.jobs import JobRequest, JobResult, run_job
from video3d.media import source
from video3d.media.process import WorkerProcess
from video3d.media.source import FrameReader, probe
from video3d.params import from_values
from video3d.planning import PlannedRange, PlannedUnit, Planner
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings, RangeSettings
from video3d.shot_edits import EditedShot, ShotEdits
from video3d.single_pass import NotInOnePass, SinglePass
from video3d.unit_frames import PlannedFrames, UnitFrame, UnitFrames

Clips = Callable[..., Path]
LONG = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=50", "-c:v", "libx264", "-g", "12", "-pix_fmt",
        "yuv420p")
SHOTS = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=8:duration=9,format=yuv420p", "-f", "lavfi", "-i",
         "mandelbrot=size=64x36:rate=8:end_pts=80,format=yuv420p", "-filter_complex",
         "[0:v]split[a][c];[1:v]trim=duration=10[b];[a][b][c]concat=n=3:v=1:a=0", "-c:v", "libx264", "-bf", "2")
UNEVEN = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=40", "-vf", "select='not(mod(n,3))+lt(n,60)'",
          "-fps_mode", "vfr", "-c:v", "libx264", "-g", "12", "-pix_fmt", "yuv420p")
SPARSE = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=1/9:duration=100", "-c:v", "libx264", "-pix_fmt", "yuv420p")
INTERLACED = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=4", "-vf", "interlace", "-c:v", "libx264",
              "-flags", "+ilme+ildct", "-pix_fmt", "yuv420p")


class OneProcessor(StandaloneHost):
    processors = 1


def planner_of(clip: Path, chosen: RangeSettings) -> Planner:
    return Planner(probe(clip), PlannedRange.of(chosen), SilentReporter())


def told(unit: PlannedUnit) -> tuple[Any, ...]:
    stated = None if unit.stated is None else unit.stated.tolist()
    return unit.unit, unit.times.tolist(), stated, unit.end, unit.interlaced, unit.run_out, unit.values


def shown(frames: Iterator[UnitFrame]) -> list[tuple[int, int, bool, bool, bytes]]:
    return [(one.number, one.frame.pts, one.starts_shot, one.is_written,
             b"".join(plane.tobytes() for plane in one.frame.planes)) for one in frames]


@pytest.mark.parametrize(("clip", "count", "chosen"), [
    (LONG, 3, RangeSettings()), (SHOTS, 3, RangeSettings()), (UNEVEN, 2, RangeSettings()), (SPARSE, 4, RangeSettings()),
    (LONG, 1, RangeSettings(start=4.1, end=30.0)), (LONG, 2, RangeSettings(start=12.0)),
    (SHOTS, 1, RangeSettings(start=8.95, end=9.2)), (LONG, 1, RangeSettings(preview=0.1)),
])
def test_units_and_their_frames_are_those_of_a_plan_before(clip: tuple[str, ...], count: int, chosen: RangeSettings,
                                                           make_clip: Clips) -> None:
    path = make_clip(*clip)
    info = probe(path)
    before = planner_of(path, chosen)
    planned = list(before)
    assert len(planned) == count
    meanwhile = planner_of(path, chosen)
    readers = [FrameReader(info, info.pixel_format, before.origin) for _ in range(2)]
    found: list[UnitFrames] = []
    for number, unit in enumerate(SinglePass(meanwhile, info, info.pixel_format)):
        wanted = PlannedFrames(planned[number])
        assert (unit.index, unit.begins_shot) == (wanted.index, wanted.begins_shot)
        assert shown(unit.frames(readers[0])) == shown(wanted.frames(readers[1]))
        found.append(unit)
    for reader in readers:
        reader.close()
    assert [told(unit.planned) for unit in found] == [told(unit) for unit in planned]
    assert meanwhile.is_complete
    assert meanwhile.planned_frames == before.planned_frames


def test_an_empty_range_is_told_as_by_a_plan_before(make_clip: Clips) -> None:
    path = make_clip(*SPARSE)
    info = probe(path)
    with pytest.raises(SourceError, match="no frame in the chosen range"):
        list(SinglePass(planner_of(path, RangeSettings(start=500.0)), info, info.pixel_format))


def test_fields_need_a_plan_before(make_clip: Clips) -> None:
    path = make_clip(*INTERLACED)
    info = probe(path)
    with pytest.raises(NotInOnePass):
        list(SinglePass(planner_of(path, RangeSettings()), info, info.pixel_format))


def test_what_a_unit_is_cannot_be_asked_too_early(make_clip: Clips) -> None:
    path = make_clip(*LONG)
    info = probe(path)
    reader = FrameReader(info, info.pixel_format)
    with closing(iter(SinglePass(planner_of(path, RangeSettings()), info, info.pixel_format))) as units:
        unit = next(units)
        next(iter(unit.frames(reader)))
        with pytest.raises(RuntimeError, match="not all frames"):
            _ = unit.planned
    reader.close()


class Opened:
    """Counts the decoders that are opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0

        def opened(task: str, arguments: Any, **rest: Any) -> WorkerProcess:
            self.count += task == "decode"
            return WorkerProcess(task, arguments, **rest)

        monkeypatch.setattr(source, "WorkerProcess", opened)


def convert(clip: Path, folder: Path, **changes: Any) -> JobResult:
    settings = from_values(ConversionSettings, {"speed": "fastest", "strength": 2, **changes.pop("settings", {})})
    folder.mkdir(exist_ok=True)
    request = JobRequest(clip, folder / "result.mp4", settings, overwrite=True, **changes)
    return run_job(request, OneProcessor(), SilentReporter())


@pytest.mark.parametrize(("clip", "decoders"), [(SHOTS, 1), (LONG, 3)])
def test_a_conversion_decodes_once_and_again_at_a_split(clip: tuple[str, ...], decoders: int, make_clip: Clips,
                                                        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(*clip)
    opened = Opened(monkeypatch)
    once = convert(path, tmp_path / "once")
    assert opened.count == decoders
    before = convert(path, tmp_path / "before", workers=2)
    assert once.target.read_bytes() == before.target.read_bytes()
    assert once.frames == before.frames


def test_fields_are_made_frames_all_the_same(make_clip: Clips, tmp_path: Path) -> None:
    path = make_clip(*INTERLACED)
    alone, crowd = (convert(path, tmp_path / str(workers), workers=workers) for workers in (1, 2))
    assert (alone.frames, alone.target.read_bytes()) == (crowd.frames, crowd.target.read_bytes())
    assert [file.name for file in (tmp_path / "1").iterdir()] == ["result.mp4"]


def test_what_must_be_known_before_is_planned_before(make_clip: Clips) -> None:
    clip = make_clip(*SHOTS)

    conversion = pipeline.decide(clip, from_values(ConversionSettings, {}), OneProcessor())
    network = replace(conversion, model=replace(conversion.model, is_cheap=False))
    without_cache = replace(network.settings, depth=replace(network.settings.depth, depth_cache=None))

    def is_one_pass(changed: pipeline.Conversion) -> bool:
        return pipeline.single_pass(changed, pipeline.plan(changed, SilentReporter())) is not None

    assert is_one_pass(conversion)
    assert not is_one_pass(replace(conversion, shots=ShotEdits((EditedShot(0.0),))))
    assert not is_one_pass(network), "kept depth is looked up shot by shot"
    assert is_one_pass(replace(network, settings=without_cache))
