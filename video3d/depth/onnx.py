"""Depth networks of the user's own, as ONNX files: run by onnxruntime, or by OpenCV where that is not installed.

What the file cannot say stands in a small text beside it, `model.json` for `model.onnx`; all of it may be left out:

    {"kind": "relative inverse depth",      or "relative depth" or "metric depth" (metres)
     "label": "My network", "licence": "MIT", "non_commercial": false,
     "short_side": 224, "multiple": 32,     sizes of the picture, where the network takes any
     "mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225],    of RGB in 0…1
     "channels": "rgb", "output": "depth", "batch": 4, "quality": 30}

Without it the numbers are taken for relative inverse depth of pictures normalised as for ImageNet, as most networks of
this kind are; sizes, layout and batch are read from the graph.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.depth.onnx_graph import OnnxGraph, TensorInfo, read_graph
from video3d.depth.weights_files import ONNX_SUFFIX
from video3d.depth_model import Availability, DepthEstimator, DepthInput, DepthKind, DepthModel, InputSize, LoadOptions
from video3d.errors import DepthError
from video3d.types import FloatMap

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

ID_PREFIX = "onnx:"
DESCRIBED_QUALITY = 30
"""Rank of a network that the user has described: above the built-in depth, below the networks known by name."""
PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider")
"""Best first; of these, what the installed onnxruntime offers."""
LARGEST_BATCH = 4

_USUAL_SHORT_SIDE = 392
_USUAL_MULTIPLE = 32
_PATCH = 8
"""A first convolution of at least this stride cuts patches: then sides are multiples of it."""
_ELEMENT_TYPES: dict[int, type[np.generic]] = {1: np.float32, 2: np.uint8, 10: np.float16, 11: np.float64}
_OUTPUT_NAMES = ("depth", "predicted_depth", "disparity", "inverse_depth")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OnnxDescription:
    """What a user says of a network; the defaults are what is assumed otherwise."""

    kind: DepthKind = DepthKind.RELATIVE_INVERSE
    label: str = ""
    licence: str = "unknown"
    non_commercial: bool = False
    short_side: int = 0
    """0: as the setting says."""
    multiple: int = 0
    """0: read from the graph."""
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    deviation: tuple[float, ...] = (0.229, 0.224, 0.225)
    channels: str = "rgb"
    output: str = ""
    """Name of the output taken; empty: the one called depth, or the first."""
    batch: int = LARGEST_BATCH
    quality: int = DESCRIBED_QUALITY


@dataclass(frozen=True)
class _Door:
    """How pictures go into the graph."""

    tensor: TensorInfo
    output: TensorInfo
    channels_last: bool
    batch: int
    """Pictures at once."""
    size: tuple[int, int] | None
    """(width, height), where the graph takes no other."""


def onnx_models(folders: Sequence[Path]) -> tuple[DepthModel, ...]:
    """The ONNX files in these folders, with the ids `onnx:NAME`; one that is broken says so when it is loaded."""
    found: dict[str, DepthModel] = {}
    for folder in folders:
        for file in sorted(folder.glob(f"*{ONNX_SUFFIX}")) if folder.is_dir() else ():
            found.setdefault(file.stem, _listed(file))
    return tuple(found.values())


def onnx_model(path: Path) -> DepthModel:
    """The network in the file at `path`, its id the path itself; DepthError says what is wrong with it.

    A network without a description ranks below all others, so that `auto` never takes it.
    """
    graph = read_graph(path)
    described = path.with_suffix(".json").is_file()
    description = _description_of(path)
    door = _door(path, graph, description)
    if door.size is not None:
        input_size = InputSize(min(door.size), follows_setting=False)
    else:
        input_size = InputSize(description.short_side or _USUAL_SHORT_SIDE, description.multiple or _multiple(graph),
                               follows_setting=description.short_side == 0)
    label = description.label or f"{path.stem} (ONNX{'' if described else ', not described: larger taken for nearer'})"
    return DepthModel(
        str(path), label, description.kind, description.licence, input_size,
        quality=description.quality if described else 0, loader=partial(_load, path), availability=Availability.ON_DISK,
        non_commercial=description.non_commercial, batch=door.batch, files=_files(path),
    )


def _listed(file: Path) -> DepthModel:
    try:
        return replace(onnx_model(file), id=ID_PREFIX + file.stem)
    except DepthError as problem:
        return DepthModel(ID_PREFIX + file.stem, f"{file.stem} (ONNX, broken)", DepthKind.RELATIVE_INVERSE, "unknown",
                          InputSize(_USUAL_SHORT_SIDE), quality=0, loader=partial(_refuse, problem),
                          availability=Availability.ON_DISK, files=(file,))


def _refuse(problem: DepthError, options: LoadOptions) -> DepthEstimator:
    del options
    raise problem


def _description_of(path: Path) -> OnnxDescription:
    beside = path.with_suffix(".json")
    return read_description(beside) if beside.is_file() else OnnxDescription()


def read_description(path: Path) -> OnnxDescription:
    """The description in the JSON file at `path`; DepthError names what is wrong in it."""
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("an object with names and values is expected")
        return OnnxDescription(**{name: _checked(name, value) for name, value in values.items()})
    except OSError as problem:
        raise DepthError(f"{path}: it cannot be read ({problem.strerror or problem}).", stage="depth",
                         remedy="Check its permissions.") from None
    except ValueError as problem:
        raise DepthError(f"{path}: not the description of a depth network ({problem}).", stage="depth",
                         remedy="Correct it, or delete it to have the usual assumed.") from None


def _checked(name: str, value: Any) -> Any:
    """`value` as the description holds it; ValueError where it cannot be."""
    default: Any = getattr(OnnxDescription, name, None)
    if default is None:
        raise ValueError(f"there is nothing called {name!r} here")
    if name == "kind":
        return DepthKind(value)
    if isinstance(default, tuple):
        numbers = [float(number) for number in value] if isinstance(value, list) else []
        if len(numbers) != 3 or (name == "deviation" and min(numbers) <= 0):
            above = " above 0" if name == "deviation" else ""
            raise ValueError(f"{name} must be three numbers{above}")
        return tuple(numbers)
    if type(value) is not type(default):
        raise ValueError(f"{name} cannot be {value!r}")
    if isinstance(value, int) and value < (0 if name in ("multiple", "quality", "non_commercial") else 1):
        raise ValueError(f"{name} is too small")
    if name == "channels" and value not in ("rgb", "bgr"):
        raise ValueError("channels is rgb or bgr")
    return value


def _files(path: Path) -> tuple[Path, ...]:
    """All that the network's numbers come from: itself, its description, and weights that it keeps outside."""
    beside = (path.with_suffix(".json"), path.with_name(path.name + "_data"), path.with_name(path.name + ".data"))
    return (path, *(file for file in beside if file.is_file()))


def _multiple(graph: OnnxGraph) -> int:
    return graph.first_stride if graph.first_stride >= _PATCH else _USUAL_MULTIPLE


def _door(path: Path, graph: OnnxGraph, description: OnnxDescription) -> _Door:
    tensor = graph.inputs[0]
    takes_colour = len(tensor.shape) == 4 and (tensor.shape[1] in (3, None) or tensor.shape[3] == 3)
    if len(graph.inputs) != 1 or not takes_colour:
        raise DepthError(f"{path}: this network does not take one RGB picture.", stage="depth",
                         remedy="Take a network with one input of the shape [batch, 3, height, width].")
    if tensor.element_type not in _ELEMENT_TYPES:
        raise DepthError(f"{path}: this network takes numbers of an unusual type ({tensor.element_type}).",
                         stage="depth", remedy="Export it with float32 inputs.")
    channels_last = tensor.shape[3] == 3 and tensor.shape[1] != 3
    height, width = tensor.shape[1:3] if channels_last else tensor.shape[2:4]
    size = None if height is None or width is None else (width, height)
    return _Door(tensor, _output(path, graph, description.output), channels_last,
                 description.batch if tensor.shape[0] is None else 1, size)


def _output(path: Path, graph: OnnxGraph, wanted: str) -> TensorInfo:
    by_name = {tensor.name: tensor for tensor in graph.outputs}
    if wanted and wanted not in by_name:
        raise DepthError(f"{path}: the network has no output called {wanted!r}.", stage="depth",
                         remedy=f"Its outputs: {', '.join(by_name)}.")
    names = (wanted,) if wanted else _OUTPUT_NAMES
    return next((by_name[name] for name in names if name in by_name), graph.outputs[0])


def _load(path: Path, options: LoadOptions) -> DepthEstimator:
    description = _description_of(path)
    door = _door(path, read_graph(path), description)
    network = open_network(path, door.output.name, only_processor=options.device == "cpu")
    return OnnxDepth(network, door, description, path)


class Network(Protocol):
    """A loaded graph."""

    def run(self, pictures: Array) -> Array:
        """The chosen output for one input array; DepthError where the network fails."""
        ...


def open_network(path: Path, output: str, *, only_processor: bool = False) -> Network:
    """The graph at `path`, run by onnxruntime on the best device it offers, or by OpenCV where it is not installed."""
    runtime = _runtime()
    if runtime is None:
        return _OpenCvNetwork(path, output)
    offered = [name for name in PROVIDERS if name in runtime.get_available_providers()]
    return _RuntimeNetwork(runtime, path, output, [PROVIDERS[-1]] if only_processor else offered)


def _runtime() -> Any:
    """onnxruntime, or None where it is not installed."""
    # Since 1.32 it reports its use to its maker, beginning with its import. Nothing here calls home.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    return onnxruntime


class _RuntimeNetwork:
    """onnxruntime's session."""

    def __init__(self, runtime: Any, path: Path, output: str, providers: list[str]) -> None:
        self._path = path
        self._output = output
        state = runtime.capi.onnxruntime_pybind11_state
        kinds: list[Any] = [getattr(state, name) for name in dir(state)]
        self._problems: tuple[type[Exception], ...] = tuple(
            kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception))
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = max(1, min(4, os.cpu_count() or 1))
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other stages need the processor
        if "DmlExecutionProvider" in providers:
            options.enable_mem_pattern = False  # DirectML refuses it
        try:
            self._session: Any = runtime.InferenceSession(str(path), options, providers=providers)
        except self._problems as problem:
            raise DepthError(f"{path}: onnxruntime cannot load this network ({_first_line(problem)}).", stage="depth",
                             remedy="Export it again, or update onnxruntime.") from None
        self._input: str = self._session.get_inputs()[0].name

    def run(self, pictures: Array) -> Array:
        """See `Network`."""
        try:
            (result,) = self._session.run([self._output], {self._input: pictures})
        except self._problems as problem:
            raise _failed(self._path, pictures, problem) from None
        return np.asarray(result)


class _OpenCvNetwork:
    """OpenCV's own runner: no other package, fewer kinds of networks, the processor only."""

    def __init__(self, path: Path, output: str) -> None:
        self._path = path
        try:
            self._net: Any = cv2.dnn.readNetFromONNX(np.fromfile(path, np.uint8))
            names: list[str] = list(self._net.getUnconnectedOutLayersNames())
        except cv2.error as problem:
            raise DepthError(f"{path}: OpenCV cannot load this network ({_first_line(problem)}).", stage="depth",
                             remedy="Install onnxruntime, which knows more of them.") from None
        if len(names) > 1 and output not in names:
            raise DepthError(f"{path}: OpenCV cannot tell this network's outputs apart.", stage="depth",
                             remedy="Install onnxruntime, which can.")
        self._output = output if output in names else names[0]

    def run(self, pictures: Array) -> Array:
        """See `Network`."""
        try:
            self._net.setInput(pictures)
            return np.asarray(self._net.forward(self._output))
        except cv2.error as problem:
            raise _failed(self._path, pictures, problem) from None


def _failed(path: Path, pictures: Array, problem: Exception) -> DepthError:
    return DepthError(f"{path}: the network failed on pictures of the shape {pictures.shape} "
                      f"({_first_line(problem)}).", stage="depth",
                      remedy='Name the sizes it takes in its description: "multiple", "short_side".')


def _first_line(problem: Exception) -> str:
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__)[:200]


class OnnxDepth:
    """Pictures into a network's form, and its answers into maps of the pictures' own size."""

    def __init__(self, network: Network, door: _Door, description: OnnxDescription, path: Path) -> None:
        self._network = network
        self._door = door
        self._path = path
        self._type = _ELEMENT_TYPES[door.tensor.element_type]
        self._mean = np.array(description.mean, np.float32)
        self._gain = 1 / np.array(description.deviation, np.float32)
        self._reversed = description.channels == "bgr"

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """One float32 map per picture, of the picture's size; DepthError where the network gives nonsense."""
        maps: list[FloatMap] = []
        for first in range(0, len(batch), self._door.batch):
            maps += self._run(batch[first:first + self._door.batch])
        return maps

    def close(self) -> None:
        """The session goes with this object."""

    def _run(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        pictures = np.stack([self._prepared(item.rgb) for item in batch])
        if not self._door.channels_last:
            pictures = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        answer = self._network.run(pictures).astype(np.float32, copy=False)
        if len(batch) == 1 and answer.ndim == 2:
            answer = answer[None]
        if answer.shape[:1] != (len(batch),) or any(part.squeeze().ndim != 2 for part in answer):
            raise DepthError(f"{self._path}: the network's answer has the shape {answer.shape}, which is no depth map.",
                             stage="depth", remedy='Name the right output in its description: "output".')
        return [self._map(part.squeeze(), item) for part, item in zip(answer, batch, strict=True)]

    def _prepared(self, rgb: npt.NDArray[np.float32]) -> Array:
        if self._door.size is not None and rgb.shape[1::-1] != self._door.size:
            rgb = cv2.resize(rgb, self._door.size, interpolation=cv2.INTER_AREA)
        if self._type is np.uint8:
            picture: Array = np.rint(rgb * np.float32(255)).astype(np.uint8)
        else:
            picture = ((rgb - self._mean) * self._gain).astype(self._type)
        return picture[..., ::-1] if self._reversed else picture

    def _map(self, raw: FloatMap, item: DepthInput) -> FloatMap:
        if not np.isfinite(raw).any():
            raise DepthError(f"{self._path}: the network gave no numbers for a picture.", stage="depth",
                             remedy="Take another depth model.")
        height, width = item.rgb.shape[:2]
        if raw.shape == (height, width):
            return raw
        return cv2.resize(raw, (width, height), interpolation=cv2.INTER_LINEAR)
