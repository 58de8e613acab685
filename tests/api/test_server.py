"""The server as users start it: a process of its own, over real sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from video3d.api.paths import AllowedPaths
from video3d.api.server import ServerSettings, read_users
from video3d.errors import SettingsError


def events(address: str, job: str) -> list[dict[str, Any]]:
    with httpx.stream("GET", f"{address}/jobs/{job}/events", timeout=60) as answer:
        return [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]


def children_of(process: subprocess.Popen[str]) -> list[int]:
    return [int(word) for listing in Path(f"/proc/{process.pid}/task").glob("*/children")
            for word in listing.read_text().split()]


def converter_of(process: subprocess.Popen[str]) -> int:
    return next(pid for pid in children_of(process) if b"converter" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_a_video_is_sent_converted_and_fetched(start: Callable[..., Any], small_clip: Path, tmp_path: Path) -> None:
    address, process = start("--workers", "2", "--devices", "cpu,cpu")
    if Path("/proc").is_dir():
        words = Path(f"/proc/{converter_of(process)}/cmdline").read_bytes().split(b"\0")
        assert words[-4:] == [b"2", b"cpu", b"cpu", b""]
    with small_clip.open("rb") as file:
        upload = httpx.post(f"{address}/uploads", params={"name": "a.mp4"}, content=file).json()["id"]
    order = {"upload": upload, "settings": {"preview": 0.5}}
    job = httpx.post(f"{address}/jobs", json=order, timeout=30).json()["id"]
    told = events(address, job)
    assert told[-1]["state"] == "done", told[-1]
    part = httpx.get(f"{address}/jobs/{job}/result", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert (tmp_path / "Videos" / "3D" / told[-1]["result_name"]).is_file()
    assert httpx.get(f"{address}/jobs/{job}/preview").content[:2] == b"\xff\xd8"
    assert httpx.get(f"{address}/status", headers={"host": "evil.example"}).status_code == 403
    children = children_of(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_a_converter_that_dies_is_started_again_and_its_job_too(start: Callable[..., Any], small_clip: Path) -> None:
    address, process = start()
    upload = httpx.post(f"{address}/uploads", params={"name": "a.mp4"}, content=small_clip.read_bytes()).json()["id"]
    first = converter_of(process)
    job = httpx.post(f"{address}/jobs", json={"upload": upload}, timeout=30).json()["id"]
    with httpx.stream("GET", f"{address}/jobs/{job}/events", timeout=60) as answer:
        next(line for line in answer.iter_lines() if '"state": "running"' in line)
    os.kill(first, signal.SIGKILL)
    assert events(address, job)[-1]["state"] == "done"
    assert converter_of(process) != first


def test_a_password_is_asked_for(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "users").write_text("ann:secret\n")
    address, _ = start("--users", str(tmp_path / "users"))
    assert httpx.get(f"{address}/status").status_code == 401
    began = time.monotonic()
    assert httpx.get(f"{address}/status", auth=("ann", "wrong")).status_code == 401
    assert time.monotonic() - began > 0.25
    assert httpx.get(f"{address}/status", auth=("ann", "secret")).json()["logged_in"] == "ann"
    assert httpx.get(f"{address}/files/info", params={"path": str(tmp_path / "users")},
                     auth=("ann", "secret")).status_code == 403


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_nobody_listens_on_a_network_without_a_password(address: str) -> None:
    with pytest.raises(SettingsError, match="everybody in the network"):
        ServerSettings(address=address).guard()
    assert ServerSettings(address=address, users={"ann": "1"}).guard().needs_login
    assert ServerSettings(address=address, users={"ann": "1"}).paths() == AllowedPaths()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_needs_none(address: str) -> None:
    settings = ServerSettings(address=address)
    assert settings.guard().hosts is not None
    assert settings.paths() == AllowedPaths((Path.home(),))


def test_users_are_read_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "users"
    file.write_text("ann:a:b\n\nbob:\u00fc\n", encoding="utf-8")
    assert read_users(file) == {"ann": "a:b", "bob": "\u00fc"}
    monkeypatch.setenv("VIDEO3D_USERS", "ann:1,bob:2")
    assert read_users(None) == {"ann": "1", "bob": "2"}
    monkeypatch.delenv("VIDEO3D_USERS")
    assert read_users(None) == {}
    for wrong in ("ann", "ann:", ":1"):
        file.write_text(wrong)
        with pytest.raises(SettingsError, match="number 1"):
            read_users(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_users(tmp_path / "nothing")


def test_a_password_is_never_told(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("ann secret123\n")
    with pytest.raises(SettingsError) as caught:
        read_users(file)
    assert "secret123" not in str(caught.value)


@pytest.mark.needs("curl")
def test_the_lines_of_the_docs_work(start: Callable[..., Any], small_clip: Path, tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"<!-- a test runs these lines -->\n```sh\n(.*?)```", page, re.DOTALL)
    address, _ = start()
    (tmp_path / "my.mp4").write_bytes(small_clip.read_bytes())
    script = "set -eu\n" + lines.replace("http://127.0.0.1:7870/video3d/v1", address)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"state": "done"' in done.stdout
    assert (tmp_path / "result.mp4").read_bytes()[4:8] == b"ftyp"
    assert {(tmp_path / name).read_bytes()[:2] for name in ("moment.jpg", "anaglyph.jpg")} == {b"\xff\xd8"}
