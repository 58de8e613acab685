"""Our running job in the webui's state. A real queue on disk; state and lock are doubles (see conftest.py)."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from video3d.host import StandaloneHost
from video3d.queue import JobOrder, JobQueue, JobState
from video3d.reporting import Progress
from video3d.webui import watching
from video3d.webui.progress import JOB_NAME, ProgressMirror
from video3d.webui.turn import SharedGpu
from video3d.webui.watching import QueueWatch, shown, small_picture

from .conftest import NeighboursDouble, QueueLockDouble, StateDouble

SOON = 5.0


class Host(StandaloneHost):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def output_folder(self) -> Path:
        return self._folder


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BUSY_PAUSE", 0.01)


@pytest.fixture
def queue(tmp_path: Path) -> JobQueue:
    """Nothing of it runs: the tests say how far its jobs are."""
    return JobQueue(Host(tmp_path / "results"), tmp_path / "queue")


@pytest.fixture
def job(queue: JobQueue, tmp_path: Path) -> str:
    source = tmp_path / "secret name.mp4"
    source.touch()
    view = queue.submit(JobOrder(source))
    queue.update(view.id, state=JobState.RUNNING, started=1000.0)
    return view.id


@pytest.fixture
def watch(queue: JobQueue, state: StateDouble, queue_lock: QueueLockDouble,
          neighbours: NeighboursDouble) -> Iterator[QueueWatch]:
    gpu = SharedGpu(queue_lock, neighbours)
    made = QueueWatch(queue, ProgressMirror(state, queue_lock, gpu))
    made.start()
    yield made
    made.close()
    gpu.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.usefixtures("watch")
def test_the_webui_sees_how_far_the_running_job_is(queue: JobQueue, job: str, state: StateDouble) -> None:
    queue.tell_progress(job, Progress("convert", 12, 48))
    until(lambda: state.job_no == 12)
    assert (state.job, state.job_count, state.time_start) == (JOB_NAME, 48, 1000.0)
    assert state.textinfo == "2D→3D video: convert, frame 12 of 48"
    queue.update(job, state=JobState.DONE)
    until(lambda: state.job == "")


@pytest.mark.usefixtures("watch")
def test_the_webuis_interrupt_stops_the_job_so_that_it_can_go_on(queue: JobQueue, job: str, state: StateDouble) -> None:
    until(lambda: state.job == JOB_NAME)
    state.interrupted = True
    until(lambda: queue.job(job).asked is JobState.PAUSED)
    assert not state.interrupted


def test_what_reload_ui_interrupts_goes_on_afterwards(queue: JobQueue, job: str, state: StateDouble,
                                                      watch: QueueWatch) -> None:
    """The webui sets its Interrupt before it builds the page anew."""
    until(lambda: state.job == JOB_NAME)
    state.interrupted = True
    until(lambda: queue.job(job).asked is JobState.PAUSED)
    watch.close()
    assert queue.job(job).asked is None
    assert state.job == ""


def test_an_interrupt_long_before_is_meant(queue: JobQueue, job: str, state: StateDouble, watch: QueueWatch,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: state.job == JOB_NAME)
    state.interrupted = True
    until(lambda: queue.job(job).asked is JobState.PAUSED)
    monkeypatch.setattr(watching, "RESTART_SECONDS", 0.0)
    watch.close()
    assert queue.job(job).asked is JobState.PAUSED


@pytest.mark.usefixtures("watch")
def test_an_interrupt_of_a_job_that_is_deleted_meanwhile_harms_nobody(queue: JobQueue, job: str,
                                                                     state: StateDouble) -> None:
    until(lambda: state.job == JOB_NAME)
    queue.delete(job)
    state.interrupted = True
    until(lambda: state.job == JOB_NAME)


def test_no_files_name_is_shown_to_everybody(queue: JobQueue, job: str) -> None:
    for progress in (None, Progress("plan", 3, None), Progress("convert", 3, 4)):
        told = shown(replace(queue.job(job), progress=progress))
        assert "secret" not in told.text
        assert "\n" not in told.text


def test_the_live_preview_is_small() -> None:
    data = io.BytesIO()
    Image.new("RGB", (3840, 1080), "red").save(data, "JPEG")
    picture = small_picture(data.getvalue())
    assert picture.size == (768, 216)
