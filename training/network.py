"""The network: picture and flow in, nearness at half the size out. Some 0.7 million parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 6
"""Red, green, blue (0…1, less 0.5), flow x and y (parts of `FLOW_UNIT` of the width), confidence (0…1)."""
FLOW_UNIT = 0.02


def _convolution(inside: int, outside: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, 3, stride, dilation, dilation, bias=False),
                         nn.BatchNorm2d(outside), nn.ReLU(inplace=True))


class Block(nn.Module):
    """Two convolutions around which the input is carried on."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, dilation=dilation)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w], the same out."""
        return functional.relu(x + self.second(self.first(x)))


class Whole(nn.Module):
    """Adds what the whole picture shows to every place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w], the same out."""
        return x + self.mix(functional.adaptive_avg_pool2d(x, 1))


class DepthNetwork(nn.Module):
    """An encoder of four scales and a decoder of three, joined at each scale."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(CHANNELS, 24, 2)
        self.quarter = nn.Sequential(_convolution(24, 40, 2), Block(40))
        self.eighth = nn.Sequential(_convolution(40, 64, 2), Block(64), Block(64))
        self.sixteenth = nn.Sequential(_convolution(64, 88, 2), Block(88), Block(88, 2), Whole(88))
        self.to_eighth = _convolution(88 + 64, 56)
        self.to_quarter = _convolution(56 + 40, 36)
        self.to_half = _convolution(36 + 24, 20)
        self.out = nn.Conv2d(20, 1, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 6, h, w] with sides that are multiples of 16; returns [n, 1, h/2, w/2], affine in nearness."""
        half = self.stem(x)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        deep = self.sixteenth(eighth)
        up = self.to_eighth(torch.cat([_doubled(deep), eighth], 1))
        up = self.to_quarter(torch.cat([_doubled(up), quarter], 1))
        up = self.to_half(torch.cat([_doubled(up), half], 1))
        return self.out(up)


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
