from __future__ import annotations

import asyncio
import os
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from video3d.api.ranges import FileAnswer

DATA = bytes(range(256)) * 4000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f\u00efle.mp4"
    path.write_bytes(DATA)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def ask(path: Path, method: str = "GET", **headers: str) -> httpx.Response:
    async def app(scope, receive, send):
        await FileAnswer(path)(scope, receive, send)

    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, "/", headers={"accept-encoding": "identity", **named})

    return asyncio.run(one())


def test_the_whole_file(file: Path) -> None:
    answer = ask(file)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''f%C3%AFle.mp4"


@pytest.mark.parametrize(("wanted", "first", "last"), [
    ("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=1000-", 1000, len(DATA) - 1),
    ("bytes=-5", len(DATA) - 5, len(DATA) - 1), ("bytes=5-99999999", 5, len(DATA) - 1),
    ("bytes=-99999999", 0, len(DATA) - 1), ("bytes=200000-800000", 200000, 800000),
])  # fmt: skip
def test_a_part(file: Path, wanted: str, first: int, last: int) -> None:
    answer = ask(file, range=wanted)
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(DATA)}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.content == DATA[first:last + 1]


@pytest.mark.parametrize("wanted", [
    "bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-3", "bytes=0-1;",
    "bytes=" + "9" * 400 + "-",
])  # fmt: skip
def test_what_is_no_single_range_brings_the_whole_file(file: Path, wanted: str) -> None:
    answer = ask(file, range=wanted)
    assert (answer.status_code, len(answer.content)) == (200, len(DATA))


@pytest.mark.parametrize("wanted", [f"bytes={len(DATA)}-", "bytes=-0", "bytes=99999999-99999999"])
def test_what_lies_behind_the_end_is_refused(file: Path, wanted: str) -> None:
    answer = ask(file, range=wanted)
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


def test_head_tells_the_same_without_the_bytes(file: Path) -> None:
    whole, part = ask(file, "HEAD"), ask(file, "HEAD", range="bytes=1-2")
    assert (whole.status_code, whole.content, whole.headers["content-length"]) == (200, b"", str(len(DATA)))
    assert (part.status_code, part.content, part.headers["content-length"]) == (206, b"", "2")
    assert ask(file).headers.items() == whole.headers.items()


def test_conditions(file: Path) -> None:
    tag, date = ask(file).headers["etag"], formatdate(1_700_000_000, usegmt=True)
    assert ask(file, if_none_match=tag).status_code == 304
    assert ask(file, if_none_match=f'"x", W/{tag}').status_code == 304
    assert ask(file, if_none_match="*").status_code == 304
    assert ask(file, if_none_match='"x"', if_modified_since=date).status_code == 200
    assert ask(file, if_modified_since=date).status_code == 304
    assert ask(file, if_modified_since="nonsense").status_code == 200
    assert ask(file, if_match='"x"').status_code == 412
    assert ask(file, if_match=tag).status_code == 200
    assert "content-length" not in ask(file, if_none_match=tag).headers


def test_a_part_of_another_version_is_not_given(file: Path) -> None:
    tag, date = ask(file).headers["etag"], formatdate(1_700_000_000, usegmt=True)
    assert ask(file, range="bytes=0-1", if_range=tag).status_code == 206
    assert ask(file, range="bytes=0-1", if_range=date).status_code == 206
    assert ask(file, range="bytes=0-1", if_range=f"W/{tag}").status_code == 200
    file.write_bytes(DATA[::-1])
    answer = ask(file, range="bytes=0-1", if_range=tag)
    assert (answer.status_code, answer.content) == (200, DATA[::-1])


def test_an_empty_file(file: Path) -> None:
    file.write_bytes(b"")
    assert ask(file).headers["content-length"] == "0"
    assert ask(file, range="bytes=0-").status_code == 416


def test_a_gzip_layer_is_kept_off(file: Path) -> None:
    assert ask(file, accept_encoding="gzip, br").headers["content-encoding"] == "identity"
    assert "content-encoding" not in ask(file).headers
