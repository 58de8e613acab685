"""MiDaS DPT equals its reference: transformers' classes, and the authors' code where a checkout is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from video3d.depth.networks.checkpoint import read_checkpoint  # noqa: E402 - they need torch
from video3d.depth.networks.loading import fill  # noqa: E402
from video3d.depth.networks.midas_dpt import MidasDpt, MidasShape  # noqa: E402
from video3d.depth.networks.published import DPT_HYBRID, DPT_LARGE  # noqa: E402
from video3d.depth.networks.transformers_names import published_form  # noqa: E402
from video3d.depth.networks.vision_transformer import TransformerShape  # noqa: E402

Fill, Check, Checkout = Callable[[Any], None], Callable[[Any, Any], None], Callable[[str], Path]

SIZES = [(64, 64), (96, 160), (160, 32)]
HALF_TOLERANCES = {"float16": 0.01, "bfloat16": 0.06}
"""Largest difference, as a share of the values' range."""
PLAIN = MidasShape(TransformerShape(48, 5, 3, (0, 1, 3, 4), grid=4), (8, 16, 24, 32), 16)
HYBRID = MidasShape(TransformerShape(48, 5, 3, (2, 4), grid=4, convolutions=(1, 2, 2)), (256, 512, 24, 32), 16)


def reference(transformers: Any, shape: MidasShape) -> Any:
    common = {
        "hidden_size": 48, "num_hidden_layers": 5, "num_attention_heads": 3, "intermediate_size": 192, "image_size": 64,
        "patch_size": 16, "fusion_hidden_size": 16, "layer_norm_eps": 1e-6, "readout_type": "project",
        "neck_hidden_sizes": list(shape.channels),
    }  # fmt: skip
    if shape.transformer.convolutions is None:
        return transformers.DPTForDepthEstimation(transformers.DPTConfig(backbone_out_indices=[0, 1, 3, 4], **common))
    convolutions = transformers.BitConfig(
        embedding_size=64, hidden_sizes=[256, 512, 1024], depths=[1, 2, 2], num_groups=32, layer_type="bottleneck",
        embedding_dynamic_padding=True, global_padding="same", out_features=["stage1", "stage2", "stage3"])
    return transformers.DPTForDepthEstimation(transformers.DPTConfig(
        is_hybrid=True, backbone_config=convolutions, backbone_out_indices=[0, 1, 2, 4], neck_ignore_stages=[0, 1],
        backbone_featmap_shape=[1, 1024, 4, 4], **common))


def output_of(theirs: Any, pictures: Any) -> Any:
    """Its own forward knows only square pictures of the size it was trained on, its parts know others."""
    theirs.dpt.embeddings.image_size = tuple(pictures.shape[-2:])
    rows, columns = (side // 16 for side in pictures.shape[-2:])
    outputs = theirs.dpt(pictures, output_hidden_states=True)
    hidden = [state for number, state in enumerate(outputs.hidden_states[1:])
              if number in theirs.config.backbone_out_indices]
    if theirs.config.is_hybrid:
        hidden = [*outputs.intermediate_activations, *hidden[2:]]
    return theirs.head(theirs.neck(hidden, rows, columns))


@pytest.mark.parametrize("shape", [PLAIN, HYBRID], ids=["plain", "hybrid"])
def test_output_equals_transformers(shape: MidasShape, transformers: Any, randomise: Fill, assert_equal: Check,
                                    tmp_path: Path) -> None:
    """Through a file that the library itself wrote, over sizes and aspect ratios."""
    theirs = reference(transformers, shape)
    randomise(theirs)
    theirs.save_pretrained(tmp_path)
    ours = MidasDpt(shape).eval()
    file = tmp_path / "model.safetensors"
    fill(ours, published_form(read_checkpoint(file)), "the reference", file)
    for size in SIZES:
        pictures = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(size[0]))
        with torch.no_grad():
            expected, depth = output_of(theirs, pictures), ours(pictures)
            if size == (64, 64):
                torch.testing.assert_close(expected, theirs(pictures).predicted_depth)
        assert depth.shape == expected.shape == (2, *size)
        assert_equal(depth, expected)


@pytest.mark.parametrize("shape", [PLAIN, HYBRID], ids=["plain", "hybrid"])
@pytest.mark.parametrize("name", HALF_TOLERANCES)
def test_half_precision_stays_close(name: str, shape: MidasShape, randomise: Fill) -> None:
    module = MidasDpt(shape)
    randomise(module)
    pictures = torch.randn(1, 3, 96, 160, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        full = module(pictures)
        with torch.autocast("cpu", dtype=getattr(torch, name)):
            half = module(pictures).float()
    assert (half - full).abs().max() < HALF_TOLERANCES[name] * (full.max() - full.min())


@pytest.mark.parametrize(("shape", "backbone"), [(DPT_LARGE, "vitl16_384"), (DPT_HYBRID, "vitb_rn50_384")])
def test_output_equals_the_authors_code(shape: MidasShape, backbone: str, randomise: Fill, assert_equal: Check,
                                        checkout: Checkout) -> None:
    """The whole network; run by hand with VIDEO3D_MIDAS."""
    checkout("VIDEO3D_MIDAS")
    from midas.dpt_depth import DPTDepthModel

    theirs = DPTDepthModel(path=None, backbone=backbone, non_negative=True)
    theirs.pretrained.model.head = torch.nn.Identity()
    randomise(theirs)
    ours = MidasDpt(shape).eval()
    ours.load_state_dict(theirs.state_dict())
    for size in [(384, 384), (192, 352)]:
        pictures = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(size[0]))
        with torch.no_grad():
            expected = theirs(pictures)
            assert_equal(ours(pictures), expected)
