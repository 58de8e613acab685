"""A small painter's renderer: ground, flat cut-outs and balls before a camera that only pans, far things first.

World: X right, Y up, Z forward, in metres, the ground at Y = 0. A cut-out faces the camera, so all of it lies at one
depth, and the picture from a camera moved sideways is exact: a point moves by focal length · offset · inverse depth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.sample.paint import Colour, Cutout, FloatImage, Image, single

Point = tuple[float, float, float]
Shader = Callable[[FloatImage], FloatImage]
"""Unit normals [h, w, 3] in world directions to colours 0…255 [h, w, 3]."""
NEAREST = 0.4
"""Metres: what is nearer is not drawn."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along +Z turned by `yaw` (radians, to the right)."""

    x: float
    height: float
    z: float
    yaw: float
    focal_length: float
    """Pixels."""
    columns: int
    rows: int
    horizon: float
    """Row of the horizon (a shifted lens: the camera never tilts)."""

    def moved_right(self, metres: float) -> Camera:
        """The camera of another eye."""
        return Camera(self.x + metres * math.cos(self.yaw), self.height, self.z - metres * math.sin(self.yaw), self.yaw,
                      self.focal_length, self.columns, self.rows, self.horizon)  # fmt: skip

    def seen(self, point: Point) -> Point:
        """A point of the world as right, up and forward of the camera."""
        x, z = point[0] - self.x, point[2] - self.z
        sine, cosine = math.sin(self.yaw), math.cos(self.yaw)
        return x * cosine - z * sine, point[1] - self.height, x * sine + z * cosine

    def pixel(self, seen: Point) -> tuple[float, float]:
        """Where a point seen by the camera is in the picture: column and row."""
        right, up, forward = seen
        return self.columns / 2 + self.focal_length * right / forward, self.horizon - self.focal_length * up / forward

    def direction_column(self, azimuth: float) -> float:
        """The column of something infinitely far away."""
        return self.columns / 2 + self.focal_length * math.tan(azimuth - self.yaw)


@dataclass(frozen=True)
class Haze:
    """Far things fade to this colour (0…255)."""

    colour: Colour
    distance: float
    """Metres over which a share of 1/e remains."""

    def share(self, depth: npt.NDArray[np.float32] | float) -> npt.NDArray[np.float32]:
        """0 near, 1 far away."""
        return (1 - np.exp(-np.asarray(depth, np.float32) / self.distance)).astype(np.float32)


class Texture:
    """A repeating picture of the ground, filtered for its distance."""

    def __init__(self, picture: Image, metres: float) -> None:
        levels = [picture]
        while levels[-1].shape[0] > 8:
            side = levels[-1].shape[0] // 2
            levels.append(np.asarray(cv2.resize(levels[-1], (side, side), interpolation=cv2.INTER_AREA), np.uint8))
        self._levels = [np.ascontiguousarray(np.pad(level, ((0, 1), (0, 1), (0, 0)), mode="wrap")) for level in levels]
        self._metres = metres

    def look(self, world_x: FloatImage, world_z: FloatImage, metres_per_pixel: FloatImage) -> FloatImage:
        """Colours [h, w, 3], 0…255, of the ground at world coordinates [h, w]; `metres_per_pixel` is a row's [h]."""
        u = world_x / self._metres
        v = world_z / self._metres
        u, v = u - np.floor(u), v - np.floor(v)
        side = self._levels[0].shape[0] - 1
        level = np.clip(np.log2(np.maximum(metres_per_pixel * side / self._metres, 1)), 0, len(self._levels) - 1.001)
        picture = np.empty((*u.shape, 3), np.float32)
        whole = np.floor(level).astype(int)
        for index in np.unique(whole):
            rows = np.flatnonzero(whole == index)
            band = slice(int(rows[0]), int(rows[-1]) + 1)
            sharp, soft = (self._sample(int(index) + step, u[band], v[band]) for step in (0, 1))
            share = (level[band] - index).astype(np.float32)[:, None, None]
            picture[band] = sharp + (soft - sharp) * share
        return picture

    def _sample(self, index: int, u: FloatImage, v: FloatImage) -> FloatImage:
        level = self._levels[index]
        side = np.float32(level.shape[0] - 1)
        return cv2.remap(level, u * side, v * side, cv2.INTER_LINEAR).astype(np.float32)


class Canvas:
    """The picture in the making: uint8 [H, W, 3] RGB, and inverse depth in 1/m, float32 [H, W]."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.rgb: Image = np.zeros((camera.rows, camera.columns, 3), np.uint8)
        self.inverse_depth = np.zeros((camera.rows, camera.columns), np.float32)

    def sky(self, zenith: Colour, horizon: Colour) -> None:
        """A gradient down to the horizon, infinitely far."""
        share = np.clip(np.arange(self.camera.rows, dtype=np.float32) / self.camera.horizon, 0, 1)[:, None] ** 1.4
        rows = np.asarray(zenith, np.float32) * (1 - share) + np.asarray(horizon, np.float32) * share
        self.rgb[:] = _rounded(rows)[:, None, :]

    def glow(self, azimuth: float, elevation: float, radius: float, colour: Colour, halo: float) -> None:
        """A sun or moon, infinitely far; angles in radians, radius in pixels of a picture 720 rows high."""
        scale = self.camera.rows / 720
        column = self.camera.direction_column(azimuth)
        row = self.camera.horizon - self.camera.focal_length * math.tan(elevation)
        area = slice(0, math.ceil(self.camera.horizon)), slice(0, self.camera.columns)
        y = np.arange(area[0].stop, dtype=np.float32)[:, None] - np.float32(row)
        x = np.arange(area[1].stop, dtype=np.float32)[None, :] - np.float32(column)
        distance = cv2.sqrt(x * x + y * y) / np.float32(scale)
        fading = cv2.exp(distance * np.float32(-0.25 / radius)) * np.float32(halo)
        share = np.minimum(np.clip(radius - distance + 0.5, 0, 1) + fading, 1)[..., None]
        self._lay(area, _rounded(np.asarray(colour, np.float32) * share), _rounded(share * 255))

    def ground(self, paint: Callable[[FloatImage, FloatImage, FloatImage], FloatImage], haze: Haze) -> None:
        """The plane Y = 0: `paint(world_x, world_z, metres_per_pixel)` gives its colours."""
        camera = self.camera
        first = max(0, math.floor(camera.horizon) + 1)
        below = np.arange(first, camera.rows, dtype=np.float32) - np.float32(camera.horizon)
        forward = np.float32(camera.focal_length * camera.height) / below
        right = (np.arange(camera.columns, dtype=np.float32) - camera.columns / 2) / np.float32(camera.focal_length)
        sine, cosine = np.float32(math.sin(camera.yaw)), np.float32(math.cos(camera.yaw))
        aside, ahead = right[None, :] * forward[:, None], forward[:, None]
        # Seen flatly, a pixel covers more ground lengthwise than across: the filter takes a mean of the two.
        covered = forward / np.float32(camera.focal_length) * np.sqrt(np.maximum(forward / camera.height, 1)) * 0.6
        colours = paint(single(np.float32(camera.x) + aside * cosine + ahead * sine),
                        single(np.float32(camera.z) - aside * sine + ahead * cosine), single(covered))  # fmt: skip
        fade = haze.share(forward)[:, None, None]
        self.rgb[first:] = _rounded(colours * (1 - fade) + np.asarray(haze.colour, np.float32) * fade)
        self.inverse_depth[first:] = (1 / forward)[:, None]

    def shadow(self, foot: Point, radius: float, strength: float = 0.5) -> None:
        """A soft round shadow on the ground; the ground's depth stays."""
        seen = self.camera.seen((foot[0], 0.0, foot[2]))
        if seen[2] < NEAREST + radius:
            return
        column, row = self.camera.pixel(seen)
        half_width = self.camera.focal_length * radius / seen[2]
        half_height = half_width * self.camera.height / seen[2]
        area = self._area(column - 2 * half_width, row - 2 * half_height,
                          column + 2 * half_width, row + 2 * half_height)  # fmt: skip
        if area is None:
            return
        y = (np.arange(area[0].start, area[0].stop, dtype=np.float32)[:, None] - row) / max(half_height, 0.7)
        x = (np.arange(area[1].start, area[1].stop, dtype=np.float32)[None, :] - column) / half_width
        alpha = _rounded(255 * strength * np.exp(-1.5 * (x * x + y * y)))
        self._lay(area, np.zeros((*alpha.shape, 3), np.uint8), alpha)

    def cutout(self, cutout: Cutout, foot: Point, size: float = 1.0, haze: Haze | None = None) -> None:
        """A picture whose lower middle stands at `foot`."""
        seen = self.camera.seen(foot)
        if seen[2] < NEAREST:
            return
        column, row = self.camera.pixel(seen)
        width = self.camera.focal_length * cutout.width * size / seen[2]
        height = self.camera.focal_length * cutout.height * size / seen[2]
        area = self._area(column - width / 2, row - height, column + width / 2, row)
        if area is None:
            return
        level = next((part for part in reversed(cutout.levels) if part.shape[1] >= width), cutout.levels[0])
        step_x, step_y = level.shape[1] / width, level.shape[0] / height
        # From pixels of the area to pixels of the level, centres at half.
        matrix = np.array([[step_x, 0, (area[1].start + 0.5 - column + width / 2) * step_x - 0.5],
                           [0, step_y, (area[0].start + 0.5 - row + height) * step_y - 0.5]])  # fmt: skip
        shape = area[1].stop - area[1].start, area[0].stop - area[0].start
        drawn = cv2.warpAffine(level, matrix, shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        if haze is not None:
            share = float(haze.share(seen[2]))
            mixing = np.eye(4) * [1 - share, 1 - share, 1 - share, 1]
            mixing[:3, 3] = np.asarray(haze.colour) * (share / 255)
            drawn = cv2.transform(drawn, mixing)
        colours = np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB), np.uint8)
        alpha = np.asarray(cv2.extractChannel(drawn, 3), np.uint8)
        self._lay(area, colours, alpha, np.float32(1 / seen[2]))

    def ball(self, centre: Point, radius: float, shade: Shader) -> None:
        """A sphere, exactly in perspective."""
        camera = self.camera
        right, up, forward = camera.seen(centre)
        if forward < NEAREST + radius:
            return
        column, row = camera.pixel((right, up, forward))
        reach = camera.focal_length * radius / (forward - radius) * 1.15 + 2
        area = self._area(column - reach, row - reach, column + reach, row + reach)
        if area is None:
            return
        across = (np.arange(area[1].start, area[1].stop, dtype=np.float32) - camera.columns / 2) / camera.focal_length
        above = (camera.horizon - np.arange(area[0].start, area[0].stop, dtype=np.float32)) / camera.focal_length
        ray = np.stack(np.broadcast_arrays(across[None, :], above[:, None], np.float32(1)), -1).astype(np.float32)
        middle = np.array((right, up, forward), np.float32)
        squared = np.einsum("hwc,hwc->hw", ray, ray)
        along = ray @ middle
        miss = np.sqrt(np.maximum(middle @ middle - along * along / squared, 0))
        alpha = np.clip((radius - miss) * np.float32(camera.focal_length / forward) + 0.5, 0, 1)
        root = np.sqrt(np.maximum(along * along - squared * (middle @ middle - np.float32(radius * radius)), 0))
        distance = (along - root) / squared
        normal = (ray * distance[..., None] - middle) / np.float32(radius)
        sine, cosine = np.float32(math.sin(camera.yaw)), np.float32(math.cos(camera.yaw))
        world = np.stack([normal[..., 0] * cosine + normal[..., 2] * sine, normal[..., 1],
                          normal[..., 2] * cosine - normal[..., 0] * sine], -1)  # fmt: skip
        self._lay(area, _rounded(np.clip(shade(world), 0, 255) * alpha[..., None]), _rounded(alpha * 255), 1 / distance)

    def _area(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice] | None:
        first, last = max(0, math.floor(left)), min(self.camera.columns, math.ceil(right) + 1)
        upper, lower = max(0, math.floor(top)), min(self.camera.rows, math.ceil(bottom) + 1)
        return (slice(upper, lower), slice(first, last)) if first < last and upper < lower else None

    def _lay(self, area: tuple[slice, slice], colours: Image, alpha: Image,
             inverse_depth: FloatImage | np.float32 | None = None) -> None:  # fmt: skip
        """Colours [h, w, 3], already multiplied by alpha [h, w], over what is there."""
        remaining = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2RGB)
        self.rgb[area] = cv2.add(cv2.multiply(self.rgb[area], remaining, scale=1 / 255), colours)
        if inverse_depth is not None:
            np.copyto(self.inverse_depth[area], inverse_depth, where=alpha >= 128)


def _rounded(colours: npt.NDArray[Any]) -> Image:
    return (colours + np.float32(0.5)).astype(np.uint8)
