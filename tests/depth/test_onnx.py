"""A user's ONNX network: tiny ones saved to disk and run through the real loaders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from video3d.depth.onnx import ID_PREFIX, OnnxDescription, onnx_model, onnx_models, open_network, read_description
from video3d.depth.registry import available_models, choose_model, find_model
from video3d.depth_model import DepthInput, DepthKind, DepthModel
from video3d.errors import DepthError
from video3d.host import StandaloneHost

PLAIN = {"mean": [0, 0, 0], "deviation": [1, 1, 1]}
PICTURE: npt.NDArray[np.float32] = np.random.default_rng(3).random((28, 42, 3)).astype(np.float32)


def saved(folder: Path, name: str = "red", shape: tuple[Any, ...] = (1, 3, "h", "w"), *, extra_output: bool = False,
          kind: int = 1, description: dict[str, Any] | None = None) -> Path:
    """A network that gives the red channel."""
    import onnx
    from onnx import TensorProto, helper

    axis = 3 if shape[3] == 3 else 1
    def constant(field: str, number: int) -> Any:
        tensor = helper.make_tensor(field, TensorProto.INT64, [1], [number])
        return helper.make_node("Constant", [], [field], value=tensor)

    nodes = [constant("from", 0), constant("to", 1), constant("axis", axis),
             helper.make_node("Slice", ["picture", "from", "to", "axis"], ["cut"]),
             helper.make_node("Cast", ["cut"], ["depth"], to=TensorProto.FLOAT)]
    outputs = [helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["n", None, None, None])]
    if extra_output:
        nodes.append(helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0))
        outputs.insert(0, helper.make_tensor_value_info("mean", TensorProto.FLOAT, []))
    graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info("picture", kind, shape)], outputs)
    path = folder / f"{name}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    if description is not None:
        path.with_suffix(".json").write_text(json.dumps(description))
    return path


def estimated(model: DepthModel, *pictures: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    estimator = model.load()
    try:
        return estimator.estimate([DepthInput(rgb, None, False, 0.0) for rgb in pictures])
    finally:
        estimator.close()


@pytest.mark.needs("onnx", "onnxruntime")
@pytest.mark.parametrize(("shape", "batch"), [((1, 3, "h", "w"), 1), (("n", 3, "h", "w"), 4), ((1, "h", "w", 3), 1),
                                              ((1, 3, 28, 42), 1), (("n", "c", "h", "w"), 4)])
def test_pictures_go_in_as_the_graph_wants_them(tmp_path: Path, shape: tuple[Any, ...], batch: int) -> None:
    model = onnx_model(saved(tmp_path, shape=shape, description=PLAIN))
    assert model.batch == batch
    pictures = [PICTURE, 1 - PICTURE, PICTURE / 2, PICTURE, PICTURE / 3]
    for made, picture in zip(estimated(model, *pictures), pictures, strict=True):
        np.testing.assert_allclose(made, picture[..., 0], atol=1e-6)
        assert made.dtype == np.float32


@pytest.mark.needs("onnx", "onnxruntime")
def test_a_graph_of_one_size_gets_that_size_and_its_map_comes_back_in_the_pictures(tmp_path: Path) -> None:
    model = onnx_model(saved(tmp_path, shape=(1, 3, 14, 14), description=PLAIN))
    assert model.input_size.fit(1920, 1080, 392) == (25, 14)
    (made,) = estimated(model, PICTURE)
    assert made.shape == PICTURE.shape[:2]
    assert abs(float(made.mean() - PICTURE[..., 0].mean())) < 0.02


@pytest.mark.needs("onnx", "onnxruntime")
def test_half_precision_and_bytes_go_in_too(tmp_path: Path) -> None:
    for name, kind, tolerance, scale in (("half", 10, 1e-3, 1), ("bytes", 2, 0.5, 255)):
        (made,) = estimated(onnx_model(saved(tmp_path, name, kind=kind, description=PLAIN)), PICTURE)
        np.testing.assert_allclose(made, scale * PICTURE[..., 0], atol=tolerance)


@pytest.mark.needs("onnx", "onnxruntime")
def test_normalisation_and_order_of_channels_are_the_descriptions(tmp_path: Path) -> None:
    path = saved(tmp_path)
    (usual,) = estimated(onnx_model(path), PICTURE)
    np.testing.assert_allclose(usual, (PICTURE[..., 0] - 0.485) / 0.229, atol=1e-5)
    path.with_suffix(".json").write_text(json.dumps({**PLAIN, "channels": "bgr"}))
    (reversed_order,) = estimated(onnx_model(path), PICTURE)
    np.testing.assert_allclose(reversed_order, PICTURE[..., 2], atol=1e-6)


@pytest.mark.needs("onnx", "onnxruntime")
def test_the_output_called_depth_is_taken_or_the_one_named(tmp_path: Path) -> None:
    path = saved(tmp_path, extra_output=True, description=PLAIN)
    np.testing.assert_allclose(estimated(onnx_model(path), PICTURE)[0], PICTURE[..., 0], atol=1e-6)
    path.with_suffix(".json").write_text(json.dumps({"output": "mean"}))
    with pytest.raises(DepthError, match="no depth map"):
        estimated(onnx_model(path), PICTURE)
    path.with_suffix(".json").write_text(json.dumps({"output": "depht"}))
    with pytest.raises(DepthError, match=r"'depht'.*mean, depth"):
        onnx_model(path)


@pytest.mark.needs("onnx", "onnxruntime")
def test_without_onnxruntime_opencv_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, several = saved(tmp_path), saved(tmp_path, "several", extra_output=True)
    pictures = PICTURE.transpose(2, 0, 1)[None].copy()
    expected = open_network(path, "depth").run(pictures)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    np.testing.assert_allclose(open_network(path, "depth").run(pictures).squeeze(), expected.squeeze(), atol=1e-6)
    np.testing.assert_allclose(open_network(several, "depth").run(pictures).squeeze(), expected.squeeze(), atol=1e-6)


@pytest.mark.needs("onnx")
def test_models_in_the_folders_are_listed_and_never_chosen_undescribed(tmp_path: Path) -> None:
    saved(tmp_path, "plain")
    saved(tmp_path, "described", description={"kind": "metric depth", "label": "Mine", "licence": "MIT",
                                              "short_side": 224})
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    models = {model.id: model for model in onnx_models([tmp_path / "none", tmp_path])}
    assert set(models) == {"onnx:plain", "onnx:described", "onnx:broken"}
    described = models["onnx:described"]
    assert (described.label, described.licence, described.kind) == ("Mine", "MIT", DepthKind.METRIC_DEPTH)
    assert described.input_size.fit(1280, 720, 392) == (384, 224)
    assert "not described" in models["onnx:plain"].label
    with pytest.raises(DepthError, match=r"broken\.onnx"):
        models["onnx:broken"].load()
    everything = (*available_models(StandaloneHost()), *models.values())
    assert choose_model("auto", everything).model.id == "onnx:described"
    assert choose_model("auto", [m for m in everything if m.id != "onnx:described"]).model.id == "builtin"
    assert find_model(ID_PREFIX + "plain", everything).label.startswith("plain")


@pytest.mark.needs("onnx")
def test_a_path_is_a_model(tmp_path: Path) -> None:
    path = saved(tmp_path, description={"kind": "relative depth"})
    model = find_model(str(path), available_models(StandaloneHost()))
    assert model.kind is DepthKind.RELATIVE_DEPTH
    assert model.files == (path, path.with_suffix(".json"))
    with pytest.raises(DepthError, match="no such file"):
        find_model(str(tmp_path / "other.onnx"), available_models(StandaloneHost()))


@pytest.mark.needs("onnx", "onnxruntime")
def test_a_network_that_cannot_run_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, shape=(1, 4, "h", "w"))
    with pytest.raises(DepthError, match="does not take one RGB picture"):
        onnx_model(path)
    whole = saved(tmp_path, "whole")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(whole.read_bytes().replace(b"Slice", b"Slime"))
    with pytest.raises(DepthError, match=r"damaged\.onnx: onnxruntime cannot load"):
        onnx_model(damaged).load()


@pytest.mark.needs("onnx", "onnxruntime")
def test_onnxruntime_does_not_report_its_use(tmp_path: Path) -> None:
    """Its telemetry begins with its import, by a file with an identity in the temporary folder."""
    program = (f"import pathlib, video3d.depth.onnx as door\n"
               f"door.open_network(pathlib.Path({str(saved(tmp_path))!r}), 'depth')")
    empty = tmp_path / "empty"
    empty.mkdir()
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2],
                   env={**os.environ, "TMPDIR": str(empty), "PYTHONPATH": "."})
    assert not list(empty.iterdir())


@pytest.mark.parametrize(("text", "words"), [
    ("[]", "an object"), ("{", "not the description"), ('{"kind": "inverse"}', "inverse"),
    ('{"mean": [1, 2]}', "three"), ('{"mean": [1, "x", 2]}', "x"), ('{"deviation": [1, 0, 1]}', "above 0"),
    ('{"channels": "yuv"}', "rgb or bgr"), ('{"batch": 0}', "too small"), ('{"short_side": "224"}', "'224'"),
    ('{"colour": 1}', "'colour'"),
])
def test_what_is_wrong_in_a_description_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(DepthError, match=words):
        read_description(path)


def test_a_description_may_leave_out_all(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text("{}")
    assert read_description(path) == OnnxDescription()


@pytest.mark.needs("onnxruntime")
def test_a_real_network_tells_far_from_near(data_folder: Path) -> None:
    import cv2

    path = data_folder / "weights" / "fast_depth_fp32_dyn.onnx"
    picture = cv2.imread(str(data_folder / "stereo_gt" / "motorcycle" / "left.png"))
    truth = cv2.imread(str(data_folder / "stereo_gt" / "motorcycle" / "disp_left.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert truth is not None
    rgb = cv2.resize(picture[..., ::-1].astype(np.float32) / 255, (320, 224), interpolation=cv2.INTER_AREA)
    estimator = open_network(path, "depth")
    metres = estimator.run(rgb.transpose(2, 0, 1)[None].copy()).squeeze()
    disparity = cv2.resize(truth.astype(np.float32), (320, 224), interpolation=cv2.INTER_NEAREST)
    known = disparity > 0
    assert np.corrcoef(1 / metres[known], disparity[known])[0, 1] > 0.4
