"""The child process by itself: what goes in and out of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.media import worker
from video3d.media.probing import probe
from video3d.media.process import MEMORY_LIMIT
from video3d.media.protocol import read_exactly, read_header
from video3d.serial import from_json, to_json
from video3d.video_info import VideoInfo

Clips = Callable[[str], Path]
ROOT = Path(__file__).resolve().parents[2]


def serve(task: str, arguments: Any, *, memory_limit: int = MEMORY_LIMIT) -> tuple[int, list[dict[str, Any]], str]:
    """(exit code, messages, what it wrote to standard error)."""
    request = json.dumps({"task": task, "arguments": arguments, "memory_limit": memory_limit}) + "\n"
    child = subprocess.Popen([sys.executable, "-X", "utf8", "-m", "video3d.media.worker"], cwd=ROOT,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(request.encode())
        child.stdin.flush()
        out = io.BytesIO(child.stdout.read())
        noise = child.stderr.read().decode()
    messages: list[dict[str, Any]] = []
    while (header := read_header(out)) is not None:
        assert read_exactly(out, header["size"]) is not None
        messages.append(header)
    return child.returncode, messages, noise


def test_a_probe_is_answered(clip_of: Clips) -> None:
    code, messages, _ = serve("probe", {"path": str(clip_of("mkv"))})
    assert code == 0
    assert [message["kind"] for message in messages] == ["info"]
    assert from_json(VideoInfo, messages[0]["info"]) == probe(str(clip_of("mkv")))


def test_pictures_come_with_their_planes(clip_of: Clips) -> None:
    info = probe(str(clip_of("mkv")))
    code, messages, _ = serve("decode", {"info": to_json(info), "pixel_format": "yuv420p"})
    assert code == 0
    assert [message["kind"] for message in messages] == ["picture"] * 24 + ["end"]
    assert {message["size"] for message in messages[:-1]} == {info.pixel_format.frame_bytes(128, 72)}
    assert messages[-1]["notices"] == []


def test_an_error_is_answered_too(clip_of: Clips) -> None:
    code, messages, _ = serve("probe", {"path": str(clip_of("only sound"))})
    assert code == 0
    assert (messages[0]["kind"], messages[0]["type"]) == ("error", "SourceError")
    assert messages[0]["message"]
    assert messages[0]["remedy"]


def test_a_fault_of_ours_ends_it_with_a_trace() -> None:
    code, messages, noise = serve("probe", {"no path": 1})
    assert (code, messages) == (1, [])
    assert "KeyError" in noise


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_too_little_memory_is_answered_or_ends_it(clip_of: Clips) -> None:
    code, messages, noise = serve("probe", {"path": str(clip_of("mp4"))}, memory_limit=64 << 20)
    assert all(message["kind"] == "error" for message in messages)
    assert code != 0 or messages[0]["type"] == "WorkerError"
    assert messages or "Error" in noise


def test_what_libraries_print_stays_out_of_the_answers() -> None:
    script = ("import os, sys; from video3d.media import worker; from video3d.media.protocol import write_message; "
              "answers = worker._take_stdout(); print('noise'); sys.stdout.flush(); os.write(1, b'more noise'); "
              "write_message(answers, {'kind': 'end'})")
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    assert read_header(io.BytesIO(done.stdout)) == {"kind": "end", "size": 0}
    assert b"noise" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a named pipe")
def test_the_end_of_its_input_ends_it(tmp_path: Path) -> None:
    pipe = tmp_path / "never.mp4"
    os.mkfifo(pipe)
    request = json.dumps({"task": "probe", "arguments": {"path": str(pipe)}, "memory_limit": MEMORY_LIMIT}) + "\n"
    done = subprocess.run([sys.executable, "-m", "video3d.media.worker"], cwd=ROOT, input=request.encode(),
                          capture_output=True, timeout=30, check=False)
    assert done.returncode == 3


def test_the_heavy_libraries_are_loaded_for_a_task_only() -> None:
    script = "import sys, video3d.media.worker; assert not {'av', 'cv2'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_every_task_has_a_server() -> None:
    assert set(worker._TASKS) == {"probe", "decode", "mux", "fragment", "picture"}
