"""From a file to depth: tiny random networks, saved and loaded as published ones are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video3d.cli import main
from video3d.depth.catalogue import PUBLISHED, Network
from video3d.depth.registry import available_models, choose_model, find_model
from video3d.depth_model import Availability, DepthInput, LoadOptions
from video3d.errors import DepthError
from video3d.host import StandaloneHost
from video3d.media.source import probe

torch = pytest.importorskip("torch")

from video3d.depth.networks import loading, published  # noqa: E402 - they need torch
from video3d.depth.networks.depth_anything import DepthAnything, DepthAnythingShape  # noqa: E402
from video3d.depth.networks.dinov2 import Dinov2Shape  # noqa: E402
from video3d.depth.networks.estimator import IMAGENET, NetworkEstimator  # noqa: E402
from video3d.depth.networks.midas_dpt import MidasDpt, MidasShape  # noqa: E402
from video3d.depth.networks.midas_small import MidasSmall, MidasSmallShape, StageShape  # noqa: E402
from video3d.depth.networks.published import Built  # noqa: E402
from video3d.depth.networks.video_depth_anything import StreamingEstimator, VideoDepthAnything  # noqa: E402
from video3d.depth.networks.vision_transformer import TransformerShape  # noqa: E402

BACKBONE = Dinov2Shape(16, 4, 2, (0, 1, 2, 3), grid=3)
CPU = LoadOptions("cpu")


class ModelsHost(StandaloneHost):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def models_folders(self) -> tuple[Path, ...]:
        return (self.folder,)


def tiny(network: Network, max_depth: float | None = None) -> Built:
    """The network as it is built, but tiny."""
    if network is Network.VIDEO_DEPTH_ANYTHING_SMALL:
        return Built(VideoDepthAnything(DepthAnythingShape(BACKBONE, 32, (32, 32, 32, 32))), IMAGENET)
    if network is Network.MIDAS_SMALL:
        stages = tuple(StageShape(8, 1, 3, 2 if number in (0, 1, 2, 4) else 1) for number in range(6))
        return Built(MidasSmall(MidasSmallShape(8, 8, stages, 8)), IMAGENET)
    if network in (Network.DPT_LARGE, Network.DPT_HYBRID):
        transformer = TransformerShape(16, 4, 2, (0, 1, 2, 3), grid=3)
        return Built(MidasDpt(MidasShape(transformer, (8, 8, 8, 8), 8)), published.SYMMETRIC)
    return Built(DepthAnything(DepthAnythingShape(BACKBONE, 8, (8, 8, 8, 8), max_depth)), IMAGENET)


@pytest.fixture
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """All published networks are tiny: only their size is another."""
    monkeypatch.setattr(loading, "build", tiny)


def save(network: Network, file: Path, randomise: Callable[[Any], None], max_depth: float | None = None) -> Any:
    module = tiny(network, max_depth).module
    randomise(module)
    torch.save(module.state_dict(), file)
    return module


def picture(width: int = 64, height: int = 64) -> DepthInput:
    rgb = np.random.default_rng(0).random((height, width, 3)).astype(np.float32)
    return DepthInput(rgb, None, starts_shot=True, seconds=0.0)


@pytest.mark.usefixtures("tiny_networks")
@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.id)
def test_every_model_goes_from_its_file_to_depth(model: Any, tmp_path: Path, randomise: Callable[[Any], None]) -> None:
    module = save(model.network, tmp_path / model.weights.file_name, randomise, model.max_depth)
    found = find_model(model.id, available_models(ModelsHost(tmp_path)))
    assert found.availability is Availability.ON_DISK
    assert found.location == str(tmp_path / model.weights.file_name)
    assert found.is_usable
    assert found.needs_gpu_turn
    estimator = found.load(CPU)
    assert isinstance(estimator, NetworkEstimator)
    assert isinstance(estimator, StreamingEstimator) == (model.network is Network.VIDEO_DEPTH_ANYTHING_SMALL)
    columns, rows = found.input_size.fit(96, 64)
    item = picture(columns, rows)
    (depth,) = estimator.estimate([item])
    assert depth.shape == (rows, columns)
    normalisation = tiny(model.network).normalisation
    values = torch.from_numpy(((item.rgb - normalisation.mean) / normalisation.deviation).astype(np.float32))
    with torch.no_grad():
        expected = module(values.permute(2, 0, 1)[None])[0]
    np.testing.assert_allclose(depth, expected, atol=1e-4, rtol=1e-4)
    estimator.close()


@pytest.mark.usefixtures("tiny_networks")
def test_what_files_have_or_lack_beside_the_network_does_not_matter(tmp_path: Path, randomise: Callable[[Any], None]
                                                                    ) -> None:
    file = tmp_path / "dpt_large_384.pt"
    state = save(Network.DPT_LARGE, file, randomise).state_dict()
    torch.save({**state, "pretrained.model.head.weight": torch.zeros(5, 16)}, file)
    assert find_model("midas-dpt-large", available_models(ModelsHost(tmp_path))).load(CPU)
    file = tmp_path / "midas_v21_small_256.pt"
    state = save(Network.MIDAS_SMALL, file, randomise).state_dict()
    torch.save({name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}, file)
    assert find_model("midas-v21-small", available_models(ModelsHost(tmp_path))).load(CPU)


@pytest.mark.usefixtures("tiny_networks")
@pytest.mark.parametrize(("change", "why"), [
    (lambda state: state.popitem(), "1 tensors are missing, such as"),
    (lambda state: state.update(extra=torch.zeros(1)), "1 tensors are unknown, such as extra"),
    (lambda state: state.update({"pretrained.cls_token": torch.zeros(1, 1, 8)}), "1 tensors have another size"),
])
def test_weights_of_another_network_are_named_with_a_remedy(change: Callable[[Any], None], why: str, tmp_path: Path,
                                                            randomise: Callable[[Any], None]) -> None:
    file = tmp_path / "depth_anything_v2_vits.pth"
    state = dict(save(Network.DEPTH_ANYTHING_SMALL, file, randomise).state_dict())
    change(state)
    torch.save(state, file)
    with pytest.raises(DepthError, match=rf"vits\.pth: these are not the weights of .* Small: {why}.*get it again"):
        find_model("depth-anything-v2-small", available_models(ModelsHost(tmp_path))).load(CPU)


def test_a_file_under_a_wrong_name_is_named(tmp_path: Path, randomise: Callable[[Any], None]) -> None:
    """The whole network is asked for, and a tiny one is there."""
    save(Network.DEPTH_ANYTHING_SMALL, tmp_path / "depth_anything_v2_vits.pth", randomise)
    with pytest.raises(DepthError, match=r"not the weights of Depth Anything V2 Small: \d+ tensors are missing"):
        find_model("depth-anything-v2-small", available_models(ModelsHost(tmp_path))).load(CPU)


@pytest.mark.usefixtures("tiny_networks")
@pytest.mark.parametrize("model_id", ["auto", "video-depth-anything-small", "depth-anything-v2-metric-indoor-small"])
def test_a_conversion_takes_its_depth_from_a_file_of_weights(model_id: str, small_clip: Path, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch,
                                                             randomise: Callable[[Any], None],
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    """The command line, from beginning to end, across the clip's cut."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "video3d" / "models"
    folder.mkdir(parents=True)
    wanted = "midas-v21-small" if model_id == "auto" else model_id
    model = next(model for model in PUBLISHED if model.id == wanted)
    save(model.network, folder / model.weights.file_name, randomise, model.max_depth)
    target = tmp_path / "out.mp4"
    arguments = ["convert", str(small_clip), "-o", str(target), "--start", "0.8", "--end", "1.2"]
    assert main([*arguments, "--depth-model", model_id, "--depth-size", "84", "--device", "cpu"]) == 0
    assert f"Depth comes from {model.label}" in capsys.readouterr().out
    assert probe(target).width == 640


def test_auto_takes_what_is_on_disk_and_names_what_is_better(tmp_path: Path, randomise: Callable[[Any], None]) -> None:
    save(Network.DPT_HYBRID, tmp_path / "dpt_hybrid_384.pt", randomise)
    choice = choose_model("auto", available_models(ModelsHost(tmp_path)))
    assert choice.model.id == "midas-dpt-hybrid"
    assert "Depth Anything V2 Small would be better" in choice.sentence
    assert "models download depth-anything-v2-small" in choice.sentence
    assert "99 MB" in choice.sentence
