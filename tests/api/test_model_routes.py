"""Downloads from a real server on this machine."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from video3d.depth.registry import available_models
from video3d.depth_model import Availability, DepthKind, DepthModel, InputSize, Weights

CONTENT = bytes(range(256)) * 40_000


class Weighty(BaseHTTPRequestHandler):
    """Weights, or the first half of them and then nothing."""

    stuck = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:len(CONTENT) // 2])
        if "slow" in self.path:
            self.stuck.wait(20)
        self.wfile.write(CONTENT[len(CONTENT) // 2:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Weighty.stuck.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Weighty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Weighty.stuck.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def offering(make_client: Callable[..., Any], address: str, tmp_path: Any,
             monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client whose host has two models more."""
    client = make_client()

    def model(name: str, digest: str) -> DepthModel:
        weights = Weights(f"{name}.bin", f"{address}/{name}.bin", digest, len(CONTENT))
        return DepthModel(name, name, DepthKind.RELATIVE_INVERSE, "MIT", InputSize(64), 5, lambda _: None,  # type: ignore[arg-type,return-value]
                          availability=Availability.TO_DOWNLOAD, weights=(weights,))

    host = client.service.host
    right = hashlib.sha256(CONTENT).hexdigest()
    models = model("good", right), model("slow", right), model("bad", "0" * 64)
    monkeypatch.setattr(host, "depth_models", lambda: models)
    monkeypatch.setattr(host, "models_folders", lambda: (tmp_path / "models",))
    yield client
    client.service.close()


def told(client: Any, name: str) -> dict[str, Any]:
    return next(model for model in client.get("/models").json()["models"] if model["id"] == name)


def until_over(client: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (model := told(client, name))["download"] is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return model


def test_models_are_those_there_are(client: Any) -> None:
    models = client.get("/models").json()["models"]
    assert [model["id"] for model in models] == [model.id for model in available_models(client.service.host)]
    assert [model["id"] for model in models if model["chosen"]] == ["builtin"]


@pytest.mark.parametrize(("devices", "slow"), [(("cpu",), True), (("cuda:0", "cpu"), False)])
def test_a_network_is_slow_where_no_graphics_card_works_for_it(client: Any, devices: tuple[str, ...], slow: bool,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(client.service.host), "devices", devices)
    assert told(client, "depth-anything-v2-small")["slow"] is slow
    assert told(client, "builtin")["slow"] is False


def test_nobody_imports_torch_for_a_network_that_is_not_here(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video3d.api.model_routes.runs_on_processor", lambda *_: pytest.fail("torch would be imported"))
    assert told(client, "depth-anything-v2-small")["slow"] is False


def test_weights_are_fetched_when_asked_for(offering: Any, tmp_path: Any) -> None:
    assert told(offering, "good")["bytes"] == len(CONTENT)
    assert offering.post("/models/good/download").status_code == 202
    assert until_over(offering, "good")["error"] is None
    assert (tmp_path / "models" / "good.bin").read_bytes() == CONTENT


def test_wrong_weights_are_told(offering: Any, tmp_path: Any) -> None:
    offering.post("/models/bad/download")
    assert until_over(offering, "bad")["error"]["error"] == "DepthError"
    assert list((tmp_path / "models").glob("*.bin")) == []


def test_a_download_is_watched_and_stopped(offering: Any) -> None:
    offering.post("/models/slow/download")
    deadline = time.monotonic() + 20
    while not (told(offering, "slow")["download"] or {"done": 0})["done"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert told(offering, "slow")["download"]["done"] <= len(CONTENT)
    Weighty.stuck.set()
    stopped = offering.delete("/models/slow/download").json()["models"]
    assert next(model for model in stopped if model["id"] == "slow")["download"] is None


def test_a_model_that_is_none(client: Any) -> None:
    answer = client.post("/models/nothing/download")
    assert (answer.status_code, "no depth model" in answer.json()["message"]) == (422, True)
