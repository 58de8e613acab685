"""Our progress in the webui's own state, and its Interrupt for us: only while the state is ours.

The state belongs to whoever holds the webui's lock. We write while we hold the GPU's turn, and otherwise only when the
lock is free, for the moment of writing. So a running image generation never sees a number of ours, and an Interrupt
that was meant for it never reaches us.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from video3d.webui.turn import QueueLock, SharedGpu

JOB_NAME = "2D to 3D video"


class WebuiState(Protocol):
    """What we use of `modules.shared.state`."""

    job: str
    job_no: int
    job_count: int
    textinfo: str | None
    time_start: float | None
    interrupted: bool
    skipped: bool
    stopping_generation: bool

    def begin(self, job: str) -> None:
        """Forget the last job."""
        ...

    def end(self) -> None:
        """Nothing runs."""
        ...

    def assign_current_image(self, image: Any) -> None:
        """A PIL image for the live preview."""
        ...


@dataclass(frozen=True)
class ShownJob:
    """What the webui is told."""

    done: int
    total: int | None
    """Frames; None while that is not known."""
    text: str
    """One line."""
    started: float
    """Seconds since 1970: the time left is computed from it."""


class ProgressMirror:
    """Writes to the webui's state, and reads the wish to stop from it."""

    def __init__(self, state: WebuiState, lock: QueueLock, gpu: SharedGpu) -> None:
        self._state = state
        self._lock = lock
        self._gpu = gpu
        self._shown: ShownJob | None = None
        self._is_stop_asked = False
        gpu.on_taken = self._taken
        gpu.on_given = self._given

    def show(self, job: ShownJob, picture: Any = None) -> None:
        """Tell how far our job is. `picture`: a PIL image for the live preview."""
        self._shown = job
        with self._writable() as is_writable:
            if is_writable:
                self._write(job)
                if picture is not None:
                    self._state.assign_current_image(picture)

    def clear(self) -> None:
        """No job of ours runs."""
        self._shown = None
        if self._is_ours():
            with self._writable() as is_writable:
                if is_writable and self._is_ours():
                    self._let_go()
        self._is_stop_asked = False

    def take_stop(self) -> bool:
        """Whether somebody pressed the webui's Interrupt while the state was ours; asking takes note of it."""
        with self._gpu.holding():
            asked = self._is_stop_asked or (self._is_ours() and self._flags())
            self._is_stop_asked = False
            if asked and self._is_ours():
                self._clear_flags()
            return asked

    @contextmanager
    def _writable(self) -> Generator[bool, None, None]:
        with self._gpu.holding() as is_held:
            if is_held:
                yield True
            elif self._lock.acquire(blocking=False):
                try:
                    yield True
                finally:
                    self._lock.release()
            else:
                yield False

    def _is_ours(self) -> bool:
        return self._state.job == JOB_NAME

    def _flags(self) -> bool:
        return self._state.interrupted or self._state.stopping_generation

    def _clear_flags(self) -> None:
        self._state.interrupted = self._state.stopping_generation = self._state.skipped = False

    def _taken(self) -> None:
        if self._shown is not None:
            self._write(self._shown)

    def _given(self) -> None:
        if self._is_ours():
            self._is_stop_asked |= self._flags()
            self._let_go()

    def _write(self, job: ShownJob) -> None:
        if not self._is_ours():
            self._state.begin(JOB_NAME)
        self._state.time_start = job.started
        self._state.job_count = -1 if job.total is None else max(1, job.total)
        self._state.job_no = job.done
        self._state.textinfo = job.text

    def _let_go(self) -> None:
        self._state.end()
        self._clear_flags()
        self._state.textinfo = None
