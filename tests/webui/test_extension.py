"""What the webui calls. Its modules are doubles; queue, routes and FastAPI are real, gradio's page is left out."""

from __future__ import annotations

import inspect
import runpy
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import fastapi
import pytest
from fastapi.testclient import TestClient

from video3d.ui import PlayerOptions
from video3d.webui.extension import PREFIX, Extension
from video3d.webui.kinds import Kind

from .conftest import StateDouble
from .test_kinds import make_modules

ROOT = Path(__file__).resolve().parent.parent.parent


class Callbacks(ModuleType):
    """Stands for `modules.script_callbacks`."""

    def __init__(self) -> None:
        super().__init__("modules.script_callbacks")
        self.called: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, name: str) -> Callable[[Callable[..., Any]], None]:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda callback: self.called.__setitem__(name, callback)


@pytest.fixture
def webui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stands for the webui's `modules`."""
    parts = make_modules(tmp_path) | {"script_callbacks": Callbacks()}
    parts["shared"].state = StateDouble()
    parts["shared"].cmd_opts.hide_ui_dir_config = False
    package = ModuleType("modules")
    monkeypatch.setitem(sys.modules, "modules", package)
    for name, part in parts.items():
        setattr(package, name, part)
        monkeypatch.setitem(sys.modules, f"modules.{name}", part)
    return parts


@pytest.fixture
def extension(webui: dict[str, Any]) -> Iterator[Extension]:
    made = Extension(Kind.AUTOMATIC1111)
    made.register(webui["script_callbacks"])
    yield made
    made.close()


def test_the_script_registers_all_that_the_webui_calls(webui: dict[str, Any]) -> None:
    runpy.run_path(str(ROOT / "scripts" / "video3d_extension.py"))
    assert set(webui["script_callbacks"].called) == {"on_ui_settings", "on_ui_tabs", "on_app_started",
                                                     "on_script_unloaded"}


def test_the_webui_looks_through_few_frames_for_each_callback(webui: dict[str, Any]) -> None:
    """It takes a tenth of a second and more where the stack is as deep as the webui's own."""
    depths: list[int] = []

    class Looking(Callbacks):
        def __getattr__(self, name: str) -> Callable[[Callable[..., Any]], None]:
            return lambda callback: depths.append(len(inspect.stack(0)))

    Extension(Kind.FORGE).register(Looking())
    assert len(depths) == 4
    assert max(depths) < len(inspect.stack(0))
    assert max(depths) < 12


def test_what_the_webui_refuses_is_not_lost(webui: dict[str, Any]) -> None:
    with pytest.raises(AttributeError):
        Extension(Kind.FORGE).register(SimpleNamespace())


def test_loading_the_script_makes_nothing(webui: dict[str, Any], tmp_path: Path) -> None:
    before = set(threading.enumerate())
    runpy.run_path(str(ROOT / "scripts" / "video3d_extension.py"))
    assert set(threading.enumerate()) == before
    assert not list(tmp_path.iterdir())


def test_the_routes_are_there_when_the_server_runs(extension: Extension, webui: dict[str, Any]) -> None:
    app = fastapi.FastAPI()
    webui["script_callbacks"].called["on_app_started"](None, app)
    told = TestClient(app).get(PREFIX + "/status").json()
    assert told["host"] == "AUTOMATIC1111 v1.10.1"
    assert PREFIX + "/jobs" in app.openapi()["paths"]


@pytest.mark.parametrize(("flags", "status"), [({}, 404), ({"api": True}, 200), ({"nowebui": True}, 200)])
def test_the_routes_of_programs_are_there_with_the_webuis_api(flags: dict[str, bool], status: int, extension: Extension,
                                                              webui: dict[str, Any]) -> None:
    app = fastapi.FastAPI()
    vars(webui["shared"].cmd_opts).update(flags)
    extension.started(None, app)
    client = TestClient(app)
    assert client.get(PREFIX + "/status").status_code == 200
    assert client.get(PREFIX + "/settings").status_code == status


def test_the_webuis_login_stands_before_them(extension: Extension, webui: dict[str, Any]) -> None:
    app = fastapi.FastAPI()
    webui["shared"].cmd_opts.api_auth = "ann:secret"
    extension.started(None, app)
    client = TestClient(app)
    assert client.get(PREFIX + "/status").status_code == 401
    assert client.get(PREFIX + "/status", auth=("ann", "secret")).json()["logged_in"] == "ann"


def test_the_page_is_built_anew_again_and_again(extension: Extension, webui: dict[str, Any]) -> None:
    """"Reload UI": every thread of the old one ends, and the new one has its routes."""
    before = set(threading.enumerate())
    for _ in range(3):
        app = fastapi.FastAPI()
        extension.started(object(), app)
        assert TestClient(app).get(PREFIX + "/jobs").json()["jobs"] == []
        webui["script_callbacks"].called["on_script_unloaded"]()
    deadline = time.monotonic() + 3
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before


def test_what_takes_long_to_end_does_not_hold_up_the_new_page(extension: Extension, webui: dict[str, Any],
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video3d.webui.extension.PATIENCE_SECONDS", 0.01)
    ended = threading.Event()
    extension._running = SimpleNamespace(close=ended.wait)  # type: ignore[assignment]
    extension.close()
    app = fastapi.FastAPI()
    extension.started(None, app)
    assert TestClient(app).get(PREFIX + "/jobs").json()["jobs"] == []
    ended.set()


def test_closing_what_never_ran_is_nothing(webui: dict[str, Any]) -> None:
    Extension(Kind.FORGE).close()


@pytest.mark.parametrize(("flags", "paths", "folder"), [
    ({}, True, True),
    ({"webui_is_non_local": True}, False, False),
    ({"hide_ui_dir_config": True}, False, False),
])
def test_the_tab_offers_what_the_flags_allow(flags: dict[str, bool], paths: bool, folder: bool, extension: Extension,
                                             webui: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    vars(webui["shared"].cmd_opts).update(flags)
    seen: list[Any] = []
    monkeypatch.setattr("video3d.ui.draw_tab", lambda host, options: seen.append(options))
    (tab, title, element), = extension.tabs()
    assert (title, element) == ("2D→3D Video", "video3d")
    tab.render()
    assert (seen[0].allow_paths, seen[0].allow_open_folder, seen[0].send_to_images) == (paths, folder, True)


def test_the_player_follows_the_users_settings(extension: Extension, webui: dict[str, Any],
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("video3d.ui.draw_tab", lambda host, options: seen.append(options))
    extension.tabs()[0][0].render()
    vars(webui["shared"].opts).update(video3d_player_view="Wiggle", video3d_player_at_once=False)
    extension.tabs()[0][0].render()
    assert [options.player for options in seen] == [PlayerOptions(), PlayerOptions("wiggle", plays_at_once=False)]


def test_the_settings_offer_the_models_that_make_depth(extension: Extension, webui: dict[str, Any],
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[Any] = []
    monkeypatch.setattr("video3d.webui.options.add_options", lambda shared, folder, models: offered.append(models))
    extension.settings()
    assert "builtin" in offered[0]()
    assert not {"constant", "file"} & set(offered[0]())
