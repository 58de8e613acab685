"""The published networks, built: how large each one is, and how its pictures are normalised."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from video3d.depth.catalogue import Network
from video3d.depth.networks.depth_anything import DepthAnything, DepthAnythingShape
from video3d.depth.networks.dinov2 import Dinov2Shape
from video3d.depth.networks.estimator import IMAGENET, SYMMETRIC, NetworkEstimator, Normalisation, Running
from video3d.depth.networks.midas_dpt import MidasDpt, MidasShape
from video3d.depth.networks.midas_small import MidasSmall
from video3d.depth.networks.video_depth_anything import StreamingEstimator, VideoDepthAnything
from video3d.depth.networks.vision_transformer import TransformerShape

SMALL = DepthAnythingShape(Dinov2Shape(384, 12, 6, (2, 5, 8, 11)), 64, (48, 96, 192, 384))
BASE = DepthAnythingShape(Dinov2Shape(768, 12, 12, (2, 5, 8, 11)), 128, (96, 192, 384, 768))
LARGE = DepthAnythingShape(Dinov2Shape(1024, 24, 16, (4, 11, 17, 23)), 256, (256, 512, 1024, 1024))
DPT_LARGE = MidasShape(TransformerShape(1024, 24, 16, (5, 11, 17, 23)), (256, 512, 1024, 1024))
DPT_HYBRID = MidasShape(TransformerShape(768, 12, 12, (8, 11), convolutions=(3, 4, 9)), (256, 512, 768, 768))
DEPTH_ANYTHING = {
    Network.DEPTH_ANYTHING_SMALL: SMALL, Network.DEPTH_ANYTHING_BASE: BASE, Network.DEPTH_ANYTHING_LARGE: LARGE,
}


@dataclass(frozen=True)
class Built:
    """A network with random weights, and how its pictures are normalised."""

    module: nn.Module
    normalisation: Normalisation

    def estimator(self, running: Running) -> NetworkEstimator:
        """What runs it."""
        if isinstance(self.module, VideoDepthAnything):
            return StreamingEstimator(self.module, self.normalisation, running)
        return NetworkEstimator(self.module, self.normalisation, running)


def build(network: Network, max_depth: float | None = None) -> Built:
    """The network; `max_depth` in metres makes a Depth Anything a metric one."""
    if network in DEPTH_ANYTHING:
        shape = DEPTH_ANYTHING[network]
        return Built(DepthAnything(DepthAnythingShape(shape.backbone, shape.features, shape.channels, max_depth)),
                     IMAGENET)
    if network is Network.VIDEO_DEPTH_ANYTHING_SMALL:
        return Built(VideoDepthAnything(SMALL), IMAGENET)
    if network is Network.MIDAS_SMALL:
        return Built(MidasSmall(), IMAGENET)
    return Built(MidasDpt(DPT_LARGE if network is Network.DPT_LARGE else DPT_HYBRID), SYMMETRIC)
