"""All that runs while the webui does: `test_extension.py` starts and ends it through the webui's calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import fastapi
import pytest

from video3d.params import from_values
from video3d.queue import JobOrder, JobState
from video3d.settings import ConversionSettings
from video3d.webui.running import Running

from .conftest import NeighboursDouble, QueueLockDouble, StateDouble
from .test_host import host

PATIENCE = 180.0
"""Seconds: on a busy machine the kernels alone take a minute to compile."""
QUICK = from_values(ConversionSettings, {"depth_model": "constant", "layout": "half-sbs"})


def test_a_conversion_in_the_webui_is_done_and_what_waits_goes_on_after_a_new_start(
        make_clip: Callable[..., Path], tmp_path: Path, state: StateDouble, queue_lock: QueueLockDouble,
        neighbours: NeighboursDouble) -> None:
    del neighbours
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=2", "-pix_fmt", "yuv420p")
    webui = host(tmp_path)

    def start() -> Running:
        return Running.open(webui, fastapi.FastAPI(), SimpleNamespace(), state, queue_lock)

    first = start()
    first.queue.close()
    job = first.queue.submit(JobOrder(clip, settings=QUICK))
    first.close()
    second = start()
    deadline = time.monotonic() + PATIENCE
    while not second.queue.job(job.id).state.is_over and time.monotonic() < deadline:
        time.sleep(0.05)
    view = second.queue.job(job.id)
    second.close()
    assert view.state is JobState.DONE, view.error
    assert view.target.parent == tmp_path / "results" / "3D"
    assert view.target.is_file()
    assert state.job == ""
    assert not queue_lock.locked()


def test_what_the_routes_had_begun_ends_with_the_page(
        make_clip: Callable[..., Path], tmp_path: Path, state: StateDouble, queue_lock: QueueLockDouble,
        neighbours: NeighboursDouble) -> None:
    del neighbours
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30:duration=20", "-pix_fmt", "yuv420p")
    before = set(threading.enumerate())
    running = Running.open(host(tmp_path), fastapi.FastAPI(), SimpleNamespace(), state, queue_lock)
    try:
        assert not running.service.scout.shots(clip).is_over, "the search is to be under way"
    finally:
        running.close()
    assert set(threading.enumerate()) <= before


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video3d.webui.watching.BUSY_PAUSE", 0.01)
