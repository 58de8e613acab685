"""What the sample clip is painted with: noise, ground textures, and cut-out pictures of trees, clouds, columns, ...

Colours are gamma-coded RGB, 0…255 in uint8 and 0…1 in float32. All randomness comes from generators passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""uint8 [H, W, 3] RGB, or [H, W, 4] with alpha, colours multiplied by it."""
FloatImage = npt.NDArray[np.float32]
Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Cutout:
    """A flat picture that stands in the scene, facing the camera."""

    levels: tuple[Image, ...]
    """The picture, multiplied by its alpha, and its halvings."""
    width: float
    """Metres."""
    height: float

    @classmethod
    def of(cls, rgb: FloatImage, alpha: FloatImage, width: float) -> Cutout:
        """From colours 0…1 [H, W, 3], alpha 0…1 [H, W] and a width in metres."""
        picture = single(np.dstack([rgb * alpha[..., None], alpha]))
        levels = [picture]
        while min(levels[-1].shape[:2]) > 16:
            rows, columns = levels[-1].shape[:2]
            smaller = cv2.resize(levels[-1], (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
            levels.append(single(smaller))
        height = width * picture.shape[0] / picture.shape[1]
        return cls(tuple(to_bytes(level) for level in levels), width, height)


def single(values: npt.NDArray[Any]) -> FloatImage:
    """As float32, without a copy where it is."""
    return np.asarray(values, np.float32)


def to_bytes(picture: npt.NDArray[Any]) -> Image:
    """0…1 to 0…255, rounded."""
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)


def noise(random: np.random.Generator, size: tuple[int, int], cells: int, octaves: int = 4) -> FloatImage:
    """Smooth random hills, 0…1, float32 [rows, columns], that repeat seamlessly; `cells` across at the coarsest."""
    rows, columns = size
    total = np.zeros(size, np.float32)
    weight = 1.0
    for _ in range(octaves):
        grid = random.random((cells, cells), np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        step_y, step_x = rows / cells, columns / cells
        map_y, map_x = np.meshgrid((np.arange(rows) + 0.5) / step_y + 1.5, (np.arange(columns) + 0.5) / step_x + 1.5,
                                   indexing="ij")  # fmt: skip
        total += weight * cv2.remap(wrapped, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_CUBIC)
        weight *= 0.55
        cells = min(cells * 2, rows, columns)
    low, high = float(total.min()), float(total.max())
    return single((total - low) / (high - low))


def mix(first: Colour | FloatImage, second: Colour | FloatImage, share: FloatImage | float) -> FloatImage:
    """From `first` (share 0) to `second` (share 1)."""
    amount = np.asarray(share, np.float32)[..., None]
    return single(np.asarray(first, np.float32) * (1 - amount) + np.asarray(second, np.float32) * amount)


def smooth_step(low: float, high: float, value: npt.NDArray[Any] | float) -> FloatImage:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((np.asarray(value, np.float32) - low) / (high - low), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def grass(random: np.random.Generator, size: int = 1024) -> Image:
    """Meadow from above, repeating, uint8 [size, size, 3]."""
    broad, fine = noise(random, (size, size), 6), noise(random, (size, size), 96, 3)
    blades = cv2.blur(random.random((size, size), np.float32), (3, 9))
    tone = 0.35 * broad + 0.4 * fine + 1.6 * (blades - 0.5) + 0.15
    picture = mix((0.20, 0.36, 0.10), (0.56, 0.68, 0.24), single(np.clip(tone, 0, 1)))
    for colour in ((0.98, 0.95, 0.85), (0.97, 0.80, 0.25), (0.80, 0.45, 0.75)):
        for _ in range(70):
            centre = random.integers(8, size - 8, 2)
            cv2.circle(picture, (int(centre[0]), int(centre[1])), int(random.integers(2, 5)), colour, -1, cv2.LINE_AA)
    return to_bytes(picture)


def sand(random: np.random.Generator, size: int = 512) -> Image:
    """A trodden path from above, repeating, uint8 [size, size, 3]."""
    tone = 0.6 * noise(random, (size, size), 5) + 0.4 * noise(random, (size, size), 80, 3)
    return to_bytes(mix((0.62, 0.48, 0.32), (0.86, 0.74, 0.55), single(tone)))


def paving(random: np.random.Generator, size: int = 1024, tiles: int = 8) -> Image:
    """Stone slabs in two colours from above, repeating, uint8 [size, size, 3]."""
    index = np.arange(size) * tiles // size
    checker = ((index[:, None] + index[None, :]) % 2).astype(np.float32)
    tint = random.random((tiles, tiles), np.float32)[index[:, None], index[None, :]]
    veins = np.abs(noise(random, (size, size), 8, 5) - 0.5) * 2
    picture = mix((0.30, 0.22, 0.32), (0.80, 0.66, 0.58), single(checker * 0.85 + 0.12 * tint))
    picture *= (0.82 + 0.18 * smooth_step(0.0, 0.12, veins))[..., None]
    edge = np.minimum(np.arange(size) % (size // tiles), size // tiles - 1 - np.arange(size) % (size // tiles))
    joint = smooth_step(1, 4, np.minimum(edge[:, None], edge[None, :]).astype(np.float32))
    return to_bytes(picture * (0.45 + 0.55 * joint)[..., None])


def tree(random: np.random.Generator, leaf: Colour) -> Cutout:
    """A broad-leaved tree: a trunk and clumps of leaves, lit from the upper left."""
    rows, columns = 640, 512
    canvas = np.zeros((rows, columns, 3), np.float32)
    alpha = np.zeros((rows, columns), np.float32)
    trunk = np.array([(236, 330), (276, 330), (284, 560), (300, 639), (212, 639), (228, 560)], np.int32)
    cv2.fillPoly(alpha, [trunk], 1.0, cv2.LINE_AA)
    grain = 0.7 + 0.6 * noise(random, (rows, columns), 40)
    bark = np.linspace(0.42, 0.16, columns, dtype=np.float32)[None, :] * grain
    canvas[:] = bark[..., None] * np.array((1.0, 0.72, 0.5), np.float32)
    clumps = [(float(random.normal(256, 82)), float(random.normal(240, 84)), float(random.uniform(34, 66)))
              for _ in range(90)]  # fmt: skip
    for x, y, radius in sorted(clumps, key=lambda clump: -clump[1]):
        _leaves(random, canvas, alpha, (np.clip(x, 80, 432), np.clip(y, 76, 400), radius), leaf)
    return Cutout.of(np.clip(canvas, 0, 1), np.clip(alpha, 0, 1), 4.2)


def _leaves(random: np.random.Generator, canvas: FloatImage, alpha: FloatImage, clump: tuple[float, float, float],
            leaf: Colour) -> None:  # fmt: skip
    x, y, radius = clump
    for _ in range(70):
        angle, reach = random.uniform(0, 2 * math.pi), radius * math.sqrt(random.random())
        dx, dy = reach * math.cos(angle), reach * math.sin(angle)
        light = 0.72 - 0.30 * (dx + 1.4 * dy) / radius - 0.0007 * (y - 200) + random.normal(0, 0.08)
        colour = tuple(float(np.clip(part * light * 1.15 + 0.03, 0, 1)) for part in leaf)
        centre, size = (int(x + dx), int(y + dy)), int(random.uniform(3, 8))
        cv2.circle(canvas, centre, size, colour, -1, cv2.LINE_AA)
        cv2.circle(alpha, centre, size, 1.0, -1, cv2.LINE_AA)


def bush(random: np.random.Generator) -> Cutout:
    """A low bush with flowers."""
    canvas, alpha = np.zeros((200, 360, 3), np.float32), np.zeros((200, 360), np.float32)
    for _ in range(26):
        x = float(random.uniform(70, 290))
        y = float(random.uniform(70 + abs(x - 180) * 0.4, 175))
        _leaves(random, canvas, alpha, (x, y, float(random.uniform(22, 44))), (0.42, 0.66, 0.26))
    for _ in range(40):
        centre = int(random.uniform(50, 310)), int(random.uniform(50, 170))
        if alpha[centre[1], centre[0]] > 0.9:
            cv2.circle(canvas, centre, 4, (0.98, 0.62, 0.72), -1, cv2.LINE_AA)
    return Cutout.of(canvas, np.clip(alpha, 0, 1), 1.7)


def fence(random: np.random.Generator) -> Cutout:
    """One length of a white picket fence: three pickets and two rails."""
    rows, columns = 330, 300
    alpha = np.zeros((rows, columns), np.float32)
    shade = np.full((rows, columns), 0.9, np.float32)
    for y in (95, 235):
        alpha[y : y + 26] = 1
        shade[y : y + 26] = np.linspace(0.82, 0.62, 26)[:, None]
    for x in (25, 125, 225):
        picket = np.array([(x, 45), (x + 25, 8), (x + 50, 45), (x + 50, 329), (x, 329)], np.int32)
        mask = np.zeros_like(alpha)
        cv2.fillPoly(mask, [picket], 1.0, cv2.LINE_AA)
        columns_lit = np.clip(np.linspace(1.0, 0.78, columns, dtype=np.float32) + 0.04, 0, 1)[None, :]
        shade = np.where(mask > 0.5, columns_lit, shade)
        alpha = np.maximum(alpha, mask)
    grain = 0.9 + 0.1 * noise(random, (rows, columns), 30)
    rgb = (shade * grain)[..., None] * np.array((1.0, 0.97, 0.92), np.float32)
    return Cutout.of(rgb.astype(np.float32), alpha, 0.9)


def balloon(stripes: tuple[Colour, Colour]) -> Cutout:
    """A hot-air balloon, 16 m high."""
    rows, columns = 640, 480
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    u = (x - 240) / 230
    v = (y - 238) / 230
    half = np.where(v < 0, np.sqrt(np.clip(1 - v * v, 0, 1)), np.cos(np.clip(v, 0, 1.25) * 1.18) ** 0.9)
    envelope = np.clip((half - np.abs(u)) * 230 + 0.5, 0, 1) * (v < 1.12) * (v > -1)
    longitude = np.arcsin(np.clip(u / np.maximum(half, 0.05), -1, 1))
    band = smooth_step(-0.12, 0.12, np.sin(longitude * 8))
    light = 0.66 + 0.4 * np.cos(longitude + 0.6) - 0.18 * v
    rgb = mix(stripes[0], stripes[1], band) * light[..., None].astype(np.float32)
    alpha = envelope.astype(np.float32)
    for side in (-1, 1):
        cv2.line(alpha, (240 + side * 58, 494), (240 + side * 26, 580), 0.8, 3, cv2.LINE_AA)
    basket = (np.abs(x - 240) < 34) & (y > 576) & (y < 630)
    rgb[(alpha > 0) & (y > 494)] = (0.25, 0.18, 0.12)
    rgb[basket] = (0.48, 0.31, 0.16)
    alpha[basket] = 1
    return Cutout.of(np.clip(rgb, 0, 1).astype(np.float32), alpha, 12.0)


def cloud(random: np.random.Generator, lit: Colour, shaded: Colour) -> Cutout:
    """A heap of cloud with a flat, soft base, 60 m wide."""
    rows, columns = 220, 512
    puff = np.zeros((rows, columns), np.float32)
    for _ in range(34):
        x = float(random.normal(256, 88))
        size = float(random.uniform(22, 64)) * (1 - 0.5 * min(1.0, abs(x - 256) / 200))
        cv2.circle(puff, (int(x), int(160 - size * 0.8)), int(size), 1.0, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(puff, (0, 0), 5)
    texture = noise(random, (rows, columns), 10, 5)
    alpha = smooth_step(0.35, 0.85, soft + 0.5 * (texture - 0.5)) * smooth_step(-190, -140, -np.arange(rows)[:, None])
    shade = smooth_step(60, 175, np.arange(rows, dtype=np.float32)[:, None] + 60 * (texture - 0.5))
    return Cutout.of(mix(lit, shaded, shade), (alpha * 0.95).astype(np.float32), 60.0)


def ridge(random: np.random.Generator, colours: tuple[Colour, Colour], width: float, roughness: float) -> Cutout:
    """A mountain range, `width` metres wide, that fades towards its foot."""
    rows, columns = 300, 2400
    line = np.zeros(columns, np.float32)
    for octave in range(7):
        cells = 6 * 2**octave
        points = random.random(cells + 1, np.float32) - 0.5
        line += np.interp(np.linspace(0, cells, columns), np.arange(cells + 1), points) * (roughness**octave)
    line = (line - line.min()) / (line.max() - line.min())
    top = 10 + (1 - line) * 190
    y = np.arange(rows, dtype=np.float32)[:, None]
    alpha = np.clip(y - top[None, :] + 0.5, 0, 1)
    slope = np.gradient(cv2.GaussianBlur(line[None, :], (0, 0), 6)[0])[None, :] * 60
    texture = noise(random, (rows, columns), 40, 4)
    share = np.clip(smooth_step(0, 260, y - 0.3 * top) + slope + 0.25 * (texture - 0.5), 0, 1)
    return Cutout.of(mix(colours[0], colours[1], share), alpha.astype(np.float32), width)


def column(random: np.random.Generator) -> Cutout:
    """A fluted stone column, 5.2 m high."""
    rows, columns = 1300, 260
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    across = (x - 129.5) / 130
    narrow = np.full(rows, 0.62, np.float32) + 0.08 * np.linspace(0, 1, rows, dtype=np.float32)
    narrow[:70], narrow[70:110], narrow[1180:1230], narrow[1230:] = 0.98, 0.82, 0.86, 0.98
    half = narrow[:, None]
    alpha = np.clip((half - np.abs(across)) * 130 + 0.5, 0, 1)
    angle = np.arcsin(np.clip(across / half, -1, 1))
    shaft = (y > 110) & (y < 1180)
    flutes = np.where(shaft, 0.10 * np.cos(angle * 20), 0)
    light = 0.14 + 0.86 * np.clip(np.cos(angle - 0.95), 0, 1) + flutes
    light *= 0.85 + 0.25 * noise(random, (rows, columns), 13, 5)
    rgb = light[..., None] * np.array((0.90, 0.64, 0.50), np.float32) + np.array((0.03, 0.02, 0.10), np.float32)
    return Cutout.of(np.clip(rgb, 0, 1).astype(np.float32), alpha.astype(np.float32), 1.04)


def skyline(random: np.random.Generator) -> Cutout:
    """A town in the dusk with lit windows, 260 m wide."""
    rows, columns = 260, 2080
    rgb, alpha = np.zeros((rows, columns, 3), np.float32), np.zeros((rows, columns), np.float32)
    x = 0
    while x < columns:
        width, top = int(random.uniform(36, 110)), int(random.uniform(40, 200))
        tone = np.array((0.26, 0.20, 0.34), np.float32) * float(random.uniform(0.75, 1.1))
        rgb[top:, x : x + width] = tone
        alpha[top:, x : x + width] = 1
        if random.random() < 0.4:
            middle = x + width // 2
            roof = np.array([(x, top), (middle, top - 36), (x + width - 1, top)], np.int32)
            cv2.fillPoly(alpha, [roof], 1.0, cv2.LINE_AA)
            cv2.fillPoly(rgb, [roof], tuple(float(part) for part in tone))
        for row in range(top + 12, rows - 10, 18):
            for left in range(x + 6, x + width - 10, 14):
                if random.random() < 0.34:
                    rgb[row : row + 8, left : left + 6] = (1.0, 0.78, 0.42)
        x += width
    return Cutout.of(rgb, alpha, 260.0)
