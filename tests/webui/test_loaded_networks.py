"""Networks in the webui's memory. The owners' modules are doubles with the names and fields of the real ones."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from video3d.depth_model import Availability, DepthKind
from video3d.webui.loaded_networks import annotator_networks, checkpoint_network, extension_networks

CONTROLNET = "scripts.preprocessor.legacy.processor"


def test_only_a_depth_checkpoint_offers_its_midas() -> None:
    midas = SimpleNamespace(model=object())
    depth, plain = SimpleNamespace(depth_model=midas, lowvram=False), SimpleNamespace(lowvram=False)
    for other in (None, plain, SimpleNamespace(depth_model=None)):
        assert not list(checkpoint_network(other, "cpu", nullcontext))
    (found,) = checkpoint_network(depth, "cpu", nullcontext)
    assert found.find() is midas
    assert not found.is_imagenet
    assert found.moves
    assert found.context is nullcontext


def test_the_webuis_hooks_move_the_checkpoints_midas_under_lowvram() -> None:
    (found,) = checkpoint_network(SimpleNamespace(depth_model=SimpleNamespace(model=1), lowvram=True), "cuda",
                                  nullcontext)
    assert not found.moves


@pytest.fixture
def holder(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the depth extension's `src.core.model_holder`."""
    made = SimpleNamespace(depth_model=None, depth_model_type=None, tiling_mode=False, calls=[])

    def ensure_models(number: int, device: object, boost: bool) -> None:
        made.calls.append(f"load {number} on {device}, boost {boost}")
        made.depth_model, made.depth_model_type = object(), number

    def unload_models() -> None:
        made.calls.append("unload")
        made.depth_model = made.depth_model_type = None

    made.update_settings = lambda **ops: made.calls.append(f"settings {ops}")
    made.ensure_models, made.unload_models = ensure_models, unload_models
    core = SimpleNamespace(model_holder=made, backbone=SimpleNamespace(gather_ops=lambda: {"no_half": True}))
    monkeypatch.setitem(sys.modules, "src.core", core)
    return made


@pytest.mark.parametrize(("number", "name", "is_imagenet", "non_commercial"), [
    (1, "BEiT-Large 512", False, False), (4, "DPT-Hybrid", False, False), (6, "v2.1 small", True, False),
    (12, "V2 Small", True, False), (14, "V2 Large", True, True),
])
def test_the_depth_extensions_loaded_model(number: int, name: str, is_imagenet: bool, non_commercial: bool,
                                           holder: SimpleNamespace, tmp_path: Path) -> None:
    holder.depth_model, holder.depth_model_type = object(), number
    (found,) = extension_networks(tmp_path, "cpu")
    assert name in found.label
    assert (found.is_imagenet, found.non_commercial) == (is_imagenet, non_commercial)
    assert found.find() is holder.depth_model
    assert found.availability is Availability.READY


@pytest.mark.parametrize("number", [None, 0, 7, 8, 9, 10])
def test_nothing_loaded_or_a_kind_that_is_no_raw_network_is_not_offered(number: int | None, holder: SimpleNamespace,
                                                                        tmp_path: Path) -> None:
    holder.depth_model, holder.depth_model_type = object(), number
    assert not list(extension_networks(tmp_path, "cpu"))


def test_a_model_that_was_changed_for_tiling_is_not_offered(holder: SimpleNamespace, tmp_path: Path) -> None:
    holder.depth_model, holder.depth_model_type, holder.tiling_mode = object(), 4, True
    assert not list(extension_networks(tmp_path, "cpu"))


def test_a_model_on_the_disk_that_only_the_extension_can_load(holder: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "midas").mkdir()
    (tmp_path / "midas" / "dpt_beit_large_512.pt").touch()
    (found,) = extension_networks(tmp_path, "the device")
    assert found.availability is Availability.ON_DISK
    assert holder.calls == []
    assert found.find() is holder.depth_model
    assert holder.calls == ["settings {'no_half': True}", "load 1 on the device, boost False"]
    found.done()
    assert holder.calls[-1] == "unload"


def test_a_model_that_the_extension_replaced_is_not_unloaded(holder: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "midas").mkdir()
    (tmp_path / "midas" / "dpt_beit_large_384.pt").touch()
    (found,) = extension_networks(tmp_path, "cpu")
    found.find()
    holder.depth_model = object()
    found.done()
    assert holder.calls[-1] != "unload"


def test_without_the_depth_extension_there_is_nothing(tmp_path: Path) -> None:
    assert "src.core" not in sys.modules
    assert not list(extension_networks(tmp_path, "cpu"))


def test_annotators_that_have_run(monkeypatch: pytest.MonkeyPatch) -> None:
    v2, zoe, midas = object(), lambda pictures: {"metric_depth": pictures}, object()
    keeper = SimpleNamespace(model_depth_anything=None, model_depth_anything_v2=SimpleNamespace(model=v2),
                             model_zoe_depth=SimpleNamespace(model=zoe))
    monkeypatch.setitem(sys.modules, CONTROLNET, keeper)
    monkeypatch.setitem(sys.modules, "annotator.midas", SimpleNamespace(model=midas))
    found = {borrowed.id: borrowed for borrowed in annotator_networks("ControlNet", CONTROLNET, "cpu")}
    assert set(found) == {"webui-annotator-depth-anything-v2-large", "webui-annotator-zoe", "webui-annotator-midas"}
    large = found["webui-annotator-depth-anything-v2-large"]
    assert large.find() is v2
    assert large.non_commercial
    assert found["webui-annotator-midas"].find() is midas
    metric = found["webui-annotator-zoe"]
    assert metric.kind is DepthKind.METRIC_DEPTH
    assert metric.run(metric.find(), -1.0) == 0.0, "it wants 0…1 and normalises by itself"


def test_annotators_that_have_not_run_offer_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(annotator_networks("ControlNet", CONTROLNET, "cpu"))
    monkeypatch.setitem(sys.modules, CONTROLNET, SimpleNamespace(model_depth_anything_v2=None, model_zoe_depth=None))
    monkeypatch.setitem(sys.modules, "annotator.midas", SimpleNamespace(model=None))
    assert not list(annotator_networks("ControlNet", CONTROLNET, "cpu"))
