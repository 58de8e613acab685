from __future__ import annotations

import numpy as np
import pytest

from video3d.sample.scenes import Meadow, Square
from video3d.sample.stage import Canvas


@pytest.fixture(scope="module", params=[Meadow, Square])
def scene(request: pytest.FixtureRequest):
    return request.param(3)


def test_camera_and_picture_move(scene) -> None:
    cameras = [scene.camera(share, 320, 180) for share in (0.2, 0.3)]
    assert abs(cameras[0].x - cameras[1].x) > 0.1
    pictures = []
    for camera, share in zip(cameras, (0.2, 0.3), strict=True):
        canvas = Canvas(camera)
        scene.draw(canvas, share)
        pictures.append(canvas.rgb.astype(float))
    assert np.abs(pictures[0] - pictures[1]).mean() > 5


def test_things_move_by_themselves(scene) -> None:
    camera = scene.camera(0.5, 320, 180)
    pictures = []
    for share in (0.5, 0.6):
        canvas = Canvas(camera)
        scene.draw(canvas, share)
        pictures.append(canvas.inverse_depth)
    assert 0.002 < np.mean(pictures[0] != pictures[1]) < 0.2


def test_the_meadows_ball_passes_behind_the_fence() -> None:
    meadow = Meadow(3)
    passing = [meadow.ball(share / 20) for share in range(20)]
    assert all(z > 8.2 + 0.42 for _, _, z in passing)
    assert any(-6.3 < x < 0.9 and y < 1 for x, y, _ in passing)
    assert min(y for _, y, _ in passing) >= 0.42, "never in the ground"


def test_the_squares_balls_never_touch_and_stay_above_the_ground() -> None:
    for share in np.linspace(0, 1, 21):
        balls = np.array(Square.balls(float(share)))
        assert balls[:, 1].min() > 0.62
        for first in range(3):
            for second in range(first):
                assert np.linalg.norm(balls[first] - balls[second]) > 2 * 0.62
