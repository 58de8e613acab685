"""A small ray caster for training pictures: procedural surfaces, one light with shadows, exact distance.

Axes: x right, y down, z forward. Compiled by numba; a picture of 160 × 96 with twenty things takes some 20 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PLANE, BOX, ELLIPSOID, CYLINDER, CARD, CONE, RING = range(7)
"""Shapes, each in a frame of its own: the plane y = 0; a box; an ellipsoid; an upright cylinder; a thin card of random
outline in the plane z = 0; an upright cone, its point up; a flat ring in the plane z = 0."""
PLAIN, NOISE, CHECKS, STRIPES, BRICKS, SPOTS, GRAIN, PRINT, MOSAIC, PAINT = range(10)
"""What a surface shows; the last two have many colours."""
FAR = 1e6


@dataclass(frozen=True, eq=False)
class Things:
    """All things of a scene, an array each; n things."""

    shape: Array
    """int64 [n]."""
    turn: Array
    """float64 [n, 3, 3]: columns are the thing's axes in the world."""
    position: Array
    """float64 [n, 3]."""
    half: Array
    """float64 [n, 3]: half sizes."""
    pattern: Array
    """int64 [n]."""
    colours: Array
    """float64 [n, 2, 3], linear light 0…1."""
    scale: Array
    """float64 [n]: features per unit of length."""
    roughness: Array
    """float64 [n]: strength of the noise on top, 0…1."""
    seed: Array
    """int64 [n]."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera."""

    turn: Array
    """float64 [3, 3]: columns are the camera's axes in the world."""
    position: Array
    focal: float
    """In widths of the picture."""


@dataclass(frozen=True, eq=False)
class Light:
    """One distant lamp, light from all around, and the air."""

    direction: Array
    """float64 [3], towards the lamp."""
    ambient: float
    sky_top: Array
    sky_low: Array
    haze: float
    """Per unit of length; 0 = clear."""
    shadows: bool


def render(things: Things, camera: Camera, light: Light, width: int, height: int, seed: int) -> tuple[Array, Array]:
    """float32 [H, W, 3] in linear light, and nearness float32 [H, W] = 1 / z (0 = sky) at the pixels' centres."""
    picture = np.zeros((height, width, 3), np.float32)
    nearness = np.zeros((height, width), np.float32)
    reach = np.sqrt((things.half ** 2).sum(1))
    reach[things.shape == PLANE] = FAR
    _render(things.shape, things.turn, things.position, things.half, things.pattern, things.colours, things.scale,
            things.roughness, things.seed, reach, camera.turn, camera.position, camera.focal, light.direction,
            light.ambient, light.sky_top, light.sky_low, light.haze, light.shadows, seed, picture, nearness)
    return picture, nearness


_compiled = numba.njit(cache=True, nogil=True, fastmath=True)


@_compiled
def _hash(x, y, z, seed):
    n = (x * 374761393 + y * 668265263 + z * 2147483647 + seed * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@_compiled
def _noise(x, y, z, seed):
    ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - ix, y - iy, z - iz
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    total = 0.0
    for corner in range(8):
        dx, dy, dz = corner & 1, (corner >> 1) & 1, corner >> 2
        weight = (fx if dx else 1 - fx) * (fy if dy else 1 - fy) * (fz if dz else 1 - fz)
        total += weight * _hash(ix + dx, iy + dy, iz + dz, seed)
    return total


@_compiled
def _fractal(x, y, z, seed, footprint):
    total, weight, size = 0.0, 0.5, 1.0
    for octave in range(5):
        if size * footprint > 0.7:
            break
        total += weight * (_noise(x * size, y * size, z * size, seed + octave) - 0.5)
        weight *= 0.6
        size *= 2.1
    return total


@_compiled
def _blend(pattern, x, y, z, seed, footprint):
    """0…1: how much of the second colour; `footprint` is a pixel's size in features."""
    if footprint > 0.7 and pattern != PLAIN and pattern != NOISE:
        return 0.4
    if pattern == NOISE:
        return min(1.0, max(0.0, 0.5 + 2.2 * _fractal(x, y, z, seed, footprint)))
    if pattern == CHECKS:
        return float((math.floor(x) + math.floor(y + 0.01) + math.floor(z)) & 1)
    if pattern == STRIPES:
        return 1.0 if math.sin(6.283 * (x + 0.3 * z + 0.2 * _noise(x, y, z, seed))) > 0.2 else 0.0
    if pattern == BRICKS:
        row = math.floor(2 * y)
        across = x + z + 0.5 * (row & 1)
        edge = min(min(across - math.floor(across), 1.0) * 1.0, (2 * y - row))
        return 1.0 if edge < 0.09 else 0.15 * _hash(math.floor(across), row, 0, seed)
    if pattern == SPOTS:
        cx, cy, cz = math.floor(x), math.floor(y), math.floor(z)
        best = 9.0
        for n in range(27):
            px, py, pz = cx + n % 3 - 1, cy + (n // 3) % 3 - 1, cz + n // 9 - 1
            jx = px + _hash(int(px), int(py), int(pz), seed)
            jy = py + _hash(int(px), int(py), int(pz), seed + 1)
            jz = pz + _hash(int(px), int(py), int(pz), seed + 2)
            best = min(best, (x - jx) ** 2 + (y - jy) ** 2 + (z - jz) ** 2)
        return 1.0 if best < 0.12 else 0.0
    if pattern == GRAIN:
        ring = 3 * math.sqrt(x * x * 0.2 + y * y) + 1.5 * _noise(0.3 * x, y, z, seed)
        return 0.5 + 0.5 * math.sin(6.283 * ring)
    if pattern == PRINT:
        row = math.floor(3 * y)
        inside = 3 * y - row
        return 1.0 if 0.2 < inside < 0.7 and _hash(math.floor(7 * (x + z)), row, 5, seed) > 0.45 else 0.0
    return 0.0


@_compiled
def _cell(x, y, z, seed):
    """0…1, one value for each patch of a mosaic."""
    cx, cy, cz = math.floor(x), math.floor(y), math.floor(z)
    best, value = 9.0, 0.0
    for n in range(27):
        px, py, pz = cx + n % 3 - 1, cy + (n // 3) % 3 - 1, cz + n // 9 - 1
        jx = px + _hash(int(px), int(py), int(pz), seed)
        jy = py + _hash(int(px), int(py), int(pz), seed + 1)
        jz = pz + _hash(int(px), int(py), int(pz), seed + 2)
        apart = (x - jx) ** 2 + (y - jy) ** 2 + (z - jz) ** 2
        if apart < best:
            best, value = apart, _hash(int(px), int(py), int(pz), seed + 3)
    return value


@_compiled
def _blends(pattern, x, y, z, seed, footprint, out):
    """0…1 for red, green and blue: how much of the second colour."""
    if pattern < MOSAIC:
        out[:] = _blend(pattern, x, y, z, seed, footprint)
        return
    patch = _cell(x, y, z, seed) if pattern == MOSAIC and footprint <= 0.7 else 0.4
    for a in range(3):
        if pattern == MOSAIC:
            out[a] = _hash(int(patch * 65535), a, 0, seed)
        elif footprint > 0.7:
            out[a] = 0.4
        else:
            own = seed + 7 * a
            bent = 1.5 * _noise(x, y, z, own + 3)
            out[a] = min(1.0, max(0.0, 3 * _noise(x + bent, y - bent, z + bent, own) - 1))


@_compiled
def _outline(x, y, seed):
    """Whether a card has stuff at (x, y) in -1…1: a blob, a leaf or a ragged shape."""
    angle = math.atan2(y, x)
    radius = math.sqrt(x * x + y * y)
    limit = 0.75
    for wave in range(2, 6):
        limit += 0.12 * math.sin(wave * angle + 6.283 * _hash(wave, 0, 0, seed))
    return radius < limit


@_compiled
def _hit_box(half, ox, oy, oz, dx, dy, dz):
    low, high, axis = -FAR, FAR, 0
    for a in range(3):
        o = ox if a == 0 else (oy if a == 1 else oz)
        d = dx if a == 0 else (dy if a == 1 else dz)
        if abs(d) < 1e-9:
            if abs(o) > half[a]:
                return FAR, 0
            continue
        t0, t1 = (-half[a] - o) / d, (half[a] - o) / d
        if min(t0, t1) > low:
            low, axis = min(t0, t1), a
        high = min(high, max(t0, t1))
    return (low, axis) if low <= high and low > 1e-4 else (FAR, 0)


@_compiled
def _hit_ellipsoid(half, ox, oy, oz, dx, dy, dz):
    px, py, pz = ox / half[0], oy / half[1], oz / half[2]
    qx, qy, qz = dx / half[0], dy / half[1], dz / half[2]
    a = qx * qx + qy * qy + qz * qz
    b = px * qx + py * qy + pz * qz
    root = b * b - a * (px * px + py * py + pz * pz - 1)
    t = (-b - math.sqrt(root)) / a if root > 0 else FAR
    return (t, 3) if t > 1e-4 else (FAR, 3)


@_compiled
def _hit_cylinder(half, ox, oy, oz, dx, dy, dz):
    best, axis = FAR, 4
    a = (dx / half[0]) ** 2 + (dz / half[2]) ** 2
    b = ox * dx / half[0] ** 2 + oz * dz / half[2] ** 2
    root = b * b - a * ((ox / half[0]) ** 2 + (oz / half[2]) ** 2 - 1)
    if a > 1e-12 and root > 0:
        t = (-b - math.sqrt(root)) / a
        if t > 1e-4 and abs(oy + t * dy) < half[1]:
            best = t
    if abs(dy) > 1e-9:
        t = ((-half[1] if dy > 0 else half[1]) - oy) / dy
        if 1e-4 < t < best and ((ox + t * dx) / half[0]) ** 2 + ((oz + t * dz) / half[2]) ** 2 < 1:
            best, axis = t, 1
    return best, axis


@_compiled
def _hit_card(half, seed, ox, oy, oz, dx, dy, dz):
    t = -oz / dz if abs(dz) > 1e-9 else -1.0
    if t < 1e-4:
        return FAR, 2
    x, y = (ox + t * dx) / half[0], (oy + t * dy) / half[1]
    return (t, 2) if abs(x) < 1 and abs(y) < 1 and _outline(x, y, seed) else (FAR, 2)


@_compiled
def _hit_ring(half, ox, oy, oz, dx, dy, dz):
    t = -oz / dz if abs(dz) > 1e-9 else -1.0
    if t < 1e-4:
        return FAR, 2
    radius = math.sqrt(((ox + t * dx) / half[0]) ** 2 + ((oy + t * dy) / half[1]) ** 2)
    return (t, 2) if 0.68 < radius < 1 else (FAR, 2)


@_compiled
def _hit_cone(half, ox, oy, oz, dx, dy, dz):
    px, pz, qx, qz = ox / half[0], oz / half[2], dx / half[0], dz / half[2]
    py, qy = 0.5 * (oy / half[1] + 1), 0.5 * dy / half[1]
    a, b, c = qx * qx + qz * qz - qy * qy, px * qx + pz * qz - py * qy, px * px + pz * pz - py * py
    root = b * b - a * c
    best, axis = FAR, 5
    if root > 0 and abs(a) > 1e-9:
        for side in (-1.0, 1.0):
            t = (-b + side * math.sqrt(root)) / a
            if 1e-4 < t < best and 0 < py + t * qy < 1:
                best = t
    if abs(dy) > 1e-9:
        t = (half[1] - oy) / dy
        if 1e-4 < t < best and (px + t * qx) ** 2 + (pz + t * qz) ** 2 < 1:
            best, axis = t, 1
    return best, axis


@_compiled
def _hit(shape, half, seed, ox, oy, oz, dx, dy, dz):
    """Distance along the ray (in its own unit) and the normal's axis code; the ray is in the thing's own frame."""
    if shape == PLANE:
        t = -oy / dy if abs(dy) > 1e-9 else FAR
        return (t, 1) if t > 1e-4 else (FAR, 1)
    if shape == BOX:
        return _hit_box(half, ox, oy, oz, dx, dy, dz)
    if shape == ELLIPSOID:
        return _hit_ellipsoid(half, ox, oy, oz, dx, dy, dz)
    if shape == CYLINDER:
        return _hit_cylinder(half, ox, oy, oz, dx, dy, dz)
    if shape == CONE:
        return _hit_cone(half, ox, oy, oz, dx, dy, dz)
    if shape == RING:
        return _hit_ring(half, ox, oy, oz, dx, dy, dz)
    return _hit_card(half, seed, ox, oy, oz, dx, dy, dz)


@_compiled
def _cast(shape, turn, position, half, seed, reach, origin, ray, nearest):
    """The first thing along a ray of length 1: (index or -1, distance, normal's code)."""
    best, index, code = nearest, -1, 0
    for n in range(shape.shape[0]):
        rx, ry, rz = origin[0] - position[n, 0], origin[1] - position[n, 1], origin[2] - position[n, 2]
        if reach[n] < FAR:
            along = -(rx * ray[0] + ry * ray[1] + rz * ray[2])
            apart = rx * rx + ry * ry + rz * rz - along * along
            if apart > reach[n] * reach[n] or along + reach[n] < 0 or along - reach[n] > best:
                continue
        m = turn[n]
        ox, oy, oz = (m[0, 0] * rx + m[1, 0] * ry + m[2, 0] * rz, m[0, 1] * rx + m[1, 1] * ry + m[2, 1] * rz,
                      m[0, 2] * rx + m[1, 2] * ry + m[2, 2] * rz)
        dx, dy, dz = (m[0, 0] * ray[0] + m[1, 0] * ray[1] + m[2, 0] * ray[2],
                      m[0, 1] * ray[0] + m[1, 1] * ray[1] + m[2, 1] * ray[2],
                      m[0, 2] * ray[0] + m[1, 2] * ray[1] + m[2, 2] * ray[2])
        t, axis = _hit(shape[n], half[n], seed[n], ox, oy, oz, dx, dy, dz)
        if t < best:
            best, index, code = t, n, axis
    return index, best, code


@_compiled
def _normal(code, local, half, direction):
    """The unit normal in the thing's own frame, towards the viewer."""
    x, y, z = 0.0, 0.0, 0.0
    if code == 3:
        x, y, z = local[0] / half[0] ** 2, local[1] / half[1] ** 2, local[2] / half[2] ** 2
    elif code == 4:
        x, z = local[0] / half[0] ** 2, local[2] / half[2] ** 2
    elif code == 5:
        x, z = local[0] / half[0] ** 2, local[2] / half[2] ** 2
        y = -0.25 * (local[1] / half[1] + 1) / half[1]
    elif code == 0:
        x = 1.0
    elif code == 1:
        y = 1.0
    else:
        z = 1.0
    length = math.sqrt(x * x + y * y + z * z) + 1e-12
    if x * direction[0] + y * direction[1] + z * direction[2] > 0:
        length = -length
    return x / length, y / length, z / length


@_compiled
def _turned_back(m, v, out):
    """World to a thing's own frame."""
    for a in range(3):
        out[a] = m[0, a] * v[0] + m[1, a] * v[1] + m[2, a] * v[2]


@_compiled
def _light_on(shape, turn, position, half, seed, reach, point, normal, lamp, ambient, shadows, distance):
    """How much light falls on a point, 0…1; moves `point` off its surface."""
    lit = max(0.0, normal[0] * lamp[0] + normal[1] * lamp[1] + normal[2] * lamp[2])
    if lit > 0 and shadows:
        for a in range(3):
            point[a] += 2e-3 * distance * normal[a]
        blocked, _, _ = _cast(shape, turn, position, half, seed, reach, point, lamp, 60.0)
        if blocked >= 0:
            lit *= 0.12
    return ambient * (0.75 - 0.25 * normal[1]) + (1 - ambient) * lit


@_compiled
def _render(shape, turn, position, half, pattern, colours, scale, roughness, seed, reach, camera_turn, camera_position,
            focal, lamp, ambient, sky_top, sky_low, haze, shadows, frame_seed, picture, nearness):
    height, width = nearness.shape
    ray, local, direction = np.empty(3), np.empty(3), np.empty(3)
    point, normal, mix = np.empty(3), np.empty(3), np.empty(3)
    for sample in range(3 * height * width):
        # The middle first: it gives the distance. The two others only smooth the edges.
        place, part = sample // 3, sample % 3
        row, column = place // width, place % width
        x = (column + 0.5 + 0.3 * ((part + 1) % 3 - 1) - 0.5 * width) / (width * focal)
        y = (row + 0.5 - 0.25 * ((part + 1) % 3 - 1) - 0.5 * height) / (width * focal)
        length = math.sqrt(x * x + y * y + 1)
        for a in range(3):
            ray[a] = (camera_turn[a, 0] * x + camera_turn[a, 1] * y + camera_turn[a, 2]) / length
        index, distance, code = _cast(shape, turn, position, half, seed, reach, camera_position, ray, FAR)
        if index < 0:
            up = min(1.0, max(0.0, 0.5 - 0.9 * ray[1]))
            clouds = 0.3 * max(0.0, _fractal(ray[0] * 4, ray[1] * 9, ray[2] * 4, frame_seed, 0.02))
            for a in range(3):
                picture[row, column, a] += (sky_low[a] + up * (sky_top[a] - sky_low[a]) + clouds) / 3
            continue
        if part == 0:
            nearness[row, column] = length / distance
        for a in range(3):
            point[a] = camera_position[a] + distance * ray[a]
        _turned_back(turn[index], point - position[index], local)
        _turned_back(turn[index], ray, direction)
        nx, ny, nz = _normal(code, local, half[index], direction)
        for a in range(3):
            normal[a] = turn[index, a, 0] * nx + turn[index, a, 1] * ny + turn[index, a, 2] * nz
        shade = _light_on(shape, turn, position, half, seed, reach, point, normal, lamp, ambient, shadows, distance)
        s = scale[index]
        facing = max(0.15, abs(nx * direction[0] + ny * direction[1] + nz * direction[2]))
        footprint = distance / (width * focal) * s / facing
        _blends(pattern[index], local[0] * s + 0.01, local[1] * s + 0.01, local[2] * s + 0.01, seed[index], footprint,
                mix)
        grain = 1 + 1.6 * roughness[index] * _fractal(local[0] * 3 * s, local[1] * 3 * s, local[2] * 3 * s,
                                                      seed[index] + 9, 3 * footprint)
        clear = math.exp(-haze * distance)
        for a in range(3):
            own = colours[index, 0, a] + mix[a] * (colours[index, 1, a] - colours[index, 0, a])
            picture[row, column, a] += (sky_low[a] + clear * (max(0.0, own * grain * shade) - sky_low[a])) / 3
