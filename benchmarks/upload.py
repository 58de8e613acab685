"""How much memory an upload costs the server: a file full of holes is sent, and the server's memory is watched.

    python benchmarks/upload.py [--gigabytes 2]

Needs the packages of requirements-serve.txt and, for the page's server, requirements-ui.txt. Linux only: memory is
read from /proc.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
PIECE = 1 << 20
APART = 0.05
"""Seconds between two looks."""


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--command", choices=("ui", "serve"), default="ui", help="which server")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(measured(chosen.command, int(chosen.gigabytes * (1 << 30)), Path(home))))


def measured(command: str, size: int, home: Path) -> dict[str, float]:
    """Megabytes of the server before the upload and at most during it, and how fast it was."""
    words = [sys.executable, "-m", "video3d", command, "--port", "0", "--json"]
    words += ["--no-browser"] if command == "ui" else []
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_DATA_HOME": str(home),
                 "GRADIO_ANALYTICS_ENABLED": "False"}  # fmt: skip
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables, cwd=home) as server:
        assert server.stdout is not None
        try:
            address = json.loads(server.stdout.readline())["address"]
            send(address, PIECE)  # whatever is loaded with the first one is there before we look
            before = memory(server.pid)
            watch = Watch(server.pid)
            began = time.monotonic()
            send(address, size)
            seconds = time.monotonic() - began
            return {"sent_MB": size / 1e6, "before_MB": before, "most_MB": watch.end(),
                    "MB_per_second": size / 1e6 / seconds}
        finally:
            server.send_signal(signal.SIGINT)


def send(address: str, size: int) -> None:
    """As the page does it: the file is the body."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=600)
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        line.request("POST", "/video3d/v1/uploads?name=holes.mp4", body=file,
                     headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)})
        answer = line.getresponse()
        told = answer.read()
    assert answer.status == http.client.CREATED, told


def memory(process: int) -> float:
    """Megabytes that a process holds (VmRSS)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) / 1000


class Watch:
    """Looks at a process's memory until it is ended."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._most = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> float:
        """The most that was seen."""
        self._ending.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._ending.wait(APART):
            self._most = max(self._most, memory(self._process))


if __name__ == "__main__":
    main()
