"""One row of the picture over time, before and after steadying: flicker is a vertical stripe, motion a slanted line.

    python benchmarks/strips.py OUT.png CLIP[:ROW] ... [--depth-model MODEL] [--seconds 6] [--is-depth]

Each CLIP gives three bands, time running to the right: the row of the picture, its depth frame by frame (each frame
stretched to its own range), and steadied. ROW is in parts of the height, 0.5 unless said. With --is-depth the clips are
depth videos made frame by frame elsewhere, which are steadied as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d import pipeline
from video3d.depth_model import DepthKind
from video3d.host import StandaloneHost
from video3d.motion import MotionEstimator, flow_size, small_grey
from video3d.nearness import given_nearness
from video3d.params import from_values
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings, Stabilisation
from video3d.stabilise import DepthStabiliser
from video3d.types import FloatMap
from video3d.unit_frames import PlannedFrames

Band = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 900, 110
NO_TIMES: Any = np.broadcast_to(np.int64(0), (1 << 40,))


def row_of(picture: npt.NDArray[Any], row: float) -> npt.NDArray[Any]:
    """The row, at `row` of the height."""
    return picture[int(row * (picture.shape[0] - 1))]


def band(rows: list[npt.NDArray[Any]]) -> Band:
    """Rows (0…1) side by side as columns."""
    picture = np.clip(np.stack(rows, axis=1) * 255, 0, 255).astype(np.uint8)
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)


def stretched(near: FloatMap) -> FloatMap:
    """0…1 by its own range, as a program without memory does it."""
    low, high = np.percentile(near, (2, 98))
    return np.clip((near - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)


def of_model(clip: Path, row: float, model: str, seconds: float) -> list[Band]:
    """By a depth model."""
    bands: list[Band] = []
    for mode in ("off", "normal"):
        values = {"depth_model": model, "preview": seconds, "stabilise": mode, "depth_every": 1, "depth_cache": "off"}
        conversion = pipeline.decide(clip, from_values(ConversionSettings, values), StandaloneHost())
        planner = pipeline.plan(conversion, SilentReporter())
        converter = pipeline.open_converter(conversion, planner.origin, SilentReporter())
        try:
            pairs = [(row_of(taken.grey, row) / 255, row_of(stretched(near) if mode == "off" else near, row))
                     for unit in planner for taken, near in converter.nearness(PlannedFrames(unit))]
        finally:
            converter.close()
        bands += [band([grey for grey, _ in pairs])] if not bands else []
        bands.append(band([near for _, near in pairs]))
    return bands


def given(clip: Path, seconds: float) -> Iterator[FloatMap]:
    """The frames of a depth video."""
    stage = given_nearness(clip)
    info = pipeline.probe(clip)
    maps = stage._maps(0)  # noqa: SLF001 - all frames, without a picture for each
    try:
        yield from (near for _, near in zip(range(round(seconds * float(info.frame_rate or 25))), maps, strict=False))
    finally:
        stage.close()


def of_depth(clip: Path, row: float, seconds: float) -> list[Band]:
    """A depth video, before and after; its own pictures tell the motion."""
    before: list[FloatMap] = []
    after: list[FloatMap] = []
    stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, Stabilisation.NORMAL)
    estimator, grey = None, None
    for number, near in enumerate(given(clip, seconds)):
        size = flow_size(near.shape[1], near.shape[0])
        estimator = estimator or MotionEstimator(size)
        past, grey = grey, small_grey((near * 255).astype(np.uint8), 8, size)
        motion = None if past is None else estimator.estimate(past, grey)
        after += stage.push(near, motion, grey, number / 30)
        before.append(near)
    after += stage.flush()
    return [band([row_of(near, row) for near in maps]) for maps in (before, after)]


def main() -> None:
    """Makes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--depth-model", default="builtin")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--is-depth", action="store_true")
    arguments = parser.parse_args()
    bands: list[Band] = []
    for named in arguments.clips:
        name, _, row = named.partition(":")
        at = float(row or 0.5)
        bands += (of_depth(Path(name), at, arguments.seconds) if arguments.is_depth
                  else of_model(Path(name), at, arguments.depth_model, arguments.seconds))
        bands.append(np.full((10, WIDTH), 255, np.uint8))
    cv2.imwrite(str(arguments.out), np.vstack(bands[:-1]))


if __name__ == "__main__":
    main()
