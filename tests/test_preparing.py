"""What must be compiled first is said, done by a child that can be stopped, and done once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from video3d import preparing
from video3d.console import STOPPED
from video3d.reporting import Progress, SilentReporter
from video3d.stereo.compiling import NotCompiledError, compiled, from_cache_alone

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 5.0
"""On a busy machine; by itself it takes a tenth."""
FROM_TWO_ENDS = """
import sys
import threading
from video3d.stereo.compiling import from_cache_alone

def enter():
    with from_cache_alone():
        pass

def take(gate, work):
    gate.wait()
    work()

def load():
    import numba
    numba.njit

sys.setswitchinterval(1e-6)
gate = threading.Barrier(4)
failed = []
threading.excepthook = failed.append
threads = [threading.Thread(target=take, args=(gate, work)) for work in (enter, load) * 2]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
raise SystemExit(repr(failed) if failed else 0)
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists processes")
config: Any = pytest.importorskip("numba.core.config")


def twice(number: int) -> int:
    return 2 * number


def test_what_is_not_in_the_cache_is_refused_and_what_is_there_is_loaded(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(NotCompiledError) as refused, from_cache_alone():
        compiled("int64(int64)")(twice)
    assert refused.value.can_be_kept
    assert compiled("int64(int64)")(twice)(21) == 42
    with from_cache_alone():
        assert compiled("int64(int64)")(twice)(21) == 42


@pytest.mark.parametrize("attempt", range(2))
def test_threads_may_load_the_compiler_at_once(attempt: int) -> None:
    """Each from its own end: they would wait for one another's half. Not every attempt would show it."""
    done = subprocess.run([sys.executable, "-c", FROM_TWO_ENDS], cwd=ROOT, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0, (attempt, done.stderr)


def test_where_nothing_can_be_kept_a_child_would_compile_in_vain() -> None:
    nowhere: dict[str, Any] = {}
    exec("def twice(number): return 2 * number", nowhere)  # noqa: S102 - a function that no file holds
    with pytest.raises(NotCompiledError) as refused, from_cache_alone():
        compiled("int64(int64)")(nowhere["twice"])
    assert not refused.value.can_be_kept


@contextmanager
def first_conversion(clip: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A conversion that finds no compiled loops, and has just said so."""
    command = [sys.executable, "-m", "video3d", "convert", str(clip), "-o", str(folder / "x.mp4"), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder / "cache")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("message") == preparing.WORDS:
                break
        else:
            pytest.fail("it never said that it prepares")
        yield process
    finally:
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str], word: bytes) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process.pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()
                  if word in Path("/proc", str(child), "cmdline").read_bytes()]
    return found


def child_that_compiles(process: subprocess.Popen[str]) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := children(process, b"video3d.preparing"):
            return found[0]
        time.sleep(0.02)
    pytest.fail("nothing compiles")


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@needs_proc
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, STOPPED), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_first_conversion_says_what_it_waits_for_and_ends_when_it_is_asked_to(
        number: signal.Signals, code: int, small_clip: Path, tmp_path: Path) -> None:
    with first_conversion(small_clip, tmp_path) as process:
        child = child_that_compiles(process)
        time.sleep(0.5)  # into what Python itself could not stop
        asked = time.monotonic()
        process.send_signal(number)
        assert process.wait(60) == code
        while not is_gone(child) and time.monotonic() < asked + STOP_SECONDS:
            time.sleep(0.02)
        assert time.monotonic() < asked + STOP_SECONDS
    assert is_gone(child)
    assert not (tmp_path / "x.mp4").exists()


def test_where_all_is_compiled_nothing_is_said() -> None:
    reporter = Telling()
    preparing.prepare(reporter)  # the suite's own cache may be empty
    again = Telling()
    preparing.prepare(again)
    assert again.notices == []
    assert again.told == []


class Telling(SilentReporter):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[Progress] = []

    def progress(self, progress: Progress) -> None:
        self.told.append(progress)
