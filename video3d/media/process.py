"""The parent's side of a media worker: starts it, reads its messages, ends it whatever happens."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from video3d import errors
from video3d.errors import Video3DError, WorkerError
from video3d.media.protocol import read_header, read_into

_log = logging.getLogger(__name__)

MEMORY_LIMIT = 6 << 30
"""Bytes of address space; libav's thread stacks count, though they are never used."""
SILENCE_LIMIT = 60.0
"""Seconds without a message after which a worker is taken for hung."""

PIPE_BYTES = 1 << 20
"""What Linux allows everybody."""

_KILLED = (-9, -15)
"""Exit codes of a process that others ended: SIGKILL, SIGTERM."""

# Ctrl-C at the terminal reaches us alone; we end our children in order.
OWN_SESSION = sys.platform != "win32"
CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0

# Not -m: that would look for modules in the current folder first, where the user's downloads may lie.
_START = ("import sys; sys.path[:] = filter(None, sys.path); "
          "from {module} import main; raise SystemExit(main(*sys.argv[1:]))")


def start_child(module: str, *arguments: str, stdout: int = subprocess.DEVNULL, stderr: int | None = None,
                environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A Python child that runs `main(*arguments)` of a module of ours, its standard input a pipe from us."""
    return subprocess.Popen(
        [sys.executable, "-X", "utf8", "-c", _START.format(module=module), *arguments],
        env={**child_environment(), **(environment or {})}, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr,
        start_new_session=OWN_SESSION, creationflags=CREATION_FLAGS)


class WorkerProcess:
    """One request to one child process. Use as a context manager: on leaving, the child is gone."""

    def __init__(self, task: str, arguments: Any, *, what: str, silence_limit: float = SILENCE_LIMIT,
                 memory_limit: int = MEMORY_LIMIT) -> None:
        """`what` names the file in messages to the user."""
        self._what = what
        self._task = task
        # No pool of algebra threads in the child, each with its own memory.
        self._process = start_child("video3d.media.worker", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    environment={"OPENBLAS_NUM_THREADS": "1"})
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        widen(self._stdout)
        self._errors = StreamTail(cast("IO[bytes]", self._process.stderr))
        self._watchdog = _Watchdog(self._process, silence_limit)
        request = {"task": task, "arguments": arguments, "memory_limit": memory_limit}
        with contextlib.suppress(BrokenPipeError):  # it died at once: the first read says so
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def messages(self) -> Iterator[dict[str, Any]]:
        """Messages up to and with the one that ends the answer; errors are raised as what they are."""
        while True:
            message = self.next_message()
            yield message
            if message["kind"] in ("end", "info"):
                return

    def next_message(self) -> dict[str, Any]:
        """The next message; WorkerError if the child crashed, hung or ran out of memory."""
        with self._watchdog:
            message = read_header(self._stdout)
        if message is None:
            raise self._death()
        if message["kind"] == "error":
            kind: type[Video3DError] = getattr(errors, message["type"])
            raise kind(message["message"], stage=message["stage"], remedy=message["remedy"])
        return message

    def read_payload(self, view: memoryview) -> None:
        """Fill `view` from the payload of the message just read; WorkerError if the child is gone or hangs."""
        with self._watchdog:
            is_whole = read_into(self._stdout, view)
        if not is_whole:
            raise self._death()

    def close(self) -> None:
        """End the child and wait for it."""
        self._watchdog.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._stdin, self._stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._errors.close()

    def _death(self) -> WorkerError:
        code = self._process.wait()
        self._errors.close()
        if self._watchdog.fired:
            return WorkerError(f"{self._what}: reading it hung and was stopped.", stage=self._task,
                               remedy="The file is damaged; try another copy.")
        text = self._errors.text.strip()
        _log.warning("media worker (%s) on %s died with exit code %s: %s", self._task, self._what, code, text)
        if "MemoryError" in text or "annot allocate" in text:
            return WorkerError(f"{self._what}: it needs more memory than is allowed.", stage=self._task, details=text)
        if code in _KILLED:
            return WorkerError(f"{self._what}: the process that reads it was killed (signal {-code}).",
                               stage=self._task, remedy="Start again; if nobody killed it, memory ran out.")
        return WorkerError(f"{self._what}: the process that reads it died (exit code {code}).", stage=self._task,
                           remedy="The file is probably damaged; the other files are not touched by this.",
                           details=text)


class _Watchdog:
    """Kills a process that lets a reader wait too long. Armed inside its `with` only."""

    def __init__(self, process: subprocess.Popen[bytes], limit: float) -> None:
        self.fired = False
        self._process = process
        self._limit = limit
        self._since: float | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(min(1.0, self._limit / 4)):
            since = self._since
            if since is not None and time.monotonic() - since > self._limit:
                self.fired = True
                self._process.kill()
                return


class StreamTail:
    """Drains a stream in a thread and keeps its end."""

    def __init__(self, stream: IO[bytes], keep: int = 4000) -> None:
        self._stream = stream
        self._keep = keep
        self._data = b""
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """The last characters written so far."""
        return self._data.decode(errors="replace")

    def close(self) -> None:
        """Wait until the writer has closed its end."""
        self._thread.join()
        self._stream.close()

    def _drain(self) -> None:
        while chunk := os.read(self._stream.fileno(), 4096):
            self._data = (self._data + chunk)[-self._keep:]


def widen(pipe: IO[bytes]) -> None:
    """Let more of a picture wait in the pipe, where the system can: its two ends then take turns less often."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # more than this user may have
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def child_environment() -> dict[str, str]:
    """Ours, so that a child of Python finds this very package."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
