"""Whatever a worker does, crash, hang, swell or outlive its parent: an error comes, in time, and nothing stays."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.errors import SourceError, WorkerError
from video3d.media.probing import probe
from video3d.media.process import StreamTail, WorkerProcess
from video3d.serial import to_json

Clips = Callable[[str], Path]
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and named pipes")
ROOT = Path(__file__).resolve().parents[2]


def decode_request(path: Path) -> dict[str, Any]:
    return {"info": to_json(probe(str(path))), "pixel_format": "yuv420p"}


def read_all(worker: WorkerProcess) -> list[str]:
    """The kinds of all messages, their payloads read."""
    kinds: list[str] = []
    for message in worker.messages():
        kinds.append(message["kind"])
        worker.read_payload(memoryview(bytearray(message["size"])))
    return kinds


def is_running(pid: int) -> bool:
    try:
        state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def ended_within(seconds: float, pid: int) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def test_one_request_is_answered_and_the_child_is_gone(clip_of: Clips) -> None:
    with WorkerProcess("probe", {"path": str(clip_of("mp4"))}, what="it") as worker:
        (message,) = worker.messages()
        pid = worker._process.pid
    assert message["kind"] == "info"
    assert message["info"] == to_json(probe(str(clip_of("mp4"))))
    assert worker._process.returncode is not None
    assert pid > 0


def test_leaving_in_the_middle_ends_the_child(clip_of: Clips) -> None:
    threads = threading.active_count()
    with WorkerProcess("decode", decode_request(clip_of("mp4")), what="it") as worker:
        header = worker.next_message()
        assert header["kind"] == "picture"
    assert worker._process.returncode is not None
    assert threading.active_count() == threads
    worker.close()


def test_an_error_of_the_child_is_raised_as_what_it_is(clip_of: Clips) -> None:
    with WorkerProcess("probe", {"path": str(clip_of("only sound"))}, what="it") as worker, \
            pytest.raises(SourceError) as caught:
        worker.next_message()
    with pytest.raises(SourceError) as direct:
        probe(str(clip_of("only sound")))
    assert type(caught.value) is SourceError
    assert (caught.value.message, caught.value.stage, caught.value.remedy) == (
        direct.value.message, direct.value.stage, direct.value.remedy)


@posix
def test_a_child_that_hangs_is_killed_in_time(tmp_path: Path) -> None:
    pipe = tmp_path / "never.mp4"
    os.mkfifo(pipe)
    begun = time.monotonic()
    with WorkerProcess("probe", {"path": str(pipe)}, what="never.mp4", silence_limit=1.5) as worker, \
            pytest.raises(WorkerError, match=r"never\.mp4.*hung") as caught:
        worker.next_message()
    assert time.monotonic() - begun < 6
    assert caught.value.stage == "probe"
    assert caught.value.remedy
    assert worker._process.returncode is not None


@posix
def test_a_child_that_stops_in_the_middle_of_a_picture_is_killed(clip_of: Clips) -> None:
    with WorkerProcess("decode", decode_request(clip_of("mp4")), what="it", silence_limit=2) as worker:
        header = worker.next_message()
        os.kill(worker._process.pid, signal.SIGSTOP)
        begun = time.monotonic()
        more_than_is_on_its_way = memoryview(bytearray(header["size"] * 100))
        with pytest.raises(WorkerError, match="hung"):
            worker.read_payload(more_than_is_on_its_way)
        assert time.monotonic() - begun < 6


def test_a_slow_reader_is_no_hang(clip_of: Clips) -> None:
    """Only waiting for the child counts."""
    with WorkerProcess("probe", {"path": str(clip_of("mp4"))}, what="it", silence_limit=5) as worker:
        worker._watchdog._limit = 0.2
        time.sleep(0.6)
        worker._watchdog._limit = 30
        assert worker.next_message()["kind"] == "info"


@posix
@pytest.mark.parametrize(("where", "end", "word"), [
    ("between messages", "SIGSEGV", "died"), ("in a payload", "SIGABRT", "died"),
    ("between messages", "SIGKILL", "killed"), ("in a payload", "SIGTERM", "killed"),
])
def test_a_child_that_crashes_is_an_error_that_says_so(where: str, end: str, word: str, clip_of: Clips,
                                                       caplog: pytest.LogCaptureFixture) -> None:
    with WorkerProcess("decode", decode_request(clip_of("mp4")), what="clip.mp4") as worker, \
            caplog.at_level(logging.WARNING):
        header = worker.next_message()
        if where == "between messages":
            worker.read_payload(memoryview(bytearray(header["size"])))
        os.kill(worker._process.pid, getattr(signal, end))
        going_on: dict[str, Callable[[], object]] = {
            "between messages": lambda: read_all(worker),
            "in a payload": lambda: worker.read_payload(memoryview(bytearray(header["size"] * 1000))),
        }
        with pytest.raises(WorkerError, match=rf"clip\.mp4.*{word}") as caught:
            going_on[where]()
    assert caught.value.stage == "decode"
    assert caught.value.remedy
    assert "clip.mp4" in caplog.text


def test_a_child_that_raises_is_an_error_and_its_words_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with WorkerProcess("no such task", {}, what="it") as worker, \
            caplog.at_level(logging.WARNING), pytest.raises(WorkerError, match="exit code 1"):
        worker.next_message()
    assert "KeyError" in caplog.text


@posix
def test_a_child_that_swells_is_stopped(clip_of: Clips) -> None:
    """Under a limit that not even the libraries fit into."""
    with WorkerProcess("decode", decode_request(clip_of("mp4")), what="it", memory_limit=200 << 20) as worker, \
            pytest.raises(WorkerError) as caught:
        read_all(worker)
    assert caught.value.stage == "decode"


PARENT = """
import sys, time
sys.path.insert(0, {root!r})
from video3d.media.process import WorkerProcess
worker = WorkerProcess({task!r}, {arguments!r}, what="it")
{first}
print(worker._process.pid, flush=True)
time.sleep(60)
"""


@posix
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("state", ["at work", "waiting for its reader", "hanging in the file"])
def test_a_childs_life_ends_with_its_parents(state: str, clip_of: Clips, make_clip: Callable[..., Path],
                                             tmp_path: Path) -> None:
    if state == "hanging in the file":
        pipe = tmp_path / "never.mp4"
        os.mkfifo(pipe)
        task, arguments, first = "probe", {"path": str(pipe)}, "time.sleep(1.5)"
    else:
        # At work it has sent nothing that fills the pipe; 24 pictures of 320x180 do.
        big = make_clip("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=1", "-c:v", "libx264", "-preset",
                        "ultrafast", "-pix_fmt", "yuv420p")
        task, arguments = "decode", decode_request(big)
        first = "worker.next_message(); time.sleep(0.5)" if state.startswith("waiting") else "worker.next_message()"
    script = PARENT.format(root=str(ROOT), task=task, arguments=arguments, first=first)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    try:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
        parent.wait()
        assert ended_within(5, child)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


@posix
def test_ctrl_c_reaches_the_parent_alone(clip_of: Clips) -> None:
    with WorkerProcess("decode", decode_request(clip_of("mp4")), what="it") as worker:
        assert os.getsid(worker._process.pid) != os.getsid(0)


def test_a_closed_worker_frees_its_files(clip_of: Clips) -> None:
    for _ in range(2):
        with WorkerProcess("probe", {"path": str(clip_of("mp4"))}, what="it") as worker:
            worker.next_message()
        assert worker._stdin.closed
        assert worker._stdout.closed
        assert worker._errors._stream.closed


def test_messages_end_with_the_answers_end(clip_of: Clips) -> None:
    with WorkerProcess("decode", decode_request(clip_of("mp4")), what="it") as worker:
        assert read_all(worker) == ["picture"] * 24 + ["end"]


def test_the_tail_of_a_stream_is_kept() -> None:
    reading, writing = os.pipe()
    tail = StreamTail(io.FileIO(reading), keep=10)
    os.write(writing, b"a" * 100_000 + "the end é".encode()[-9:])
    os.close(writing)
    tail.close()
    assert len(tail.text) <= 10
    assert tail.text.endswith("end é")


@pytest.mark.parametrize("stranger", ["video3d/__init__.py", "av.py", "json.py"])
def test_nothing_that_lies_beside_the_videos_is_run(stranger: str, clip_of: Clips, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that one happens to be in, with downloads perhaps, is no place to look for modules."""
    module = tmp_path / stranger
    module.parent.mkdir(exist_ok=True)
    module.write_text("raise RuntimeError('a stranger was run')")
    path = clip_of("mp4")
    monkeypatch.chdir(tmp_path)
    with WorkerProcess("probe", {"path": str(path)}, what="it") as worker:
        assert worker.next_message()["kind"] == "info"


def test_the_child_finds_this_very_package(clip_of: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before another `video3d` on the path."""
    other = tmp_path / "video3d"
    other.mkdir()
    (other / "__init__.py").write_text("raise RuntimeError('the wrong package')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with WorkerProcess("probe", {"path": str(clip_of("mp4"))}, what="it") as worker:
        assert worker.next_message()["kind"] == "info"
