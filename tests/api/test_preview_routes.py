from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from video3d.api import Limits


def png(width: int = 64, height: int = 48) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((width, height)).save(file, "PNG")
    return file.getvalue()


def test_a_moment(client: Any, small_clip: Path) -> None:
    upload = client.upload(small_clip)
    answer = client.post("/preview", json={"upload": upload, "moment": 1.2, "view": "depth", "largest_side": 200,
                                            "format": "png"})
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (200, 112)


@pytest.mark.parametrize("more", [
    {"view": "sideways"}, {"format": "exe"}, {"moment": -1}, {"largest_side": 10**9},
    {"view": "depth", "format": "gif"},
    {"settings": {"strength": "deep"}},
])  # fmt: skip
def test_wrong_words(client: Any, small_clip: Path, more: dict[str, Any]) -> None:
    answer = client.post("/preview", json={"upload": client.upload(small_clip), **more})
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_a_picture(client: Any) -> None:
    answer = client.post("/image", params={"settings": '{"layout": "full-tab"}', "format": "webp"}, content=png())
    assert answer.status_code == 200, answer.text
    assert Image.open(io.BytesIO(answer.content)).size == (64, 96)


@pytest.mark.parametrize("settings", ["{", "[]", "3", '{"nonsense": 1}', '{"depth_video": "/etc/passwd"}', "[" * 10000])
def test_wrong_settings_of_a_picture(client: Any, settings: str) -> None:
    assert client.post("/image", params={"settings": settings}, content=png()).status_code in (403, 422)


def test_limits_of_pictures(make_client: Callable[..., Any]) -> None:
    client = make_client(limits=Limits(image_bytes=len(png()), image_pixels=64 * 48))
    assert client.post("/image", content=png()).status_code == 200
    assert client.post("/image", content=png() + b"x").status_code == 413
    assert make_client(limits=Limits(image_pixels=64 * 48 - 1)).post("/image", content=png()).status_code == 413
    assert client.post("/image", content=b"").status_code == 422


def test_a_picture_that_takes_too_long_is_the_sender_s_fault(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video3d.media.pictures.SECONDS", 0.01)
    answer = client.post("/image", content=png())
    assert (answer.status_code, answer.json()["error"]) == (422, "WorkerError")
