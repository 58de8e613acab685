"""The webui as a place to run in; `test_kinds.py` has the real ones' facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from video3d.depth_model import InputSize
from video3d.host import Host
from video3d.webui.borrowed import Borrowed
from video3d.webui.host import WebuiHost
from video3d.webui.places import Places
from video3d.webui.turn import SharedGpu
from video3d.webui.versions import Sources

from .conftest import NeighboursDouble, QueueLockDouble


def host(tmp_path: Path, *borrowed: Borrowed, devices: tuple[str, ...] = ("cpu",)) -> WebuiHost:
    return WebuiHost("a webui", SharedGpu(QueueLockDouble(), NeighboursDouble()),
                     Places(tmp_path, tmp_path, tmp_path / "models", ()), lambda: devices, lambda: borrowed, list,
                     lambda: tmp_path / "results", lambda: "3D/[name]", lambda: {"depth_model": "builtin"},
                     tmp_path / "work")


def test_it_is_a_host(tmp_path: Path) -> None:
    made: Host = host(tmp_path, devices=("cuda:1", "cuda:0"))
    assert made.devices == ("cuda:1", "cuda:0", "cpu")
    assert host(tmp_path).devices == ("cpu",)
    assert (made.output_folder(), made.work_folder()) == (tmp_path / "results", tmp_path / "work")


def test_a_network_that_two_parts_hold_is_offered_once(tmp_path: Path) -> None:
    network = Borrowed("midas", "MiDaS", "them", "MIT", 4, lambda: None, "cpu", InputSize(384, 32))
    assert [model.id for model in host(tmp_path, network, network).depth_models()] == ["midas"]


def test_the_users_wishes_are_asked_for_each_time(tmp_path: Path) -> None:
    made = host(tmp_path)
    assert made.result_name("clip.mp4") == Path("3D/clip.mp4")
    assert made.defaults() == {"depth_model": "builtin"}


def test_an_update_below_the_running_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host(tmp_path).notices() == ()
    monkeypatch.setattr("video3d.webui.host.loaded_sources", lambda: Sources(tmp_path, "another program"))
    assert "Start the webui anew" in host(tmp_path).notices()[0]
