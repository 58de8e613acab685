"""The ResNet before MiDaS hybrid's transformer: group norm and standardised weights (Kolesnikov et al. 2020, "BiT").

Attribute names are those of the published weights. Padding is TensorFlow's "same": the odd pixel goes right and below.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

WEIGHT_EPSILON = 1e-8
NORM_GROUPS = 32
STEM = 64


def pad_same(x: Tensor, kernel: int, stride: int, value: float = 0.0) -> Tensor:
    """Padded so that a window of `kernel` and `stride` gives ⌈side / stride⌉ values along each side."""
    height, width = (max(0, (-(-side // stride) - 1) * stride + kernel - side) for side in x.shape[-2:])
    if height == width == 0:
        return x
    return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2), value=value)


class StandardisedConvolution(nn.Conv2d):
    """Its weights have mean 0 and variance 1 over each filter (Qiao et al. 2019)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of the class above
        """[n, inputs, h, w] → [n, outputs, ⌈h / stride⌉, ⌈w / stride⌉]."""
        weight = self.weight.flatten(1)
        mean = weight.mean(1, keepdim=True)
        variance = weight.var(1, unbiased=False, keepdim=True)
        weight = ((weight - mean) / (variance + WEIGHT_EPSILON).sqrt()).view_as(self.weight)
        return F.conv2d(pad_same(input, self.kernel_size[0], self.stride[0]), weight, stride=self.stride)


def group_norm(channels: int) -> nn.GroupNorm:
    """Of 32 groups."""
    return nn.GroupNorm(NORM_GROUPS, channels)


class Shortcut(nn.Module):
    """What brings a block's input to the shape of its output."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = StandardisedConvolution(inputs, outputs, 1, stride)
        self.norm = group_norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] → [n, outputs, ⌈h / stride⌉, ⌈w / stride⌉]."""
        return self.norm(self.conv(x))


class Bottleneck(nn.Module):
    """Narrow, look around, widen, add."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, is_first: bool) -> None:
        super().__init__()
        inner = outputs // 4
        self.downsample = Shortcut(inputs, outputs, stride) if is_first else nn.Identity()
        self.conv1 = StandardisedConvolution(inputs, inner, 1)
        self.norm1 = group_norm(inner)
        self.conv2 = StandardisedConvolution(inner, inner, 3, stride)
        self.norm2 = group_norm(inner)
        self.conv3 = StandardisedConvolution(inner, outputs, 1)
        self.norm3 = group_norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] → [n, outputs, ⌈h / stride⌉, ⌈w / stride⌉]."""
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.norm3(self.conv3(y)) + self.downsample(x))


class Stem(nn.Module):
    """A quarter of the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = StandardisedConvolution(3, channels, 7, 2)
        self.norm = group_norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3, h, w] → [n, channels, h / 4, w / 4]."""
        x = F.relu(self.norm(self.conv(x)))
        return F.max_pool2d(pad_same(x, 3, 2, float("-inf")), 3, 2)


class Stage(nn.Module):
    """Blocks of one size."""

    def __init__(self, inputs: int, outputs: int, stride: int, depth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(
            Bottleneck(outputs if number else inputs, outputs, 1 if number else stride, is_first=number == 0)
            for number in range(depth)
        ))

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] → [n, outputs, ⌈h / stride⌉, ⌈w / stride⌉]."""
        return self.blocks(x)


class ResNet(nn.Module):
    """Three stages: maps of a quarter, an eighth and a sixteenth of the picture's size."""

    def __init__(self, depths: tuple[int, int, int], stem: int = STEM) -> None:
        super().__init__()
        self.channels = (4 * stem, 8 * stem, 16 * stem)
        self.stem = Stem(stem)
        inputs = (stem, *self.channels[:2])
        self.stages = nn.ModuleList(
            Stage(inputs[number], self.channels[number], 2 if number else 1, depths[number]) for number in range(3))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """[n, 3, h, w] → the three stages' maps."""
        x, maps = self.stem(pictures), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps
