"""From settings to depth, with a real network file and real conversions."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from video3d import depth_stage, pipeline
from video3d.advice import advised
from video3d.depth.onnx import onnx_model
from video3d.depth.registry import available_models, find_model
from video3d.depth_model import DepthModel
from video3d.depth_stage import DepthOrder, depth_cache, key_frame_distance
from video3d.errors import DepthError
from video3d.host import StandaloneHost
from video3d.jobs import JobRequest, run_job
from video3d.params import from_values
from video3d.preview import Previewer, PreviewRequest
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings


@dataclass(frozen=True)
class Here(StandaloneHost):
    """Stand-alone, its folders in a test's own."""

    folder: Path

    def models_folders(self) -> tuple[Path, ...]:
        return (self.folder,)

    def work_folder(self) -> Path:
        return self.folder / "work"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Depth is the blurred brightness of the picture."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights: Any = np.full((1, 3, 5, 5), 1 / 75, np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["picture", "weights"], ["depth"], pads=[2, 2, 2, 2])], "blur",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 1, "h", "w"])],
        [numpy_helper.from_array(weights, "weights")])
    path = tmp_path / "blur.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    path.with_suffix(".json").write_text(json.dumps({"short_side": 96}))
    return path


def converted(clip: Path, network: Path, **values: Any) -> bytes:
    """With a strength of its own: advice on it looks at moments apart from kept depth."""
    folder = network.parent
    settings = from_values(ConversionSettings, {"speed": "fastest", "depth_model": str(network), "preview": 1.4,
                                                "strength": 2.5, **values})
    target = folder / "result.mp4"
    run_job(JobRequest(clip, target, settings, overwrite=True), Here(folder), SilentReporter())
    return target.read_bytes()


def no_network(*_: object) -> Any:
    raise DepthError("the network was run")


@pytest.mark.needs("onnx", "onnxruntime")
def test_a_result_is_the_same_to_the_byte_with_and_without_the_cache(small_clip: Path, network: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    without = converted(small_clip, network, depth_cache=None)
    assert not (network.parent / "work").exists()
    assert converted(small_clip, network) == without
    monkeypatch.setattr(depth_stage, "open_estimator", no_network)
    assert converted(small_clip, network) == without
    # Another strength, eye, layout and steadiness: all of it from kept depth.
    for values in ({"strength": 3.3, "eye": "right", "layout": "half-tab"}, {"stabilise": "off"}):
        converted(small_clip, network, **values)
    with pytest.raises(DepthError, match="was run"):
        converted(small_clip, network, depth_size=128, depth_cache=None)


@pytest.mark.needs("onnx", "onnxruntime")
def test_previews_and_advice_take_kept_depth(small_clip: Path, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_values(ConversionSettings, {"depth_model": str(network), "depth_every": 1})
    host = Here(network.parent)
    fresh = Previewer(host).picture(PreviewRequest(small_clip, settings, 0.7))
    converted(small_clip, network, depth_every=1)
    monkeypatch.setattr(depth_stage, "open_estimator", no_network)
    assert Previewer(host).picture(PreviewRequest(small_clip, settings, 0.7)).data == fresh.data
    advised(pipeline.decide(small_clip, settings, host), SilentReporter())
    with pytest.raises(DepthError, match="was run"):
        Previewer(host).picture(PreviewRequest(small_clip, settings, 1.9))


@pytest.mark.needs("onnx", "onnxruntime")
def test_another_network_or_another_size_has_depth_of_its_own(small_clip: Path, network: Path) -> None:
    first = converted(small_clip, network)
    cache = depth_cache(Here(network.parent), 1)
    assert len(cache.uses()) == 1
    network.with_suffix(".json").write_text(json.dumps({"short_side": 64}))
    assert converted(small_clip, network) != first
    network.with_suffix(".json").write_text(json.dumps({"short_side": 64, "kind": "relative depth"}))
    converted(small_clip, network)
    assert len(cache.uses()) == 3
    assert {use.source for use in cache.uses()} == {small_clip.name}


def order(clip: Path, model: DepthModel, **values: Any) -> DepthOrder:
    conversion = pipeline.decide(clip, from_values(ConversionSettings, {"depth_model": "constant"}), StandaloneHost())
    settings = from_values(ConversionSettings, values).depth
    return DepthOrder(model, settings, conversion.info, conversion.shared.eye_format, 0.8)


@pytest.mark.needs("onnx")
def test_how_far_key_frames_are_apart(small_clip: Path, network: Path) -> None:
    model = onnx_model(network)
    assert key_frame_distance(order(small_clip, model), on_processor=True) == 4  # 24 frames/s
    assert key_frame_distance(order(small_clip, model), on_processor=False) == 1
    assert key_frame_distance(order(small_clip, model, depth_every=2), on_processor=False) == 2
    assert key_frame_distance(order(small_clip, replace(model, remembers=True), depth_every=2), on_processor=True) == 1
    builtin = find_model("builtin", available_models(StandaloneHost()))
    assert key_frame_distance(order(small_clip, builtin, depth_every=3), on_processor=True) == 1
