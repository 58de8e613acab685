"""Classical cues to depth, each a small map: what a single picture, and the motion between two, say about distance.

All maps are float32 [h, w] on one small grid; larger = nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.order_statistics import median
from video3d.types import FloatMap, Flow

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Array = npt.NDArray[Any]


def sky(rgb: Array) -> FloatMap:
    """How much each pixel looks like sky, 0…1: bright or blue, smooth, and joined to the picture's upper edge.

    `rgb`: float32 [h, w, 3] in 0…1.
    """
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height = luma.shape[0]
    red, green, blue = cv2.split(rgb)
    blueness = blue - np.maximum(red, 0.9 * green)
    greyness = 1 - (cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)) / 0.25
    bright = np.clip((luma - 0.45) / 0.2, 0, 1) * np.clip(greyness, 0, 1)
    clear = np.clip(blueness / 0.08, 0, 1) * np.clip((luma - 0.15) / 0.15, 0, 1)
    # A bright grey wall or floor looks like a clouded sky: that one is only believed in the upper part.
    rows = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    colour = np.maximum(bright * np.clip((0.75 - rows) / 0.2, 0, 1), clear)
    roughness = cv2.GaussianBlur(np.abs(cv2.Laplacian(luma, cv2.CV_32F)), (0, 0), 1.5)
    smooth = np.clip(1.5 - roughness / 0.02, 0, 1)
    likely = colour * smooth
    likely = np.minimum.accumulate(cv2.blur(likely, (5, 5)) + 0.15, axis=0) - 0.15
    return np.clip(likely, 0, 1).astype(np.float32)


def ground(size: tuple[int, int], horizon: float) -> FloatMap:
    """Lower is nearer: inverse depth of a level floor below `horizon` (part of the height), slightly rising above it.

    `size` is (width, height). With a horizon at 0 this is a ramp from top to bottom.
    """
    columns, rows = size
    y = (np.arange(rows, dtype=np.float32) + 0.5) / rows
    ramp = np.where(y > horizon, 0.15 * horizon + (y - horizon) * (1 - 0.15 * horizon) / max(1 - horizon, 1e-3),
                    0.15 * y)
    return np.repeat(ramp[:, None].astype(np.float32), columns, axis=1)


def haze(rgb: Array) -> FloatMap:
    """Clear air is near: minus the dark channel (He et al., "Single Image Haze Removal", 2009), 0…1."""
    red, green, blue = cv2.split(rgb)
    darkest = cv2.erode(cv2.min(cv2.min(red, green), blue), np.ones((7, 7), np.uint8))
    return 1 - cv2.GaussianBlur(darkest, (0, 0), 2)


def sharpness(luma: Array) -> FloatMap:
    """Local share of fine detail in all detail, 0…1; `luma` is float32 [h, w] in 0…1."""
    fine = cv2.GaussianBlur(np.abs(luma - cv2.GaussianBlur(luma, (0, 0), 1.0)), (0, 0), 4.0)
    coarse = cv2.GaussianBlur(np.abs(luma - cv2.GaussianBlur(luma, (0, 0), 4.0)), (0, 0), 4.0)
    return np.clip(fine / (coarse + np.float32(0.01)) * 2, 0, 1)


def centre(size: tuple[int, int]) -> FloatMap:
    """What is shown stands in the middle: 1 there, 0 at the left and right edge. `size` is (width, height)."""
    columns, rows = size
    x = np.abs((np.arange(columns, dtype=np.float32) + 0.5) * 2 / columns - 1)
    return np.repeat(1 - x[None, :], rows, axis=0)


def texture(luma: Array) -> FloatMap:
    """0…1: where there is enough detail for motion to be seen. `luma` is float32 [h, w] in 0…1."""
    slope_x, slope_y = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=0.25)
    energy = cv2.GaussianBlur(slope_x * slope_x + slope_y * slope_y, (0, 0), 1.5)
    return energy / (energy + np.float32(0.015 ** 2))


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """Flow of a moving camera in a still scene (Longuet-Higgins and Prazdny, 1980): turn + nearness · shift.

    Positions run from -1 to 1 over the picture's width. `turn`: rates about the x, y and z axes; `shift`: towards x, y
    and z. Flow is in pixels of its grid.
    """

    turn: Array
    shift: Array

    def turn_flow(self, grid: CameraGrid) -> Flow:
        """[h, w, 2]: what turning alone moves."""
        return (self.turn @ grid.turn_planes).reshape(grid.shape)

    def shift_flow(self, grid: CameraGrid) -> Flow:
        """[h, w, 2]: what the shift moves things at nearness 1."""
        return (self.shift @ grid.shift_planes).reshape(grid.shape)


class CameraGrid:
    """The six elementary flows of a camera on a grid of `size` (width, height)."""

    def __init__(self, size: tuple[int, int]) -> None:
        columns, rows = size
        x = ((np.arange(columns, dtype=np.float32) + 0.5) * 2 / columns - 1)[None, :].repeat(rows, 0)
        y = (((np.arange(rows, dtype=np.float32) + 0.5) * 2 - rows) / columns)[:, None].repeat(columns, 1)
        one, zero = np.ones_like(x), np.zeros_like(x)
        turns = np.stack([np.stack([x * y, 1 + y * y], -1), np.stack([1 + x * x, x * y], -1), np.stack([-y, x], -1)])
        shifts = np.stack([np.stack([one, zero], -1), np.stack([zero, one], -1), np.stack([x, y], -1)])
        self.shape = turns.shape[1:]
        self.turn_planes: Array = turns.reshape(3, -1)
        """float32 [3, h · w · 2]: flow by turning about x, y and z; x and y of a pixel stand side by side."""
        self.shift_planes: Array = shifts.reshape(3, -1)
        """The same by shifts, at nearness 1."""
        self.sampled_turns: Array = turns[:, ::2, ::2].reshape(3, -1)
        """Of every second row and column."""
        self.sampled_shifts: Array = shifts[:, ::2, ::2].reshape(3, -1)


def fit_camera(flow: Flow, weight: FloatMap, nearness: FloatMap, grid: CameraGrid, noise: float) -> CameraMotion:
    """The camera motion that explains `flow` best where things are as near as `nearness` says.

    Least squares with Cauchy weights, so that things that move by themselves count little. `noise`: of the flow, in
    pixels. Every second row and column takes part: motion is smooth.
    """
    part = (slice(None, None, 2), slice(None, None, 2))
    moved = grid.sampled_shifts * np.repeat(nearness[part].reshape(-1), 2)
    basis = np.concatenate([grid.sampled_turns, moved]).astype(np.float64)
    target = flow[part].reshape(-1).astype(np.float64)
    base = np.repeat(weight[part].reshape(-1), 2).astype(np.float64)
    weights = base
    solution = np.zeros(6)
    for _ in range(4):
        weighted = basis * weights
        # A little damping keeps what cannot be told apart (a turn and a sideways shift in a flat scene) small.
        normal = weighted @ basis.T + np.diag([1e-4, 1e-4, 1e-4, 1e-2, 1e-2, 1e-2]) * (weights.sum() + 1)
        solution = np.linalg.solve(normal, weighted @ target)
        error = solution @ basis
        error -= target
        np.abs(error, out=error)
        error /= max(noise, 2 * median(error))
        np.square(error, out=error)
        error += 1
        weights = base / error
    return CameraMotion(solution[:3].astype(np.float32), solution[3:].astype(np.float32))


@dataclass(frozen=True, eq=False)
class Parallax:
    """What one pair of frames says: nearness, how much to believe it, and what moves by itself."""

    nearness: FloatMap
    weight: FloatMap
    """0 where the camera's shift moves nothing; 1 where it moves things by as much as the flow's noise."""
    moving: FloatMap
    """0…1: motion that no camera explains."""


def parallax(flow: Flow, confidence: FloatMap, camera: CameraMotion, grid: CameraGrid, noise: float) -> Parallax:
    """Nearness of each pixel from its flow, given the camera's motion; in the scale that `camera` was fitted in."""
    direction = camera.shift_flow(grid)
    left = flow - camera.turn_flow(grid)
    strength = _summed(np.square(direction))
    along = _summed(left * direction)
    nearness = along / (strength + np.float32(0.25 * noise * noise))
    clipped = np.clip(nearness, -0.3, 2.0)
    rest = left - clipped[..., None] * direction
    own = _summed(np.square(rest))
    fits = np.exp(-own / np.float32(4 * noise * noise))
    weight = strength * np.float32(1 / (noise * noise)) * confidence * fits
    moving = np.clip(np.sqrt(own) / np.float32(3 * noise) - 1, 0, 1) * confidence
    return Parallax(clipped.astype(np.float32), weight.astype(np.float32), moving.astype(np.float32))


def _summed(pairs: Array) -> Array:
    # `sum` over an axis of two takes ten times as long.
    return pairs[..., 0] + pairs[..., 1]
