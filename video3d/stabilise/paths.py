"""Motion over several frames: flows joined end to end, so that a map is resampled once and not frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2 as opencv
import numpy as np

from video3d.motion import pixel_grid, resize_flow
from video3d.types import FloatMap, Flow, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

_LEAST_TRUST = 1e-3


@dataclass(frozen=True, eq=False)
class MotionPath:
    """From the pixels of one frame to where they are in another."""

    flow: Flow
    """In pixels of its own grid."""
    confidence: FloatMap
    """0…1: how far each pixel's way can be trusted."""

    @cached_property
    def target(self) -> Flow:
        """Where each pixel's way leads, in pixels; asked for twice or more of most paths."""
        target = pixel_grid((self.flow.shape[1], self.flow.shape[0]))
        target += self.flow
        return target

    def then(self, rest: MotionPath | None) -> MotionPath:
        """This way, and on from where it leads."""
        if rest is None:
            return self
        flow: Flow = self.flow + _sampled(rest.flow, self.target)
        confidence: FloatMap = self.confidence * _sampled(rest.confidence, self.target)
        return MotionPath(flow, confidence)

    def resized(self, size: tuple[int, int]) -> MotionPath:
        """On a grid of `size` (width, height), in its pixels."""
        if self.confidence.shape == size[::-1]:
            return self
        return MotionPath(resize_flow(self.flow, size),
                          cv2.resize(self.confidence, size, interpolation=cv2.INTER_LINEAR))

    def sampled(self, values: FloatMap) -> FloatMap:
        """`values`, on this path's grid, from where the path leads."""
        return _sampled(values, self.target)


def paths_back(motions: Sequence[Motion]) -> list[MotionPath]:
    """For each motion, the way from its frame to the frame before the first of them."""
    paths: list[MotionPath] = []
    for motion in motions:
        step = MotionPath(motion.to_previous, motion.confidence)
        paths.append(step.then(paths[-1] if paths else None))
    return paths


def paths_on(motions: Sequence[Motion]) -> list[MotionPath]:
    """For each motion, the way from the frame before it to the frame of the last of them."""
    paths: list[MotionPath] = []
    for motion in reversed(motions):
        flow = motion.to_next_from_previous
        target = pixel_grid((flow.shape[1], flow.shape[0])) + flow
        step = MotionPath(flow, _sampled(motion.confidence, target))
        paths.append(step.then(paths[-1] if paths else None))
    return paths[::-1]


def carried(near: FloatMap, path: MotionPath) -> FloatMap:
    """`near` moved along the path, on the path's grid, which is its own."""
    # Bilinear sampling again and again would wash edges out.
    return cv2.remap(near, path.target, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def between(early: FloatMap, late: FloatMap, motions: Sequence[Motion]) -> list[FloatMap]:
    """Maps of the frames between two: `early` is the map before the first of `motions`, `late` the one of the last.

    Each is the mean of both maps carried to it, weighted by trust in the ways and by nearness in time. At rims mostly
    one of the two ways is right: the fourth power of trust lets it win.
    """
    size = (late.shape[1], late.shape[0])
    if early.shape != late.shape:
        early = cv2.resize(early, size, interpolation=cv2.INTER_LINEAR)
    count = len(motions)
    maps: list[FloatMap] = []
    for number, (back, on) in enumerate(zip(paths_back(motions[:-1]), paths_on(motions)[1:], strict=True), 1):
        back, on = back.resized(size), on.resized(size)
        progress = np.float32(number / count)
        weight_early = (np.square(np.square(back.confidence)) + np.float32(_LEAST_TRUST)) * (1 - progress)
        weight_late = (np.square(np.square(on.confidence)) + np.float32(_LEAST_TRUST)) * progress
        near: Any = weight_early * back.sampled(early) + weight_late * on.sampled(late)
        maps.append(near / (weight_early + weight_late))
    return maps


def _sampled(values: Any, target: Flow) -> Any:
    return cv2.remap(values, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
