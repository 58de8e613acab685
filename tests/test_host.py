"""The stand-alone host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from video3d.host import GpuUse, Host, StandaloneHost


def test_it_is_a_host() -> None:
    host: Host = StandaloneHost()
    assert host.name == "stand-alone"
    assert host.models_folders()


@pytest.mark.parametrize(("allowed", "taken"), [(0, 1), (1, 1), (3, 3), (4, 4), (64, 4)])
def test_processors_are_those_that_the_process_may_use(allowed: int, taken: int,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(allowed)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert StandaloneHost().processors == taken


@pytest.mark.parametrize(("counted", "taken"), [(None, 1), (2, 2), (16, 4)])
def test_processors_where_the_system_knows_no_affinity(counted: int | None, taken: int,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert StandaloneHost().processors == taken


@pytest.mark.parametrize(("variables", "expected"), [
    ({"XDG_DATA_HOME": "x", "LOCALAPPDATA": "y"}, Path("x", "video3d", "models")),
    ({"LOCALAPPDATA": "y"}, Path("y", "video3d", "models")),
    ({"XDG_DATA_HOME": ""}, Path("home", ".local", "share", "video3d", "models")),
    ({}, Path("home", ".local", "share", "video3d", "models")),
])
def test_models_lie_in_the_users_data_folder(variables: dict[str, str], expected: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert StandaloneHost().models_folders() == (expected,)


def test_nobody_waits_for_the_gpu_when_the_program_is_alone() -> None:
    with StandaloneHost().gpu_turn() as turn:
        turn.share()


def test_a_network_may_say_what_it_needs_of_the_gpu() -> None:
    use = GpuUse(memory=1 << 30)
    use.leave()
    assert not use.is_cancelled()
    with StandaloneHost().gpu_turn(use) as turn:
        turn.share()
