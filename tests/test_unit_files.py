"""What a conversion leaves beside its result: the right eye's file, and the comfort report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from video3d import pipeline
from video3d.errors import Cancelled, TargetError
from video3d.host import StandaloneHost
from video3d.jobs import JobRequest, folder_for, run_job
from video3d.params import from_values
from video3d.reporting import Progress, SilentReporter
from video3d.settings import ConversionSettings
from video3d.stereo.comfort import FrameComfort
from video3d.unit_files import files_beside, write_comfort, write_report
from video3d.unit_frames import PlannedFrames


def settings_of(**values: object) -> ConversionSettings:
    return from_values(ConversionSettings, {"speed": "fastest", "quality": 5, **values})


def converted(clip: Path, folder: Path, **values: object) -> tuple[Path, dict[str, Path]]:
    """The finished file in `folder`, and what lies beside it."""
    settings = settings_of(**values)
    conversion = pipeline.decide(clip, settings, StandaloneHost())
    units = list(pipeline.plan(conversion, SilentReporter()))
    converter = pipeline.open_converter(conversion, None, SilentReporter())
    (folder / "segments").mkdir()
    segments = [folder / "segments" / f"{number}.mp4" for number in range(len(units))]
    try:
        for unit, segment in zip(units, segments, strict=True):
            converter.convert(PlannedFrames(unit), segment, lambda _frame: None)
    finally:
        converter.close()
    finished = pipeline.join_units(conversion, units, segments, folder, SilentReporter())
    return finished, {name: folder / name for name in files_beside(settings, folder / "x.mp4")}


def luma(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray()[:frame.height].copy() for frame in container.decode(video=0)]


def test_each_eye_gets_a_file_of_its_own(small_clip: Path, tmp_path: Path) -> None:
    separate, packed = tmp_path / "separate", tmp_path / "packed"
    separate.mkdir()
    packed.mkdir()
    left, beside = converted(small_clip, separate, layout="separate", preview=0.4, strength=2)
    both, _ = converted(small_clip, packed, layout="full-sbs", preview=0.4, strength=2)
    assert list(beside) == ["right.mp4"]
    for one, other, packed_pair in zip(luma(left), luma(beside["right.mp4"]), luma(both), strict=True):
        assert one.shape == other.shape == (180, 320)
        together = np.concatenate([one, other], axis=1).astype(int)
        assert np.abs(together - packed_pair).mean() < 1.0  # encoded apart, at high quality
        assert np.abs(one.astype(int) - other).mean() > 1.0
    for path in (left, beside["right.mp4"]):
        with av.open(str(path)) as container:
            assert len(container.streams.audio) == 1


def test_the_comfort_report_tells_of_every_frame(small_clip: Path, tmp_path: Path) -> None:
    _, beside = converted(small_clip, tmp_path, comfort_report=True, start=0.5, end=1.5, strength=3,
                          comfort_screen="cinema")
    report = json.loads(beside["comfort.json"].read_text())
    assert report["screen"]["name"] == "cinema"
    frames = report["frames"]
    assert len(frames["seconds"]) == 24
    assert frames["seconds"][0] == 0
    assert frames["seconds"][-1] == pytest.approx(23 / 24, abs=1e-3)
    assert sum(frames["starts_shot"]) == 2
    assert report["cuts"] == 1
    assert max(frames["nearest"]) > 0 > min(frames["farthest"])
    assert max(frames["hole_share"]) > 0
    assert frames["nearest_arc_minutes"][5] > 0
    picture = cv2.imread(str(beside["comfort.png"]))
    assert picture.shape[1] >= 1000


def test_units_made_apart_make_one_report(tmp_path: Path) -> None:
    rows = [FrameComfort(10 + n / 10, n == 0, -1, -1, 0, n, n, 0, 0, 1, 1) for n in range(6)]
    segments = [tmp_path / "segments" / "0.mp4", tmp_path / "segments" / "1.mp4"]
    write_comfort(rows[:4], segments[0])
    write_comfort(rows[4:], segments[1])
    write_report(segments, tmp_path, settings_of())
    frames = json.loads((tmp_path / "comfort.json").read_text())["frames"]
    assert frames["nearest"] == [0, 1, 2, 3, 4, 5]
    assert frames["seconds"] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_names_beside_the_result() -> None:
    beside = files_beside(settings_of(layout="separate", comfort_report=True), Path("a/film_left-eye.mp4"))
    assert {str(path) for path in beside.values()} == {
        "a/film_right-eye.mp4", "a/film_left-eye.comfort.json", "a/film_left-eye.comfort.png"}
    assert files_beside(settings_of(layout="separate"), Path("x.mp4")) == {"right.mp4": Path("x_right-eye.mp4")}
    assert not files_beside(settings_of(), Path("x.mp4"))


def test_a_job_publishes_all_of_it_and_refuses_what_is_there(small_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "film_left-eye.mp4"
    settings = settings_of(layout="separate", comfort_report=True, preview=0.3, depth_model="constant")
    (tmp_path / "film_right-eye.mp4").write_bytes(b"other")
    with pytest.raises(TargetError, match=r"film_right-eye\.mp4: it is there already"):
        run_job(JobRequest(small_clip, target, settings), StandaloneHost(), SilentReporter())
    assert [path.name for path in tmp_path.iterdir()] == ["film_right-eye.mp4"]
    reporter = SilentReporter()
    run_job(JobRequest(small_clip, target, settings, overwrite=True), StandaloneHost(), reporter)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "film_left-eye.comfort.json", "film_left-eye.comfort.png", "film_left-eye.mp4", "film_right-eye.mp4"]
    assert len(luma(target)) == len(luma(tmp_path / "film_right-eye.mp4")) == 8
    assert sum("Beside it" in notice for notice in reporter.notices) == 3


def test_a_job_goes_on_with_the_finished_units_own_numbers(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    """Stopped after its first unit, started again: the report still tells of every frame."""
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=4:duration=30", "-c:v", "libx264", "-g", "12",
                     "-pix_fmt", "yuv420p")
    request = JobRequest(clip, tmp_path / "x.mp4", settings_of(comfort_report=True, depth_model="constant"))

    class StopsLate(SilentReporter):
        stopping = False

        def progress(self, progress: Progress) -> None:
            self.stopping = progress.done >= 100

        def is_cancelled(self) -> bool:
            return self.stopping

    with pytest.raises(Cancelled):
        run_job(request, StandaloneHost(), StopsLate())
    folder = folder_for(request.target)
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.comfort.json")}
    assert len(kept) >= 1
    run_job(request, StandaloneHost(), SilentReporter())
    assert not folder.exists()
    assert len(json.loads((tmp_path / "x.comfort.json").read_text())["frames"]["seconds"]) == 120
