"""The two scenes: what stands where, what moves, and where the camera goes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from video3d.sample import paint
from video3d.sample.paint import Colour, Cutout, FloatImage
from video3d.sample.stage import Camera, Canvas, Haze, Point, Shader, Texture

Drawing = tuple[Point, Callable[[Canvas], None]]
"""Where a thing is, and what draws it."""


class Scene(Protocol):
    """One shot."""

    def camera(self, share: float, columns: int, rows: int) -> Camera:
        """The camera when `share` (0…1) of the shot has gone by."""
        ...

    def draw(self, canvas: Canvas, share: float) -> None:
        """All of the picture."""
        ...


@dataclass(frozen=True, eq=False)
class Standing:
    """A cut-out that stays where it is."""

    cutout: Cutout
    foot: Point
    size: float = 1.0
    shadow: float = 0.0
    """Radius in metres; 0 for none."""


def _draw_sorted(canvas: Canvas, drawings: list[Drawing]) -> None:
    for _, draw in sorted(drawings, key=lambda drawing: -canvas.camera.seen(drawing[0])[2]):
        draw(canvas)


def _stand(standing: Standing, haze: Haze) -> Drawing:
    return standing.foot, lambda canvas: canvas.cutout(standing.cutout, standing.foot, standing.size, haze)


def _striped(colours: tuple[Colour, Colour], roll: float, stripes: int, light: Point, ambient: float) -> Shader:
    """Stripes around a ball that has rolled by `roll` radians to the right."""
    sun = np.asarray(light, np.float32) / np.float32(math.hypot(*light))

    def shade(normal: FloatImage) -> FloatImage:
        turned_x = normal[..., 0] * math.cos(roll) - normal[..., 1] * math.sin(roll)
        turned_y = normal[..., 0] * math.sin(roll) + normal[..., 1] * math.cos(roll)
        band = paint.smooth_step(-0.1, 0.1, np.sin(np.arctan2(turned_y, turned_x) * stripes))
        facing = np.clip(normal @ sun, 0, 1)
        shine = np.clip((normal + np.array((0, 0, -1), np.float32)) @ sun / 1.75, 0, 1) ** 40
        lit = ambient * (0.75 + 0.25 * normal[..., 1]) + (1 - ambient) * facing
        return (paint.mix(colours[0], colours[1], band) * lit[..., None] + 110 * shine[..., None]).astype(np.float32)

    return shade


class Meadow:
    """Day: a path between trees, a fence near by, a ball that bounces behind it, balloons in the sky."""

    _HAZE = Haze((196, 214, 226), 170.0)
    _BALL = 0.42

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._grass = Texture(paint.grass(random), 4.5)
        self._sand = Texture(paint.sand(random), 3.0)
        patches = paint.noise(random, (256, 256), 8, 4)
        self._patches = Texture(paint.to_bytes(np.dstack([patches] * 3)), 70.0)
        ridges = [paint.ridge(random, colours, 900.0, roughness) for colours, roughness in (
            (((0.56, 0.66, 0.80), (0.72, 0.80, 0.86)), 0.52), (((0.36, 0.50, 0.56), (0.58, 0.68, 0.68)), 0.5),
            (((0.22, 0.40, 0.28), (0.42, 0.56, 0.40)), 0.42))]  # fmt: skip
        clouds = [paint.cloud(random, (1.0, 0.99, 0.97), (0.74, 0.80, 0.88)) for _ in range(4)]
        self._far = [
            *(Standing(clouds[i % 4], (x, y, z), size) for i, (x, y, z, size) in enumerate((
                (-230, 74, 420, 2.3), (-60, 95, 460, 1.7), (120, 66, 400, 2.1), (300, 100, 440, 2.6),
                (30, 52, 480, 1.2)))),
            Standing(ridges[0], (40, -6, 520)), Standing(ridges[1], (-70, -8, 400), 0.72),
            Standing(ridges[2], (60, -6, 270), 0.62),
        ]  # fmt: skip
        leaves: tuple[Colour, ...] = ((0.40, 0.62, 0.22), (0.55, 0.66, 0.20), (0.30, 0.54, 0.26), (0.72, 0.58, 0.20))
        trees = [paint.tree(random, leaf) for leaf in leaves]
        bush, fence = paint.bush(random), paint.fence(random)
        self._near = [*self._wood(random, trees, bush), *(
            Standing(fence, (-6.3 + 0.9 * i, 0, 8.2)) for i in range(8))]  # fmt: skip
        self._near += [Standing(trees[0], (-3.4, 0, 9.6), 1.0, 1.3), Standing(bush, (2.6, 0, 7.0), 0.8, 0.7),
                       Standing(trees[1], (4.4, 0, 11.5), 1.05, 1.4)]  # fmt: skip
        self._balloons = (paint.balloon(((0.93, 0.25, 0.20), (1.0, 0.93, 0.80))),
                          paint.balloon(((0.16, 0.45, 0.72), (0.98, 0.78, 0.25))))  # fmt: skip

    def camera(self, share: float, columns: int, rows: int) -> Camera:
        """Forward and to the right, panning a little to the left."""
        return Camera(-1.5 + 2.6 * share, 1.55 + 0.12 * math.sin(5 * share), 0.2 + 2.0 * share,
                      math.radians(2.5 - 4.5 * share), columns * 0.86, columns, rows, rows * 0.47)  # fmt: skip

    def draw(self, canvas: Canvas, share: float) -> None:
        """All of the picture."""
        canvas.sky((74, 138, 205), (205, 224, 234))
        canvas.glow(math.radians(-21), math.radians(14), 22, (255, 246, 214), 0.55)
        for standing in self._far:
            canvas.cutout(standing.cutout, standing.foot, standing.size)
        canvas.ground(self._ground, self._HAZE)
        ball = self.ball(share)
        for standing in self._near:
            if standing.shadow:
                x, _, z = standing.foot
                canvas.shadow((x + 0.4 * standing.shadow, 0, z), standing.shadow, 0.55)
        canvas.shadow((ball[0] + 0.15, 0, ball[2]), self._BALL, 0.6 - 0.25 * min(1.0, ball[1] - self._BALL))
        drawings = [_stand(standing, self._HAZE) for standing in self._near]
        skin = _striped(((232, 62, 48), (250, 244, 232)), ball[0] / self._BALL, 3, (-0.55, 0.75, -0.5), 0.42)
        drawings.append((ball, lambda canvas: canvas.ball(ball, self._BALL, skin)))
        for cutout, foot in zip(self._balloons, self._balloon_feet(share), strict=True):
            drawings.append(_stand(Standing(cutout, foot), self._HAZE))
        _draw_sorted(canvas, drawings)

    def ball(self, share: float) -> Point:
        """Where the bouncing ball is: a parabola a bounce."""
        phase = share * 4.5 % 1
        return -6.2 + 9.4 * share, self._BALL + 4 * 0.85 * phase * (1 - phase), 8.9

    @staticmethod
    def _balloon_feet(share: float) -> tuple[Point, Point]:
        return (9.5 - 5 * share, 8 + 2.5 * share, 56), (-26 + 7 * share, 26 - 2 * share, 105)

    @staticmethod
    def _wood(random: np.random.Generator, trees: list[Cutout], bush: Cutout) -> list[Standing]:
        standing: list[Standing] = []
        for _ in range(70):
            z = float(random.uniform(13, 95))
            side = -1 if random.random() < 0.5 else 1
            x = side * float(random.uniform(3.4, 5 + 0.55 * z)) + 2 * math.sin(z * 0.11)
            if random.random() < 0.3:
                standing.append(Standing(bush, (x, 0, z), float(random.uniform(0.7, 1.2)), 0.9))
            else:
                cutout = trees[int(random.integers(len(trees)))]
                standing.append(Standing(cutout, (x, 0, z), float(random.uniform(0.8, 1.3)), 1.6))
        return standing

    def _ground(self, world_x: FloatImage, world_z: FloatImage, metres_per_pixel: FloatImage) -> FloatImage:
        grass = self._grass.look(world_x, world_z, metres_per_pixel)
        patches = self._patches.look(world_x, world_z, metres_per_pixel) / 255
        sand = self._sand.look(world_x, world_z, metres_per_pixel)
        middle = 0.7 + 1.9 * np.sin(world_z * np.float32(0.11) + np.float32(0.4))
        ragged = np.abs(world_x - middle) + (grass[..., 1] - 120) * np.float32(0.004)
        edge = np.maximum(np.float32(0.22), metres_per_pixel[:, None] * 3)
        path = np.clip((np.float32(1.15) - ragged) / edge + 0.5, 0, 1)[..., None]
        return (grass * (0.62 + 0.62 * patches) * (1 - path) + sand * path).astype(np.float32)


class Square:
    """Dusk: a paved square with columns, balls that circle each other between them, a town behind."""

    _HAZE = Haze((196, 128, 122), 220.0)
    _LIGHT = (0.7, 0.55, -0.5)
    _COLUMNS = ((-4.6, 8.0), (4.6, 8.0), (-4.6, 13.0), (4.6, 13.0), (-4.6, 18.0), (4.6, 18.0), (-4.6, 24.0),
                (4.6, 24.0), (-4.6, 31.0), (4.6, 31.0), (-1.45, 4.1))  # fmt: skip
    _SKINS: tuple[tuple[Colour, Colour], ...] = (
        ((236, 178, 60), (122, 52, 92)), ((64, 168, 178), (240, 232, 214)), ((220, 82, 74), (250, 206, 140)),
    )  # fmt: skip

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed + 1)
        self._paving = Texture(paint.paving(random), 9.6)
        patches = paint.noise(random, (256, 256), 8, 4)
        self._patches = Texture(paint.to_bytes(np.dstack([patches] * 3)), 40.0)
        clouds = [paint.cloud(random, (1.0, 0.72, 0.52), (0.50, 0.34, 0.50)) for _ in range(3)]
        self._far = [
            *(Standing(clouds[i % 3], (x, y, z), size) for i, (x, y, z, size) in enumerate((
                (-210, 60, 420, 2.4), (-10, 92, 460, 1.9), (190, 70, 430, 2.7), (70, 44, 480, 1.4)))),
            Standing(paint.ridge(random, ((0.44, 0.32, 0.50), (0.72, 0.50, 0.52)), 900.0, 0.48), (0, -5, 430), 0.8),
            Standing(paint.skyline(random), (0, -1, 150), 1.0),
        ]  # fmt: skip
        column = paint.column(random)
        self._columns = [Standing(column, (x, 0, z), 1.0, 0.85) for x, z in self._COLUMNS]

    def camera(self, share: float, columns: int, rows: int) -> Camera:
        """To the left, past the near column, panning to the right."""
        return Camera(1.5 - 2.6 * share, 1.75, -0.3 + 0.8 * share, math.radians(-5 + 9 * share), columns * 0.86,
                      columns, rows, rows * 0.50)  # fmt: skip

    def draw(self, canvas: Canvas, share: float) -> None:
        """All of the picture."""
        canvas.sky((46, 44, 98), (250, 168, 112))
        canvas.glow(math.radians(9), math.radians(6.5), 34, (255, 226, 170), 0.7)
        for standing in self._far:
            canvas.cutout(standing.cutout, standing.foot, standing.size)
        canvas.ground(self._ground, self._HAZE)
        balls = self.balls(share)
        for standing in self._columns:
            canvas.shadow((standing.foot[0] - 0.25, 0, standing.foot[2]), standing.shadow, 0.6)
        for x, y, z in balls:
            canvas.shadow((x, 0, z), 0.75, 0.55 - 0.1 * y)
        drawings = [_stand(standing, self._HAZE) for standing in self._columns]
        for index, centre in enumerate(balls):
            skin = _striped(self._SKINS[index], 5 * share + index, 4 + index, self._LIGHT, 0.5)
            drawings.append((centre, self._ball(centre, skin)))
        _draw_sorted(canvas, drawings)

    @staticmethod
    def balls(share: float) -> tuple[Point, ...]:
        """Where the three balls are: on a circle about the middle of the square."""
        angles = [2 * math.pi * (0.75 * share + third / 3) + 0.5 for third in range(3)]
        return tuple((0.4 + 2.3 * math.cos(a), 1.35 + 0.45 * math.sin(2 * a), 9.5 + 2.6 * math.sin(a)) for a in angles)

    @staticmethod
    def _ball(centre: Point, skin: Shader) -> Callable[[Canvas], None]:
        return lambda canvas: canvas.ball(centre, 0.62, skin)

    def _ground(self, world_x: FloatImage, world_z: FloatImage, metres_per_pixel: FloatImage) -> FloatImage:
        patches = self._patches.look(world_x, world_z, metres_per_pixel) / 255
        return paint.single(self._paving.look(world_x, world_z, metres_per_pixel) * (0.75 + 0.4 * patches))
