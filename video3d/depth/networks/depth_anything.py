"""Depth Anything V2 (Yang et al. 2024): DINOv2 and a DPT decoder; relative inverse depth, or metres.

Attribute names are those of the published weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from video3d.depth.networks.decoder import Fusion, resizing_layers
from video3d.depth.networks.dinov2 import PATCH, REFERENCE_OFFSET, Dinov2, Dinov2Shape

HEAD_FEATURES = 32


@dataclass(frozen=True)
class DepthAnythingShape:
    """How large a Depth Anything network is, and what it gives."""

    backbone: Dinov2Shape
    features: int
    channels: tuple[int, int, int, int]
    """Of the four maps between backbone and decoder."""
    max_depth: float | None = None
    """Metres, of the metric networks; None for relative inverse depth."""


class HeadFusion(Fusion):
    """The fusion, and the convolutions that make depth of it."""

    def __init__(self, channels: Sequence[int], features: int, last: nn.Module) -> None:
        super().__init__(channels, features)
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = nn.Sequential(nn.Conv2d(features // 2, HEAD_FEATURES, 3, padding=1), nn.ReLU(),
                                          nn.Conv2d(HEAD_FEATURES, 1, 1), last)


class DptHead(nn.Module):
    """Features of four depths → one map of the picture's size."""

    def __init__(self, shape: DepthAnythingShape) -> None:
        super().__init__()
        width, features = shape.backbone.width, shape.features
        self.projects = nn.ModuleList(nn.Conv2d(width, channels, 1) for channels in shape.channels)
        self.resize_layers = nn.ModuleList(resizing_layers(shape.channels))
        self.scratch = HeadFusion(shape.channels, features, nn.ReLU() if shape.max_depth is None else nn.Sigmoid())

    def forward(self, features: list[Tensor], between: Callable[[int, Tensor], Tensor] | None = None,
                before: Callable[[list[Tensor]], list[Tensor]] | None = None) -> Tensor:
        """[n, 1, h, w]; `before` and `between` let a video network work on the maps of several pictures."""
        rows, columns = features[0].shape[-2:]
        maps = [resize(project(x)) for project, resize, x in zip(self.projects, self.resize_layers, features,
                                                                 strict=True)]
        fused = self.scratch(maps if before is None else before(maps), between)
        fused = self.scratch.output_conv1(fused)
        fused = F.interpolate(fused, size=(rows * PATCH, columns * PATCH), mode="bilinear", align_corners=True)
        return self.scratch.output_conv2(fused)


class DepthAnything(nn.Module):
    """Pictures [n, 3, h, w], normalised as ImageNet's, sides multiples of 14 → [n, h, w]."""

    def __init__(self, shape: DepthAnythingShape, offset: float = REFERENCE_OFFSET) -> None:
        super().__init__()
        self.shape = shape
        self.pretrained = Dinov2(shape.backbone, offset)
        self.depth_head = DptHead(shape)

    def forward(self, pictures: Tensor) -> Tensor:
        """Relative inverse depth (larger is nearer), or metres (larger is farther)."""
        depth = self.depth_head(self.pretrained(pictures))[:, 0]
        return depth if self.shape.max_depth is None else depth * self.shape.max_depth
