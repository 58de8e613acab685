"""Weights are read, whatever holds them; what is damaged or wants to run is refused, and nothing of it is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.errors import DepthError

torch = pytest.importorskip("torch")

from video3d.depth.networks.checkpoint import read_checkpoint  # noqa: E402 - it needs torch


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(6, 5, generator=generator)
    return {
        "whole": whole, "half": whole.half(), "brain": whole.bfloat16(), "double": whole.double(), "turned": whole.T,
        "part": whole[2:4, 1:], "one": torch.tensor(7), "none": torch.empty(0, 3), "truth": torch.tensor([True, False]),
        "bytes": torch.arange(5, dtype=torch.uint8), "parameter": torch.nn.Parameter(whole * 2),
    }  # fmt: skip


def same(read: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert read.keys() == expected.keys()
    for name, value in expected.items():
        assert read[name].dtype == value.dtype, name
        assert torch.equal(read[name], value.detach()), name


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
@pytest.mark.parametrize("wrap", [lambda state: state, OrderedDict,
                                  lambda state: {"model": state, "optimizer": {}, "epoch": 3},
                                  lambda state: {"state_dict": state}],
                         ids=["plain", "ordered", "of a training", "of Lightning"])
def test_what_torch_saves_is_read(suffix: str, wrap: Callable[[Any], Any], tmp_path: Path) -> None:
    file = tmp_path / f"weights{suffix}"
    torch.save(wrap(tensors()), file)
    same(read_checkpoint(file), tensors())


def test_a_modules_own_state_is_read(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    same(read_checkpoint(tmp_path / "weights.pth"), dict(module.state_dict()))


@pytest.mark.needs("transformers")
def test_what_the_safetensors_library_writes_is_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    expected = {name: value.detach().contiguous().clone() for name, value in tensors().items()}
    save_file(expected, tmp_path / "weights.safetensors", metadata={"format": "pt"})
    same(read_checkpoint(tmp_path / "weights.safetensors"), expected)


def safetensors(table: Any, data: bytes) -> bytes:
    header = table if isinstance(table, bytes) else json.dumps(table).encode()
    return len(header).to_bytes(8, "little") + header + data


ENTRY = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}


@pytest.mark.parametrize(("content", "why"), [
    (b"", "cut short"),
    (b"\x04\x00", "cut short"),
    (safetensors({"a": ENTRY}, bytes(15)), "cut short"),
    (safetensors({"a": ENTRY}, bytes(16))[:40], "cut short"),
    (b"\xff" * 64, "cut short"),
    (safetensors(b"{nonsense", bytes(16)), "cannot be read"),
    (safetensors([1, 2], bytes(16)), "cannot be read"),
    (safetensors({"a": {**ENTRY, "dtype": "F99"}}, bytes(16)), "cannot be understood"),
    (safetensors({"a": {**ENTRY, "shape": [3, 2]}}, bytes(16)), "contradicts"),
    (safetensors({"a": {**ENTRY, "shape": [-2, -2]}}, bytes(16)), "contradicts"),
    (safetensors({"a": {**ENTRY, "data_offsets": [16, 0]}}, bytes(16)), "contradicts"),
    (safetensors({}, b""), "no tensors"),
])
def test_a_bad_safetensors_file_is_named_with_a_remedy(content: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    with pytest.raises(DepthError, match=rf"weights\.safetensors.*{why}.*get it again"):
        read_checkpoint(file)


class Code:
    """What it is pickled as: a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def zip_form(content: bytes, *, compression: int = zipfile.ZIP_STORED, extra: tuple[str, ...] = ()) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("weights/data.pkl", content)
        archive.writestr("weights/data/0", bytes(16))
        for name in extra:
            archive.writestr(name, b"")
    return out.getvalue()


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("form", ["zip", "old"])
def test_a_pickle_with_code_is_refused_and_does_not_run(form: str, protocol: int, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    content = pickle.dumps({"weight": Code(os.mkdir, str(trace))}, protocol)
    assert "mkdir" in "".join(str(argument) for _, argument, _ in pickletools.genops(content))
    file = tmp_path / "weights.pth"
    file.write_bytes(zip_form(content) if form == "zip" else content)
    with pytest.raises(DepthError, match=r"weights\.pth: refused, nothing of it was run.*safetensors"):
        read_checkpoint(file)
    assert not trace.exists()
    pickle.loads(content)  # it would have
    assert trace.exists()


@pytest.mark.parametrize("call", [
    Code(eval, "1"), Code(getattr, "x", "format"), Code(torch.load, "x"), Code(torch.hub.load, "x", "y"),
    Code(pickle.loads, b""),
])
def test_only_what_tensors_need_may_be_named(call: Code, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(zip_form(pickle.dumps({"weight": call}, 2)))
    with pytest.raises(DepthError, match="it wants to run"):
        read_checkpoint(file)


def test_what_torch_saved_before_its_zip_form_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(tensors(), file, _use_new_zipfile_serialization=False)
    with pytest.raises(DepthError, match=r"form of before torch 1\.6"):
        read_checkpoint(file)


@pytest.mark.parametrize("content", [
    zip_form(pickle.dumps({}, 2), extra=("weights/constants.pkl", "weights/code/__torch__.py")),
    zip_form(pickle.dumps({}, 2), extra=("other/data.pkl",)),
    zip_form(pickle.dumps({}, 2), compression=zipfile.ZIP_DEFLATED),
], ids=["a program", "two tables", "compressed"])
def test_what_torch_never_saves_as_weights_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    with pytest.raises(DepthError, match="refused"):
        read_checkpoint(file)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_cut_short_is_named_with_a_remedy(share: float, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    torch.save(tensors(), whole)
    file = tmp_path / "weights.pth"
    content = whole.read_bytes()
    file.write_bytes(content[:int(len(content) * share)])
    with pytest.raises(DepthError, match=r"weights\.pth: not usable as weights.*get it again"):
        read_checkpoint(file)


def test_flipped_bits_are_found(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"weight": torch.zeros(4096)}, file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DepthError, match="damaged"):
        read_checkpoint(file)


@pytest.mark.parametrize("content", [
    pickle.dumps([1, 2], 2), pickle.dumps({"weight": 1}, 2), b"\x80\x02garbage", b"", b"\x80\x02}q\x00.",
    pickle.dumps("text", 2),
])
def test_a_table_of_something_else_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(zip_form(content))
    with pytest.raises(DepthError, match=r"weights\.pth"):
        read_checkpoint(file)


def test_a_tensor_outside_its_storage_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    small = tmp_path / "small.pth"
    torch.save({"weight": torch.zeros(4)}, small)
    with zipfile.ZipFile(small) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    table = next(name for name in members if name.endswith("data.pkl"))
    wrong = members[table].replace(b"K\x00K\x04\x85", b"K\x02K\x04\x85")  # begins at 2 of 4, four long
    assert wrong != members[table]
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in {**members, table: wrong}.items():
            archive.writestr(name, value)
    with pytest.raises(DepthError, match="broken"):
        read_checkpoint(file)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DepthError, match="cannot be read"):
        read_checkpoint(tmp_path / "nowhere.pth")
