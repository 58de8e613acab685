"""Draws docs/layouts.jpg and docs/wiggle.webp: one scene in every layout.

Run from anywhere, with the package installed: `python docs/figures/layouts.py`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from video3d.stereo.anaglyph import rgb_from_yuv
from video3d.stereo.layouts import pack
from video3d.stereo.packer import Canvas, Packer, encoded_size, parted
from video3d.stereo.vr180 import VirtualScreen
from video3d.stereo.wiggle import WiggleFormat, to_rgb, wiggle
from video3d.types import Frame, Layout, PixelFormat, StereoFrame
from video3d.video_info import ColourTags

WIDTH, HEIGHT = 480, 270
STRENGTH = 0.025
YUV420 = PixelFormat(8, 1, 1)
TAGS = ColourTags(matrix=1, full_range=True)
TILE_WIDTH, CAPTION, GAP = 400, 26, 14
COLUMNS = 3


def scene(shift: float) -> tuple[np.ndarray, np.ndarray]:
    """RGB uint8 [H, W, 3] and nearness; things move left by `shift` × their distance from the screen plane."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    picture, nearness = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH), np.float32)
    for near, paint in ((0.0, _sky), (0.25, _hills), (0.55, _house), (1.0, _balloon)):
        moved = x + shift * (near - 0.55)
        mask, colour = paint(moved, y)
        picture[mask], nearness[mask] = colour[mask], near
    return picture.astype(np.uint8), nearness


def _sky(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    clouds = 18 * np.sin(x / 31 + np.sin(y / 17) * 2) * np.sin(y / 23 + 1)
    return np.ones(x.shape, bool), np.dstack([110 + y / 2 + clouds, 165 + y / 4 + clouds, 235 + 0 * y])


def _hills(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ridge = 165 + 22 * np.sin(x / 70) + 9 * np.sin(x / 19 + 1)
    grain = 14 * np.sin(x / 5) * np.sin(y / 4)
    return y > ridge, np.dstack([70 + grain + y / 5, 125 + grain + 0 * y, 60 + grain + 0 * y])


def _house(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wall = (abs(x - 310) < 60) & (y > 130) & (y < 235)
    roof = (y > 85) & (y <= 130) & (abs(x - 310) < (y - 85) * 1.7)
    window = (abs(abs(x - 310) - 32) < 12) & (abs(y - 170) < 16)
    bricks = 12 * ((y // 8 + (x + 8 * (y // 8 % 2)) // 16) % 2)
    colour = np.where(window[..., None], [60, 80, 110], np.dstack([205 + bricks, 180 + bricks, 140 + bricks]))
    return wall | roof, np.where(roof[..., None], [165, 60, 45], colour)


def _balloon(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ball = ((x - 150) / 58) ** 2 + ((y - 95) / 66) ** 2 < 1
    ropes = (abs(abs(x - 150) - (205 - y) * 0.35) < 1.5) & (y > 140) & (y < 190)
    basket = (abs(x - 150) < 15) & (abs(y - 200) < 12)
    stripes = (np.floor((x - 150) / 20) % 2 == 0)[..., None]
    colour = np.where(stripes, [235, 60, 50], [250, 225, 120])
    light = 1 - 0.35 * np.clip((x - 130) / 60, 0, 1)[..., None]
    return ball | ropes | basket, np.where((ropes | basket)[..., None], [110, 75, 40], colour * light)


def frame(rgb: np.ndarray) -> Frame:
    """RGB uint8 [H, W, 3] as 4:2:0, left-sited."""
    matrix = rgb_from_yuv(TAGS, YUV420, HEIGHT)
    yuv = (rgb / 255.0 - matrix[:, 3]) @ np.linalg.inv(matrix[:, :3]).T
    yuv = np.clip(np.rint(yuv), 0, 255).astype(np.uint8)
    chroma = [cv2.resize(yuv[..., index], (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA) for index in (1, 2)]
    return Frame((np.ascontiguousarray(yuv[..., 0]), *chroma), 0, YUV420)


def tile(packed: Frame, caption: str) -> np.ndarray:
    """A caption over the packed picture, its proportions kept."""
    rgb = to_rgb(packed, TAGS)
    height = round(TILE_WIDTH * packed.height / packed.width)
    if height > 2 * HEIGHT:
        height = 2 * HEIGHT
    width = min(round(height * packed.width / packed.height), TILE_WIDTH)
    method = cv2.INTER_AREA if width < packed.width else cv2.INTER_NEAREST
    picture = np.full((height + CAPTION, TILE_WIDTH, 3), 255, np.uint8)
    picture[CAPTION:, :width] = cv2.resize(rgb, (width, height), interpolation=method)
    cv2.putText(picture, f"{caption}  {packed.width}x{packed.height}", (0, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.48,
                (30, 30, 30), 1, cv2.LINE_AA)
    return picture


def board(tiles: list[np.ndarray]) -> np.ndarray:
    """The tiles in columns, each put where there is most room."""
    heights = [0] * COLUMNS
    places = []
    for picture in tiles:
        column = heights.index(min(heights))
        places.append((column, heights[column]))
        heights[column] += picture.shape[0] + GAP
    sheet = np.full((max(heights), COLUMNS * (TILE_WIDTH + GAP) - GAP, 3), 255, np.uint8)
    for picture, (column, top) in zip(tiles, places, strict=True):
        left = column * (TILE_WIDTH + GAP)
        sheet[top:top + picture.shape[0], left:left + TILE_WIDTH] = picture
    return sheet


def zoomed(packed: Frame, caption: str) -> np.ndarray:
    """A corner of an interleaved frame, enlarged so that the turns are seen."""
    top, left, rows, columns = 60, 190, 45, 80
    planes = tuple(np.ascontiguousarray(plane[top:top + rows, left:left + columns]) for plane in packed.planes)
    return tile(Frame(planes, 0, packed.pixel_format), f"{caption}, detail")


def main() -> None:
    """Writes the two pictures."""
    shift = STRENGTH * WIDTH * 2
    (left, nearness), (right, _) = scene(0.0), scene(shift)
    stereo = StereoFrame(frame(left), frame(right))
    tiles = []
    for layout in Layout:
        canvas = Canvas(VirtualScreen(), 2 * HEIGHT) if layout is Layout.VR180 else None
        packed = Packer(layout, WIDTH, HEIGHT, YUV420, colour=TAGS, canvas=canvas).pack(stereo, nearness)
        parts = parted(packed, layout)
        assert all((part.width, part.height) == encoded_size(layout, WIDTH, HEIGHT, canvas) for part in parts)
        if packed.pixel_format != YUV420:
            tiles.append(zoomed(packed, layout.value))
        elif len(parts) > 1:
            tiles += [tile(part, f"{layout.value}, {eye} file")
                      for part, eye in zip(parts, ("left", "right"), strict=True)]
        else:
            tiles.append(tile(packed, layout.value))
    tiles.append(tile(pack(stereo, Layout.FULL_SBS, swap_eyes=True, colour=TAGS), "full-sbs, eyes swapped"))
    tiles += [tile(eye, f"wiggle, {word}: see wiggle.webp")
              for eye, word in ((stereo.left, "first"), (stereo.right, "then"))]
    docs = Path(__file__).resolve().parent.parent
    Image.fromarray(board(tiles)).save(docs / "layouts.jpg", quality=88, subsampling=0, optimize=True)
    (docs / "wiggle.webp").write_bytes(wiggle(stereo, WiggleFormat.WEBP, colour=TAGS))
    for name in ("layouts.jpg", "wiggle.webp"):
        print(f"{name}: {(docs / name).stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
