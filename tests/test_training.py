"""The renderer that training pictures come from, whose distances are exact, and what the network learned of them."""

from __future__ import annotations

import numpy as np

from training.make_data import examples
from training.render import BOX, CONE, ELLIPSOID, PLANE, RING, Camera, Light, Things, render
from training.scenes import random_scene
from training.score import ordinal_accuracy, relative_error
from video3d.depth.correction import Corrector

CAMERA = Camera(np.eye(3), np.zeros(3), 1.0)
LIGHT = Light(np.array([0.0, -1.0, 0.0]), 0.5, np.ones(3), np.ones(3), 0.0, shadows=True)


def things(*shapes: tuple[int, tuple[float, float, float], tuple[float, float, float]]) -> Things:
    count = len(shapes)
    return Things(np.array([shape for shape, _, _ in shapes]), np.repeat(np.eye(3)[None], count, 0),
                  np.array([position for _, position, _ in shapes]), np.array([half for _, _, half in shapes]),
                  np.zeros(count, np.int64), np.full((count, 2, 3), 0.5), np.ones(count), np.zeros(count),
                  np.arange(count))


def test_a_floor_is_as_near_as_geometry_says() -> None:
    _, nearness = render(things((PLANE, (0, 1.5, 0), (9, 9, 9))), CAMERA, LIGHT, 33, 33, 0)
    rows = (np.arange(33) + 0.5 - 16.5) / 33
    expected = np.clip(rows / 1.5, 0, None)  # 1 / z of the plane y = 1.5
    np.testing.assert_allclose(nearness, np.repeat(expected[:, None], 33, 1), atol=1e-6)


def test_what_is_in_front_hides_what_is_behind() -> None:
    _, nearness = render(things((BOX, (0, 0, 5), (4, 4, 0.5)), (ELLIPSOID, (0, 0, 3), (1, 1, 1))), CAMERA, LIGHT, 33,
                         33, 0)
    assert nearness[16, 16] == np.float32(1 / 2)
    assert abs(nearness[1, 1] - 1 / 4.5) < 1e-6


def test_a_cone_narrows_upwards_and_a_ring_is_open() -> None:
    _, nearness = render(things((CONE, (0, 0, 5), (1, 1, 1))), CAMERA, LIGHT, 33, 33, 0)
    assert abs(nearness[16, 16] - 1 / 4.5) < 1e-6, "half as wide at half its height"
    assert (nearness[12] > 0).sum() < (nearness[20] > 0).sum()
    _, nearness = render(things((RING, (0, 0, 3), (1, 1, 1))), CAMERA, LIGHT, 33, 33, 0)
    assert nearness[16, 16] == 0
    assert abs(nearness[16, 25] - 1 / 3) < 1e-6


def test_the_same_seed_draws_the_same_scene() -> None:
    first, second = (random_scene(np.random.default_rng(3)) for _ in range(2))
    pictures = [render(scene.things, scene.camera, scene.light, 32, 16, 1)[0] for scene in (first, second)]
    np.testing.assert_array_equal(*pictures)


def test_the_same_seed_makes_the_same_examples() -> None:
    first, second = (examples(np.random.default_rng(5), (64, 36)) for _ in range(2))
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_network_knows_more_than_the_cues_of_scenes_it_has_not_seen() -> None:
    corrector = Corrector(share=1)
    order, error = [], []
    for seed in range(9000, 9016):
        for rgb, maps, nearness in examples(np.random.default_rng(seed), (128, 72)):
            fused = maps[..., 0]
            corrected = fused + corrector._seen(rgb.astype(np.float32) / 255, maps)
            order.append([ordinal_accuracy(depth, nearness) for depth in (corrected, fused)])
            error.append([relative_error(depth, nearness) for depth in (corrected, fused)])
    assert np.subtract(*np.mean(order, axis=0)) > 0.02
    assert np.subtract(*np.mean(error, axis=0)) < -0.1
