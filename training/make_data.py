"""Renders training pictures into shards: `python -m training.make_data FOLDER --seed 0 --pictures 12000`.

A shard (`.npz`) holds pictures of one size: rgb uint8 [n, h, w, 3]; flow float16 [n, h, w, 2] to the frame before, in
pixels; confidence uint8 [n, h, w]; nearness float16 [n, h, w], 1 = the nearest in the picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from training.looks import exposed, focused, recorded
from training.render import render
from training.scenes import random_scene
from video3d.motion import MotionEstimator

cv2: Any = opencv
Array = npt.NDArray[Any]

SIZES = ((160, 96), (160, 96), (144, 112), (144, 112), (128, 128), (96, 160))
"""(width, height), multiples of 16."""
SHARD = 96
FLATTEST = 0.15
"""Pictures whose nearness varies less (in parts of the largest) teach nothing."""


def one_picture(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Array, Array, Array, Array]:
    """(rgb, flow, confidence, nearness) of a scene drawn anew until there is something to see."""
    while True:
        scene, seed = random_scene(rng), int(rng.integers(1 << 20))
        linear, nearness = render(scene.things, scene.camera, scene.light, *size, seed)
        low, high = np.percentile(nearness, (2, 98))
        if high - low > FLATTEST * high and float(linear.std()) > 0.01:
            break
    before, nearness_before = render(*_parts(scene.later(-1.0)), *size, seed)
    look = int(rng.integers(1 << 30))
    now, past = (exposed(light, np.random.default_rng(look)) for light in (linear, before))
    if rng.random() < 0.3:
        now, past = (focused(picture, near, np.random.default_rng(look))
                     for picture, near in ((now, nearness), (past, nearness_before)))
    now, past = recorded(now, rng), recorded(past, rng)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (past, now)]
    motion = MotionEstimator(size).estimate(*grey)
    return now, motion.to_previous, motion.confidence, nearness / nearness.max()


def _parts(scene: Any) -> tuple[Any, Any, Any]:
    return scene.things, scene.camera, scene.light


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=12000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    for number in range(-(-options.pictures // SHARD)):
        rng = np.random.default_rng([options.seed, number])
        size = SIZES[int(rng.integers(len(SIZES)))]
        rgb, flow, confidence, nearness = zip(*(one_picture(rng, size) for _ in range(SHARD)), strict=True)
        file = options.folder / f"{options.seed:03d}-{number:05d}.npz"
        with file.with_suffix(".part").open("wb") as target:
            np.savez(target, rgb=np.stack(rgb), flow=np.stack(flow).astype(np.float16),
                     confidence=(np.stack(confidence) * 255).astype(np.uint8),
                     nearness=np.stack(nearness).astype(np.float16))
        file.with_suffix(".part").replace(file)


if __name__ == "__main__":
    main()
