"""Yardsticks of depth from single pictures and from motion: `python -m training.score [NETWORK.onnx] --data FOLDER`.

On pairs with true disparity (`FOLDER/stereo_gt`), the same upside down, real stereo video (`FOLDER/stereo_real`,
disparity by semi-global matching) and procedural scenes given with `--scenes` (a folder with `scene.py`): ordinal
accuracy over random point pairs that differ by more than 5 % of the range, and the mean absolute error after the best
scale and shift, in parts of the mean absolute deviation.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.depth import cues
from video3d.depth.builtin import BuiltinDepth
from video3d.depth.correction import Corrector
from video3d.depth.registry import BUILTIN_SIZE
from video3d.depth_model import DepthInput
from video3d.motion import MotionEstimator, flow_size

cv2: Any = opencv
Array = npt.NDArray[Any]
POINTS = 20_000


@dataclass(frozen=True, eq=False)
class Example:
    """A picture, the moments that led to it, and its disparity (NaN = unknown)."""

    pictures: tuple[Array, ...]
    """uint8 RGB; the last is scored."""
    disparity: Array


def ordinal_accuracy(nearness: Array, disparity: Array) -> float:
    """Share of random point pairs, apart by more than 5 % of the range, that are in the right order."""
    known = np.argwhere(np.isfinite(disparity))
    rng = np.random.default_rng(0)
    a, b = (known[rng.integers(0, len(known), POINTS)] for _ in range(2))
    apart = disparity[tuple(a.T)] - disparity[tuple(b.T)]
    clear = np.abs(apart) > 0.05 * (np.nanmax(disparity) - np.nanmin(disparity))
    own = nearness[tuple(a.T)] - nearness[tuple(b.T)]
    return float((np.sign(own) == np.sign(apart))[clear].mean())


def relative_error(nearness: Array, disparity: Array) -> float:
    """Mean absolute error after the scale and shift that make it least, in parts of the mean absolute deviation."""
    known = np.isfinite(disparity)
    x, y = nearness[known].astype(float), disparity[known].astype(float)
    basis = np.stack([x, np.ones_like(x)], 1)
    weight = np.ones_like(x)
    for _ in range(30):  # least absolute error by reweighted least squares
        scale, shift = np.linalg.solve(basis.T @ (basis * weight[:, None]), (basis * weight[:, None]).T @ y)
        weight = 1 / np.maximum(np.abs(scale * x + shift - y), 1e-3)
    error = np.abs(max(scale, 0) * x + (shift if scale > 0 else np.median(y)) - y).mean()
    return float(error / np.abs(y - np.median(y)).mean())


def pairs(folder: Path) -> Iterator[Example]:
    """The stereo pairs with ground truth."""
    for place in sorted((folder / "stereo_gt").iterdir()):
        stored = cv2.imread(str(place / "disp_left.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) / 256
        picture = cv2.cvtColor(cv2.imread(str(place / "left.png")), cv2.COLOR_BGR2RGB)
        yield Example((picture,), np.where(stored > 0, stored, np.nan))


def upside_down(examples: Iterator[Example]) -> Iterator[Example]:
    """The same, turned over."""
    for example in examples:
        yield Example(
            tuple(np.ascontiguousarray(picture[::-1]) for picture in example.pictures),
            np.ascontiguousarray(example.disparity[::-1]),
        )


def driving(folder: Path) -> Iterator[Example]:
    """The real stereo video; each frame with those before it."""
    left, right = (_frames(folder / "stereo_real" / f"drive_a_{side}.mp4") for side in ("left", "right"))
    for number in range(len(left)):
        grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (left[number], right[number])]
        small = [cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for picture in grey]
        matcher = cv2.StereoSGBM_create(0, 128, 5, 200, 800, 1, 0, 10, 100, 2, cv2.STEREO_SGBM_MODE_HH)
        found = matcher.compute(*small).astype(np.float32) / 16
        disparity = np.where(found > 0, found, np.nan)
        yield Example(
            tuple(left[: number + 1]), cv2.resize(disparity, left[0].shape[1::-1], interpolation=cv2.INTER_NEAREST)
        )


def _frames(file: Path) -> list[Array]:
    capture, frames = cv2.VideoCapture(str(file)), []
    while True:
        there, picture = capture.read()
        if not there:
            return frames
        frames.append(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def scenes(folder: Path, frames: int = 10) -> Iterator[Example]:
    """Procedural scenes of another renderer."""
    spec = importlib.util.spec_from_file_location("scene", folder / "scene.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["scene"] = module
    spec.loader.exec_module(module)
    for name in ("static", "dolly", "busy"):
        for seed in range(3):
            scene = module.make_scene(name, seed)
            shown = list(module.render_sequence(scene, frames, 640, 360, 1))
            yield Example(tuple(item["left"] for item in shown), shown[-1]["disparity"])


def estimate(model: Any, example: Example) -> Array:
    """Nearness of the last picture, of its size."""
    height, width = example.pictures[-1].shape[:2]
    size = BUILTIN_SIZE.fit(width, height)
    grid = flow_size(width, height)
    motion = MotionEstimator(grid)
    before, result = None, None
    for number, picture in enumerate(example.pictures):
        grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), grid, interpolation=cv2.INTER_AREA)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        moved = motion.estimate(before, grey) if before is not None else None
        (result,) = model.estimate([DepthInput(small, moved, number == 0, number / 25)])
        before = grey
    assert result is not None
    return cv2.resize(result, (width, height), interpolation=cv2.INTER_LINEAR)


class Single:
    """One cue alone, as a model."""

    def __init__(self, cue: Callable[[Array], Array]) -> None:
        self._cue = cue

    def estimate(self, batch: list[DepthInput]) -> list[Array]:
        """See `DepthEstimator`."""
        return [self._cue(item.rgb) for item in batch]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path, nargs="?")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scenes", type=Path)
    options = parser.parse_args()
    models: dict[str, Callable[[], Any]] = {
        "lower is nearer": lambda: Single(lambda rgb: cues.ground((rgb.shape[1], rgb.shape[0]), 0.0)),
        "clear air is near": lambda: Single(cues.haze),
        "sharp is near": lambda: Single(lambda rgb: cues.sharpness(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))),
        "the middle is near": lambda: Single(lambda rgb: cues.centre((rgb.shape[1], rgb.shape[0]))),
        "fused cues": lambda: BuiltinDepth(Corrector(share=0)),
        "corrected by the network": BuiltinDepth,
    }
    if options.network:
        models["corrected by this network"] = lambda: BuiltinDepth(Corrector(options.network))
    sets: dict[str, list[Example]] = {
        "pairs": list(pairs(options.data)),
        "upside down": list(upside_down(pairs(options.data))),
        "driving": list(driving(options.data)),
    }
    if options.scenes:
        sets["scenes"] = list(scenes(options.scenes))
    for name, make in models.items():
        row: dict[str, Any] = {"model": name}
        for title, examples in sets.items():
            found = [(estimate(make(), example), example.disparity) for example in examples]
            row[title] = [
                round(float(np.mean([measure(*one) for one in found])), 3)
                for measure in (ordinal_accuracy, relative_error)
            ]
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
