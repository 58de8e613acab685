"""The loops over pixels are compiled for this processor once. That takes long, and Python cannot stop it: so it is done
in a child process, which fills numba's cache and can be ended at any moment."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import IO, cast

from video3d.errors import Cancelled
from video3d.lifeline import end_with_parent
from video3d.media.process import start_child
from video3d.reporting import Progress, Reporter
from video3d.stereo.backend import load_kernels
from video3d.stereo.compiling import NotCompiledError, from_cache_alone

STAGE = "prepare"
"""Of the progress that is told meanwhile."""
WORDS = "Preparing for this processor, once: about 40 s, several minutes where others are at work."
WAIT_SECONDS = 0.1


def prepare(reporter: Reporter) -> None:
    """Load the compiled loops; compile them first where that was never done, and say so. Raises Cancelled.

    Where numba has no folder to keep them in, they are compiled here, and cannot be stopped.
    """
    needed = _needed()
    if needed is None:
        return
    reporter.notice(WORDS)
    reporter.progress(Progress(STAGE, 0, None))
    if needed.can_be_kept:
        _compile_apart(reporter.is_cancelled)
    load_kernels()


@contextmanager
def loading_ahead() -> Generator[None, None, None]:
    """Load in a thread what is compiled already: that takes a second, in which others are mostly waited for."""
    thread = threading.Thread(target=_needed, name="kernels")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _needed() -> NotCompiledError | None:
    try:
        with from_cache_alone():
            load_kernels()
    except NotCompiledError as problem:
        return problem
    return None


def _compile_apart(is_cancelled: Callable[[], bool]) -> None:
    """What comes of it shows when the kernels are loaded: what the child could not do is done then."""
    child = start_child(__name__, stderr=subprocess.DEVNULL)
    try:
        while child.poll() is None:
            if is_cancelled():
                raise Cancelled("Stopped.", stage=STAGE)
            with suppress(subprocess.TimeoutExpired):
                child.wait(WAIT_SECONDS)
    finally:
        child.kill()
        child.wait()
        cast("IO[bytes]", child.stdin).close()


def main() -> None:
    """The child: compile what is not in numba's cache."""
    end_with_parent()
    load_kernels()
