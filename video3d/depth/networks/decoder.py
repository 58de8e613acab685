"""The decoder of the DPT family (Ranftl et al. 2021): four feature maps, fused from coarse to fine.

Attribute names are those of the published weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class ResidualUnit(nn.Module):
    """Two convolutions, each after a ReLU, added to what came in."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class FusionBlock(nn.Module):
    """Adds a finer map to a coarser one, and enlarges the sum."""

    def __init__(self, features: int, out_features: int) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(features, out_features, 1)
        self.resConfUnit1 = ResidualUnit(features)  # of the finer map: the coarsest block has it, unused
        self.resConfUnit2 = ResidualUnit(features)

    def forward(self, coarse: Tensor, fine: Tensor | None, size: tuple[int, int]) -> Tensor:
        """[n, features, h, w] twice → [n, out_features, *size]; `fine` is None in the coarsest block."""
        if fine is not None:
            coarse = coarse + self.resConfUnit1(fine)
        fused = self.resConfUnit2(coarse)
        return self.out_conv(F.interpolate(fused, size=size, mode="bilinear", align_corners=True))


class Fusion(nn.Module):
    """`scratch` of the published weights: four maps, finest first, become one of twice the finest one's size."""

    def __init__(self, channels: Sequence[int], features: int, *, widens: bool = False) -> None:
        """`channels` of the four maps; with `widens`, coarser levels have two, four, eight times the features."""
        super().__init__()
        widths = [features << level if widens else features for level in range(4)]
        outs = [features, *(width // 2 if widens else width for width in widths[1:])]
        for level in range(4):
            self.add_module(f"layer{level + 1}_rn", nn.Conv2d(channels[level], widths[level], 3, padding=1, bias=False))
            self.add_module(f"refinenet{level + 1}", FusionBlock(widths[level], outs[level]))

    def forward(self, maps: Sequence[Tensor], between: Callable[[int, Tensor], Tensor] | None = None) -> Tensor:
        """[n, features, 2h, 2w] for a finest map of h x w; `between(level, x)` may change what leaves a level."""
        layers = [self.get_submodule(f"layer{level + 1}_rn")(maps[level]) for level in range(4)]
        finest = (2 * layers[0].shape[-2], 2 * layers[0].shape[-1])
        sizes = [finest, *(tuple(layer.shape[-2:]) for layer in layers[:3])]
        path, fine = layers[3], None
        for level in (3, 2, 1, 0):
            path = self.get_submodule(f"refinenet{level + 1}")(path, fine, sizes[level])
            if between is not None:
                path = between(level + 1, path)
            fine = layers[level - 1]
        return path


class Upsample(nn.Module):
    """Twice the size, bilinear."""

    def __init__(self, *, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w] → [n, c, 2h, 2w]."""
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=self.align_corners)


def resizing_layers(channels: Sequence[int]) -> list[nn.Module]:
    """What brings maps of one size to 4, 2, 1 and ½ times that size."""
    return [
        nn.ConvTranspose2d(channels[0], channels[0], 4, 4), nn.ConvTranspose2d(channels[1], channels[1], 2, 2),
        nn.Identity(), nn.Conv2d(channels[3], channels[3], 3, 2, 1),
    ]
