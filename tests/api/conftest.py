"""A service in a folder of its own, and a client that talks to it without a network."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from video3d.api import AllowedPaths, Guard, Limits, Service
from video3d.host import StandaloneHost
from video3d.queue import JobQueue

if importlib.util.find_spec("fastapi") is None:
    collect_ignore_glob = ["test_*routes.py", "test_api.py", "test_ranges.py", "test_events.py", "test_router.py"]


class FolderHost(StandaloneHost):
    """All that it writes lies in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def work_folder(self) -> Path:
        return self._folder / "work"

    def output_folder(self) -> Path:
        return self._folder / "results"


class Client:
    """Requests to an application in this process."""

    def __init__(self, app: Any, service: Service, base: str = "http://testserver/video3d/v1") -> None:
        self.app = app
        self.service = service
        self._base = base

    def request(self, method: str, path: str, **more: Any) -> Any:
        return asyncio.run(self.requests((method, path, more)))[0]

    async def requests(self, *wanted: tuple[str, str, dict[str, Any]]) -> list[Any]:
        """All at once."""
        import httpx

        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=self._base, timeout=30) as client:
            return await asyncio.gather(*(client.request(method, path, **more) for method, path, more in wanted))

    def get(self, path: str, **more: Any) -> Any:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self.request("POST", path, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.request("DELETE", path, **more)

    def upload(self, file: Path, **more: Any) -> str:
        """Send a file; its id."""
        answer = self.post("/uploads", params={"name": file.name}, content=file.read_bytes(), **more)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """`make_client(guard=…, paths=…, limits=…)`; its queue converts after `client.service.queue.start()`."""
    from video3d.api import create_app

    services: list[Service] = []

    def make(guard: Guard | None = None, paths: AllowedPaths | None = None, limits: Limits | None = None) -> Client:
        host = FolderHost(tmp_path)
        queue = JobQueue(host, host.work_folder() / "queue")
        service = Service(host, queue, paths=paths, limits=limits)
        services.append(service)
        return Client(create_app(service, guard or Guard()), service)

    yield make
    for service in services:
        service.close()
        service.queue.close()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    """Open to everybody."""
    return make_client()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[str, subprocess.Popen[str]]]]:
    """`start("--users", file)` is a running server's address and process; it is ended in the end."""
    processes: list[subprocess.Popen[str]] = []
    variables = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)}

    def run(*options: str) -> tuple[str, subprocess.Popen[str]]:
        command = [sys.executable, "-X", "utf8", "-m", "video3d", "serve", "--port", "0", "--json", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)
        processes.append(process)
        assert process.stdout is not None
        return json.loads(process.stdout.readline())["address"], process

    yield run
    for process in processes:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
