"""Depth Anything equals its reference: transformers' classes, and the authors' code where a checkout is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from video3d.depth.networks.checkpoint import read_checkpoint  # noqa: E402 - they need torch
from video3d.depth.networks.depth_anything import DepthAnything, DepthAnythingShape  # noqa: E402
from video3d.depth.networks.dinov2 import Dinov2Shape  # noqa: E402
from video3d.depth.networks.loading import fill  # noqa: E402
from video3d.depth.networks.published import SMALL  # noqa: E402
from video3d.depth.networks.transformers_names import published_form  # noqa: E402

Fill, Check, Checkout = Callable[[Any], None], Callable[[Any, Any], None], Callable[[str], Path]

SIZES = [(70, 70), (56, 98), (98, 42), (28, 140), (14, 14)]
HALF_TOLERANCES = {"float16": 0.01, "bfloat16": 0.06}
"""Largest difference, as a share of the values' range: eleven and eight bits of precision, through a whole network."""


def shape(max_depth: float | None = None) -> DepthAnythingShape:
    return DepthAnythingShape(Dinov2Shape(48, 5, 3, (0, 1, 3, 4), grid=5), 16, (8, 16, 24, 32), max_depth)


def reference(transformers: Any, max_depth: float | None) -> Any:
    backbone = transformers.Dinov2Config(
        hidden_size=48, num_hidden_layers=5, num_attention_heads=3, image_size=70, patch_size=14,
        out_indices=[1, 2, 4, 5], reshape_hidden_states=False, apply_layernorm=True)
    kind = {"depth_estimation_type": "relative"} if max_depth is None else {
        "depth_estimation_type": "metric", "max_depth": int(max_depth)}
    return transformers.DepthAnythingForDepthEstimation(transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=48, patch_size=14, neck_hidden_sizes=[8, 16, 24, 32],
        fusion_hidden_size=16, **kind))  # fmt: skip


@pytest.mark.parametrize("max_depth", [None, 20.0])
def test_output_equals_transformers(max_depth: float | None, transformers: Any, randomise: Fill, assert_equal: Check,
                                    tmp_path: Path) -> None:
    """Through a file that the library itself wrote, over sizes and aspect ratios."""
    theirs = reference(transformers, max_depth)
    randomise(theirs)
    theirs.save_pretrained(tmp_path)
    # That library leaves out the offset that the authors' code adds when positions are resized.
    ours = DepthAnything(shape(max_depth), offset=0.0).eval()
    file = tmp_path / "model.safetensors"
    fill(ours, published_form(read_checkpoint(file)), "the reference", file)
    for size in SIZES:
        pictures = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(size[0]))
        with torch.no_grad():
            expected, depth = theirs(pictures).predicted_depth, ours(pictures)
        assert depth.shape == expected.shape == (2, *size)
        assert_equal(depth, expected)


@pytest.mark.parametrize("name", HALF_TOLERANCES)
def test_half_precision_stays_close(name: str, randomise: Fill) -> None:
    module = DepthAnything(shape())
    randomise(module)
    pictures = torch.randn(1, 3, 56, 98, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        full = module(pictures)
        with torch.autocast("cpu", dtype=getattr(torch, name)):
            half = module(pictures).float()
    spread = full.max() - full.min()
    assert (half - full).abs().max() < HALF_TOLERANCES[name] * spread


@pytest.mark.parametrize("max_depth", [None, 80.0])
def test_output_equals_the_authors_code(max_depth: float | None, randomise: Fill, assert_equal: Check,
                                        checkout: Checkout) -> None:
    """The whole small network; run by hand with VIDEO3D_DEPTH_ANYTHING (its folder metric_depth for the metric one)."""
    checkout("VIDEO3D_DEPTH_ANYTHING" if max_depth is None else "VIDEO3D_DEPTH_ANYTHING_METRIC")
    from depth_anything_v2.dpt import DepthAnythingV2

    metric = {} if max_depth is None else {"max_depth": max_depth}
    theirs = DepthAnythingV2("vits", SMALL.features, out_channels=list(SMALL.channels), **metric)
    randomise(theirs)
    ours = DepthAnything(DepthAnythingShape(SMALL.backbone, SMALL.features, SMALL.channels, max_depth)).eval()
    ours.load_state_dict(theirs.state_dict())
    for size in [(518, 518), (196, 350), (280, 154)]:
        pictures = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(size[0]))
        with torch.no_grad():
            expected = theirs(pictures)
            assert_equal(ours(pictures), expected.reshape(1, *size))
