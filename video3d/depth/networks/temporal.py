"""Attention over time: the motion modules of Video Depth Anything (Chen et al. 2025; after AnimateDiff).

Attribute names are those of the published weights. Shapes: n pictures of t moments each lie as [n · t, …], the moments
of one picture next to each other; a cache holds the moments before, [n · places, moments, width].
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

HEADS = 8
BLOCKS = 2
NORM_GROUPS = 32


class PositionEncoding(nn.Module):
    """Sines and cosines of the moment's number (Vaswani et al. 2017), stored with the weights."""

    pe: Tensor

    def __init__(self, width: int, moments: int) -> None:
        super().__init__()
        angle = np.arange(moments)[:, None] * np.exp(np.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = np.zeros((1, moments, width), np.float32)
        table[0, :, 0::2] = np.sin(angle)
        table[0, :, 1::2] = np.cos(angle)
        self.register_buffer("pe", torch.from_numpy(table))

    def forward(self, states: Tensor) -> Tensor:
        """[…, t, width] → the same."""
        return states + self.pe[:, :states.shape[1]].to(states.dtype)


class TemporalAttention(nn.Module):
    """Each place of the picture looks at itself over time."""

    def __init__(self, width: int, moments: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.pos_encoder = PositionEncoding(width, moments)

    def forward(self, states: Tensor, cache: Tensor | None) -> Tensor:
        """[places, t, width] → the same; the cache's moments come before and are only looked at."""
        new = states.shape[1]
        known = states if cache is None else torch.cat((cache.to(states.dtype), states), dim=1)
        known = self.pos_encoder(known)
        query, key, value = (self._by_head(x) for x in (self.to_q(known[:, -new:]), self.to_k(known),
                                                        self.to_v(known)))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        return self.to_out[0](attended.reshape(states.shape))

    @staticmethod
    def _by_head(x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], HEADS, -1).transpose(1, 2)


class Gate(nn.Module):
    """A linear layer of twice the width: one half gates the other through GELU (Shazeer 2020)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        """[…, width] → […, inner]."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Gate and linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([Gate(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return self.net[2](self.net[0](x))


class TemporalBlock(nn.Module):
    """Two attentions over time and a feed-forward, each normalised before and added to what came in."""

    def __init__(self, width: int, moments: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(TemporalAttention(width, moments) for _ in range(BLOCKS))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(BLOCKS))
        self.ff = FeedForward(width)
        self.ff_norm = nn.LayerNorm(width)

    def forward(self, states: Tensor, cache: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        """[places, t, width] → the same, and what a cache keeps of these moments."""
        kept: list[Tensor] = []
        for number, (attention, norm) in enumerate(zip(self.attention_blocks, self.norms, strict=True)):
            normed = norm(states)
            kept.append(normed)
            states = states + attention(normed, None if cache is None else cache[number])
        return states + self.ff(self.ff_norm(states)), kept


class TemporalTransformer(nn.Module):
    """From a picture's map to states of its places over time, and back."""

    def __init__(self, channels: int, moments: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(NORM_GROUPS, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(channels, moments)])
        self.proj_out = nn.Linear(channels, channels)

    def forward(self, maps: Tensor, moments: int, cache: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        """[n · moments, channels, h, w] → the same, and what a cache keeps: one tensor for each attention."""
        total, channels, rows, columns = maps.shape
        count = total // moments
        states = self.proj_in(self.norm(maps).flatten(2).transpose(1, 2))
        by_place = states.view(count, moments, rows * columns, channels).transpose(1, 2).flatten(0, 1)
        by_place, kept = self.transformer_blocks[0](by_place, cache)
        states = by_place.view(count, rows * columns, moments, channels).transpose(1, 2).flatten(0, 1)
        added = self.proj_out(states).transpose(1, 2).reshape(total, channels, rows, columns)
        return maps + added, kept


class MotionModule(nn.Module):
    """One of the four motion modules."""

    def __init__(self, channels: int, moments: int) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(channels, moments)

    def forward(self, maps: Tensor, moments: int, cache: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        """See `TemporalTransformer`."""
        return self.temporal_transformer(maps, moments, cache)
