"""How steady depth is over time, against exact depth: raw, per-frame ranges, and this program's stabiliser.

    python benchmarks/temporal.py SCENES [--scene NAME ...] [--seed N ...] [--frames 32] [--size 384x216] [--json OUT]

SCENES is a folder with `scene.py`, a ray caster that gives pictures, exact disparity and exact motion. Exact depth,
scaled to 0…1 over a shot, is disturbed anew in each frame: scale (6 %), shift (5 %), a smooth field (4 %) and noise per
pixel (1 %), all normally distributed. A method's maps of one shot are fitted to the truth by one scale and one shift;
then, in parts of the shot's range:

    error   mean |map − truth|
    OPW     mean of M·|map(t+1) followed along the exact motion − map(t)|, M = exp(−50·|ΔI|²), where a point stays in
            sight
    TGM     mean |Δmap − Δtruth| between frames, where |Δtruth| < 0.05
    change  95th percentile of |Δmap| on the background of the talking-head scene
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from video3d.depth_model import DepthKind
from video3d.keyframes import KeyFrameChooser
from video3d.motion import MotionEstimator, flow_size, small_grey
from video3d.settings import Stabilisation
from video3d.stabilise import DepthStabiliser
from video3d.types import Motion

FRAME_RATE = 24.0
TABLE_HEAD = "| method | error | OPW | TGM | change | error/raw | OPW/raw | OPW/min-max | change/raw | ms |"
Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shot:
    """One rendered shot: per frame the picture, its small grey form, motion, exact nearness and exact displacement."""

    scene: str
    seed: int
    pictures: list[npt.NDArray[np.uint8]]
    greys: list[npt.NDArray[np.uint8]]
    motions: list[Motion | None]
    truth: list[Map]
    targets: list[npt.NDArray[np.float32]]
    stays: list[npt.NDArray[np.bool_]]
    background: list[npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Figures:
    """A method's figures on one shot."""

    scene: str
    seed: int
    method: str
    error: float
    opw: float
    tgm: float
    change: float
    milliseconds: float


def load_scenes(folder: Path) -> ModuleType:
    """The ray caster's module."""
    specification = importlib.util.spec_from_file_location("scene", folder / "scene.py")
    if specification is None or specification.loader is None:
        raise SystemExit(f"{folder} has no scene.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["scene"] = module
    specification.loader.exec_module(module)
    return module


def talking_head(scenes: ModuleType, seed: int) -> Any:
    """A still room before a still camera, and one figure that sways and nods."""
    base = scenes.make_scene("static", seed)
    rng = np.random.default_rng([seed, 77])
    sway = scenes.Motion((0.1, 0.0, 2.2), sway=(0.06, 0.02, 0), period=31.0)
    nod = scenes.Motion((0.1, -0.38, 2.15), sway=(0.08, 0.03, 0), period=23.0, spin=(0.01, 0, 0))
    figure = [scenes.Box((0.3, 0.32, 0.15), sway, scenes.make_texture(rng, "plaster")),
              scenes.Sphere(0.17, nod, scenes.make_texture(rng, "dots"))]
    return scenes.Scene(base.things[:4] + figure, scenes.Motion((0, 0, 0)))


def render(scenes: ModuleType, name: str, seed: int, frames: int, size: tuple[int, int]) -> list[Shot]:
    """The scene's shots (one, or two where it has a cut)."""
    width, height = size
    scene = talking_head(scenes, seed) if name == "talking-head" else scenes.make_scene(name, seed)
    rendered = [scenes.render_eye(scene, frame, "left", width, height) for frame in range(frames)]
    cut = scene.cut_at if 0 < scene.cut_at < frames else frames
    spans = [(0, cut), (cut, frames)] if cut < frames else [(0, frames)]
    return [_shot(scenes, scene, name, seed, rendered, first, end) for first, end in spans]


def _shot(scenes: ModuleType, scene: Any, name: str, seed: int, rendered: Sequence[Any], first: int, end: int) -> Shot:
    height, width = rendered[0][1].shape
    disparity = [scenes.to_disparity(scene, frame, rendered[frame][1], width) for frame in range(first, end)]
    low, high = min(d.min() for d in disparity), max(d.max() for d in disparity)
    truth = [((d - low) / (high - low)).astype(np.float32) for d in disparity]
    greys = [small_grey(cv2.cvtColor(rendered[frame][0], cv2.COLOR_RGB2GRAY), 8, flow_size(width, height))
             for frame in range(first, end)]
    estimator = MotionEstimator(flow_size(width, height))
    motions = [None, *(estimator.estimate(a, b) for a, b in itertools.pairwise(greys))]
    exact = [scenes.motion_to_next(scene, frame, "left", rendered[frame][2], rendered[frame][3],
                                   rendered[frame + 1][1], rendered[frame + 1][2], width, height)
             for frame in range(first, end - 1)]
    last_still = len(scene.things) - 2 if name == "talking-head" else 4
    return Shot(name, seed, [rendered[frame][0] for frame in range(first, end)], greys, motions, truth,
                [target for target, _ in exact], [stays for _, stays in exact],
                [(rendered[frame][2] >= 0) & (rendered[frame][2] < last_still) for frame in range(first, end)])


def disturbed(shot: Shot) -> list[Map]:
    """Exact nearness as a network without memory might give it."""
    rng = np.random.default_rng([shot.seed, *shot.scene.encode()])
    return [_disturb(truth, rng) for truth in shot.truth]


def _disturb(truth: Map, rng: np.random.Generator) -> Map:
    height, width = truth.shape
    scale, shift = rng.standard_normal(2)
    field = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), width / 16)
    field /= max(float(field.std()), 1e-9)
    noise = rng.standard_normal((height, width)).astype(np.float32)
    return (truth * (1 + 0.06 * scale) + 0.05 * shift + 0.04 * field + 0.01 * noise).astype(np.float32)


def by_percentiles(low: float, high: float) -> Callable[[Shot, list[Map]], list[Map]]:
    """Each frame stretched between two of its own percentiles."""
    def method(shot: Shot, raw: list[Map]) -> list[Map]:
        del shot
        ranges = [np.percentile(r, (low, high)) for r in raw]
        return [((r - a) / max(b - a, 1e-9)).astype(np.float32) for r, (a, b) in zip(raw, ranges, strict=True)]
    return method


def by_stabiliser(mode: Stabilisation) -> Callable[[Shot, list[Map]], list[Map]]:
    """This program's stage."""
    def method(shot: Shot, raw: list[Map]) -> list[Map]:
        stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, mode)
        maps: list[Map] = []
        for n, (r, motion, grey) in enumerate(zip(raw, shot.motions, shot.greys, strict=True)):
            maps += stage.push(r, motion, grey, n / FRAME_RATE)
        return maps + stage.flush()
    return method


def by_key_frames(longest: int) -> Callable[[Shot, list[Map]], list[Map]]:
    """Depth on every so many frames only, steadied and carried to the others."""
    def method(shot: Shot, raw: list[Map]) -> list[Map]:
        stage = DepthStabiliser(DepthKind.RELATIVE_INVERSE, Stabilisation.NORMAL)
        chooser = KeyFrameChooser(longest, FRAME_RATE)
        maps: list[Map] = []
        for n, (r, motion, grey) in enumerate(zip(raw, shot.motions, shot.greys, strict=True)):
            is_key = chooser.push(motion, n / FRAME_RATE) or n == len(raw) - 1
            maps += stage.push(r if is_key else None, motion, grey, n / FRAME_RATE)
        return maps + stage.flush()
    return method


METHODS: dict[str, Callable[[Shot, list[Map]], list[Map]]] = {
    "raw": lambda _, raw: raw,
    "per-frame min/max": by_percentiles(0, 100),
    "per-frame p2/p98": by_percentiles(2, 98),
    "truth": lambda shot, _: shot.truth,
    "off": by_stabiliser(Stabilisation.OFF),
    "normal": by_stabiliser(Stabilisation.NORMAL),
    "talking-head": by_stabiliser(Stabilisation.TALKING_HEAD),
    **{f"normal, K = {longest}": by_key_frames(longest) for longest in (2, 3, 4)},
}


def fitted(maps: list[Map], truth: list[Map]) -> list[Map]:
    """One least-squares scale and shift for the whole shot."""
    x, y = (np.concatenate([m.ravel()[::7] for m in group]).astype(np.float64) for group in (maps, truth))
    scale = float(np.cov(x, y)[0, 1] / max(x.var(ddof=1), 1e-18))
    shift = float(y.mean() - scale * x.mean())
    return [(m * scale + shift).astype(np.float32) for m in maps]


def measure(shot: Shot, name: str) -> Figures:
    """One method on one shot."""
    raw = disturbed(shot)
    started = time.process_time()
    maps = METHODS[name](shot, raw)
    spent = time.process_time() - started
    maps = fitted(maps, shot.truth)
    return Figures(shot.scene, shot.seed, name,
                   _mean([np.abs(m - t).mean() for m, t in zip(maps, shot.truth, strict=True)]),
                   _mean([_warping_error(shot, maps, n) for n in range(len(maps) - 1)]),
                   _mean([_gradient_error(shot, maps, n) for n in range(len(maps) - 1)]),
                   _background_change(shot, maps), 1000 * spent / len(maps))


def _mean(values: Sequence[Any]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _followed(image: npt.NDArray[Any], target: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    return cv2.remap(image, target[..., 0], target[..., 1], cv2.INTER_LINEAR)


def _warping_error(shot: Shot, maps: list[Map], n: int) -> float:
    target, stays = shot.targets[n], shot.stays[n]
    now, later = (shot.pictures[k].astype(np.float32) / 255 for k in (n, n + 1))
    weight = np.exp(-50 * np.square(_followed(later, target) - now).sum(-1))[stays]
    change = np.abs(_followed(maps[n + 1], target) - maps[n])[stays]
    return float((weight * change).mean())


def _gradient_error(shot: Shot, maps: list[Map], n: int) -> float:
    wanted = shot.truth[n + 1] - shot.truth[n]
    calm = np.abs(wanted) < 0.05
    return float(np.abs((maps[n + 1] - maps[n]) - wanted)[calm].mean())


def _background_change(shot: Shot, maps: list[Map]) -> float:
    changes = [np.abs(maps[n + 1] - maps[n])[shot.background[n] & shot.background[n + 1]]
               for n in range(len(maps) // 2, len(maps) - 1)]
    return float(np.percentile(np.concatenate(changes), 95)) if changes else float("nan")


def report(rows: list[Figures]) -> str:
    """A table per scene and over all scenes; the last columns are parts of raw's figures."""
    lines: list[str] = []
    for scene in ["all but talking-head", *dict.fromkeys(row.scene for row in rows)]:
        chosen = [row for row in rows if scene == row.scene or (scene[:3] == "all" and row.scene != "talking-head")]
        if not chosen:
            continue
        lines += ["", f"**{scene}**", "", TABLE_HEAD, "|---" * TABLE_HEAD.count(" | ") + "|---|"]
        means = {method: _averages([row for row in chosen if row.method == method]) for method in
                 dict.fromkeys(row.method for row in chosen)}
        raw, ranged = means["raw"], means.get("per-frame min/max", means["raw"])
        for method, (error, opw, tgm, change, spent) in means.items():
            lines.append(f"| {method} | {error:.4f} | {opw:.4f} | {tgm:.4f} | {change:.4f} | {error / raw[0]:.2f} "
                         f"| {opw / raw[1]:.3f} | {opw / ranged[1]:.3f} | {change / raw[3]:.3f} | {spent:.1f} |")
    return "\n".join(lines)


def _averages(rows: list[Figures]) -> tuple[float, ...]:
    return tuple(float(np.nanmean([getattr(row, name) for row in rows]))
                 for name in ("error", "opw", "tgm", "change", "milliseconds"))


def main() -> None:
    """Renders, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--scene", action="append")
    parser.add_argument("--seed", action="append", type=int)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--size", default="384x216")
    parser.add_argument("--method", action="append", choices=list(METHODS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    scenes = load_scenes(arguments.scenes)
    rows: list[Figures] = []
    for name in arguments.scene or ["static", "dolly", "busy", "cut", "talking-head"]:
        for seed in arguments.seed or range(5):
            for shot in render(scenes, name, seed, arguments.frames, (width, height)):
                rows += [measure(shot, method) for method in arguments.method or METHODS]
    print(report(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
