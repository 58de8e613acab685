"""Weights are found wherever other programs put them."""

from __future__ import annotations

from pathlib import Path

import pytest

from video3d.depth.catalogue import PUBLISHED, Published
from video3d.depth.weights_files import WeightsFinder, shared_caches

SMALL, HYBRID, VIDEO = (next(model for model in PUBLISHED if model.id == wanted) for wanted in (
    "depth-anything-v2-small", "midas-dpt-hybrid", "video-depth-anything-small"))  # fmt: skip


def put(folder: Path, *names: str) -> list[Path]:
    files = [folder / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"weights")
    return files


@pytest.mark.parametrize(("model", "name"), [
    (SMALL, "depth_anything_v2_vits.pth"),
    (SMALL, "Depth_Anything_V2_ViTS.PTH"),
    (SMALL, "depth_anything_v2/depth_anything_v2_vits_fp16.safetensors"),
    (SMALL, "ControlNetPreprocessor/depth_anything_v2/depth_anything_v2_vits.pth"),
    (SMALL, "Depth-Anything-V2-Small-hf/model.safetensors"),
    (SMALL, "models--depth-anything--Depth-Anything-V2-Small-hf/snapshots/1f3a/model.safetensors"),
    (SMALL, "models--depth-anything--Depth-Anything-V2-Small/snapshots/1f3a/depth_anything_v2_vits.pth"),
    (HYBRID, "midas/dpt_hybrid-midas-501f0c75.pt"),
    (HYBRID, "dpt_hybrid_384.pt"),
    (HYBRID, "Intel/dpt-hybrid-midas/model.safetensors"),
    (VIDEO, "video_depth_anything_vits.pth"),
])
def test_every_known_name_is_found(model: Published, name: str, tmp_path: Path) -> None:
    (file,) = put(tmp_path, name)
    finder = WeightsFinder([tmp_path / "missing", tmp_path])
    assert finder.find(model) == file
    assert [other.id for other in PUBLISHED if finder.find(other)] == [model.id]


def test_the_safe_form_goes_before_others_and_earlier_folders_before_later_ones(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    pth, _ = put(first, "depth_anything_v2_vits.pth", "notes.txt")
    assert WeightsFinder([first, second]).find(SMALL) == pth
    later, safe = put(second, "depth_anything_v2_vits.pth", "a/depth_anything_v2_vits.safetensors")
    assert WeightsFinder([first, second]).find(SMALL) == safe
    assert WeightsFinder([second]).find(SMALL) == safe
    safe.unlink()
    assert WeightsFinder([second, first]).find(SMALL) == later


@pytest.mark.parametrize("name", ["depth_anything_v2_vits.pth.part", "depth_anything_v2_vits.txt",
                                  "a/b/c/depth_anything_v2_vits.pth", ".trash/depth_anything_v2_vits.pth",
                                  "other/model.safetensors"])
def test_what_only_looks_like_it_is_not_taken(name: str, tmp_path: Path) -> None:
    put(tmp_path, name)
    assert WeightsFinder([tmp_path]).find(SMALL) is None


def test_shared_caches_are_where_their_programs_put_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("HF_HUB_CACHE", "HF_HOME", "TORCH_HOME"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert shared_caches() == (tmp_path / "huggingface" / "hub", tmp_path / "torch" / "hub" / "checkpoints")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "t"))
    assert shared_caches() == (tmp_path / "hf" / "hub", tmp_path / "t" / "hub" / "checkpoints")
