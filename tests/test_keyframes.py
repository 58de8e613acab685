"""Key frames where they must be, every frame a map, and moved things where they have moved to."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.keyframes import KeyFrames
from video3d.motion import MotionEstimator
from video3d.types import DepthInput, FloatMap, Motion

SIZE = (96, 64)
Grey = npt.NDArray[np.uint8]


def texture(seed: int) -> Grey:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(SIZE[::-1]).astype(np.float32), (0, 0), 1.5)
    return cv2.normalize(noise, None, 30, 220, cv2.NORM_MINMAX).astype(np.uint8)


def square(frames: int, speed: float) -> tuple[list[Grey], list[FloatMap]]:
    greys: list[Grey] = []
    depth: list[FloatMap] = []
    for n in range(frames):
        left = round(8 + speed * n)
        grey, near = texture(0).copy(), np.full(SIZE[::-1], 0.2, np.float32)
        grey[16:48, left:left + 32] = texture(1)[16:48, :32]
        near[16:48, left:left + 32] = 0.9
        greys.append(grey)
        depth.append(near)
    return greys, depth


def carried(greys: list[Grey], depth: list[FloatMap], longest: int) -> tuple[list[FloatMap], list[int]]:
    estimated: list[int] = []

    def estimate(picture: DepthInput) -> FloatMap:
        estimated.append(round(picture.seconds))
        return depth[estimated[-1]]

    estimator = MotionEstimator(SIZE)
    motions: list[Motion | None] = [None, *(estimator.estimate(a, b) for a, b in itertools.pairwise(greys))]
    stage = KeyFrames(estimate, longest)
    maps: list[FloatMap] = []
    rgb = np.zeros((1, 1, 3), np.float32)
    for n, motion in enumerate(motions):
        maps += stage.push(lambda n=n, motion=motion: DepthInput(rgb, motion, n == 0, float(n)), motion)
        assert n + 1 - len(maps) < longest
    maps += stage.flush()
    assert stage.flush() == []
    assert stage.estimated == len(estimated)
    return maps, estimated


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 9, 14])
@pytest.mark.parametrize("longest", [1, 2, 4])
def test_every_frame_gets_a_map_and_the_ends_are_key_frames(frames: int, longest: int) -> None:
    greys, depth = square(frames, 0.5)
    maps, estimated = carried(greys, depth, longest)
    assert len(maps) == frames
    assert estimated[0] == 0
    assert estimated[-1] == frames - 1
    assert max(np.diff(estimated), default=1) <= longest
    for n in estimated:
        assert np.array_equal(maps[n], depth[n])


def test_calm_motion_needs_few_key_frames() -> None:
    greys, depth = square(25, 0.5)
    assert len(carried(greys, depth, 4)[1]) == 7


@pytest.mark.parametrize("longest", [2, 3, 4])
def test_moved_things_are_where_they_have_moved_to(longest: int) -> None:
    greys, depth = square(13, 2)
    maps, _ = carried(greys, depth, longest)
    for made, true in zip(maps, depth, strict=True):
        assert np.abs(made - true).mean() < 0.03
    still = np.abs(depth[0] - depth[longest // 2]).mean()
    assert np.abs(maps[longest // 2] - depth[longest // 2]).mean() < still / 2


def test_a_frame_that_motion_does_not_reach_is_a_key_frame() -> None:
    first, second = square(6, 0.5), square(6, 0.5)
    greys = first[0] + [255 - grey[::-1] for grey in second[0]]
    depth = first[1] + [1 - near for near in second[1]]
    maps, estimated = carried(greys, depth, 4)
    assert 6 in estimated
    assert np.abs(maps[5] - depth[5]).mean() < 0.1
    assert np.abs(maps[7] - depth[7]).mean() < 0.1


def test_a_new_shot_begins_with_a_key_frame_and_gives_out_the_old_ones() -> None:
    stage = KeyFrames(lambda _: np.zeros((4, 4), np.float32), 4)
    still = Motion(np.zeros((4, 4, 2), np.float32), np.zeros((4, 4, 2), np.float32), np.ones((4, 4), np.float32))
    picture = DepthInput(np.zeros((1, 1, 3), np.float32), None, True, 0.0)
    sizes = [len(stage.push(lambda: picture, motion)) for motion in (None, still, None, still)]
    assert sizes == [1, 0, 2, 0]
    assert len(stage.flush()) == 1
