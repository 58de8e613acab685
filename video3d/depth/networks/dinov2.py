"""DINOv2 (Oquab et al. 2023), the backbone of the Depth Anything family: a vision transformer with patches of 14."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from video3d.depth.networks.transformer import NORM_EPSILON, Block, PatchEmbedding, as_picture

PATCH = 14
REFERENCE_OFFSET = 0.1
"""Added to the number of patches when positions are resized: the published networks were trained and are run so."""


@dataclass(frozen=True)
class Dinov2Shape:
    """How large a DINOv2 is."""

    width: int
    depth: int
    heads: int
    taps: tuple[int, int, int, int]
    """Blocks whose outputs the decoder sees."""
    grid: int = 37
    """Patches along a side of the pictures it was trained on: 518 pixels."""


class Dinov2(nn.Module):
    """Pictures in, features of four depths out; attribute names are those of the published weights."""

    def __init__(self, shape: Dinov2Shape, offset: float = REFERENCE_OFFSET) -> None:
        super().__init__()
        self.shape = shape
        self.offset = offset
        self.patch_embed = PatchEmbedding(shape.width, PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.grid ** 2 + 1, shape.width))
        self.mask_token = nn.Parameter(torch.zeros(1, shape.width))  # of the training; kept for the checkpoint's sake
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads, is_scaled=True) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, NORM_EPSILON)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """[n, 3, h, w], sides multiples of 14 → four normalised feature maps [n, width, h / 14, w / 14]."""
        rows, columns = (side // PATCH for side in pictures.shape[-2:])
        tokens = self.patch_embed(pictures)
        tokens = torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1)
        tokens = tokens + self._positions(rows, columns).to(tokens.dtype)
        features: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            tokens = block(tokens)
            if number in self.shape.taps:
                features.append(as_picture(self.norm(tokens)[:, 1:], rows, columns))
        return features

    def _positions(self, rows: int, columns: int) -> Tensor:
        """Position embeddings for a grid of patches: [1, 1 + rows · columns, width]."""
        grid = self.shape.grid
        if rows == columns == grid:
            return self.pos_embed
        of_patches = as_picture(self.pos_embed[:, 1:].float(), grid, grid)
        if self.offset:
            scale = ((rows + self.offset) / grid, (columns + self.offset) / grid)
            resized = F.interpolate(of_patches, scale_factor=scale, mode="bicubic")
        else:
            resized = F.interpolate(of_patches, size=(rows, columns), mode="bicubic")
        return torch.cat((self.pos_embed[:, :1].float(), resized.flatten(2).transpose(1, 2)), dim=1)
