"""What key frames save: processor time of a conversion with Depth Anything V2 Small, random weights, by distance.

    python benchmarks/key_frames.py CLIP [--seconds 2] [--depth-size 392] [--every 1 --every 3 ...]

Random weights cost what trained ones do. Processor time of all threads and of ffmpeg, without start-up and planning.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from video3d import pipeline
from video3d.depth_model import DepthEstimator, DepthInput, DepthKind, DepthModel, InputSize, LoadOptions
from video3d.host import StandaloneHost
from video3d.params import from_values
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings
from video3d.types import FloatMap
from video3d.unit_frames import PlannedFrames


@dataclass
class Counting:
    """An estimator that counts its pictures."""

    estimator: DepthEstimator
    pictures: int = 0

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """See `DepthEstimator`."""
        self.pictures += len(batch)
        return self.estimator.estimate(batch)

    def close(self) -> None:
        """Loaded once for all runs."""


def random_network() -> Counting:
    """Depth Anything V2 Small, not trained."""
    from video3d.depth.catalogue import Network
    from video3d.depth.networks.estimator import Running
    from video3d.depth.networks.published import build

    return Counting(build(Network.DEPTH_ANYTHING_SMALL).estimator(Running()))


class Host(StandaloneHost):
    """Stand-alone, with one model more."""

    def __init__(self, counting: Counting) -> None:
        self.counting = counting

    def depth_models(self) -> Sequence[DepthModel]:
        """The random one."""
        return (DepthModel("random", "random", DepthKind.RELATIVE_INVERSE, "none", InputSize(392, 14), 99, self._load),)

    def _load(self, options: LoadOptions) -> DepthEstimator:
        del options
        return self.counting


def spent() -> float:
    """Seconds of processor time, of this process and of the children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(clip: Path, settings: ConversionSettings, host: Host) -> tuple[int, int, float]:
    """Frames, pictures estimated, and seconds of processor time."""
    reporter = SilentReporter()
    conversion = pipeline.decide(clip, settings, host)
    planner = pipeline.plan(conversion, reporter)
    units = list(planner)
    host.counting.pictures = 0
    frames: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        before = spent()
        converter = pipeline.open_converter(conversion, planner.origin, reporter)
        try:
            for number, unit in enumerate(units):
                converter.convert(PlannedFrames(unit), Path(folder, f"{number}.mp4"), lambda _: frames.append(1))
        finally:
            converter.close()
        return len(frames), host.counting.pictures, spent() - before


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--depth-size", type=int, default=392)
    parser.add_argument("--every", type=int, action="append")
    arguments = parser.parse_args()
    host = Host(random_network())
    values = {"depth_model": "random", "depth_size": arguments.depth_size, "depth_cache": "off", "device": "cpu"}
    measure(arguments.clip, from_values(ConversionSettings, {**values, "preview": 0.3}), host)  # compiles, allocates
    print("| a key frame every | frames | estimated | s of processor time a frame | faster |\n|---|---|---|---|---|")
    first = 0.0
    for every in arguments.every or [1, 2, 3, 4]:
        settings = from_values(ConversionSettings, {**values, "preview": arguments.seconds, "depth_every": every})
        frames, pictures, seconds = measure(arguments.clip, settings, host)
        first = first or seconds / frames
        print(f"| {every} | {frames} | {pictures} | {seconds / frames:.3f} | {first / (seconds / frames):.2f} |",
              flush=True)


if __name__ == "__main__":
    main()
