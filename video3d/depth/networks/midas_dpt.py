"""MiDaS 3 (Ranftl et al. 2021, "Vision Transformers for Dense Prediction"): DPT-Large and DPT-Hybrid.

Attribute names are those of the published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from video3d.depth.networks.decoder import Fusion, Upsample, resizing_layers
from video3d.depth.networks.transformer import as_picture
from video3d.depth.networks.vision_transformer import PATCH, TransformerShape, VisionTransformer

HEAD_FEATURES = 32
LEVELS = 4


@dataclass(frozen=True)
class MidasShape:
    """How large a MiDaS DPT is."""

    transformer: TransformerShape
    channels: tuple[int, int, int, int]
    """Of the four maps between backbone and decoder."""
    features: int = 256


class Readout(nn.Module):
    """Every patch token is told what the class token knows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(2 * width, width), nn.GELU())

    def forward(self, tokens: Tensor) -> Tensor:
        """[n, 1 + patches, width] → [n, patches, width]."""
        patches, readout = tokens[:, 1:], tokens[:, :1]
        return self.project(torch.cat((patches, readout.expand_as(patches)), dim=-1))


class Backbone(nn.Module):
    """`pretrained` of the published weights: pictures in, four maps out, finest first."""

    def __init__(self, shape: MidasShape) -> None:
        super().__init__()
        self.model = VisionTransformer(shape.transformer)
        width, resizing = shape.transformer.width, resizing_layers(shape.channels)
        self.first = LEVELS - len(shape.transformer.taps)
        for level in range(self.first, LEVELS):
            # Places 1 and 2 hold what has no weights in the original.
            steps = [Readout(width), nn.Identity(), nn.Identity(), nn.Conv2d(width, shape.channels[level], 1),
                     resizing[level]]
            self.add_module(f"act_postprocess{level + 1}", nn.Sequential(*steps))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """[n, 3, h, w] → maps of a quarter, an eighth, a sixteenth and a thirty-second of that size."""
        rows, columns = (side // PATCH for side in pictures.shape[-2:])
        maps, tapped = self.model(pictures)
        for level, tokens in zip(range(self.first, LEVELS), tapped, strict=True):
            readout, _, _, project, resize = self._steps(level)
            maps.append(resize(project(as_picture(readout(tokens), rows, columns))))
        return maps

    def _steps(self, level: int) -> list[nn.Module]:
        return list(self.get_submodule(f"act_postprocess{level + 1}").children())


class MidasFusion(Fusion):
    """The fusion, and the convolutions that make depth of it."""

    def __init__(self, channels: Sequence[int], features: int, *, widens: bool = False, align_corners: bool = True
                 ) -> None:
        super().__init__(channels, features, widens=widens)
        self.output_conv = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, padding=1), Upsample(align_corners=align_corners),
            nn.Conv2d(features // 2, HEAD_FEATURES, 3, padding=1), nn.ReLU(), nn.Conv2d(HEAD_FEATURES, 1, 1), nn.ReLU(),
        )


class MidasDpt(nn.Module):
    """Pictures [n, 3, h, w] in −1…1, sides multiples of 32 → relative inverse depth [n, h, w]."""

    def __init__(self, shape: MidasShape) -> None:
        super().__init__()
        self.pretrained = Backbone(shape)
        self.scratch = MidasFusion(shape.channels, shape.features)

    def forward(self, pictures: Tensor) -> Tensor:
        """Larger is nearer."""
        return self.scratch.output_conv(self.scratch(self.pretrained(pictures)))[:, 0]
