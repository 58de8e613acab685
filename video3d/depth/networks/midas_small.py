"""MiDaS 2.1 small (Ranftl et al. 2020): EfficientNet-Lite3 (Tan and Le 2019; TensorFlow's padding) and a small decoder.

Attribute names are those of the published weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from video3d.depth.networks.midas_dpt import MidasFusion
from video3d.depth.networks.resnet import pad_same

NORM_EPSILON = 1e-3
EXPANSION = 6


@dataclass(frozen=True)
class StageShape:
    """Blocks of one size."""

    channels: int
    depth: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class MidasSmallShape:
    """How large a MiDaS small is: the stem's channels, those of the first stage, and six stages of inverted blocks."""

    stem: int = 32
    first: int = 24
    stages: tuple[StageShape, ...] = (
        StageShape(32, 3, 3, 2), StageShape(48, 3, 5, 2), StageShape(96, 5, 3, 2), StageShape(136, 5, 5, 1),
        StageShape(232, 6, 5, 2), StageShape(384, 1, 3, 1),
    )
    features: int = 64


class SameConvolution(nn.Conv2d):
    """A convolution with TensorFlow's padding."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of the class above
        """[n, inputs, h, w] → [n, outputs, ⌈h / stride⌉, ⌈w / stride⌉]."""
        return super().forward(pad_same(input, self.kernel_size[0], self.stride[0]))


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """With TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, NORM_EPSILON)


class SeparableBlock(nn.Module):
    """By channel, then by pixel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_dw = SameConvolution(inputs, inputs, 3, groups=inputs)
        self.bn1 = batch_norm(inputs)
        self.conv_pw = SameConvolution(inputs, outputs, 1)
        self.bn2 = batch_norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] → [n, outputs, h, w]."""
        y = self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x)))))
        return y + x if y.shape == x.shape else y


class InvertedBlock(nn.Module):
    """Widen, look around by channel, narrow; added to what came in where the shape allows."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = EXPANSION * inputs
        self.conv_pw = SameConvolution(inputs, inner, 1)
        self.bn1 = batch_norm(inner)
        self.conv_dw = SameConvolution(inner, inner, kernel, stride, groups=inner)
        self.bn2 = batch_norm(inner)
        self.conv_pwl = SameConvolution(inner, outputs, 1)
        self.bn3 = batch_norm(outputs)
        self.is_added = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] → [n, outputs, ⌈h / stride⌉, ⌈w / stride⌉]."""
        y = F.relu6(self.bn1(self.conv_pw(x)))
        y = F.relu6(self.bn2(self.conv_dw(y)))
        y = self.bn3(self.conv_pwl(y))
        return y + x if self.is_added else y


class EfficientNet(nn.Module):
    """`pretrained` of the published weights: maps of a quarter, an eighth, a sixteenth and a thirty-second."""

    def __init__(self, shape: MidasSmallShape) -> None:
        super().__init__()
        inputs = (shape.first, *(stage.channels for stage in shape.stages))
        stages = [_stage(inputs[number], stage) for number, stage in enumerate(shape.stages)]
        self.layer1 = nn.Sequential(
            SameConvolution(3, shape.stem, 3, 2), batch_norm(shape.stem), nn.ReLU6(),
            nn.Sequential(SeparableBlock(shape.stem, shape.first)), stages[0],
        )
        self.layer2 = nn.Sequential(stages[1])
        self.layer3 = nn.Sequential(*stages[2:4])
        self.layer4 = nn.Sequential(*stages[4:6])

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """[n, 3, h, w] → four maps, finest first."""
        first = self.layer1(pictures)
        second = self.layer2(first)
        third = self.layer3(second)
        return [first, second, third, self.layer4(third)]


def _stage(inputs: int, shape: StageShape) -> nn.Sequential:
    return nn.Sequential(*(
        InvertedBlock(shape.channels if number else inputs, shape.channels, shape.kernel, 1 if number else shape.stride)
        for number in range(shape.depth)
    ))


class MidasSmall(nn.Module):
    """Pictures [n, 3, h, w], normalised as ImageNet's, sides multiples of 32 → relative inverse depth [n, h, w]."""

    def __init__(self, shape: MidasSmallShape | None = None) -> None:
        super().__init__()
        shape = shape or MidasSmallShape()
        self.pretrained = EfficientNet(shape)
        channels = [shape.stages[number].channels for number in (0, 1, 3, 5)]
        self.scratch = MidasFusion(channels, shape.features, widens=True, align_corners=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Larger is nearer."""
        return self.scratch.output_conv(self.scratch(self.pretrained(pictures)))[:, 0]
