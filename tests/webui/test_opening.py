"""Routes that come a moment after the server. A real FastAPI application."""

from __future__ import annotations

import threading

import fastapi
import pytest
from fastapi.testclient import TestClient

from video3d.webui.opening import Opening

PREFIX = "/video3d/v1"


class Opened:
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def app() -> fastapi.FastAPI:
    return fastapi.FastAPI()


def opening(app: fastapi.FastAPI, ready: threading.Event, opened: Opened) -> Opening:
    def open_all() -> Opened:
        ready.wait()

        @app.post(PREFIX + "/jobs/{job}")
        def answer(job: str, body: dict[str, int]) -> dict[str, object]:
            return {"job": job, **body}

        return opened

    return Opening(app, PREFIX, open_all)


@pytest.fixture
def client(app: fastapi.FastAPI) -> TestClient:
    return TestClient(app)


def test_an_early_request_waits_and_is_answered_by_the_real_route(app: fastapi.FastAPI, client: TestClient) -> None:
    ready, opened = threading.Event(), Opened()
    opens = opening(app, ready, opened)
    threading.Timer(0.05, ready.set).start()
    answer = client.post(PREFIX + "/jobs/one?a=b", json={"x": 1})
    assert answer.json() == {"job": "one", "x": 1}
    assert [str(redirect.headers["location"]) for redirect in answer.history] == ["one?a=b"]
    opens.close()
    assert opened.is_closed


def test_afterwards_nothing_is_left_of_the_early_route(app: fastapi.FastAPI, client: TestClient) -> None:
    ready = threading.Event()
    before = list(app.router.routes)
    assert PREFIX + "/jobs/{job}" not in app.openapi()["paths"]
    opens = opening(app, ready, Opened())
    ready.set()
    assert client.post(PREFIX + "/jobs/two", json={"x": 2}).json()["x"] == 2
    assert [route for route in app.router.routes if route not in before] == app.router.routes[-1:]
    assert PREFIX + "/jobs/{job}" in app.openapi()["paths"]
    opens.close()


def test_closing_while_it_opens_waits_and_closes_it(app: fastapi.FastAPI) -> None:
    ready, opened = threading.Event(), Opened()
    opens = opening(app, ready, opened)
    threading.Timer(0.05, ready.set).start()
    opens.close()
    assert opened.is_closed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failed_start_is_told_to_whoever_asks(app: fastapi.FastAPI, client: TestClient,
                                                capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> Opened:
        raise ImportError("No module named 'av'")

    opens = Opening(app, PREFIX, fail)
    answer = client.get(PREFIX + "/status")
    assert answer.status_code == 503
    assert answer.json()["remedy"] == "The webui's console says why."
    opens.close()


def test_other_routes_are_not_held_up(app: fastapi.FastAPI, client: TestClient) -> None:
    ready = threading.Event()

    @app.get("/sdapi/v1/progress")
    def progress() -> int:
        return 0

    opens = opening(app, ready, Opened())
    assert client.get("/sdapi/v1/progress").json() == 0
    ready.set()
    opens.close()
