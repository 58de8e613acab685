from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.api import page_routes

SETTINGS = {"layout": "half-sbs", "preview": 0.5}


def until(ask: Callable[[], Any], is_right: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = ask().json()
        if is_right(found):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_time_and_size_are_guessed(client: Any, small_clip: Path) -> None:
    upload = client.upload(small_clip)
    answer = client.post("/estimate", json={"upload": upload, "settings": {"layout": "full-tab"}})
    told = answer.json()
    assert (told["width"], told["height"]) == (320, 360)
    assert told["seconds"] > 0
    assert told["bytes"] > 1000
    assert client.post("/estimate", json={"upload": upload, "settings": {"strength": 9}}).status_code == 422
    assert client.post("/estimate", json={"upload": "unknown-upload"}).status_code == 404


def test_what_took_a_while_teaches_how_fast_it_goes(client: Any, small_clip: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    upload = client.upload(small_clip)

    def guessed() -> float:
        return client.post("/estimate", json={"upload": upload, "settings": SETTINGS}).json()["seconds"]

    before = guessed()
    job = client.post("/jobs", json={"upload": upload, "settings": SETTINGS}).json()["id"]
    client.service.queue.start()
    until(lambda: client.get(f"/jobs/{job}"), lambda answer: answer["state"] == "done")
    assert guessed() == before, "most of a short conversion is its beginning"
    monkeypatch.setattr(page_routes, "TELLING_SECONDS", 0.0)
    assert guessed() == before, "so is most of one with few pixels, however long the program took to begin"
    monkeypatch.setattr(page_routes, "TELLING_PIXELS", 0)
    assert guessed() != before


def test_a_result_is_played(client: Any, small_clip: Path) -> None:
    upload = client.upload(small_clip)
    job = client.post("/jobs", json={"upload": upload, "settings": SETTINGS}).json()["id"]
    assert client.post(f"/jobs/{job}/playable").status_code == 409
    client.service.queue.start()
    until(lambda: client.get(f"/jobs/{job}"), lambda answer: answer["state"] == "done")
    told = client.post(f"/jobs/{job}/playable").json()
    assert told == {"state": "result", "share": 0.0, "address": f"jobs/{job}/result"}
    assert client.get(f"/jobs/{job}/copy").status_code == 404
    assert client.get(f"/jobs/{job}/comfort.png").status_code == 404


def test_a_result_that_browsers_do_not_play_gets_a_copy(client: Any, small_clip: Path) -> None:
    upload = client.upload(small_clip)
    settings = {**SETTINGS, "container": "mkv"}
    job = client.post("/jobs", json={"upload": upload, "settings": settings}).json()["id"]
    client.service.queue.start()
    until(lambda: client.get(f"/jobs/{job}"), lambda answer: answer["state"] == "done")
    told = until(lambda: client.post(f"/jobs/{job}/playable"), lambda answer: answer["state"] != "making")
    assert told["state"] == "copy"
    copy = client.get("/" + told["address"], headers={"Range": "bytes=0-99"})
    assert (copy.status_code, copy.headers["content-type"], len(copy.content)) == (206, "video/mp4", 100)
    client.delete(f"/jobs/{job}")
    client.service.renditions.keep_only({each.id for each in client.service.queue.jobs()})
    assert not client.service.renditions.file(job).exists()
