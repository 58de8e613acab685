"""The webui's logins. Flags and app are doubles: plain objects with the webui's names."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from video3d.api.guard import Caller
from video3d.errors import AccessError, LoginError
from video3d.webui.flags import is_for_others, takes_paths
from video3d.webui.guarding import allowed_paths, guard_of


def asked(password: str | None = None, **cookies: str) -> SimpleNamespace:
    headers = {"host": "127.0.0.1:7860"}
    if password is not None:
        headers["authorization"] = "Basic " + base64.b64encode(password.encode()).decode()
    return SimpleNamespace(headers=headers, cookies=cookies)


def test_without_flags_everybody_is_the_same_nameless_one() -> None:
    assert guard_of(SimpleNamespace(), SimpleNamespace()).admit("GET", asked()) == Caller("")


def test_api_auth_asks_for_one_of_its_passwords() -> None:
    guard = guard_of(SimpleNamespace(api_auth="ann:one,ben:t:wo"), SimpleNamespace())
    assert guard.admit("GET", asked("ben:t:wo")) == Caller("ben")
    for wrong in (None, "ann:two", "eve:one", "ann:"):
        with pytest.raises(LoginError):
            guard.admit("GET", asked(wrong))


@pytest.mark.parametrize("cookie", ["access-token", "access-token-unsecure", "access-token-unsecure-aB3x"])
def test_gradio_auth_takes_its_cookie(cookie: str) -> None:
    app = SimpleNamespace(auth={"ann": "one"}, tokens={"secret": "ann"})
    guard = guard_of(SimpleNamespace(), app)
    assert guard.admit("GET", asked(**{cookie: "secret"})) == Caller("ann")
    for cookies in ({}, {cookie: "guess"}, {"other": "secret"}):
        with pytest.raises(LoginError):
            guard.admit("GET", asked(**cookies))


def test_a_login_after_the_start_is_known() -> None:
    app = SimpleNamespace(auth={"ann": "one"}, tokens={})
    guard = guard_of(SimpleNamespace(), app)
    app.tokens["new"] = "ann"
    assert guard.admit("GET", asked(**{"access-token": "new"})) == Caller("ann")


def test_with_both_flags_either_login_does() -> None:
    app = SimpleNamespace(auth={"ann": "one"}, tokens={"secret": "ann"})
    guard = guard_of(SimpleNamespace(api_auth="robot:key"), app)
    assert guard.admit("GET", asked("robot:key")) == Caller("robot")
    assert guard.admit("GET", asked(**{"access-token": "secret"})) == Caller("ann")
    with pytest.raises(LoginError):
        guard.admit("GET", asked())


def test_pages_that_the_webui_allows_may_change_things() -> None:
    guard = guard_of(SimpleNamespace(cors_allow_origins="https://one.example, https://two.example"), SimpleNamespace())
    request = asked()
    request.headers["origin"] = "https://two.example"
    assert guard.admit("POST", request) == Caller("")
    request.headers["origin"] = "https://three.example"
    with pytest.raises(AccessError):
        guard.admit("POST", request)


def test_on_ones_own_machine_any_video_may_be_named(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    assert allowed_paths(SimpleNamespace(), tmp_path).file(str(clip)) == clip.resolve()


@pytest.mark.parametrize("flags", [{"webui_is_non_local": True}, {"nowebui": True}, {"subpath": "webui"},
                                   {"hide_ui_dir_config": True}])
def test_paths_are_refused_where_others_may_ask(flags: dict[str, bool], tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    with pytest.raises(AccessError):
        allowed_paths(SimpleNamespace(**flags), tmp_path).file(str(clip))
    allowed = allowed_paths(SimpleNamespace(**flags, video3d_allow_path=[str(tmp_path)]), tmp_path)
    assert allowed.file(str(clip)) == clip.resolve()


@pytest.mark.parametrize("headers", [
    {"host": "webui.example"}, {"host": ""}, {"host": "[::1"},
    {"host": "localhost:7860", "x-forwarded-for": "10.0.0.7"}, {"host": "127.0.0.1:7860", "forwarded": "for=10.0.0.7"},
])
def test_who_asks_through_a_proxy_or_by_another_name_names_no_paths(headers: dict[str, str], tmp_path: Path) -> None:
    """A proxy stands before a webui that listens to this machine alone; or a page had its own name point to it."""
    guard, clip = guard_of(SimpleNamespace(), SimpleNamespace()), tmp_path / "clip.mp4"
    clip.touch()
    caller = guard.admit("GET", SimpleNamespace(headers=headers, cookies={}))
    assert not caller.is_here
    with pytest.raises(AccessError):
        allowed_paths(SimpleNamespace(), tmp_path).for_caller(is_here=caller.is_here).file(str(clip))
    named = allowed_paths(SimpleNamespace(video3d_allow_path=[str(tmp_path)]), tmp_path)
    assert named.for_caller(is_here=False).file(str(clip)) == clip.resolve()


@pytest.mark.parametrize("name", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "LOCALHOST"])
def test_who_asks_by_this_machines_own_name_is_here(name: str) -> None:
    guard = guard_of(SimpleNamespace(), SimpleNamespace())
    assert guard.admit("GET", SimpleNamespace(headers={"host": name}, cookies={})).is_here


def test_nowebui_listens_to_other_machines() -> None:
    assert is_for_others(SimpleNamespace(nowebui=True))
    assert is_for_others(SimpleNamespace(webui_is_non_local=True))
    assert not is_for_others(SimpleNamespace(webui_is_non_local=False, nowebui=False))


@pytest.mark.parametrize("flags", [{}, {"webui_is_non_local": True}, {"hide_ui_dir_config": True}, {"subpath": "a"}])
@pytest.mark.parametrize("named", [None, ["/videos"]])
def test_the_tab_takes_paths_where_any_may_be_named(flags: dict[str, Any], named: Any, tmp_path: Path) -> None:
    options = SimpleNamespace(**flags, video3d_allow_path=named)
    assert takes_paths(options) is bool(allowed_paths(options, tmp_path).roots)
