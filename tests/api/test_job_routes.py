from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.api import AllowedPaths, Guard, Limits


def wait_for(client: Any, job: str, *states: str) -> dict[str, Any]:
    """Long polls until the job is in one of the states."""
    version, deadline = 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        listed = client.get("/jobs", params={"after": version, "wait": 5}).json()
        version = listed["version"]
        (found,) = [each for each in listed["jobs"] if each["id"] == job]
        if found["state"] in states:
            return found
    raise AssertionError(found)


@pytest.fixture
def upload(client: Any, small_clip: Path) -> str:
    return client.upload(small_clip)


def test_a_video_becomes_a_3d_video(client: Any, upload: str, small_clip: Path) -> None:
    order = {"upload": upload, "settings": {"layout": "half-sbs", "preview": 0.5}, "priority": 3}
    submitted = client.post("/jobs", json=order)
    assert submitted.status_code == 201
    job = submitted.json()
    assert (job["state"], job["priority"], job["result_name"]) == ("waiting", 3, f"{small_clip.stem}_3D_HSBS_LR.mp4")
    assert job["settings"]["layout"] == "half-sbs"
    early = client.get(f"/jobs/{job['id']}/result")
    assert (early.status_code, "no result yet" in early.json()["message"]) == (409, True)
    assert client.get(f"/jobs/{job['id']}/preview").status_code == 404
    client.service.queue.start()
    done = wait_for(client, job["id"], "done", "failed")
    assert done["state"] == "done", done
    assert done["frames"] == 12
    result = client.get(f"/jobs/{job['id']}/result", params={"download": True})
    assert result.content[4:8] == b"ftyp"
    assert result.headers["content-disposition"].startswith("attachment")
    part = client.get(f"/jobs/{job['id']}/result", headers={"range": "bytes=-100"})
    assert (part.status_code, part.content) == (206, result.content[-100:])
    assert client.get(f"/jobs/{job['id']}/preview").content[:2] == b"\xff\xd8"
    assert client.delete(f"/jobs/{job['id']}").status_code == 200
    assert client.get(f"/jobs/{job['id']}").status_code == 404
    assert client.get("/jobs").json()["jobs"] == []


def test_steering(client: Any, upload: str) -> None:
    job = client.post("/jobs", json={"upload": upload}).json()["id"]

    def steer(word: str) -> Any:
        return client.post(f"/jobs/{job}/{word}")

    assert steer("pause").json()["state"] == "paused"
    assert steer("resume").json()["state"] == "waiting"
    assert client.request("PATCH", f"/jobs/{job}", json={"priority": -5}).json()["priority"] == -5
    assert steer("cancel").json()["state"] == "cancelled"
    assert steer("pause").status_code == 409
    assert steer("retry").json()["state"] == "waiting"
    assert client.post("/jobs/nonsense/pause").status_code == 404
    assert client.request("PATCH", f"/jobs/{job}", json={"priority": 5000}).status_code == 422
    assert client.request("PATCH", f"/jobs/{job}", json={"state": "done"}).status_code == 422


def test_the_upload_may_go_with_the_job(client: Any, upload: str) -> None:
    job = client.post("/jobs", json={"upload": upload, "keep_upload": False, "settings": {"preview": 0.2}}).json()["id"]
    client.service.queue.start()
    wait_for(client, job, "done")
    assert client.post("/jobs", json={"upload": upload}).status_code == 404


def test_a_deleted_upload_stays_for_the_jobs_that_need_it(client: Any, upload: str) -> None:
    jobs = [client.post("/jobs", json={"upload": upload, "settings": {"preview": 0.2}}).json()["id"] for _ in range(2)]
    source = client.service.queue.job(jobs[0]).source
    assert client.delete(f"/uploads/{upload}").status_code == 200
    assert client.get("/uploads").json()["uploads"] == []
    assert client.post("/jobs", json={"upload": upload}).status_code == 404
    assert source.is_file()
    client.service.queue.start()
    assert [wait_for(client, job, "done", "failed")["state"] for job in jobs] == ["done", "done"]
    deadline = time.monotonic() + 10
    while source.exists() and time.monotonic() < deadline:  # a moment after its last job
        time.sleep(0.02)
    assert not source.exists()


@pytest.mark.parametrize(("order", "status", "word"), [
    ({"settings": {"strength": 9}}, 422, "--strength"), ({"settings": {"nonsense": 1}}, 422, "nonsense"),
    ({"upload": None}, 422, "either an upload or a path"), ({"path": "/etc/passwd"}, 422, "either"),
    ({"upload": "x" * 22}, 404, "no such upload"), ({"preset": "nothing"}, 404, "no preset"),
    ({"priority": "high"}, 422, "priority"), ({"unknown": 1}, 422, "unknown"), ({"settings": [1]}, 422, "settings"),
    ({"settings": {"depth_video": "/etc/passwd"}}, 403, "not taken here"), ({"folder": "/tmp"}, 403, "not taken here"),
    ({"settings": {"start": 1e300}}, 201, ""),
])  # fmt: skip
def test_wrong_orders(client: Any, upload: str, order: dict[str, Any], status: int, word: str) -> None:
    answer = client.post("/jobs", json={"upload": upload, **order})
    assert answer.status_code == status, answer.text
    assert status == 201 or word in answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"a":' * 50_000, b'{"upload": NaN}'])
def test_bodies_that_are_no_orders(client: Any, body: bytes) -> None:
    answer = client.post("/jobs", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 404, 422)
    assert set(answer.json()) == {"error", "message", "stage", "remedy"}


def test_a_body_that_is_too_large(make_client: Callable[..., Any]) -> None:
    client = make_client(limits=Limits(body_bytes=1000))
    answer = client.post("/jobs", content=b" " * 1001, headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_presets(client: Any, upload: str) -> None:
    client.request("PUT", "/presets/my%20TV", json={"values": {"layout": "half-tab", "quality": 30}})
    job = client.post("/jobs", json={"upload": upload, "preset": "my TV", "settings": {"quality": 25}}).json()
    assert (job["settings"]["layout"], job["settings"]["quality"]) == ("half-tab", 25)
    job = client.post("/jobs", json={"upload": upload, "preset": "quest-2"}).json()
    assert job["settings"]["codec"] == "h264"


def test_names_and_folders_for_results(make_client: Callable[..., Any], small_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    client = make_client(paths=AllowedPaths((small_clip.parent, tmp_path / "out")))
    order = {"path": str(small_clip), "name": "../../mine.mkv", "folder": str(tmp_path / "out")}
    job = client.post("/jobs", json=order)
    assert job.json()["result_name"] == "mine.mkv.mp4"
    assert client.service.queue.job(job.json()["id"]).target == tmp_path / "out" / "mine.mkv.mp4"
    assert client.service.queue.job(job.json()["id"]).source == small_clip.resolve()
    refused = client.post("/jobs", json={"path": str(small_clip), "folder": str(tmp_path)})
    assert refused.status_code == 403


def test_everybody_has_his_own(make_client: Callable[..., Any], small_clip: Path) -> None:
    client = make_client(Guard(users={"ann": "1", "bob": "2"}), limits=Limits(jobs=1))
    upload = client.upload(small_clip, auth=("ann", "1"))
    job = client.post("/jobs", json={"upload": upload}, auth=("ann", "1")).json()["id"]
    assert [each["id"] for each in client.get("/jobs", auth=("ann", "1")).json()["jobs"]] == [job]
    assert client.get("/jobs", auth=("bob", "2")).json()["jobs"] == []
    assert client.post("/jobs", json={"upload": upload}, auth=("bob", "2")).status_code == 404
    for method, more in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/preview"), ("GET", "/result"),
                         ("POST", "/pause"), ("POST", "/cancel"), ("POST", "/retry"), ("POST", "/resume")):
        assert client.request(method, f"/jobs/{job}{more}", auth=("bob", "2")).status_code == 404, more
        assert client.request(method, f"/jobs/{job}{more}").status_code == 401, more
    assert client.post("/jobs", json={"upload": upload}, auth=("ann", "1")).status_code == 413


def test_a_long_poll_ends_with_a_change_or_with_its_time(client: Any, upload: str) -> None:
    async def both() -> tuple[float, Any]:
        version = client.service.queue.version
        waiting = asyncio.create_task(client.requests(("GET", "/jobs", {"params": {"after": version, "wait": 20}})))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await client.requests(("POST", "/jobs", {"json": {"upload": upload}}))
        (answer,) = await waiting
        return time.monotonic() - began, answer

    seconds, answer = asyncio.run(both())
    assert seconds < 15
    assert len(answer.json()["jobs"]) == 1
    began = time.monotonic()
    client.get("/jobs", params={"after": 1 << 60, "wait": 0.2})
    assert 0.15 < time.monotonic() - began < 5


def test_a_hundred_who_wait_hold_up_nobody(client: Any, upload: str) -> None:
    async def all_of_them() -> float:
        version = client.service.queue.version
        waiting = [("GET", "/jobs", {"params": {"after": version, "wait": 30}}) for _ in range(100)]
        polls = asyncio.create_task(client.requests(*waiting))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await client.requests(("GET", f"/uploads/{upload}", {}))
        seconds = time.monotonic() - began
        await client.requests(("POST", "/jobs", {"json": {"upload": upload}}))
        assert {answer.status_code for answer in await polls} == {200}
        return seconds

    assert asyncio.run(all_of_them()) < 5


def test_events_tell_every_change_until_the_job_is_over(client: Any, upload: str) -> None:
    job = client.post("/jobs", json={"upload": upload, "settings": {"preview": 0.5}}).json()["id"]
    client.service.queue.start()
    answer = client.get(f"/jobs/{job}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    messages = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert messages[0]["state"] in ("waiting", "running")
    assert messages[-1]["state"] == "done"
    versions = [message["version"] for message in messages]
    assert versions == sorted(set(versions))


def test_foreign_pages_cannot_steer(client: Any, upload: str) -> None:
    evil = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    job = client.post("/jobs", json={"upload": upload}).json()["id"]
    for method, path in (("POST", "/jobs"), ("POST", f"/jobs/{job}/cancel"), ("DELETE", f"/jobs/{job}"),
                         ("PATCH", f"/jobs/{job}"), ("POST", "/uploads"), ("DELETE", f"/uploads/{upload}"),
                         ("PUT", "/presets/a"), ("POST", "/preview"), ("POST", "/image")):
        assert client.request(method, path, headers=evil).status_code == 403, path
    assert client.get(f"/jobs/{job}").json()["state"] == "waiting"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="links")
@pytest.mark.parametrize("what", ["source", "folder"])
def test_a_link_that_is_put_in_the_way_later_leads_nowhere(make_client: Callable[..., Any], small_clip: Path,
                                                           tmp_path: Path, what: str) -> None:
    """Checked when it is named, and resolved anew when it is used."""
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    for folder in (allowed / "in", allowed / "out", secret):
        folder.mkdir(parents=True)
        (folder / "clip.mp4").write_bytes(small_clip.read_bytes())
    client = make_client(paths=AllowedPaths((allowed,)))
    order = {"path": str(allowed / "in" / "clip.mp4"), "folder": str(allowed / "out"), "settings": {"preview": 0.1}}
    job = client.post("/jobs", json=order).json()["id"]
    swapped = allowed / ("in" if what == "source" else "out")
    swapped.rename(tmp_path / "moved")
    swapped.symlink_to(secret, target_is_directory=True)
    before = sorted(path.name for path in secret.iterdir())
    client.service.queue.start()
    failed = wait_for(client, job, "done", "failed")
    assert (failed["state"], failed["error"]["error"]) == ("failed", "AccessError")
    assert "a link leads elsewhere" in failed["error"]["message"]
    assert sorted(path.name for path in secret.iterdir()) == before
