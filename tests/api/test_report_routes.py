from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.api import Guard

ANN, BOB = {"auth": ("ann", "1")}, {"auth": ("bob", "2")}


@pytest.fixture
def client(make_client: Callable[..., Any]) -> Any:
    return make_client(Guard(users={"ann": "1", "bob": "2"}))


@pytest.fixture
def job(client: Any, small_clip: Path) -> str:
    """Whose source was no video by the time it ran."""
    upload = client.post("/uploads", params={"name": "Ann at the beach.mp4"}, content=small_clip.read_bytes(),
                         **ANN).json()["id"]
    order = {"upload": upload, "settings": {"strength": 1.5}}
    job = client.post("/jobs", json=order, **ANN).json()["id"]
    queue = client.service.queue
    queue.job(job).source.write_bytes(b"no video")
    queue.start()
    while queue.job(job).state.value not in ("done", "failed"):
        queue.wait(queue.version, 1)
    return job


def test_a_job_s_log_is_told_without_folders(client: Any, job: str, tmp_path: Path) -> None:
    answer = client.get(f"/jobs/{job}/log", **ANN)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "SourceError in probe" in answer.text
    assert str(tmp_path) in client.service.queue.log(job), "the command line tells them"
    assert str(tmp_path) not in answer.text
    assert client.get(f"/jobs/{job}/log", **BOB).status_code == 404


def test_a_bundle_holds_the_job_s_story_and_nothing_private(client: Any, job: str, tmp_path: Path) -> None:
    answer = client.get("/diagnostics", params={"job": job}, **ANN)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        files = {name: opened.read(name).decode() for name in opened.namelist()}
    assert set(files) == {"versions.json", "models.json", "job.json", "log.txt"}
    assert json.loads(files["job.json"])["settings"]["strength"] == 1.5
    assert "SourceError in probe" in files["log.txt"]
    everything = "".join(files.values())
    for word in ("beach", "Ann", str(tmp_path), str(Path.home())):
        assert word not in everything, word
    assert client.get("/diagnostics", params={"job": job}, **BOB).status_code == 404
    assert client.get("/diagnostics", **BOB).status_code == 200
