"""Weights from a file, without running anything that it says.

`.safetensors` is read as what it is: a table and numbers. A `.pth` or `.pt` file is a pickle, which can call whatever
it names; torch's own reader was fooled before version 2.6, and the older, non-zip form cannot be checked at all. So
the pickle is read here, by an unpickler that knows tensors and dictionaries and nothing else; torch.load is not called.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from video3d.errors import DepthError

State = dict[str, Tensor]
LARGEST_HEADER = 100 << 20
"""Bytes of a safetensors table, as its own library has it."""
SAFETENSORS_TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}
STORAGE_TYPES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}
WRAPPERS = ("model", "state_dict", "model_state_dict")
"""Names under which a training's checkpoint keeps the network."""


def read_checkpoint(path: Path) -> State:
    """All tensors of the file by name; DepthError for what is no weights file, is damaged, or holds code."""
    try:
        state: Any = _read_safetensors(path) if path.suffix == ".safetensors" else _read_zip(path)
    except OSError as problem:
        raise DepthError(f"{path}: cannot be read ({problem.strerror or problem}).", stage="depth",
                         remedy="Check the file and its permissions.") from problem
    for wrapper in WRAPPERS:
        if isinstance(state, Mapping) and isinstance(cast("Mapping[str, Any]", state).get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping):
        raise _damaged(path, "it holds no table of tensors")
    tensors = {str(name): value for name, value in cast("Mapping[Any, Any]", state).items()
               if isinstance(value, Tensor)}
    if not tensors:
        raise _damaged(path, "it holds no tensors")
    return tensors


def _damaged(path: Path, why: str) -> DepthError:
    return DepthError(f"{path}: not usable as weights: {why}.", stage="depth",
                      remedy="Delete the file and get it again, or choose another depth model.")


def _refused(path: Path, why: str) -> DepthError:
    return DepthError(f"{path}: refused, nothing of it was run: {why}.", stage="depth",
                      remedy="Use weights from their publisher, best as .safetensors; delete this file.")


# ---- safetensors: https://huggingface.co/docs/safetensors, "Format" -------------------------------------------------

def _read_safetensors(path: Path) -> State:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        data_size = path.stat().st_size - 8 - length
        if not 0 < length <= LARGEST_HEADER or data_size < 0:
            raise _damaged(path, "it is cut short, or no safetensors file")
        try:
            table = json.loads(file.read(length))
        except ValueError:
            raise _damaged(path, "its table cannot be read") from None
    if not isinstance(table, dict):
        raise _damaged(path, "its table cannot be read")
    entries = cast("dict[str, Any]", table)
    entries.pop("__metadata__", None)
    data = np.memmap(path, np.uint8, "c", offset=8 + length, shape=(data_size,)) if data_size \
        else np.zeros(0, np.uint8)
    return {name: _tensor(path, name, entry, data) for name, entry in entries.items()}


def _tensor(path: Path, name: str, entry: Any, data: Any) -> Tensor:
    try:
        kind, shape = SAFETENSORS_TYPES[entry["dtype"]], [int(side) for side in entry["shape"]]
        begin, end = (int(offset) for offset in entry["data_offsets"])
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, f"its table says of {name} what cannot be understood") from None
    if min(shape, default=0) < 0 or not 0 <= begin <= end or end - begin != math.prod(shape) * kind.itemsize:
        raise _damaged(path, f"its table contradicts itself at {name}")
    if end > len(data):
        raise _damaged(path, "it is cut short")
    if begin == end:
        return torch.empty(shape, dtype=kind)
    return torch.from_numpy(np.array(data[begin:end])).view(kind).reshape(shape)


# ---- torch.save's zip form -----------------------------------------------------------------------------------------

def _read_zip(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(4)
    if start != b"PK\x03\x04":
        raise _old_form(path, start)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
            if len(set(names)) != len(names) or len(pickles) != 1 or any("constants.pkl" in name for name in names):
                raise _refused(path, "it is a program, or no file of torch.save")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise _refused(path, "it is compressed, as torch.save never does")
            return _TensorUnpickler(path, archive, pickles[0].rpartition("/")[0]).load()
    except (zipfile.BadZipFile, EOFError):
        raise _damaged(path, "it is cut short or damaged") from None
    except (pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError,
            OverflowError, NotImplementedError) as problem:
        raise _damaged(path, f"its table of tensors is broken ({type(problem).__name__})") from None


def _old_form(path: Path, start: bytes) -> DepthError:
    if start[:1] == b"\x80":
        return _refused(path, "it is a pickle in the form of before torch 1.6, which may hold code")
    return _damaged(path, "it is cut short, or no file of torch.save")


@dataclass(frozen=True)
class _StorageType:
    dtype: torch.dtype


class _Rebuild:
    """Stands for torch._utils._rebuild_tensor_v2; it has no attributes that a pickle could set."""

    __slots__ = ()

    def __call__(self, storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
        return torch.as_strided(storage, size, stride, offset)


class _RebuildParameter:
    """Stands for torch._utils._rebuild_parameter."""

    __slots__ = ()

    def __call__(self, tensor: Tensor, *_: Any) -> Tensor:
        return tensor


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors, their storages and ordered dictionaries."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}/data.pkl")))
        self._path = path
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """What a name of the pickle stands for; DepthError for all but the few that tensors need."""
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Rebuild()
        if (module_name, global_name) == ("torch._utils", "_rebuild_parameter"):
            return _RebuildParameter()
        if module_name == "torch" and global_name in STORAGE_TYPES:
            return _StorageType(STORAGE_TYPES[global_name])
        raise _refused(self._path, f"it wants to run {module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> Tensor:
        """The storage of a tensor."""
        _, kind, key, _, count = pid
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._folder}/data/{key}"))
            if len(content) != count * kind.dtype.itemsize:
                raise _damaged(self._path, "it is cut short")
            self._storages[key] = torch.frombuffer(content, dtype=kind.dtype) if content \
                else torch.empty(0, dtype=kind.dtype)
        return self._storages[key]
