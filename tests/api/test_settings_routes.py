from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from video3d.api import AllowedPaths, Caller, Guard
from video3d.params import from_values, parameters
from video3d.settings import ConversionSettings


def test_status(client: Any, make_client: Callable[..., Any]) -> None:
    assert client.get("/status").json()["paths_allowed"] is False
    other = make_client(Guard(users={"ann": "1"}), AllowedPaths((client.service.host.work_folder(),)))
    told = other.get("/status", auth=("ann", "1")).json()
    assert (told["logged_in"], told["paths_allowed"], told["waiting"]) == ("ann", True, 0)


def test_status_tells_what_the_host_says(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/status").json()["notices"] == []
    monkeypatch.setattr(client.service.host, "notices", lambda: ("Start it anew.",), raising=False)
    assert client.get("/status").json()["notices"] == ["Start it anew."]


def test_the_hosts_defaults_lie_below_what_is_asked_for(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.service.host, "defaults", lambda: {"depth_model": "constant"}, raising=False)
    assert client.service.settings(Caller(), {}).depth.depth_model == "constant"
    assert client.service.settings(Caller(), {"depth_model": "builtin"}).depth.depth_model == "builtin"


def test_settings_are_those_declared(client: Any) -> None:
    told = client.get("/settings").json()
    assert [each["name"] for each in told["settings"]] == [each.name for each in parameters(ConversionSettings)]
    assert from_values(ConversionSettings, told["defaults"]) == ConversionSettings()
    assert set(told["json_schema"]["properties"]) == set(told["defaults"])


def test_presets(client: Any, make_client: Callable[..., Any]) -> None:
    assert "quest-3" in [device["id"] for device in client.get("/presets").json()["devices"]]
    assert client.request("PUT", "/presets/a", json={"values": {"strength": 2}}).status_code == 200
    assert client.get("/presets").json()["saved"] == [{"name": "a", "values": {"strength": 2}}]
    assert client.request("PUT", "/presets/b", json={"values": {"strength": 20}}).status_code == 422
    assert client.request("PUT", "/presets/b", json={}).status_code == 422
    assert client.delete("/presets/a").status_code == 200
    assert client.delete("/presets/a").status_code == 404
    locked = make_client(Guard(tokens={"t": "ann"}))
    bearer = {"authorization": "Bearer t"}
    assert locked.request("PUT", "/presets/a", json={"values": {}}, headers=bearer).status_code == 200
    assert client.get("/presets").json()["saved"] == []
