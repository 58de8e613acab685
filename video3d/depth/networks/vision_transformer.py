"""The vision transformer (Dosovitskiy et al. 2021) of MiDaS 3, alone or after a ResNet.

Attribute names are those of the published weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from video3d.depth.networks.resnet import ResNet
from video3d.depth.networks.transformer import NORM_EPSILON, Block, PatchEmbedding, as_picture

PATCH = 16


@dataclass(frozen=True)
class TransformerShape:
    """How large a transformer is."""

    width: int
    depth: int
    heads: int
    taps: tuple[int, ...]
    """Blocks whose outputs the decoder sees."""
    grid: int = 24
    """Patches along a side of the pictures it was trained on: 384 pixels."""
    convolutions: tuple[int, int, int] | None = None
    """Blocks in the three stages of the ResNet before it; None where there is none."""


class HybridEmbedding(PatchEmbedding):
    """Tokens of a ResNet's last map; keeps the maps of its first two stages for the decoder."""

    def __init__(self, width: int, backbone: ResNet) -> None:
        super().__init__(width, 1, backbone.channels[2])
        self.backbone = backbone

    def maps(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """[n, 3, h, w] → tokens [n, patches, width], and maps of h/4 x w/4 and h/8 x w/8."""
        first, second, third = self.backbone(pictures)
        return self(third), [first, second]


class VisionTransformer(nn.Module):
    """Pictures in; the ResNet's maps, and tokens with their readout, out."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.shape = shape
        self.patch_embed = PatchEmbedding(shape.width, PATCH) if shape.convolutions is None \
            else HybridEmbedding(shape.width, ResNet(shape.convolutions))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.grid ** 2 + 1, shape.width))
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads, is_scaled=False) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, NORM_EPSILON)  # of classification; kept for the checkpoint's sake

    def forward(self, pictures: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """[n, 3, h, w], sides multiples of 16 → the ResNet's maps, and tokens [n, 1 + patches, width] of each tap."""
        rows, columns = (side // PATCH for side in pictures.shape[-2:])
        maps: list[Tensor] = []
        if isinstance(self.patch_embed, HybridEmbedding):
            tokens, maps = self.patch_embed.maps(pictures)
        else:
            tokens = self.patch_embed(pictures)
        tokens = torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1)
        tokens = tokens + self._positions(rows, columns).to(tokens.dtype)
        tapped: list[Tensor] = []
        for number, block in enumerate(self.blocks[:max(self.shape.taps) + 1]):
            tokens = block(tokens)
            if number in self.shape.taps:
                tapped.append(tokens)
        return maps, tapped

    def _positions(self, rows: int, columns: int) -> Tensor:
        of_patches = as_picture(self.pos_embed[:, 1:].float(), self.shape.grid, self.shape.grid)
        resized = F.interpolate(of_patches, size=(rows, columns), mode="bilinear")
        return torch.cat((self.pos_embed[:, :1].float(), resized.flatten(2).transpose(1, 2)), dim=1)
