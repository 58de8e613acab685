"""Every route under each of the webui's flags. The webui's modules are doubles; routes, guard and FastAPI are real."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fastapi
import pytest
from fastapi.testclient import TestClient

from video3d.webui.extension import PREFIX, Extension
from video3d.webui.kinds import Kind

from . import test_extension

webui = test_extension.webui  # its fixture
API, GRADIO = {"api_auth": "ann:one"}, {"ben": "two"}
HOME = "http://127.0.0.1:7860"
BASIC = {"authorization": "Basic " + base64.b64encode(b"ann:one").decode()}
COOKIE = {"cookie": "access-token-unsecure=secret"}
FOREIGN = {"origin": "https://evil.example"}
Doors = Callable[..., Any]


@pytest.fixture
def doors(webui: dict[str, Any]) -> Doors:
    """`with doors(flags, auth)` as client: the webui with these flags and gradio logins."""

    @contextmanager
    def opened(flags: dict[str, Any], auth: dict[str, str] | None = None) -> Generator[TestClient, None, None]:
        vars(webui["shared"].cmd_opts).update(flags)
        extension, app = Extension(Kind.AUTOMATIC1111), fastapi.FastAPI()
        app.auth, app.tokens = auth, {"secret": "ben"} if auth else {}  # type: ignore[attr-defined]
        extension.started(None, app)
        client = TestClient(app, base_url=HOME)
        client.get(PREFIX + "/status")  # waits for the routes
        try:
            yield client
        finally:
            extension.close()

    return opened


def routes_of(client: TestClient) -> list[tuple[str, str]]:
    """Method and address of every route of ours, with something in place of each name."""
    paths = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    return [(method.upper(), re.sub(r"\{\w+\}", "some", path)) for path, methods in paths.items() for method in methods
            if path.startswith(PREFIX)]


@pytest.mark.parametrize(("flags", "auth", "logins"), [
    (API, None, [BASIC]), (API | {"api": True}, None, [BASIC]), (API | {"nowebui": True}, None, [BASIC]),
    ({}, GRADIO, [COOKIE]), (API | {"api": True}, GRADIO, [BASIC, COOKIE]),
])
def test_no_route_answers_without_the_login_and_the_login_opens(
        flags: dict[str, Any], auth: dict[str, str] | None, logins: list[dict[str, str]], doors: Doors) -> None:
    with doors(flags, auth) as client:
        routes = routes_of(client)
        assert len(routes) > 20
        for method, path in routes:
            answer = client.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["error"] == "LoginError"
        for login in logins:
            assert client.get(PREFIX + "/jobs", headers=login).status_code == 200


@pytest.mark.parametrize(("flags", "auth", "login"), [
    ({"api": True}, None, {}), (API, None, BASIC), ({}, GRADIO, COOKIE),
])
def test_no_route_that_changes_something_takes_a_foreign_page(
        flags: dict[str, Any], auth: dict[str, str] | None, login: dict[str, str], doors: Doors) -> None:
    with doors(flags, auth) as client:
        changing = [(method, path) for method, path in routes_of(client) if method not in ("GET", "HEAD")]
        assert len(changing) > 8
        for method, path in changing:
            assert client.request(method, path, headers={**login, **FOREIGN}).status_code == 403, (method, path)


@pytest.mark.parametrize(("flags", "expected"), [
    ({}, [422, 403, 403]), ({"webui_is_non_local": True}, [403] * 3), ({"subpath": "a"}, [403] * 3),
])
def test_a_path_is_taken_from_this_machines_user_alone(flags: dict[str, Any], expected: list[int], doors: Doors,
                                                       tmp_path: Path) -> None:
    """422: it was looked at, and is no video."""
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"no video")
    with doors(flags) as client:
        for status, headers in zip(expected, ({}, {"host": "webui.example"}, {"x-real-ip": "10.0.0.7"}), strict=True):
            told = client.get(PREFIX + "/files/info", params={"path": str(file)}, headers=headers)
            assert told.status_code == status
            allowed = client.get(PREFIX + "/status", headers=headers).json()["paths_allowed"]
            assert allowed == (status == 422)


@pytest.mark.parametrize(("flags", "opens"), [({}, True), ({"webui_is_non_local": True}, False),
                                              ({"hide_ui_dir_config": True}, False)])
def test_folders_are_opened_where_the_tab_offers_it(flags: dict[str, Any], opens: bool, webui: dict[str, Any],
                                                    monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from video3d.webui.running import Running

    seen: list[Any] = []

    def router(service: Any, guard: Any, **_: Any) -> fastapi.APIRouter:
        seen.append(service)
        return fastapi.APIRouter()

    monkeypatch.setattr("video3d.webui.running.create_router", router)
    host = Extension(Kind.AUTOMATIC1111).host
    running = Running.open(host, fastapi.FastAPI(), SimpleNamespace(**flags), webui["shared"].state,
                           webui["call_queue"].queue_lock)
    running.close()
    assert (seen[0].open_folder is not None) is opens
