"""Renders training examples into shards: `python -m training.make_data FOLDER --seed 0 --scenes 12000`.

Pictures are rendered at the size of the cues' grid; the cues are computed by the program's own code, and all is stored
at the network's size. A shard (`.npz`) holds examples of one size: rgb uint8 [n, h, w, 3]; maps float16
[n, h/2, w/2, 8] (`builtin.cue_maps`); nearness float16 [n, h/2, w/2], 1 = the nearest in the picture.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from training.looks import exposed, focused, recorded
from training.render import PLANE, render
from training.scenes import Scene, random_scene
from video3d.depth import builtin
from video3d.depth.correction import shown
from video3d.motion import MotionEstimator
from video3d.types import Motion

cv2: Any = opencv
Array = npt.NDArray[Any]
Rng = np.random.Generator

SIZES = ((128, 72), (128, 72), (128, 72), (111, 83), (111, 83), (111, 83), (118, 78), (96, 96), (72, 128))
"""(width, height) of the cues' grid."""
SHARD = 48
"""Scenes."""
FLATTEST = 0.15
"""Pictures whose nearness varies less (in parts of the largest) teach nothing."""
MOVING = 0.6
STILL_CAMERA = 0.3
LIVELY = 0.5
"""Share of scenes in which a third of the smaller things move by themselves."""
UPSIDE_DOWN = 0.25
"""Share of scenes that are shown upside down as well."""
FLOW_SCALE = 2
"""Flow is searched on pictures enlarged by this, as the program's grid for it is finer than the cues'."""
UNLIKELY = ((0.5, 0.15), (0.6, 0.5), (1.0, 1.0))
"""(up to this share of points that "lower is nearer" puts in order, this share of examples is kept). In real pictures
the rule holds for eight or nine points in ten, in these scenes for seven; trained on all of them the network unlearns
it."""
MOMENTS = (1, 2, 3, 5, 8)


class _Standing(builtin.ParallaxMemory):
    """Gathers the same moment again and again, with other errors: stands for a longer shot."""

    def _carry(self, flow: Array) -> None:
        del flow


def examples(rng: Rng, size: tuple[int, int]) -> list[tuple[Array, Array, Array]]:
    """(rgb, maps, nearness) of one scene: still, in motion, now and then upside down; less those that are unlikely."""
    scene, seed, linear, nearness = _drawn(rng, size)
    before = render(*_parts(scene.later(-1.0)), *size, seed) if rng.random() < MOVING else None
    result = []
    for turned in (False, False, True):
        if turned and rng.random() > UPSIDE_DOWN:
            continue
        moves = before is not None and (len(result) == 1 or (turned and rng.random() < 0.5))
        now, past = _looks(rng, (linear, nearness), before if moves else None)
        near = nearness
        if turned:
            now, near, past = now[::-1], near[::-1], None if past is None else past[::-1]
        result.append(_example(rng, np.ascontiguousarray(now), near, past))
    return [one for one in result if rng.random() < _likelihood(rng, one[1][..., 1], one[2])]


def _likelihood(rng: Rng, prior: Array, nearness: Array) -> float:
    own, truth = prior.reshape(-1), nearness.reshape(-1)
    a, b = rng.integers(0, len(own), (2, 1500))
    apart = truth[a] - truth[b]
    clear = np.abs(apart) > 0.05 * (truth.max() - truth.min())
    if not clear.any():
        return 0.0
    right = float((np.sign(own[a] - own[b]) == np.sign(apart))[clear].mean())
    return next(share for limit, share in UNLIKELY if right <= limit)


def _drawn(rng: Rng, size: tuple[int, int]) -> tuple[Scene, int, Array, Array]:
    """A scene drawn anew until there is something to see."""
    while True:
        scene, seed = random_scene(rng), int(rng.integers(1 << 20))
        linear, nearness = render(*_parts(scene), *size, seed)
        low, high = np.percentile(nearness, (2, 98))
        if high - low > FLATTEST * high and float(linear.std()) > 0.01:
            break
    if rng.random() < LIVELY:
        scene = replace(scene, velocity=scene.velocity + _steps(rng, scene))
    if rng.random() < STILL_CAMERA:
        scene = replace(scene, camera_velocity=np.zeros(3), camera_spin=np.zeros(3))
    return scene, seed, linear, nearness


def _steps(rng: Rng, scene: Scene) -> Array:
    things = scene.things
    size = things.half.max(1, keepdims=True)
    moves = (rng.random(size.shape) < 0.33) & (size < 2.5) & (things.shape[:, None] != PLANE)
    return rng.normal(0, 0.06, (len(size), 3)) * [1, 0.3, 1] * size * moves


def _parts(scene: Scene) -> tuple[Any, Any, Any]:
    return scene.things, scene.camera, scene.light


def _looks(rng: Rng, now: tuple[Array, Array], past: tuple[Array, Array] | None) -> tuple[Array, Array | None]:
    """Both moments as one camera would record them, uint8."""
    look, blurs = int(rng.integers(1 << 30)), rng.random() < 0.35
    taken = []
    for moment in (now, past):
        if moment is None:
            continue
        picture = exposed(moment[0], np.random.default_rng(look))
        if blurs:
            picture = focused(picture, moment[1], np.random.default_rng(look))
        taken.append(recorded(picture, np.random.default_rng(look), rng))
    return taken[0], taken[1] if len(taken) > 1 else None


def _example(rng: Rng, now: Array, nearness: Array, past: Array | None) -> tuple[Array, Array, Array]:
    rgb = now.astype(np.float32) / 255
    picture = builtin.Picture.of(rgb)
    scene = builtin.scene_of(picture.sky)
    prior = builtin.single_picture(picture, scene)
    memory = _Standing(picture.size)
    if past is not None:
        motion = _motion(now, np.ascontiguousarray(past))
        for _ in range(int(rng.choice(MOMENTS))):
            memory.learn(prior, picture, _with_errors(motion, rng), 0.04)
    fused = builtin.fused_cues(picture, scene, prior, memory)
    small, maps = shown(rgb, builtin.cue_maps(picture, prior, fused, memory))
    near = cv2.resize(np.ascontiguousarray(nearness), maps.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.round(small * 255).astype(np.uint8), maps, near / near.max()


def _motion(now: Array, past: Array) -> Motion:
    size = (now.shape[1] * FLOW_SCALE, now.shape[0] * FLOW_SCALE)
    grey = [cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_CUBIC)
            for picture in (past, now)]
    return MotionEstimator(size).estimate(*grey)


def _with_errors(motion: Motion, rng: Rng) -> Motion:
    rows, columns = motion.confidence.shape
    wrong = rng.normal(0, 0.25, (max(2, rows // 12), max(2, columns // 12), 2)).astype(np.float32)
    return replace(motion, to_previous=motion.to_previous + cv2.resize(wrong, (columns, rows)),
                   confidence=motion.confidence.copy())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=12000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    for number in range(-(-options.scenes // SHARD)):
        rng = np.random.default_rng([options.seed, number])
        size = SIZES[int(rng.integers(len(SIZES)))]
        rgb, maps, nearness = zip(*(one for _ in range(SHARD) for one in examples(rng, size)), strict=True)
        file = options.folder / f"{options.seed:03d}-{number:05d}.npz"
        with file.with_suffix(".part").open("wb") as target:
            np.savez(target, rgb=np.stack(rgb), maps=np.stack(maps).astype(np.float16),
                     nearness=np.stack(nearness).astype(np.float16))
        file.with_suffix(".part").replace(file)


if __name__ == "__main__":
    main()
