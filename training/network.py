"""The network: a small picture and the cues' maps in, the fused map's correction out. Some 0.2 million parameters."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

MAPS = 8
"""See `builtin.cue_maps`; the first is the fused map, which is corrected."""
CHANNELS = 12 + MAPS
"""Red, green and blue of two by two pixels, and the maps."""


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
    """Adds what the whole picture, and the whole row, shows to every place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.picture = nn.Conv2d(channels, channels, 1)
        self.row = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w], the same out."""
        # The means after the convolutions, which is the same: OpenCV 5 cannot add a convolution's output to all places.
        return x + self.row(x).mean(3, keepdim=True) + self.picture(x).mean(3, keepdim=True).mean(2, keepdim=True)


class CorrectionNetwork(nn.Module):
    """An encoder of three scales and a decoder of two, joined at each scale."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(CHANNELS, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.middle = nn.Sequential(_convolution(16, 32, 2), _convolution(32, 32))
        self.coarse = nn.Sequential(_convolution(32, 64, 2), Block(64), Whole(64), Block(64, 2), Whole(64))
        self.coarse_up = nn.Conv2d(64, 32, 1)
        self.middle_up = nn.Sequential(_convolution(32, 32), nn.Conv2d(32, 16, 1))
        self.out = nn.Sequential(_convolution(16, 16), nn.Conv2d(16, 1, 3, 1, 1))
        nn.init.zeros_(self.out[1].weight)
        nn.init.zeros_(self.out[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 20, h, w] (see `correction.network_input`), sides that are multiples of 4; [n, 1, h, w] to be added."""
        half = self.fine(x)
        quarter = self.middle(half)
        quarter = quarter + _doubled(self.coarse_up(self.coarse(quarter)))
        return self.out(half + _doubled(self.middle_up(quarter)))


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
