"""Shots over HTTP: found with pictures, edited as the command line edits them, and seen in what a job makes."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from video3d.api import Guard
from video3d.shot_edits import EditedShot, ShotEdits, ShotValues, json_schema, read_shots


def found(client: Any, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        answer = client.post("/shots", json=body, **more)
        assert answer.status_code == 200, answer.text
        if answer.json()["complete"]:
            return answer.json()
        time.sleep(0.05)
    raise AssertionError(answer.text)


def starts(answer: Any) -> list[float]:
    assert answer.status_code == 200, answer.text
    return [shot["start"] for shot in answer.json()["shots"]]


@pytest.fixture
def upload(client: Any, small_clip: Path) -> str:
    return client.upload(small_clip)


def test_shots_are_told_with_pictures_and_as_the_command_line_takes_them(client: Any, upload: str) -> None:
    told = found(client, {"upload": upload})
    assert [(shot["start"], shot["end"]) for shot in told["shots"]] == [(0.0, 1.0), (1.0, 2.0)]
    assert (told["starts"], told["edited"]) == ([0.0, 1.0], False)
    for shot in told["shots"]:
        picture = client.get("/" + shot["thumbnail"])
        assert picture.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(picture.content)).size == (240, 135)
    assert client.get("/shots/picture", params={"upload": upload, "at": 5}).status_code == 404
    assert read_shots(json.dumps(told)) == ShotEdits((EditedShot(0.0), EditedShot(1.0)))
    told_keys = set(told["shots"][0])
    assert told_keys == set(json_schema()["properties"]["shots"]["items"]["properties"])


def test_shots_are_split_set_and_merged_and_the_list_is_kept(client: Any, upload: str) -> None:
    found(client, {"upload": upload})

    def edit(**change: Any) -> Any:
        return client.post("/shots/edit", json={"upload": upload, **change})

    assert starts(edit(action="split", at=1.5)) == [0.0, 1.0, 1.5]
    changed = edit(action="set", shot=2, strength=1.5, convergence="auto").json()
    assert changed["edited"]
    assert changed["starts"] == [0.0, 1.0], "what was found stays known"
    assert (changed["shots"][2]["strength"], changed["shots"][2]["convergence"]) == (1.5, "auto")
    assert starts(edit(action="merge", shot=1)) == [0.0, 1.5]
    kept = found(client, {"upload": upload})
    assert [shot["end"] for shot in kept["shots"]] == [1.5, 2.0]
    assert kept["shots"][1]["strength"] == 1.5
    assert starts(client.request("PUT", "/shots", json={"upload": upload, "shots": kept["shots"][1:]})) == [1.5]
    assert starts(client.delete("/shots", params={"upload": upload})) == [0.0, 1.0]


@pytest.mark.parametrize(("change", "word"), [
    ({"action": "merge", "shot": 0}, "no shot 0"), ({"action": "merge"}, '"shot" is missing'),
    ({"action": "split", "at": 1.0}, "cannot be split at 1 s"), ({"action": "split"}, '"at" is missing'),
    ({"action": "set", "shot": 7}, "no shot 7"), ({"action": "set", "shot": 0, "strength": 99}, "cannot be 99"),
    ({"action": "paint"}, "cannot be 'paint'"), ({"action": "merge", "shot": 1, "more": 1}, "more"),
])  # fmt: skip
def test_wrong_changes_change_nothing(client: Any, upload: str, change: dict[str, Any], word: str) -> None:
    found(client, {"upload": upload})
    answer = client.post("/shots/edit", json={"upload": upload, **change})
    assert answer.status_code == 422, answer.text
    assert word in answer.json()["message"]
    assert not found(client, {"upload": upload})["edited"]


def test_wrong_lists_are_refused(client: Any, upload: str) -> None:
    for shots, word in (([], "1 to"), ([{"start": 1}, {"start": 0}], "not after"), ([{"start": 0, "strength": "x"}],
                                                                                   "cannot be 'x'")):
        answer = client.request("PUT", "/shots", json={"upload": upload, "shots": shots})
        assert (answer.status_code, word in answer.json()["message"]) == (422, True), answer.text
    assert client.post("/shots", json={"upload": upload, "path": "/a"}).status_code == 422
    assert client.post("/shots", json={"job": "unknown"}).status_code == 404
    order = {"upload": upload, "shots": {"shots": [{"start": 0}]}}
    assert client.post("/jobs", json=order).status_code == 422


def test_a_job_takes_what_was_saved_or_what_is_given(client: Any, upload: str) -> None:
    client.request("PUT", "/shots", json={"upload": upload, "shots": [{"start": 0, "strength": 1}]})
    queue = client.service.queue
    saved = client.post("/jobs", json={"upload": upload}).json()
    assert saved["shots_edited"]
    assert queue.job(saved["id"]).shots == ShotEdits((EditedShot(0.0, ShotValues(1.0)),))
    given = {"format": "video3d shots 1", "shots": [{"start": 0}, {"start": 0.5}]}
    other = client.post("/jobs", json={"upload": upload, "shots": given}).json()["id"]
    assert queue.job(other).shots == ShotEdits((EditedShot(0.0), EditedShot(0.5)))
    client.delete("/shots", params={"upload": upload})
    assert not client.post("/jobs", json={"upload": upload}).json()["shots_edited"]


def test_a_waiting_jobs_shots_are_edited_until_it_is_done(client: Any, upload: str) -> None:
    job = client.post("/jobs", json={"upload": upload, "settings": {"preview": 0.3}}).json()["id"]
    assert len(found(client, {"job": job})["shots"]) == 2
    assert starts(client.post("/shots/edit", json={"job": job, "action": "split", "at": 0.2})) == [0.0, 0.2, 1.0]
    assert client.get(f"/jobs/{job}").json()["shots_edited"]
    assert not found(client, {"upload": upload})["edited"], "the video's own list is another one"
    client.service.queue.start()
    deadline = time.monotonic() + 120
    while client.get(f"/jobs/{job}").json()["state"] not in ("done", "failed") and time.monotonic() < deadline:
        time.sleep(0.05)
    refused = client.request("PUT", "/shots", json={"job": job, "shots": [{"start": 0}]})
    assert (refused.status_code, "done" in refused.json()["message"]) == (409, True)
    assert len(found(client, {"job": job})["shots"]) == 3


def test_a_preview_shows_what_is_set_for_the_shot(client: Any, upload: str) -> None:
    def seen() -> bytes:
        wanted = {"upload": upload, "moment": 1.5, "format": "png", "largest_side": 160}
        return client.post("/preview", json=wanted).content

    usual = seen()
    client.request("PUT", "/shots", json={"upload": upload, "shots": [{"start": 0}, {"start": 1, "strength": 0}]})
    assert seen() != usual
    client.request("PUT", "/shots", json={"upload": upload, "shots": [{"start": 0, "strength": 0}, {"start": 1}]})
    assert seen() == usual


def test_nobody_sees_or_edits_the_shots_of_another(make_client: Callable[..., Any], small_clip: Path) -> None:
    client = make_client(Guard(users={"ann": "1", "bob": "2"}))
    ann, bob = {"auth": ("ann", "1")}, {"auth": ("bob", "2")}
    upload = client.upload(small_clip, **ann)
    found(client, {"upload": upload}, **ann)
    job = client.post("/jobs", json={"upload": upload}, **ann).json()["id"]
    for body in ({"upload": upload}, {"job": job}):
        assert client.post("/shots", json=body, **bob).status_code == 404
        assert client.get("/shots/picture", params={**body, "at": 0}, **bob).status_code == 404
        assert client.post("/shots/edit", json={**body, "action": "merge", "shot": 1}, **bob).status_code == 404
        assert client.request("PUT", "/shots", json={**body, "shots": [{"start": 0}]}, **bob).status_code == 404
        assert client.delete("/shots", params=body, **bob).status_code == 404
