from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.api import AllowedPaths, Guard, Limits


def test_a_video_is_sent_and_looked_at(client: Any, small_clip: Path) -> None:
    sent = client.post("/uploads", params={"name": "../My Holiday?.mp4"}, content=small_clip.read_bytes())
    assert sent.status_code == 201
    upload = sent.json()
    assert (upload["name"], upload["complete"]) == ("My Holiday_.mp4", True)
    assert upload["size"] == upload["received"] == small_clip.stat().st_size
    info = client.get(f"/uploads/{upload['id']}/info").json()
    assert (info["width"], info["height"], info["frame_rate"], info["duration"]) == (320, 180, 24, 2)
    assert [track["kind"] for track in info["tracks"]] == ["video", "audio"]
    assert client.get("/uploads").json()["uploads"] == [upload]
    content = client.get(f"/uploads/{upload['id']}/content", headers={"range": "bytes=4-7"})
    assert (content.status_code, content.content) == (206, b"ftyp")
    assert client.request("HEAD", f"/uploads/{upload['id']}/content").headers["content-length"] == str(upload["size"])
    assert client.delete(f"/uploads/{upload['id']}").json() == {"deleted": upload["id"]}
    for left in (f"/uploads/{upload['id']}", f"/uploads/{upload['id']}/info", f"/uploads/{upload['id']}/content"):
        assert client.get(left).status_code == 404


def test_a_video_in_pieces(client: Any) -> None:
    upload = client.post("/uploads", params={"name": "a.mp4", "size": 10}, content=b"0123").json()
    assert (upload["received"], upload["complete"]) == (4, False)
    path = f"/uploads/{upload['id']}"
    assert client.get(f"{path}/info").status_code == 409
    wrong = client.request("PATCH", path, params={"offset": 2}, content=b"x")
    assert (wrong.status_code, "4 bytes are here" in wrong.json()["message"]) == (409, True)
    assert client.request("PATCH", path, params={"offset": 4}, content=b"4567890").status_code == 413
    done = client.request("PATCH", path, params={"offset": 4}, content=b"456789").json()
    assert done["complete"]
    assert client.get(f"{path}/content").content == b"0123456789"
    assert client.request("PATCH", path, params={"offset": 10}, content=b"").status_code == 409


def test_a_stream_of_unknown_length(client: Any) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    sent = client.post("/uploads", params={"name": "a.mp4"}, content=pieces())
    assert (sent.status_code, sent.json()["size"]) == (201, 40 * 65536)


async def cut_off(app: Any, query: str) -> int:
    """The sender goes away in the middle; what the server then answers, nobody hears."""
    messages = [{"type": "http.request", "body": b"0123", "more_body": True}, {"type": "http.disconnect"}]
    scope = {"type": "http", "method": "POST", "path": "/video3d/v1/uploads", "query_string": query.encode(),
             "headers": [(b"host", b"t"), (b"content-length", b"10")], "http_version": "1.1", "scheme": "http",
             "server": ("t", 80), "client": ("c", 1), "root_path": "", "asgi": {"version": "3.0"}}
    status = 0

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


def test_an_upload_that_is_cut_off_goes_or_waits_for_the_rest(client: Any) -> None:
    assert asyncio.run(cut_off(client.app, "name=a.mp4")) == 400
    assert client.get("/uploads").json() == {"uploads": []}
    assert asyncio.run(cut_off(client.app, "name=a.mp4&size=10")) == 400
    (upload,) = client.get("/uploads").json()["uploads"]
    assert (upload["received"], upload["complete"]) == (0, False)


def test_too_much_is_refused_and_leaves_nothing(make_client: Callable[..., Any]) -> None:
    client = make_client(limits=Limits(upload_bytes=1000))

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 400

    assert client.post("/uploads", params={"name": "a.mp4"}, content=b"x" * 1001).status_code == 413
    assert client.post("/uploads", params={"name": "a.mp4"}, content=pieces()).status_code == 413
    assert client.post("/uploads", params={"name": "a.mp4", "size": 9}, content=b"x" * 10).status_code == 413
    assert client.get("/uploads").json() == {"uploads": []}


def test_videos_that_are_too_large_or_too_long(make_client: Callable[..., Any], small_clip: Path) -> None:
    for limits, word in ((Limits(side=300), "larger"), (Limits(seconds=1), "longer")):
        client = make_client(limits=limits)
        upload = client.upload(small_clip)
        for answer in (client.get(f"/uploads/{upload}/info"), client.post("/jobs", json={"upload": upload}),
                       client.post("/preview", json={"upload": upload})):
            assert answer.status_code == 413
            assert word in answer.json()["message"]


def test_what_is_no_video_is_said_without_the_servers_folders(client: Any, tmp_path: Path) -> None:
    (tmp_path / "song.mp4").write_bytes(b"#EXTM3U\n")
    upload = client.upload(tmp_path / "song.mp4")
    answer = client.get(f"/uploads/{upload}/info")
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("song.mp4: ")
    assert str(tmp_path) not in answer.text
    assert upload not in answer.text


def test_files_of_the_server(make_client: Callable[..., Any], small_clip: Path, client: Any) -> None:
    allowed = make_client(paths=AllowedPaths((small_clip.parent,)))
    assert allowed.get("/files/info", params={"path": str(small_clip)}).json()["width"] == 320
    assert allowed.get("/files/info", params={"path": "/etc/passwd"}).status_code == 403
    assert client.get("/files/info", params={"path": str(small_clip)}).status_code == 403


def test_everybody_has_his_own(make_client: Callable[..., Any]) -> None:
    client = make_client(Guard(users={"ann": "1", "bob": "2"}))
    assert client.get("/uploads").status_code == 401
    assert client.get("/uploads").headers["www-authenticate"].startswith("Basic")
    upload = client.post("/uploads", params={"name": "a.mp4"}, content=b"x", auth=("ann", "1")).json()["id"]
    assert len(client.get("/uploads", auth=("ann", "1")).json()["uploads"]) == 1
    assert client.get("/uploads", auth=("bob", "2")).json() == {"uploads": []}
    for method, more in (("GET", ""), ("DELETE", ""), ("GET", "/content"), ("GET", "/info")):
        assert client.request(method, f"/uploads/{upload}{more}", auth=("bob", "2")).status_code == 404
    assert client.request("PATCH", f"/uploads/{upload}", params={"offset": 1}, content=b"y",
                          auth=("bob", "2")).status_code == 404


@pytest.mark.parametrize("query", [{}, {"name": "a", "size": -1}, {"name": "a" * 1001}, {"name": "a", "size": "x"}])
def test_wrong_words_are_named(client: Any, query: dict[str, Any]) -> None:
    answer = client.post("/uploads", params=query, content=b"x")
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "message", "stage", "remedy"}
