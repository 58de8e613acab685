"""Draws crops of real pictures beside the eye made from them: feathers, thin beams, twigs.

    python docs/figures/crops.py DATA [-o docs/crops.jpg] [--all]

DATA holds `stereo_real/forest_sbs_1080p.jpg` and `video/{rollercoaster,cockatoo_yuv444}.mp4`. Their depth is made here,
as soft as a network gives it (921x518, blurred by 1.5 pixels): matched from the true pair for the forest, sky against
the rest for the beams, the bird cut out for the feathers. Without --all only the forest is drawn, which may be shared.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from video3d.stereo import synthesize

ZOOM, CELL, CAPTION, GAP = 3, (150, 110), 22, 8
STRENGTH = 0.025
"""Of the width, from the farthest to the nearest point."""


@dataclass(frozen=True, eq=False)
class Example:
    """A picture (uint8 RGB), what is near (float32 0…1, soft), the true other eye where there is one, and places."""

    name: str
    picture: np.ndarray
    disparity: np.ndarray
    other: np.ndarray | None
    places: tuple[tuple[int, int], ...]
    """Top left corners of the crops, in pixels (x, y)."""


def softened(disparity: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """As a network would give it."""
    coarse = cv2.resize(disparity.astype(np.float32), (921, 518), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(coarse, (0, 0), 1.5), size)


def forest(data: Path) -> Example:
    """A real pair; its disparity is matched, holes in it filled from the farther side."""
    both = cv2.cvtColor(cv2.imread(str(data / "stereo_real/forest_sbs_1080p.jpg")), cv2.COLOR_BGR2RGB)
    left, right = both[:, :1920], both[:, 1920:]
    right = cv2.warpAffine(right, np.float32([[1, 0, 0], [0, 1, 1.7]]), (1920, 1080), borderMode=cv2.BORDER_REPLICATE)
    grey = [cv2.resize(cv2.cvtColor(eye, cv2.COLOR_RGB2GRAY), (640, 360), interpolation=cv2.INTER_AREA)
            for eye in (left, right)]
    matcher = cv2.StereoSGBM.create(-32, 80, 5, P1=200, P2=800, uniquenessRatio=5, speckleWindowSize=80,
                                    speckleRange=2, mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY)
    found = matcher.compute(*grey).astype(np.float32) / 16
    missing = (found < -31).astype(np.uint8)
    low, high = np.percentile(found[missing == 0], (1, 99))
    scaled = np.clip((found - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    whole = cv2.medianBlur(cv2.inpaint(scaled, missing, 3, cv2.INPAINT_TELEA), 5)
    disparity = (whole.astype(np.float32) / 255 * (high - low) + low) * 3
    return Example("forest", left, softened(disparity, (1920, 1080)), right,
                   ((620, 300), (1050, 420), (300, 620), (1500, 250)))


def beams(data: Path) -> Example:
    """Thin beams before the sky."""
    picture = frame(data / "video/rollercoaster.mp4", 20)
    hue, _, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV))
    sky = (abs(hue.astype(int) - 104) < 12) & (value > 130)
    down = np.linspace(0.45, 1, picture.shape[0], dtype=np.float32)[:, None]
    near = np.where(sky, 0, down + 0 * value).astype(np.float32)
    return Example("beams", picture, softened(near * STRENGTH * picture.shape[1], picture.shape[1::-1]), None,
                   ((120, 60), (420, 40), (640, 140), (300, 260)))


def feathers(data: Path) -> Example:
    """A bird before a room, cut out by hand."""
    picture = frame(data / "video/cockatoo_yuv444.mp4", 30)
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    outline = np.array([(500, 0), (478, 100), (470, 220), (436, 343), (392, 466), (368, 588), (368, 720), (943, 720),
                        (920, 588), (870, 440), (845, 318), (796, 196), (755, 73), (735, 0)])
    cv2.fillPoly(mask, [outline], 1, cv2.LINE_8)
    near = np.where(mask & 1, 1.0, 0.25).astype(np.float32)
    return Example("feathers", picture, softened(near * STRENGTH * width, (width, height)), None,
                   ((700, 120), (620, 40), (560, 200), (800, 400)))


def frame(path: Path, number: int) -> np.ndarray:
    """A picture of a video."""
    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    picture = video.read()[1]
    video.release()
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def row(example: Example, place: tuple[int, int]) -> np.ndarray:
    """One place: the source, its disparity, the eye made, and the true one where there is one."""
    made = synthesize(example.picture, example.disparity.astype(np.float32))
    x, y = place
    # The made eye's crop is taken where the place's near things went.
    moved = int(np.clip(x - np.median(example.disparity[y:y + CELL[1], x:x + CELL[0]]), 0, made.shape[1] - CELL[0]))
    low, high = example.disparity.min(), example.disparity.max()
    depth = np.repeat(((example.disparity - low) / (high - low) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    pictures = [(example.picture, x), (depth, x), (made, moved)]
    if example.other is not None:
        pictures.append((example.other, moved))
    cells = [cv2.resize(picture[y:y + CELL[1], left:left + CELL[0]], None, fx=ZOOM, fy=ZOOM,
                        interpolation=cv2.INTER_NEAREST) for picture, left in pictures]
    captions = ["source", "its depth", "made", "true"]
    return np.concatenate([captioned(cell, f"{example.name}: {word}")
                           for cell, word in zip(cells, captions, strict=False)], axis=1)


def captioned(cell: np.ndarray, text: str) -> np.ndarray:
    """A cell under its caption."""
    framed = np.full((cell.shape[0] + CAPTION + GAP, cell.shape[1] + GAP, 3), 255, np.uint8)
    framed[CAPTION:CAPTION + cell.shape[0], :cell.shape[1]] = cell
    cv2.putText(framed, text, (2, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1, cv2.LINE_AA)
    return framed


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).resolve().parent.parent / "crops.jpg")
    parser.add_argument("--all", action="store_true", help="also pictures that may not be shared")
    chosen = parser.parse_args()
    makers: list[Callable[[Path], Example]] = [forest, beams, feathers] if chosen.all else [forest]
    rows = [row(example, place) for example in (make(chosen.data) for make in makers) for place in example.places]
    width = max(part.shape[1] for part in rows)
    board = np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255)
                            for part in rows])
    Image.fromarray(board).save(chosen.output, quality=85, optimize=True)


if __name__ == "__main__":
    main()
