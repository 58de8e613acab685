"""Draws docs/result.jpg: a moment of the sample clip, its depth, both eyes, and the two as an anaglyph.

Run from anywhere, with the package installed: `python docs/figures/result.py`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from video3d.sample import write_sample

MOMENT = 1.6
TILE = (640, 360)
CAPTION, GAP = 26, 10


def main() -> None:
    """Draw the sheet."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip = write_sample(work / "sample.mp4", seconds=4)
        source = picture(clip)
        both = picture(converted(clip, work / "both.mp4", "full-sbs"))
        depth = picture(converted(clip, work / "depth.mp4", "depth"))
        glasses = picture(converted(clip, work / "anaglyph.mp4", "anaglyph-dubois"))
    width = both.shape[1] // 2
    tiles = [("the video", source), ("its depth, built-in (basic): white is near", depth),
             ("left eye, made", both[:, :width]), ("right eye, the original", both[:, width:]),
             ("both, for red-cyan glasses", glasses)]
    sheet([tiles[0], tiles[1], tiles[4], tiles[2], tiles[3]]).save(
        Path(__file__).resolve().parents[1] / "result.jpg", quality=88, optimize=True)


def converted(clip: Path, target: Path, layout: str) -> Path:
    """The clip in a layout, as a user converts it."""
    subprocess.run([sys.executable, "-m", "video3d", "convert", str(clip), "-o", str(target), "--layout", layout,
                    "--strength", "2.5", "--quality", "12"], check=True, stdout=subprocess.DEVNULL)
    return target


def picture(clip: Path) -> np.ndarray:
    """The clip's picture at MOMENT: RGB uint8 [H, W, 3]."""
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            if frame.time >= MOMENT:
                return frame.to_ndarray(format="rgb24")
    raise ValueError(f"{clip} is too short")


def sheet(tiles: list[tuple[str, np.ndarray]]) -> Image.Image:
    """Three in the first row, and the pair of eyes below them, as wide together."""
    across = 3 * TILE[0] + 2 * GAP
    wide = (across - GAP) // 2
    tall = wide * TILE[1] // TILE[0]
    page = Image.new("RGB", (across, TILE[1] + tall + 2 * CAPTION + GAP), "white")
    for place, (caption, pixels) in enumerate(tiles):
        small = place < 3
        size = TILE if small else (wide, tall)
        x = place * (TILE[0] + GAP) if small else (place - 3) * (wide + GAP)
        y = 0 if small else TILE[1] + CAPTION + GAP
        page.paste(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), (x, y))
        ImageDraw.Draw(page).text((x + 2, y + size[1] + 3), caption, "black", font=ImageFont.load_default(17))
    return page


if __name__ == "__main__":
    main()
