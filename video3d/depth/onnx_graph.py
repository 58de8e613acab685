"""What an ONNX file says of its inputs and outputs, read without loading its weights or a runtime.

The few fields needed are walked in the wire format of protocol buffers; their numbers are those of `onnx.proto3` in the
ONNX repository (ModelProto.graph = 7, GraphProto.node = 1, .initializer = 5, .input = 11, .output = 12, and so on).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from video3d.errors import DepthError

_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12
_TENSOR_NAME = 8
_DAMAGED = "Download or export it again."


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of the graph."""

    name: str
    element_type: int
    """ONNX's TensorProto.DataType: 1 is float32, 2 uint8, 10 float16."""
    shape: tuple[int | None, ...]
    """None where a side may be of any length."""


@dataclass(frozen=True)
class OnnxGraph:
    """What is outside of a network."""

    inputs: tuple[TensorInfo, ...]
    """Without those that the file holds the values of."""
    outputs: tuple[TensorInfo, ...]
    first_stride: int
    """Stride of the first convolution: the patch of a vision transformer; 1 where there is none."""


def read_graph(path: Path) -> OnnxGraph:
    """The graph of the file at `path`; DepthError where it is missing, cut short, or no ONNX model."""
    try:
        with path.open("rb") as file:
            # Not closed by hand: it cannot be while an error's traceback still holds views of it.
            graph = _graph_of(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except FileNotFoundError:
        raise DepthError(f"{path}: there is no such file.", stage="depth", remedy="Check --depth-model.") from None
    except OSError as problem:
        raise DepthError(f"{path}: it cannot be read ({problem.strerror or problem}).", stage="depth",
                         remedy="Check its permissions.") from None
    except ValueError as problem:  # an empty file cannot be mapped
        raise DepthError(f"{path}: this is no whole ONNX model ({problem}).", stage="depth",
                         remedy=_DAMAGED) from None
    if not graph.inputs or not graph.outputs:
        raise DepthError(f"{path}: the network has no input or no output.", stage="depth", remedy=_DAMAGED)
    return graph


def _graph_of(view: memoryview) -> OnnxGraph:
    graphs = [value for number, value in _fields(view) if number == _GRAPH and isinstance(value, memoryview)]
    if not graphs:
        raise ValueError("it holds no graph")
    inputs: list[TensorInfo] = []
    outputs: list[TensorInfo] = []
    held: set[str] = set()
    stride = 0
    for number, value in _fields(graphs[-1]):
        if not isinstance(value, memoryview):
            continue
        if number == _INPUT:
            inputs.append(_tensor_info(value))
        elif number == _OUTPUT:
            outputs.append(_tensor_info(value))
        elif number == _INITIALIZER:
            held.add(_tensor_name(value))
        elif number == _NODE and stride == 0:
            stride = _stride(value)
    return OnnxGraph(tuple(tensor for tensor in inputs if tensor.name not in held), tuple(outputs), max(1, stride))


def _tensor_info(view: memoryview) -> TensorInfo:
    name, element_type, shape = "", 0, ()
    for number, value in _fields(view):
        if number == 1:
            name = _text(value)
        elif number == 2:
            for _, tensor in _chosen(value, 1):
                element_type, shape = _tensor_type(tensor)
    return TensorInfo(name, element_type, shape)


def _tensor_type(view: memoryview) -> tuple[int, tuple[int | None, ...]]:
    element_type = 0
    shape: list[int | None] = []
    for number, value in _fields(view):
        if number == 1 and isinstance(value, int):
            element_type = value
        elif number == 2:
            for _, dimension in _chosen(value, 1):
                lengths = [length for field, length in _fields(dimension) if field == 1 and isinstance(length, int)]
                shape.append(lengths[0] if lengths and lengths[0] > 0 else None)
    return element_type, tuple(shape)


def _tensor_name(view: memoryview) -> str:
    return next((_text(value) for number, value in _fields(view) if number == _TENSOR_NAME), "")


def _stride(node: memoryview) -> int:
    """Of a convolution; 0 of any other node."""
    kind, stride = "", 1
    for number, value in _fields(node):
        if number == 4:
            kind = _text(value)
        elif number == 5:
            stride = _stride_attribute(value) or stride
    return stride if kind == "Conv" else 0


def _stride_attribute(value: int | memoryview) -> int:
    if isinstance(value, int):
        raise ValueError("a field is of the wrong kind")
    name, numbers = "", list[int]()
    for number, part in _fields(value):
        if number == 1:
            name = _text(part)
        elif number == 8:
            numbers += [part] if isinstance(part, int) else list(_packed(part))
    return numbers[0] if name == "strides" and numbers else 0


def _chosen(value: int | memoryview, wanted: int) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message that have this number and are messages themselves."""
    if isinstance(value, int):
        raise ValueError("a field is of the wrong kind")
    yield from ((number, part) for number, part in _fields(value)
                if number == wanted and isinstance(part, memoryview))


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError("a name is a number")
    return bytes(value).decode("utf-8", errors="replace")


def _packed(view: memoryview) -> Iterator[int]:
    at = 0
    while at < len(view):
        number, at = _varint(view, at)
        yield number


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: an integer, or the bytes of a text, an array or a message."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(view, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(view, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("its bytes follow no known form")
        if at + size > len(view):
            raise ValueError("it is cut short")
        yield key >> 3, view[at:at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """A number in base 128, least digit first, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise ValueError("it is cut short")
        digit = view[at]
        at += 1
        number |= (digit & 0x7F) << shift
        if digit < 0x80:
            return number, at
    raise ValueError("its bytes follow no known form")
