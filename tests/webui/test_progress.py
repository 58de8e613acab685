"""Our progress in the webui's state. State and lock are doubles shaped like the webui's (see conftest.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from video3d.webui.progress import JOB_NAME, ProgressMirror, ShownJob
from video3d.webui.turn import SharedGpu

from .conftest import NeighboursDouble, QueueLockDouble, StateDouble

OURS = ShownJob(30, 120, "frame 30 of 120", started=1000.0)


@pytest.fixture
def gpu(queue_lock: QueueLockDouble, neighbours: NeighboursDouble) -> Iterator[SharedGpu]:
    made = SharedGpu(queue_lock, neighbours)
    yield made
    made.close()


@pytest.fixture
def mirror(state: StateDouble, queue_lock: QueueLockDouble, gpu: SharedGpu) -> ProgressMirror:
    return ProgressMirror(state, queue_lock, gpu)


def test_progress_is_shown_while_nobody_else_works(mirror: ProgressMirror, state: StateDouble,
                                                   queue_lock: QueueLockDouble) -> None:
    mirror.show(OURS)
    assert (state.job, state.job_no, state.job_count) == (JOB_NAME, 30, 120)
    assert (state.textinfo, state.time_start) == (OURS.text, 1000.0)
    assert not queue_lock.locked()


def test_progress_is_shown_while_the_turn_is_ours(mirror: ProgressMirror, state: StateDouble, gpu: SharedGpu) -> None:
    with gpu.turn():
        mirror.show(OURS)
        assert state.job_no == 30


def test_a_running_image_never_sees_a_number_of_ours(mirror: ProgressMirror, state: StateDouble,
                                                     queue_lock: QueueLockDouble) -> None:
    mirror.show(OURS)
    with queue_lock:
        state.begin("txt2img")
        before = repr(state)
        mirror.show(ShownJob(31, 120, "frame 31", 1000.0), picture="a picture")
        mirror.clear()
        assert repr(state) == before


def test_the_interrupt_of_an_image_is_not_for_us(mirror: ProgressMirror, state: StateDouble,
                                                 queue_lock: QueueLockDouble) -> None:
    mirror.show(OURS)
    with queue_lock:
        state.begin("txt2img")
        state.interrupted = True
        assert not mirror.take_stop()
        assert state.interrupted


def test_an_interrupt_while_the_state_is_ours_is_for_us_once(mirror: ProgressMirror, state: StateDouble) -> None:
    mirror.show(OURS)
    state.interrupted = True
    assert mirror.take_stop()
    assert not mirror.take_stop()
    assert not state.interrupted


def test_the_first_click_of_the_webuis_interrupt_may_only_ask_to_stop_generating(mirror: ProgressMirror,
                                                                                 state: StateDouble) -> None:
    mirror.show(OURS)
    state.stopping_generation = True
    assert mirror.take_stop()


def test_an_interrupt_is_not_lost_when_the_turn_goes_to_an_image(mirror: ProgressMirror, state: StateDouble,
                                                                 gpu: SharedGpu) -> None:
    with gpu.turn():
        mirror.show(OURS)
        state.interrupted = True
    gpu.close()
    assert not state.interrupted, "the image does not inherit it"
    assert mirror.take_stop()


def test_a_taken_turn_shows_our_job_again(mirror: ProgressMirror, state: StateDouble, gpu: SharedGpu,
                                          queue_lock: QueueLockDouble) -> None:
    mirror.show(OURS)
    with queue_lock:
        state.begin("txt2img")
        state.end()
    with gpu.turn():
        assert (state.job, state.job_no) == (JOB_NAME, 30)


def test_the_state_is_idle_when_our_job_has_ended(mirror: ProgressMirror, state: StateDouble) -> None:
    mirror.show(OURS)
    mirror.clear()
    assert (state.job, state.job_count, state.textinfo) == ("", 0, None)


def test_the_state_is_idle_for_others_while_they_have_the_turn(mirror: ProgressMirror, state: StateDouble,
                                                               gpu: SharedGpu) -> None:
    with gpu.turn():
        mirror.show(OURS)
    gpu.close()
    assert state.job == ""


def test_before_the_number_of_frames_is_known_the_webui_shows_a_job_without_one(mirror: ProgressMirror,
                                                                                state: StateDouble) -> None:
    mirror.show(ShownJob(0, None, "beginning", 1.0))
    assert state.job_count == -1


def test_the_live_preview_is_ours_while_the_state_is(mirror: ProgressMirror, state: StateDouble) -> None:
    mirror.show(OURS, picture="a picture")
    assert state.pictures == ["a picture"]
