"""What an ONNX file says of itself, against the reference package, and files that are none."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video3d.depth.onnx_graph import TensorInfo, read_graph
from video3d.errors import DepthError


def saved(folder: Path, shape: list[int | str], stride: int = 14) -> Path:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights: Any = np.ones((1, 3, stride, stride), np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["picture", "weights"], ["depth"], strides=[stride, stride])], "tiny",
        [helper.make_tensor_value_info("weights", TensorProto.FLOAT, weights.shape),
         helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["n", 1, None, None])],
        [numpy_helper.from_array(weights, "weights")])
    path = folder / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


@pytest.mark.needs("onnx")
def test_shapes_and_names_are_read(tmp_path: Path) -> None:
    graph = read_graph(saved(tmp_path, ["n", 3, 518, "width"]))
    assert graph.inputs == (TensorInfo("picture", 1, (None, 3, 518, None)),)
    assert graph.outputs == (TensorInfo("depth", 1, (None, 1, None, None)),)
    assert graph.first_stride == 14


@pytest.mark.needs("onnx")
def test_a_file_cut_short_anywhere_is_refused_or_still_tells_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path, [1, 3, 64, 64])
    whole, wanted = path.read_bytes(), read_graph(path)
    for size in range(0, len(whole), max(1, len(whole) // 200)):
        path.write_bytes(whole[:size])
        with suppress(DepthError):
            assert read_graph(path) == wanted


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x02}q\x00.", bytes(range(256)), b"\x3a\x00"])
def test_what_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(DepthError, match=r"other\.onnx"):
        read_graph(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DepthError, match="no such file"):
        read_graph(tmp_path / "none.onnx")
