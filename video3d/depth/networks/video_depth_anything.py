"""Video Depth Anything (Chen et al. 2025), streaming: Depth Anything that also looks at the frames before.

Attribute names are those of the published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from video3d.depth.networks.depth_anything import DepthAnythingShape, DptHead
from video3d.depth.networks.dinov2 import Dinov2
from video3d.depth.networks.estimator import CPU, NetworkEstimator, Normalisation, Running
from video3d.depth.networks.temporal import BLOCKS, MotionModule
from video3d.depth_model import DepthInput

MOMENTS = 32
"""Frames that the network looks at together."""
FIRST_KEPT, LAST_KEPT = 2, 29
"""Of the frames before, it sees so many of the oldest and of the newest that are remembered."""
REMEMBERED = 42
"""Frames that are remembered: the first one stays, the second oldest goes."""

Cache = list[Tensor]
"""What is kept of one frame: a tensor for each attention of each motion module, [places, 1, width]."""


class TemporalHead(DptHead):
    """The decoder with motion modules: on its two coarsest maps, and after its two coarsest steps."""

    def __init__(self, shape: DepthAnythingShape) -> None:
        super().__init__(shape)
        widths = (shape.channels[2], shape.channels[3], shape.features, shape.features)
        self.motion_modules = nn.ModuleList(MotionModule(width, MOMENTS) for width in widths)

    def decode(self, features: list[Tensor], moments: int, cache: Cache | None) -> tuple[Tensor, Cache]:
        """Maps [n · moments, 1, h, w] of features [n · moments, …], and what a cache keeps of them."""
        kept: list[Cache] = [[] for _ in self.motion_modules]

        def moved(number: int, maps: Tensor) -> Tensor:
            known = None if cache is None else cache[number * BLOCKS:(number + 1) * BLOCKS]
            maps, kept[number] = self.motion_modules[number](maps, moments, known)
            return maps

        def before(maps: list[Tensor]) -> list[Tensor]:
            return [maps[0], maps[1], moved(0, maps[2]), moved(1, maps[3])]

        def between(level: int, path: Tensor) -> Tensor:
            return moved({4: 2, 3: 3}[level], path) if level > 2 else path

        depth = self(features, between, before)
        return depth, [state for states in kept for state in states]


class VideoDepthAnything(nn.Module):
    """Pictures of a video, normalised as ImageNet's, sides multiples of 14; relative inverse depth."""

    def __init__(self, shape: DepthAnythingShape) -> None:
        super().__init__()
        self.pretrained = Dinov2(shape.backbone)
        self.head = TemporalHead(shape)

    def forward(self, pictures: Tensor) -> Tensor:
        """Up to 32 neighbouring frames at once: [t, 3, h, w] → [t, h, w]."""
        return self.head.decode(self.pretrained(pictures), len(pictures), None)[0][:, 0]

    def follow(self, features: list[Tensor], memory: Memory) -> tuple[Tensor, Memory]:
        """The next frame of a shot: its features [1, …] → depth [h, w], and the memory with this frame."""
        depth, kept = self.head.decode(features, 1, memory.seen())
        return depth[0, 0], memory.with_frame(kept)


@dataclass(frozen=True, eq=False)
class Memory:
    """The frames of a shot that are remembered, oldest first. A new shot begins with an empty one."""

    frames: tuple[Cache, ...] = ()
    count: int = 0
    """Frames of the shot so far."""

    def seen(self) -> Cache | None:
        """What the next frame looks at: 31 frames joined, [places, 31, width] each; None at the first frame."""
        if not self.frames:
            return None
        chosen = [*self.frames[:FIRST_KEPT], *self.frames[-LAST_KEPT:]]
        return [torch.cat(states, dim=1) for states in zip(*chosen, strict=True)]

    def with_frame(self, kept: Cache) -> Memory:
        """One frame more. The first one stands in for all that a window of 32 would have before it."""
        if not self.frames:
            return Memory((kept,) * MOMENTS, 1)
        frames = (*self.frames, kept)
        if len(frames) > REMEMBERED:
            frames = (frames[0], *frames[2:])
        return Memory(frames, self.count + 1)

    def to(self, device: torch.device) -> Memory:
        """The same on another device; frames that stand for several places stay one."""
        if not self.frames or self.frames[0][0].device == device:
            return self
        moved: dict[int, Cache] = {}
        for frame in self.frames:
            if id(frame) not in moved:
                moved[id(frame)] = [state.to(device) for state in frame]
        return replace(self, frames=tuple(moved[id(frame)] for frame in self.frames))


class StreamingEstimator(NetworkEstimator):
    """Runs Video Depth Anything frame after frame; its memory ends with the shot."""

    def __init__(self, module: VideoDepthAnything, normalisation: Normalisation, running: Running | None = None
                 ) -> None:
        super().__init__(module, normalisation, running)
        self._video = module
        self._memory = Memory()
        self._next_memory = self._memory

    def leave(self) -> None:
        """See `NetworkEstimator`; the memory leaves too."""
        self._memory = self._next_memory = self._memory.to(CPU)
        super().leave()

    def close(self) -> None:
        """See `NetworkEstimator`."""
        self._memory = self._next_memory = Memory()
        super().close()

    def _infer(self, pictures: Tensor, part: Sequence[DepthInput]) -> Tensor:
        """The backbone sees the pictures together, the decoder one after the other."""
        memory = self._memory.to(pictures.device)
        features = self._video.pretrained(pictures)
        maps: list[Tensor] = []
        for number, item in enumerate(part):
            if item.starts_shot:
                memory = Memory()
            depth, memory = self._video.follow([level[number:number + 1] for level in features], memory)
            maps.append(depth)
        self._next_memory = memory
        return torch.stack(maps)

    def _accept(self) -> None:
        self._memory = self._next_memory
