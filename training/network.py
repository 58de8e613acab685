"""The network: a small picture and the cues' maps in, the fused map's correction out."""

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
    """Adds what the whole picture, the whole row and, with `columns`, the whole column show to every place."""

    def __init__(self, channels: int, *, columns: bool) -> None:
        super().__init__()
        self.picture = nn.Conv2d(channels, channels, 1)
        self.row = nn.Conv2d(channels, channels, 1)
        self.column = nn.Conv2d(channels, channels, 1) if columns else None

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w], the same out."""
        rows = _means(x, across=True)
        whole = x + self.row(rows) + self.picture(_means(rows, across=False))
        return whole if self.column is None else whole + self.column(_means(x, across=False))


def _means(x: Tensor, *, across: bool) -> Tensor:
    """[n, c, h, w], the mean of each row (`across`) or column at all of its places, for sides up to 24.

    As a pooling with rims of nothing: OpenCV 4.8 finds the means of some sizes wrongly, OpenCV 5 cannot add them to all
    places, and no OpenCV leaves the rims out of the count.
    """
    kernel, rim = ((1, 47), (0, 23)) if across else ((47, 1), (23, 0))

    def pooled(values: Tensor) -> Tensor:
        return functional.avg_pool2d(values, kernel, 1, rim, count_include_pad=True)

    return pooled(x) / pooled(0 * x + 1)


class CorrectionNetwork(nn.Module):
    """An encoder of three scales and a decoder of two, joined at each scale; `small` is narrower and faster."""

    def __init__(self, *, small: bool = False) -> None:
        super().__init__()
        deep, columns = 64 if small else 96, not small
        self.fine = nn.Sequential(nn.Conv2d(CHANNELS, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.middle = nn.Sequential(_convolution(16, 32, 2), _convolution(32, 32) if small else Block(32))
        self.coarse = nn.Sequential(_convolution(32, deep, 2), Block(deep), Whole(deep, columns=columns),
                                    Block(deep, 2), Whole(deep, columns=columns))
        self.coarse_up = nn.Conv2d(deep, 32, 1)
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
