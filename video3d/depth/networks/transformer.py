"""The vision transformer's block, shared by DINOv2 and MiDaS. Attribute names are those of the published weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from torch import Tensor, nn

NORM_EPSILON = 1e-6


class Attention(nn.Module):
    """Self-attention over tokens [n, tokens, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """The same shape."""
        count, length, width = tokens.shape
        query, key, value = self.qkv(tokens).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.proj(attended.transpose(1, 2).reshape(count, length, width))


class Mlp(nn.Module):
    """Two linear layers, four times as wide between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """The same shape."""
        return self.fc2(F.gelu(self.fc1(tokens)))


class LayerScale(nn.Module):
    """A learned factor for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """The same shape."""
        return tokens * self.gamma


class Block(nn.Module):
    """Attention and MLP, each normalised before and added to what came in; `is_scaled` adds DINOv2's layer scale."""

    def __init__(self, width: int, heads: int, *, is_scaled: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, NORM_EPSILON)
        self.attn = Attention(width, heads)
        self.ls1 = LayerScale(width) if is_scaled else nn.Identity()
        self.norm2 = nn.LayerNorm(width, NORM_EPSILON)
        self.mlp = Mlp(width)
        self.ls2 = LayerScale(width) if is_scaled else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens [n, tokens, width] → the same shape."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


class PatchEmbedding(nn.Module):
    """A convolution that makes one token of each patch."""

    def __init__(self, width: int, patch: int, channels: int = 3) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, patch)

    def forward(self, pictures: Tensor) -> Tensor:
        """[n, channels, h, w] → [n, patches, width], row by row."""
        return self.proj(pictures).flatten(2).transpose(1, 2)


def as_picture(tokens: Tensor, rows: int, columns: int) -> Tensor:
    """Patch tokens [n, rows · columns, width] → [n, width, rows, columns]."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, rows, columns)
