"""A log tells what happened and when, and never stops the work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from video3d.errors import SourceError, ToolError
from video3d.host import StandaloneHost
from video3d.jobs import JobRequest, run_job
from video3d.jobs.log import JobLog
from video3d.params import from_values
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings


def test_entries_have_their_time_and_lines_stay_together(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "log.txt")
    log.write("first")
    log.problem(ToolError("it failed.", stage="encode", remedy="Try again.", details="line 1\nline 2"))
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} first", lines[0])
    assert lines[1].endswith("ToolError in encode: it failed. Try again.")
    assert lines[3:] == ["    line 1", "    line 2"]


def test_what_came_early_is_kept_until_there_is_a_place(tmp_path: Path) -> None:
    log = JobLog()
    log.write("early")
    log.go_to(tmp_path / "log.txt")
    log.write("late")
    assert [line.split()[-1] for line in (tmp_path / "log.txt").read_text().splitlines()] == ["early", "late"]
    JobLog(tmp_path / "none" / "log.txt").write("nobody hears")


def test_a_conversion_s_log_has_its_stages_times_and_notices(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=0.5", "-c:v", "libx264")
    settings = from_values(ConversionSettings, {"speed": "fastest", "depth_model": "constant"})
    log = tmp_path / "log.txt"
    run_job(JobRequest(clip, tmp_path / "x.mp4", settings, log=log), StandaloneHost(), SilentReporter())
    text = log.read_text()
    for words in ("--speed fastest", "decided in", "notice: Depth comes from", "unit 0: frames 0 to 4", "joined",
                  "done: 5 frames"):
        assert words in text
    with pytest.raises(SourceError):
        run_job(JobRequest(tmp_path / "none.mp4", tmp_path / "y.mp4", settings, log=log), StandaloneHost(),
                SilentReporter())
    assert "SourceError" in log.read_text()
