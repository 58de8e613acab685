"""Random scenes of several kinds: tables, still lifes, rooms, machines, streets, leaning boards, people, foliage, open
land, things adrift."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from training.render import (
    BOX,
    BRICKS,
    CARD,
    CHECKS,
    CONE,
    CYLINDER,
    ELLIPSOID,
    MOSAIC,
    NOISE,
    PAINT,
    PLANE,
    PRINT,
    RING,
    Camera,
    Light,
    Things,
)

Array = npt.NDArray[Any]
Rng = np.random.Generator


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Array:
    """Columns are the turned axes; a positive pitch looks down."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, -pitch, roll) for f in (math.cos, math.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


@dataclass
class Builder:
    """Gathers things."""

    rng: Rng
    things: list[tuple[Any, ...]] = field(default_factory=list)
    moving: list[Array] = field(default_factory=list)
    """Velocity of each thing per frame."""

    def add(
        self,
        shape: int,
        position: Any,
        half: Any,
        turn: Array | None = None,
        pattern: int | None = None,
        scale: float | None = None,
        colour: Any = None,
        moves: bool = False,
    ) -> None:
        """One thing; what is not given is drawn at random."""
        rng = self.rng
        base = np.asarray(colour if colour is not None else _colour(rng))
        other = (
            np.clip(base * rng.uniform(0.2, 2.2) + rng.normal(0, 0.08, 3), 0.01, 1)
            if rng.random() < 0.7
            else _colour(rng)
        )
        size = float(np.mean(np.asarray(half)))
        kind = int(rng.integers(0, 10)) if pattern is None else pattern
        frequency = scale if scale is not None else float(rng.uniform(0.5, 5)) / max(min(size, 3.0), 0.05)
        self.things.append(
            (
                shape,
                np.eye(3) if turn is None else turn,
                position,
                half,
                kind,
                np.stack([base, other]),
                frequency,
                float(rng.uniform(0, 0.6)),
                int(rng.integers(0, 1 << 20)),
            )
        )
        self.moving.append(rng.normal(0, 0.03, 3) * [1, 0.3, 1] * size if moves else np.zeros(3))

    def built(self) -> Things:
        """As arrays."""
        columns = list(zip(*self.things, strict=True))
        kinds = (np.int64, float, float, float, np.int64, float, float, float, np.int64)
        return Things(
            *(np.ascontiguousarray(np.array(column, kind)) for column, kind in zip(columns, kinds, strict=True))
        )


@dataclass(frozen=True, eq=False)
class Scene:
    """What is there, from where it is seen, and how both move per frame."""

    things: Things
    camera: Camera
    light: Light
    velocity: Array
    camera_velocity: Array
    camera_spin: Array

    def later(self, frames: float) -> Scene:
        """The same some frames on (or back)."""
        things = replace(self.things, position=self.things.position + frames * self.velocity)
        turn = self.camera.turn @ rotation(*(frames * self.camera_spin))
        camera = replace(self.camera, position=self.camera.position + frames * self.camera_velocity, turn=turn)
        return replace(self, things=things, camera=camera)


def _colour(rng: Rng) -> Array:
    grey = rng.uniform(0.03, 0.9) ** 1.4
    return np.clip(grey * (1 + rng.normal(0, rng.uniform(0.02, 0.38), 3)), 0.01, 1)


def _person(build: Builder, x: float, z: float, floor: float, tall: float) -> None:
    """Stands on the floor at (x, z); y points down."""
    rng = build.rng
    skin = np.array([0.55, 0.33, 0.24]) * rng.uniform(0.3, 1.5)
    cloth, legs = _colour(rng), _colour(rng)
    yaw = rotation(float(rng.uniform(-3, 3)))
    build.add(
        ELLIPSOID,
        (x, floor - 0.91 * tall, z),
        (0.06 * tall, 0.075 * tall, 0.065 * tall),
        yaw,
        1,
        9,
        np.clip(skin, 0, 1),
    )
    build.add(ELLIPSOID, (x, floor - 0.65 * tall, z), (0.13 * tall, 0.21 * tall, 0.08 * tall), yaw, None, None, cloth)
    for side in (-1, 1):
        build.add(
            CYLINDER,
            (x + side * 0.06 * tall, floor - 0.25 * tall, z),
            (0.045 * tall, 0.25 * tall, 0.05 * tall),
            None,
            0,
            4,
            legs,
        )
        build.add(
            ELLIPSOID,
            (x + side * 0.16 * tall, floor - 0.6 * tall, z),
            (0.035 * tall, 0.2 * tall, 0.04 * tall),
            None,
            0,
            4,
            cloth,
        )


def _object(build: Builder, x: float, z: float, floor: float, size: float, *, moves: bool = False) -> None:
    """Something that stands on the floor at (x, z)."""
    rng = build.rng
    half = size * rng.uniform(0.25, 1.0, 3)
    if rng.random() < 0.25:
        half[1] *= rng.uniform(1.5, 3.5)
    shape = int(rng.choice([BOX, BOX, ELLIPSOID, CYLINDER]))
    if shape == CYLINDER:
        half[2] = half[0]
    turn = rotation(float(rng.uniform(-1.6, 1.6)))
    build.add(shape, (x, floor - half[1], z), half, turn, moves=moves)
    if rng.random() < 0.3:  # and something on it
        top = half * rng.uniform(0.2, 0.8)
        build.add(
            int(rng.choice([BOX, ELLIPSOID, CYLINDER])), (x, floor - 2 * half[1] - top[1], z), top, turn, moves=False
        )


def _bust(build: Builder, x: float, z: float, floor: float, size: float) -> None:
    """A head of plaster, stone or wood on its neck and block."""
    rng = build.rng
    stuff = np.full(3, rng.uniform(0.3, 0.95)) * (1 + rng.normal(0, 0.05, 3)) if rng.random() < 0.7 else _colour(rng)
    stuff, yaw = np.clip(stuff, 0, 1), rotation(float(rng.uniform(-3, 3)))
    for shape, up, half in (
        (BOX, 0.15, (0.4, 0.15, 0.35)),
        (CYLINDER, 0.5, (0.22, 0.3, 0.24)),
        (ELLIPSOID, 1.15, (0.42, 0.58, 0.5)),
        (ELLIPSOID, 1.05, (0.1, 0.18, 0.62)),
        (ELLIPSOID, 1.3, (0.46, 0.45, 0.4)),
    ):
        build.add(shape, (x, floor - up * size, z), size * np.array(half), yaw, 0, 4, stuff)


def _books(build: Builder, x: float, z: float, floor: float, size: float) -> None:
    """A row of standing books, or a pile."""
    rng = build.rng
    yaw, lying, at = rotation(float(rng.normal(0, 0.3))), rng.random() < 0.4, 0.0
    for _ in range(int(rng.integers(2, 8))):
        thick = size * float(rng.uniform(0.06, 0.2))
        tall, deep = size * float(rng.uniform(0.6, 1.0)), size * float(rng.uniform(0.4, 0.8))
        pattern = int(rng.choice([0, PRINT, PRINT, MOSAIC, NOISE]))
        if lying:
            build.add(BOX, (x, floor - at - thick, z), (tall, thick, deep), yaw, pattern)
        else:
            place = np.array([x, floor - tall, z]) + yaw @ [at + thick, 0, 0]
            build.add(BOX, place, (thick, tall, deep), yaw, pattern)
        at += 2 * thick


def _long_leaves(build: Builder, x: float, z: float, floor: float, size: float) -> None:
    """A pot, and leaves that go out from its middle."""
    rng = build.rng
    build.add(CONE, (x, floor - 0.25 * size, z), size * np.array([0.3, 0.5, 0.3]), rotation(0, 0, math.pi))
    leaf = np.array([0.15, 0.35, 0.12]) * rng.uniform(0.4, 1.6) if rng.random() < 0.7 else _colour(rng)
    for _ in range(int(rng.integers(6, 20))):
        length = size * float(rng.uniform(0.4, 1.1))
        turn = rotation(float(rng.uniform(-3.1, 3.1)), 0, float(rng.uniform(-1.5, 1.5)))
        middle = np.array([x, floor - 0.55 * size, z]) - turn @ [0, 0.9 * length, 0]
        half = (size * float(rng.uniform(0.04, 0.1)), length, size * 0.03)
        build.add(ELLIPSOID, middle, half, turn, 1, 5, np.clip(leaf * rng.uniform(0.7, 1.4), 0, 1))


def _stick(build: Builder, x: float, z: float, floor: float, size: float) -> None:
    rng = build.rng
    turn = rotation(float(rng.uniform(-3, 3)), float(rng.normal(0, 0.3)), float(rng.normal(0, 0.4)))
    thick = size * float(rng.uniform(0.03, 0.12))
    build.add(CYLINDER, (x, floor - 1.3 * size, z), (thick, 1.3 * size, thick), turn)
    if rng.random() < 0.5:  # a lamp, a brush, a flower
        tip = np.array([x, floor - 1.3 * size, z]) - turn @ [0, 1.3 * size, 0]
        build.add(int(rng.choice([CONE, ELLIPSOID])), tip, size * rng.uniform(0.2, 0.5, 3), turn)


def _standing(build: Builder, x: float, z: float, floor: float, size: float) -> None:
    """Any of the things that stand about."""
    rng = build.rng
    kind = rng.random()
    if kind < 0.34:
        _object(build, x, z, floor, 1.2 * size)
    elif kind < 0.48:
        half = size * np.array([1, rng.uniform(1.2, 3), 1]) * rng.uniform(0.3, 0.6)
        build.add(CONE, (x, floor - half[1], z), half)
    elif kind < 0.58:
        _bust(build, x, z, floor, 0.9 * size)
    elif kind < 0.68:
        _books(build, x, z, floor, size)
    elif kind < 0.76:
        _long_leaves(build, x, z, floor, size)
    elif kind < 0.84:
        _stick(build, x, z, floor, size)
    elif kind < 0.92:
        half = size * float(rng.uniform(0.4, 1.0))
        build.add(RING, (x, floor - half * float(rng.uniform(1, 2.5)), z), (half, half, half),
                  rotation(float(rng.normal(0, 0.5)), float(rng.normal(0, 0.2))))
    else:  # a cup with its handle
        half, colour = size * float(rng.uniform(0.25, 0.6)), _colour(rng)
        build.add(CYLINDER, (x, floor - half, z), (0.8 * half, half, 0.8 * half), None, None, None, colour)
        build.add(RING, (x + float(rng.choice([-1, 1])) * 0.9 * half, floor - half, z), (0.6 * half,) * 3, None, 0, 1,
                  colour)


def _still_life(build: Builder) -> Camera:
    """Things set up in rows, larger ones behind, before a wall, boards or a room, seen from little above."""
    rng = build.rng
    behind, focal = float(rng.uniform(1.6, 4)), float(rng.uniform(0.9, 2.2))
    ground = int(rng.choice([0, 0, NOISE, MOSAIC, PAINT, 6]))
    if rng.random() < 0.3:  # a table in a room
        end = float(rng.uniform(1.2, behind))
        build.add(BOX, (0, 0.05, 0.5 * end), (float(rng.uniform(0.5, 3)), 0.05, 0.5 * end), None, ground)
        build.add(PLANE, (0, 0.8, 0), (9, 9, 9))
        behind += float(rng.uniform(0.5, 5))
        for _ in range(int(rng.integers(2, 9))):
            z = float(rng.uniform(end + 0.3, behind))
            _standing(build, float(rng.uniform(-0.6, 0.6)) / focal * z, z, 0.8, float(rng.uniform(0.3, 0.8)))
    else:
        end = behind
        build.add(PLANE, (0, 0, 0), (9, 9, 9), None, ground, scale=float(rng.uniform(0.8, 6)))
    _backdrop(build, behind, focal)
    for _ in range(int(rng.integers(4, 19))):
        z = float(rng.uniform(0.75, end))
        size = float(rng.uniform(0.06, 0.22)) * (0.2 + 0.75 * z)
        _standing(build, float(rng.uniform(-0.55, 0.55)) / focal * z, z, 0.0, size)
    return Camera(rotation(float(rng.normal(0, 0.1)), float(rng.normal(0.14, 0.1)), float(rng.normal(0, 0.02))),
                  np.array([0, -float(rng.uniform(0.25, 0.8)), 0]), focal)


def _backdrop(build: Builder, behind: float, focal: float) -> None:
    """A wall at a distance, with what hangs on it or leans against it."""
    rng = build.rng
    wide = 0.6 * behind / focal
    build.add(BOX, (0, 0, behind), (9, 9, 0.05), rotation(float(rng.normal(0, 0.2)), float(rng.normal(0, 0.05))),
              scale=float(rng.uniform(0.5, 6)) / behind)
    for _ in range(int(rng.integers(0, 7))):  # pictures
        half = behind / focal * np.array([rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.25), 0.005])
        build.add(BOX, (float(rng.uniform(-wide, wide)), -float(rng.uniform(0, 1.2)) * wide, behind - 0.07), half, None,
                  int(rng.choice([PRINT, MOSAIC, PAINT, 0, NOISE])))
    if rng.random() < 0.35:  # boards in front of it
        for _ in range(int(rng.integers(1, 5))):
            half = behind / focal * np.array([rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.5), 0.01])
            place = (float(rng.uniform(-wide, wide)), -0.8 * half[1], behind * float(rng.uniform(0.6, 0.97)))
            turn = rotation(float(rng.normal(0, 0.3)), float(rng.normal(0.1, 0.1)), float(rng.normal(0, 0.05)))
            build.add(BOX, place, half, turn)
    if rng.random() < 0.3:
        _shelves(build, float(rng.uniform(-wide, wide)), behind - 0.2, float(rng.uniform(0.5, 1.2)) * wide)


def _shelves(build: Builder, x: float, z: float, size: float) -> None:
    rng = build.rng
    wood, rows = _colour(rng), int(rng.integers(2, 5))
    tall, deep = size * float(rng.uniform(0.8, 1.8)), 0.15 * size
    for side in (-1, 1):
        build.add(BOX, (x + side * size, -0.5 * tall, z), (0.03 * size, 0.5 * tall, deep), None, 0, 1, wood)
    for row in range(rows + 1):
        floor = -tall * row / rows
        build.add(BOX, (x, floor, z), (size, 0.02 * size, deep), None, 0, 1, wood)
        for _ in range(int(rng.integers(0, 5)) if row < rows else 0):
            at, high = x + float(rng.uniform(-0.85, 0.85)) * size, tall / rows
            if rng.random() < 0.4:
                _books(build, at, z, floor, 0.4 * high)
            else:
                half = high * rng.uniform(0.1, 0.4, 3)
                build.add(int(rng.choice([BOX, BOX, CYLINDER, CONE])), (at, floor - half[1], z), half)


def _machine(build: Builder) -> Camera:
    """One large thing of many parts, on the floor of a room, a yard or a workshop."""
    rng = build.rng
    behind, distance = float(rng.uniform(4.5, 9)), float(rng.uniform(1.8, 3.5))
    build.add(PLANE, (0, 0, 0), (9, 9, 9), scale=float(rng.uniform(0.5, 3)))
    if rng.random() < 0.8:
        turn = rotation(float(rng.normal(0, 0.15)))
        build.add(BOX, (0, -2, behind), (12, 9, 0.1), turn, scale=float(rng.uniform(0.2, 2)))
    for _ in range(int(rng.integers(0, 4))):
        _shelves(build, float(rng.uniform(-3, 3)), behind - 0.4, float(rng.uniform(0.4, 1.3)))
    for _ in range(int(rng.integers(1, 9))):
        z = float(rng.uniform(distance + 0.8, behind))
        _standing(build, float(rng.uniform(-0.6, 0.6)) * z, z, 0.0, float(rng.uniform(0.2, 0.7)))
    _assembly(build, float(rng.normal(0, 0.25)), distance, float(rng.uniform(0.5, 1.1)))
    return Camera(rotation(float(rng.normal(0, 0.12)), float(rng.normal(0.22, 0.12)), float(rng.normal(0, 0.03))),
                  np.array([0, -float(rng.uniform(0.8, 1.7)), 0]), float(rng.uniform(0.8, 1.5)))


def _assembly(build: Builder, x: float, z: float, size: float) -> None:
    """Wheels, bars and bodies about one upright plane: a motorcycle, a cart, a chair, a machine."""
    rng = build.rng
    yaw = rotation(float(rng.uniform(-1.2, 1.2)))
    paint = [_colour(rng) for _ in range(3)]

    def put(shape: int, along: float, up: float, half: Any, turn: Array | None = None) -> None:
        place = np.array([x, -up * size, z]) + yaw @ [along * size, 0, float(rng.normal(0, 0.06)) * size]
        pattern, colour = int(rng.choice([0, 0, 1])), paint[int(rng.integers(3))]
        build.add(shape, place, size * np.asarray(half), yaw if turn is None else yaw @ turn, pattern, 3, colour)

    if rng.random() < 0.6:
        wheel = float(rng.uniform(0.2, 0.38))
        for along in (-0.65, 0.65):
            put(RING, along, wheel, (wheel, wheel, 0.05))
            put(RING, along, wheel, (0.4 * wheel, 0.4 * wheel, 0.05))
    for _ in range(int(rng.integers(2, 8))):  # bodies
        half = rng.uniform(0.06, 0.32, 3) * [1.3, 1, 0.7]
        put(int(rng.choice([BOX, ELLIPSOID, ELLIPSOID, CYLINDER])), float(rng.normal(0, 0.3)),
            half[1] + float(rng.uniform(0.1, 0.6)), half, rotation(0, 0, float(rng.normal(0, 0.4))))
    for _ in range(int(rng.integers(3, 12))):  # bars and legs
        length = float(rng.uniform(0.15, 0.5))
        put(CYLINDER, float(rng.normal(0, 0.45)), length + float(rng.uniform(0, 0.4)), (0.025, length, 0.025),
            rotation(0, float(rng.normal(0, 0.3)), float(rng.normal(0, 0.7))))


def _open_land(build: Builder) -> Camera:
    """Meadow, bushes, rocks, trees and hills."""
    rng = build.rng
    green = np.array([0.13, 0.25, 0.07]) * rng.uniform(0.4, 2)
    build.add(PLANE, (0, 0, 0), (9, 9, 9), pattern=int(rng.choice([NOISE, PAINT])), scale=float(rng.uniform(0.2, 2)),
              colour=np.clip(green if rng.random() < 0.7 else _colour(rng), 0, 1))
    for _ in range(int(rng.integers(0, 5))):  # hills
        z = float(rng.uniform(50, 300))
        half = (z * float(rng.uniform(0.2, 0.8)), z * float(rng.uniform(0.03, 0.2)), 20.0)
        build.add(ELLIPSOID, (float(rng.normal(0, 0.5)) * z, 0, z), half, None, NOISE, 0.05, np.clip(green, 0, 1))
    for _ in range(int(rng.integers(2, 16))):
        z = float(np.exp(rng.uniform(math.log(3), math.log(60))))
        x = float(rng.uniform(-0.8, 0.8)) * z
        if rng.random() < 0.5:
            _tree(build, x, z, float(rng.uniform(2, 9)))
        else:
            half = rng.uniform(0.2, 1.2, 3)
            colour = np.clip(green * rng.uniform(0.5, 2), 0, 1)
            build.add(ELLIPSOID, (x, -0.4 * half[1], z), half, None, NOISE, 2.0, colour)
    for _ in range(int(rng.integers(0, 3))):
        z = float(rng.uniform(2, 15))
        _person(build, float(rng.uniform(-0.5, 0.5)) * z, z, 0.0, float(rng.uniform(1.5, 1.9)))
    return Camera(rotation(float(rng.normal(0, 0.2)), float(rng.normal(0.05, 0.1)), float(rng.normal(0, 0.03))),
                  np.array([0, -float(rng.uniform(0.8, 2.2)), 0]), float(rng.uniform(0.6, 1.6)))


def _table(build: Builder) -> Camera:
    rng = build.rng
    build.add(PLANE, (0, 0, 0), (9, 9, 9), scale=float(rng.uniform(0.8, 6)))
    back = float(rng.uniform(1.5, 6))
    if rng.random() < 0.85:
        build.add(
            BOX, (0, -2, back), (8, 6, 0.1), rotation(float(rng.normal(0, 0.2))), scale=float(rng.uniform(0.3, 4))
        )
    if rng.random() < 0.3:
        build.add(
            BOX,
            (float(rng.choice([-1, 1]) * rng.uniform(1.2, 3)), -2, 2),
            (0.1, 6, 6),
            rotation(float(rng.normal(0, 0.2))),
        )
    for _ in range(int(rng.integers(5, 26))):
        z = float(rng.uniform(0.1, back))
        _object(build, float(rng.uniform(-0.8, 0.8)) * (z + 1.3), z, 0.0, float(rng.uniform(0.06, 0.45)))
    if rng.random() < 0.3:
        _plant(build, float(rng.uniform(-0.8, 0.8)), float(rng.uniform(0.5, back)), 0.0, float(rng.uniform(0.3, 0.9)))
    high = float(rng.uniform(0.25, 1.4))
    pitch = float(rng.uniform(0.02, 0.75)) if rng.random() < 0.85 else 0.0
    return Camera(
        rotation(float(rng.normal(0, 0.15)), pitch, float(rng.normal(0, 0.04))),
        np.array([0, -high, -1.2]),
        float(rng.uniform(0.8, 2.0)),
    )


def _plant(build: Builder, x: float, z: float, floor: float, size: float) -> None:
    rng = build.rng
    leaf = np.array([0.12, 0.35, 0.1]) * rng.uniform(0.4, 1.6) if rng.random() < 0.7 else _colour(rng)
    build.add(CYLINDER, (x, floor - 0.2 * size, z), (0.15 * size, 0.2 * size, 0.15 * size))
    for _ in range(int(rng.integers(8, 26))):
        at = rng.normal(0, 0.3, 3) * size
        turn = rotation(*rng.uniform(-1.2, 1.2, 3))
        half = size * np.array([rng.uniform(0.05, 0.14), rng.uniform(0.12, 0.4), 0.01])
        build.add(
            CARD if rng.random() < 0.6 else ELLIPSOID,
            (x + at[0], floor - 0.75 * size + at[1], z + at[2]),
            half,
            turn,
            1,
            float(rng.uniform(3, 15)),
            np.clip(leaf * rng.uniform(0.6, 1.5), 0, 1),
        )


def _room(build: Builder) -> Camera:
    rng = build.rng
    wide, deep, high = float(rng.uniform(1.6, 5)), float(rng.uniform(3, 10)), float(rng.uniform(2.2, 3.5))
    build.add(PLANE, (0, 0, 0), (9, 9, 9), scale=float(rng.uniform(0.6, 3)))
    if rng.random() < 0.7:
        build.add(
            PLANE, (0, -high, 0), (9, 9, 9), pattern=int(rng.choice([0, 1])), colour=np.full(3, rng.uniform(0.3, 0.9))
        )
    wall = _colour(rng)
    for at, half in (
        ((0, -high / 2, deep), (wide + 1, high, 0.1)),
        ((-wide, -high / 2, deep / 2), (0.1, high, deep)),
        ((wide, -high / 2, deep / 2), (0.1, high, deep)),
    ):
        if rng.random() < 0.9:
            build.add(
                BOX,
                at,
                half,
                pattern=int(rng.choice([0, 0, 1, 3, BRICKS])),
                scale=float(rng.uniform(0.3, 2)),
                colour=wall,
            )
    for _ in range(int(rng.integers(0, 6))):  # pictures, windows, doors
        build.add(
            BOX,
            (float(rng.uniform(-wide, wide)), float(-rng.uniform(0.5, 2)), deep - 0.12),
            (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.2, 1)), 0.03),
        )
    for _ in range(int(rng.integers(2, 11))):
        z = float(rng.uniform(0.8, deep))
        _object(build, float(rng.uniform(-wide, wide)), z, 0.0, float(rng.uniform(0.15, 0.8)), moves=rng.random() < 0.2)
    for _ in range(int(rng.integers(0, 3))):
        _person(
            build, float(rng.uniform(-1, 1)) * wide, float(rng.uniform(1.2, deep)), 0.0, float(rng.uniform(1.4, 1.9))
        )
    return Camera(
        rotation(float(rng.normal(0, 0.25)), float(rng.normal(0.1, 0.12)), float(rng.normal(0, 0.03))),
        np.array([0, -float(rng.uniform(0.7, 2.0)), 0]),
        float(rng.uniform(0.6, 1.4)),
    )


def _street(build: Builder) -> Camera:
    rng = build.rng
    build.add(
        PLANE,
        (0, 0, 0),
        (9, 9, 9),
        pattern=int(rng.choice([0, NOISE, CHECKS, BRICKS])),
        scale=float(rng.uniform(0.3, 2)),
    )
    road = float(rng.uniform(2, 9))
    build.add(
        BOX, (0, 0.045, 100), (road * 0.7, 0.05, 120), pattern=1, scale=1.0, colour=np.full(3, rng.uniform(0.05, 0.4))
    )
    for side in (-1, 1):
        z = float(rng.uniform(-2, 8))
        while z < 120 and rng.random() < 0.93:
            half = np.array([rng.uniform(2, 6), rng.uniform(1.5, 14), rng.uniform(2, 9)])
            if rng.random() < 0.7:
                build.add(
                    BOX,
                    (side * (road + half[0] + rng.uniform(0, 4)), -half[1], z + half[2]),
                    half,
                    rotation(float(rng.normal(0, 0.05))),
                    pattern=int(rng.choice([BRICKS, CHECKS, 3, 1, 7])),
                    scale=float(rng.uniform(0.2, 0.8)),
                )
            else:
                _tree(build, side * (road + float(rng.uniform(0.5, 4))), z, float(rng.uniform(2, 9)))
            z += 2 * half[2] * float(rng.uniform(1.0, 2.2))
    for _ in range(int(rng.integers(0, 6))):
        z = float(rng.uniform(3, 45))
        half = np.array([0.85, 0.45, 2.1]) * rng.uniform(0.8, 1.2)
        x, paint = float(rng.uniform(-1, 1)) * road, _colour(rng)
        turn = rotation(float(rng.normal(0, 0.1)))
        build.add(BOX, (x, -half[1] - 0.25, z), half, turn, 0, 1, paint, moves=True)
        build.add(BOX, (x, -2 * half[1] - 0.5, z + 0.2), half * [0.85, 0.6, 0.55], turn, 0, 1, paint * 0.3)
    for _ in range(int(rng.integers(0, 5))):
        _person(build, float(rng.uniform(-1, 1)) * road, float(rng.uniform(2, 25)), 0.0, float(rng.uniform(1.5, 1.9)))
    for _ in range(int(rng.integers(0, 4))):  # poles
        build.add(
            CYLINDER, (float(rng.choice([-1, 1])) * road * 0.8, -3, float(rng.uniform(3, 40))), (0.08, 3, 0.08), None, 0
        )
    return Camera(
        rotation(float(rng.normal(0, 0.2)), float(rng.normal(0.03, 0.08)), float(rng.normal(0, 0.02))),
        np.array([float(rng.uniform(-0.6, 0.6)) * road, -float(rng.uniform(1.0, 2.6)), 0]),
        float(rng.uniform(0.6, 1.6)),
    )


def _tree(build: Builder, x: float, z: float, tall: float) -> None:
    rng = build.rng
    build.add(
        CYLINDER, (x, -0.3 * tall, z), (0.04 * tall, 0.3 * tall, 0.04 * tall), None, 1, 3, np.array([0.2, 0.13, 0.08])
    )
    green = np.array([0.1, 0.25, 0.07]) * rng.uniform(0.4, 1.8)
    for _ in range(3):
        at = rng.normal(0, 0.12, 3) * tall
        build.add(
            ELLIPSOID,
            (x + at[0], -0.7 * tall + at[1], z + at[2]),
            tall * rng.uniform(0.15, 0.3, 3),
            None,
            1,
            2.5,
            np.clip(green * rng.uniform(0.7, 1.3), 0, 1),
        )


def _boards(build: Builder) -> Camera:
    """Flat things that lean and overlap."""
    rng = build.rng
    far = float(rng.uniform(1.5, 4))
    build.add(BOX, (0, 0, far), (9, 9, 0.05), rotation(*rng.normal(0, 0.3, 2)), scale=float(rng.uniform(0.5, 6)))
    for _ in range(int(rng.integers(4, 18))):
        z = float(rng.uniform(0.9, far))
        half = np.array([rng.uniform(0.06, 0.6), rng.uniform(0.1, 0.9), 0.02])
        turn = rotation(*rng.normal(0, 0.5, 2), float(rng.uniform(-1.6, 1.6)))
        build.add(
            BOX if rng.random() < 0.7 else CARD,
            (*(rng.uniform(-0.6, 0.6, 2) * z), z),
            half,
            turn,
            scale=float(rng.uniform(1, 12)),
        )
    return Camera(np.eye(3), np.zeros(3), float(rng.uniform(0.9, 1.8)))


def _portrait(build: Builder) -> Camera:
    rng = build.rng
    far = float(rng.uniform(1.5, 12))
    if rng.random() < 0.7:
        build.add(
            BOX, (0, 0, far), (20, 12, 0.1), rotation(float(rng.normal(0, 0.2))), scale=float(rng.uniform(0.2, 3))
        )
    for _ in range(int(rng.integers(0, 8))):
        z = float(rng.uniform(1.3, far))
        build.add(
            int(rng.integers(BOX, RING + 1)),
            (*(rng.uniform(-0.8, 0.8, 2) * z), z),
            rng.uniform(0.1, 0.6, 3),
            rotation(*rng.normal(0, 0.4, 3)),
        )
    for _ in range(1 if rng.random() < 0.75 else 2):
        z = float(rng.uniform(0.5, 1.3))
        _person(build, float(rng.normal(0, 0.25)) * z, z, float(rng.uniform(1.2, 1.7)), 1.7)
    return Camera(
        rotation(0.0, float(rng.normal(0, 0.05)), float(rng.normal(0, 0.03))), np.zeros(3), float(rng.uniform(0.9, 1.8))
    )


def _foliage(build: Builder) -> Camera:
    rng = build.rng
    if rng.random() < 0.6:
        build.add(PLANE, (0, 1.0, 0), (9, 9, 9), pattern=1, scale=float(rng.uniform(0.5, 4)))
    if rng.random() < 0.6:
        build.add(BOX, (0, 0, float(rng.uniform(2, 8))), (12, 9, 0.05), pattern=1, scale=float(rng.uniform(0.3, 3)))
    for _ in range(int(rng.integers(3, 7))):
        z = float(rng.uniform(0.6, 3.5))
        _plant(
            build,
            float(rng.uniform(-0.6, 0.6)) * z,
            z,
            float(rng.uniform(0.1, 0.8)) * z,
            float(rng.uniform(0.3, 1.0)) * z * 0.6,
        )
    return Camera(
        rotation(0.0, float(rng.normal(0.1, 0.2)), float(rng.normal(0, 0.05))),
        np.zeros(3),
        float(rng.uniform(0.8, 1.6)),
    )


def _adrift(build: Builder) -> Camera:
    """Nothing stands on anything: only size, overlap, texture and motion tell."""
    rng = build.rng
    far = float(rng.uniform(3, 14))
    if rng.random() < 0.8:
        build.add(BOX, (0, 0, far), (30, 20, 0.1), rotation(*rng.normal(0, 0.15, 2)), scale=float(rng.uniform(0.3, 3)))
    for _ in range(int(rng.integers(5, 24))):
        z = float(rng.uniform(0.9, far))
        build.add(
            int(rng.integers(BOX, RING + 1)),
            (*(rng.uniform(-0.7, 0.7, 2) * z), z),
            rng.uniform(0.08, 0.5, 3),
            rotation(*rng.normal(0, 0.7, 3)),
            moves=rng.random() < 0.3,
        )
    return Camera(np.eye(3), np.zeros(3), float(rng.uniform(0.7, 1.6)))


KINDS: dict[str, tuple[Callable[[Builder], Camera], float]] = {
    "table": (_table, 0.14),
    "still life": (_still_life, 0.2),
    "room": (_room, 0.14),
    "machine": (_machine, 0.1),
    "street": (_street, 0.14),
    "boards": (_boards, 0.06),
    "portrait": (_portrait, 0.07),
    "foliage": (_foliage, 0.05),
    "open land": (_open_land, 0.05),
    "adrift": (_adrift, 0.05),
}
"""How each kind is made, and its share."""


def random_scene(rng: Rng, kind: str | None = None) -> Scene:
    """A scene of the kind, or of one drawn by its share."""
    if kind is None:
        kind = str(rng.choice(list(KINDS), p=[share for _, share in KINDS.values()]))
    build = Builder(rng)
    camera = KINDS[kind][0](build)
    things = build.built()
    lamp = np.array([rng.normal(0, 0.7), -abs(rng.normal(0.9, 0.4)) - 0.1, rng.normal(-0.4, 0.6)])
    top = np.clip(np.array([0.25, 0.45, 0.85]) * rng.uniform(0.2, 1.2) + rng.normal(0, 0.05, 3), 0, 1)
    low = np.clip(rng.uniform(0.3, 1.0) * (1 + rng.normal(0, 0.08, 3)), 0, 1)
    haze = float(rng.uniform(0, 0.03)) if kind == "street" and rng.random() < 0.6 else 0.0
    light = Light(lamp / np.linalg.norm(lamp), float(rng.uniform(0.2, 0.75)), top, low, haze, bool(rng.random() < 0.8))
    reach = _typical_distance(things, camera)
    step = rng.normal(0, 1, 3) * [1, 0.4, 1.2]
    step *= reach * abs(rng.normal(0, 0.02)) / (np.linalg.norm(step) + 1e-6)
    spin = rng.normal(0, 0.008, 3) * [1, 0.6, 0.3] * (rng.random() < 0.8)
    return Scene(things, camera, light, np.stack(build.moving), camera.turn @ step, spin)


def _typical_distance(things: Things, camera: Camera) -> float:
    apart = np.linalg.norm(things.position - camera.position, axis=1)
    return float(np.median(apart[apart > 0.3])) if (apart > 0.3).any() else 1.0
