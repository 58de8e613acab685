"""Our depth, written and given back, makes the 3D video that it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from video3d import depth_export, pipeline
from video3d.depth_export import export_depth
from video3d.errors import Cancelled, SettingsError, TargetError, ToolError
from video3d.host import StandaloneHost
from video3d.jobs import JobRequest, run_job
from video3d.nearness import Taken, given_nearness
from video3d.params import from_values
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings
from video3d.types import FloatMap
from video3d.unit_frames import PlannedFrames

HOST = StandaloneHost()


def settings_of(**values: Any) -> ConversionSettings:
    return from_values(ConversionSettings, {"speed": "fastest", "preview": 1.5, "depth_model": "builtin", **values})


def made_at_once(clip: Path) -> list[tuple[Taken, FloatMap]]:
    """Every frame and its depth as a conversion uses it."""
    conversion = pipeline.decide(clip, settings_of(), HOST)
    converter = pipeline.open_converter(conversion, None, SilentReporter())
    try:
        return [pair for unit in pipeline.plan(conversion, SilentReporter())
                for pair in converter.nearness(PlannedFrames(unit))]
    finally:
        converter.close()


def given_back(target: Path, frames: list[Taken]) -> list[FloatMap]:
    stage = given_nearness(target)
    try:
        return [nearness for taken in frames for nearness in stage.push(taken)]
    finally:
        stage.close()


@pytest.mark.parametrize(("name", "error"), [("depth", 0.51 / 65535), ("depth.mkv", 1.03 / 4095)])
def test_depth_comes_back_as_it_was(small_clip: Path, tmp_path: Path, name: str, error: float) -> None:
    """The video holds 16 bit; videos are read with 12."""
    target = tmp_path / name
    assert export_depth(small_clip, target, settings_of(), HOST, SilentReporter()) == 36
    expected = made_at_once(small_clip)
    assert len(expected) == 36
    for back, (_, nearness) in zip(given_back(target, [taken for taken, _ in expected]), expected, strict=True):
        assert back.shape == nearness.shape
        assert np.abs(back - nearness).max() <= error + 1e-7
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def eyes(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray").astype(np.float32) for frame in container.decode(video=0)]


def test_what_is_given_back_makes_the_same_video(small_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "depth"
    export_depth(small_clip, target, settings_of(), HOST, SilentReporter())
    for name, values in (("direct.mp4", {}), ("given.mp4", {"depth_video": str(target)})):
        settings = settings_of(strength=3, **values)
        run_job(JobRequest(small_clip, tmp_path / name, settings), HOST, SilentReporter())
    differences = [np.abs(a - b).mean() for a, b in zip(eyes(tmp_path / "direct.mp4"), eyes(tmp_path / "given.mp4"),
                                                         strict=True)]
    # A difference of a 65535th decides a rounding or a rim here and there, and the encoder makes something of it.
    assert np.median(differences) < 0.2
    assert np.mean(differences) < 0.5


def test_edited_depth_is_used(small_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "depth"
    export_depth(small_clip, target, settings_of(), HOST, SilentReporter())
    pictures = sorted(target.iterdir())
    edited = cv2.imread(str(pictures[3]), cv2.IMREAD_UNCHANGED)
    assert edited is not None
    assert edited.dtype == np.uint16
    edited[:] = 65535
    cv2.imwrite(str(pictures[3]), edited)
    frames = [taken for taken, _ in made_at_once(small_clip)[:5]]
    assert [float(nearness.min()) == 1.0 for nearness in given_back(target, frames)] == [False] * 3 + [True, False]


class StopsSoon(SilentReporter):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def is_cancelled(self) -> bool:
        self.asked += 1
        return self.asked > 20


@pytest.mark.parametrize("name", ["depth", "depth.mkv"])
def test_stopped_work_leaves_nothing(small_clip: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(Cancelled):
        export_depth(small_clip, tmp_path / name, settings_of(), HOST, StopsSoon())
    assert list(tmp_path.iterdir()) == []


def test_an_ffmpeg_that_fails_is_told_and_leaves_nothing(small_clip: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    start = depth_export._start
    nowhere = tmp_path / "no" / "x"
    monkeypatch.setattr(depth_export, "_start", lambda ffmpeg, _, rate, first: start(ffmpeg, nowhere, rate, first))
    with pytest.raises(ToolError, match="could not write"):
        export_depth(small_clip, tmp_path / "depth.mkv", settings_of(), HOST, SilentReporter())
    assert list(tmp_path.iterdir()) == []


def test_targets_that_cannot_be_are_refused(small_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for target, kind in ((tmp_path / "there", TargetError), (tmp_path / "no" / "depth", TargetError),
                         (tmp_path / "depth.mp4", SettingsError)):
        with pytest.raises(kind):
            export_depth(small_clip, target, settings_of(), HOST, SilentReporter())
