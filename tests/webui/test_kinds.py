"""Each webui as a host. Its modules are doubles with the names and fields of the real ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from video3d.host import Host
from video3d.webui.kinds import Kind, kind_of_webui, make_host
from video3d.webui.memory import CheckpointNeighbours, ManagedNeighbours

from .conftest import QueueLockDouble

FORGE, REFORGE = "backend.memory_management", "ldm_patched.modules.model_management"


def make_modules(folder: Path) -> dict[str, Any]:
    """What `modules` holds in a webui below `folder`."""
    return {
        "shared": SimpleNamespace(opts=SimpleNamespace(), cmd_opts=SimpleNamespace(),
                                  mem_mon=SimpleNamespace(disabled=True)),
        "paths_internal": SimpleNamespace(
            cwd=str(folder), data_path=str(folder / "data"), models_path=str(folder / "data" / "models"),
            extensions_dir=str(folder / "data" / "extensions"), extensions_builtin_dir=str(folder / "builtin"),
            default_output_dir=str(folder / "data" / "outputs")),
        "call_queue": SimpleNamespace(queue_lock=QueueLockDouble()),
        "launch_utils": SimpleNamespace(git_tag=lambda: "v1.10.1"),
        "devices": SimpleNamespace(get_device_for=lambda task: f"cuda for {task}", autocast=nullcontext),
        "sd_models": SimpleNamespace(model_data=SimpleNamespace(sd_model=None)),
    }


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Kind], dict[str, Any]]:
    def begin(kind: Kind) -> dict[str, Any]:
        parts = make_modules(tmp_path)
        package = ModuleType("modules")
        monkeypatch.setitem(sys.modules, "modules", package)
        for name, part in parts.items():
            setattr(package, name, part)
            monkeypatch.setitem(sys.modules, f"modules.{name}", part)
        if kind is not Kind.AUTOMATIC1111:
            name = FORGE if kind is Kind.FORGE else REFORGE
            device = SimpleNamespace(type="cpu")
            monkeypatch.setitem(sys.modules, name, SimpleNamespace(get_torch_device=lambda: device))
        return parts

    return begin


@pytest.mark.parametrize("kind", Kind)
def test_each_webui_is_known_by_what_it_has_loaded(kind: Kind, start: Callable[[Kind], dict[str, Any]]) -> None:
    start(kind)
    assert kind_of_webui() is kind


@pytest.mark.parametrize("kind", Kind)
def test_each_webui_is_a_host(kind: Kind, start: Callable[[Kind], dict[str, Any]], tmp_path: Path) -> None:
    parts = start(kind)
    webui = make_host(kind)
    host: Host = webui
    assert host.name == f"{kind.value} v1.10.1"
    assert host.devices == ("cuda for video3d", "cpu")
    assert host.processors >= 1
    assert host.models_folders() == (tmp_path / "data" / "models" / "video3d",)
    assert host.depth_models() == ()
    assert host.work_folder() == tmp_path / "data" / "video3d-work"
    assert host.output_folder() == tmp_path / "data" / "outputs" / "2d-to-3d-videos"
    with host.gpu_turn():
        assert parts["call_queue"].queue_lock.locked()
    webui.gpu.close()


def test_what_the_user_sets_while_the_webui_runs_is_followed(start: Callable[[Kind], dict[str, Any]],
                                                            tmp_path: Path) -> None:
    parts = start(Kind.AUTOMATIC1111)
    host = make_host(Kind.AUTOMATIC1111)
    parts["shared"].opts.video3d_output_folder = str(tmp_path / "films")
    assert host.output_folder() == tmp_path / "films"
    parts["devices"].get_device_for = lambda _task: "cpu"
    assert host.devices == ("cpu",)
    (tmp_path / "annotators" / "midas").mkdir(parents=True)
    parts["shared"].opts.control_net_modules_path = str(tmp_path / "annotators")
    assert tmp_path / "annotators" / "midas" in host.models_folders()


def test_flags_of_controlnet_and_forge_are_followed(start: Callable[[Kind], dict[str, Any]], tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    parts = start(Kind.FORGE)
    for folder in ("flag", "forge"):
        (tmp_path / folder / "midas").mkdir(parents=True)
    parts["shared"].cmd_opts.controlnet_annotator_models_path = str(tmp_path / "flag")
    monkeypatch.setitem(sys.modules, "modules_forge.shared", SimpleNamespace(preprocessor_dir=str(tmp_path / "forge")))
    assert {tmp_path / "flag" / "midas", tmp_path / "forge" / "midas"} <= set(make_host(Kind.FORGE).models_folders())


def test_the_work_folder_can_be_named(start: Callable[[Kind], dict[str, Any]], tmp_path: Path) -> None:
    start(Kind.FORGE)["shared"].cmd_opts.video3d_work_dir = str(tmp_path / "work")
    assert make_host(Kind.FORGE).work_folder() == tmp_path / "work"


@pytest.mark.parametrize(("kind", "neighbours"), [
    (Kind.AUTOMATIC1111, CheckpointNeighbours), (Kind.FORGE, ManagedNeighbours), (Kind.REFORGE, ManagedNeighbours),
])
def test_memory_is_managed_as_each_webui_does(kind: Kind, neighbours: type, start: Callable[[Kind], dict[str, Any]],
                                              ) -> None:
    start(kind)
    assert isinstance(make_host(kind).gpu._neighbours, neighbours)


def test_networks_of_all_parts_are_offered(start: Callable[[Kind], dict[str, Any]],
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    parts = start(Kind.AUTOMATIC1111)
    network = SimpleNamespace(model=object())
    parts["sd_models"].model_data.sd_model = SimpleNamespace(depth_model=network, lowvram=False)
    monkeypatch.setitem(sys.modules, "src.core", SimpleNamespace(
        model_holder=SimpleNamespace(depth_model=object(), depth_model_type=12, tiling_mode=False)))
    monkeypatch.setitem(sys.modules, "scripts.preprocessor.legacy.processor",
                        SimpleNamespace(model_depth_anything_v2=network))
    offered = {model.id for model in make_host(Kind.AUTOMATIC1111).depth_models()}
    assert offered == {"webui-checkpoint-midas", "webui-depth-depth-anything-v2-small",
                       "webui-annotator-depth-anything-v2-large"}
