"""Who moves out of the GPU's memory. The webui's modules are doubles: this machine needs no GPU for the decisions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from video3d.webui.memory import CheckpointNeighbours, ManagedNeighbours

GIGABYTE = 1 << 30


class Webui:
    """Stands for `modules.{shared,devices,sd_models}` of AUTOMATIC1111: a GPU of 8 GB with a checkpoint of 4 GB."""

    def __init__(self, others: int = 0) -> None:
        self.checkpoint = SimpleNamespace(lowvram=False)
        self.is_out = False
        self.others = others
        self.said: list[str] = []
        self.shared = SimpleNamespace(mem_mon=SimpleNamespace(disabled=False, cuda_mem_get_info=self.free))
        self.devices = SimpleNamespace(torch_gc=lambda: None)
        self.sd_models = SimpleNamespace(model_data=SimpleNamespace(sd_model=self.checkpoint),
                                         send_model_to_cpu=self.out, send_model_to_device=self.back)

    def free(self) -> tuple[int, int]:
        return (8 - (0 if self.is_out else 4)) * GIGABYTE - self.others, 8 * GIGABYTE

    def out(self, model: object) -> None:
        assert model is self.checkpoint
        self.is_out = True
        self.said.append("out")

    def back(self, model: object) -> None:
        assert model is self.checkpoint
        self.is_out = False
        self.said.append("back")


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Webui]:
    def begin(**facts: int) -> Webui:
        webui = Webui(**facts)
        package = ModuleType("modules")
        for name in ("shared", "devices", "sd_models"):
            setattr(package, name, getattr(webui, name))
            monkeypatch.setitem(sys.modules, f"modules.{name}", getattr(webui, name))
        monkeypatch.setitem(sys.modules, "modules", package)
        return webui

    return begin


def test_the_checkpoint_stays_where_there_is_room(start: Callable[..., Webui]) -> None:
    webui = start()
    neighbours = CheckpointNeighbours()
    left: list[str] = []
    neighbours.make_room(3 * GIGABYTE)
    neighbours.come_back(lambda: left.append("left"))
    assert webui.said == []
    assert left == []


def test_the_checkpoint_moves_out_and_back_after_our_network_has_left(start: Callable[..., Webui]) -> None:
    webui = start()
    neighbours = CheckpointNeighbours()
    neighbours.make_room(5 * GIGABYTE)
    assert webui.said == ["out"]
    neighbours.come_back(lambda: webui.said.append("left"))
    assert webui.said == ["out", "left", "back"]


def test_asking_twice_moves_it_once(start: Callable[..., Webui]) -> None:
    webui = start()
    neighbours = CheckpointNeighbours()
    neighbours.make_room(5 * GIGABYTE)
    neighbours.make_room(9 * GIGABYTE)
    assert webui.said == ["out"]


def test_our_network_leaves_where_memory_is_short_for_an_image(start: Callable[..., Webui]) -> None:
    webui = start(others=3 * GIGABYTE)
    CheckpointNeighbours().come_back(lambda: webui.said.append("left"))
    assert webui.said == ["left"]


def test_a_checkpoint_that_the_webui_keeps_outside_is_left_alone(start: Callable[..., Webui]) -> None:
    webui = start()
    webui.checkpoint.lowvram = True
    CheckpointNeighbours().make_room(9 * GIGABYTE)
    assert webui.said == []


def test_no_checkpoint_is_loaded_only_to_be_moved(start: Callable[..., Webui]) -> None:
    webui = start()
    webui.sd_models.model_data.sd_model = None
    CheckpointNeighbours().make_room(9 * GIGABYTE)
    assert webui.said == []


def test_a_checkpoint_that_was_changed_meanwhile_does_not_come_back(start: Callable[..., Webui]) -> None:
    webui = start()
    neighbours = CheckpointNeighbours()
    neighbours.make_room(5 * GIGABYTE)
    webui.sd_models.model_data.sd_model = SimpleNamespace(lowvram=False)
    neighbours.come_back(lambda: None)
    assert webui.said == ["out"]


def test_without_cuda_nothing_moves(start: Callable[..., Webui]) -> None:
    webui = start()
    webui.shared.mem_mon.disabled = True
    neighbours = CheckpointNeighbours()
    neighbours.make_room(9 * GIGABYTE)
    neighbours.come_back(lambda: webui.said.append("left"))
    assert webui.said == []


class Manager:
    """Stands for Forge's `backend.memory_management`."""

    def __init__(self, free: int, device: str = "cuda") -> None:
        self.free = free
        self.device = SimpleNamespace(type=device)
        self.said: list[str] = []

    def get_torch_device(self) -> SimpleNamespace:
        return self.device

    def get_free_memory(self, device: SimpleNamespace) -> int:
        assert device is self.device
        return self.free

    def get_total_memory(self, device: SimpleNamespace) -> int:
        assert device is self.device
        return 8 * GIGABYTE

    def free_memory(self, wanted: int, device: SimpleNamespace) -> None:
        assert device is self.device
        self.said.append(f"free {wanted}")

    def soft_empty_cache(self) -> None:
        self.said.append("empty")


def test_forge_is_asked_for_memory_only_where_it_is_short() -> None:
    full, empty = Manager(free=GIGABYTE), Manager(free=6 * GIGABYTE)
    for manager in (full, empty):
        ManagedNeighbours(manager).make_room(2 * GIGABYTE)
    assert full.said == [f"free {2 * GIGABYTE}"]
    assert empty.said == []


def test_on_forge_only_our_network_has_to_go_back() -> None:
    full, empty = Manager(free=GIGABYTE), Manager(free=6 * GIGABYTE)
    for manager in (full, empty):
        ManagedNeighbours(manager).come_back(lambda said=manager.said: said.append("left"))
    assert full.said == ["left", "empty"]
    assert empty.said == []


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_forge_moves_nothing_where_memory_is_one(device: str) -> None:
    manager = Manager(free=0, device=device)
    neighbours = ManagedNeighbours(manager)
    neighbours.make_room(GIGABYTE)
    neighbours.come_back(lambda: manager.said.append("left"))
    assert manager.said == []
