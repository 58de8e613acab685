from __future__ import annotations

import math

import numpy as np
import pytest

from video3d.sample import paint
from video3d.sample.stage import Camera, Canvas, Haze, Texture

CAMERA = Camera(x=1.0, height=1.5, z=2.0, yaw=0.2, focal_length=300.0, columns=320, rows=200, horizon=90.0)
NO_HAZE = Haze((0, 0, 0), 1e9)


def square(colour: tuple[float, float, float], side: float = 1.0) -> paint.Cutout:
    return paint.Cutout.of(np.full((64, 64, 3), colour, np.float32), np.ones((64, 64), np.float32), side)


def ahead(depth: float, right: float = 0.0, up: float = 0.0) -> tuple[float, float, float]:
    sine, cosine = math.sin(CAMERA.yaw), math.cos(CAMERA.yaw)
    return (CAMERA.x + right * cosine + depth * sine, CAMERA.height + up, CAMERA.z - right * sine + depth * cosine)


@pytest.mark.parametrize(("right", "up", "depth"), [(0, 0, 5), (1, -0.5, 3), (-2, 1, 40)])
def test_a_point_is_seen_where_the_pinhole_puts_it(right: float, up: float, depth: float) -> None:
    assert CAMERA.seen(ahead(depth, right, up)) == pytest.approx((right, up, depth))
    assert CAMERA.pixel((right, up, depth)) == pytest.approx((160 + 300 * right / depth, 90 - 300 * up / depth))


@pytest.mark.parametrize("depth", [2.0, 7.5])
def test_moving_the_camera_moves_a_point_by_its_inverse_depth(depth: float) -> None:
    point = ahead(depth, 0.3, 0.1)
    other = CAMERA.moved_right(0.07)
    assert other.seen(point)[2] == pytest.approx(depth)
    moved = CAMERA.pixel(CAMERA.seen(point))[0] - other.pixel(other.seen(point))[0]
    assert moved == pytest.approx(300 * 0.07 / depth)


def test_a_cutout_covers_its_size_and_carries_its_depth() -> None:
    canvas = Canvas(CAMERA)
    canvas.cutout(square((1, 0, 0)), ahead(6, up=-0.5))
    red = canvas.rgb[..., 0] > 127
    assert red.sum() == pytest.approx((300 / 6) ** 2, rel=0.05)
    columns = np.flatnonzero(red.any(axis=0))
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(159.5, abs=0.6)
    assert np.unique(canvas.inverse_depth[red]) == pytest.approx([1 / 6])
    assert canvas.inverse_depth[~red].max() == 0


def test_the_later_thing_hides_the_earlier_one() -> None:
    canvas = Canvas(CAMERA)
    canvas.cutout(square((1, 0, 0), 4.0), ahead(8, up=-2))
    canvas.cutout(square((0, 1, 0), 1.0), ahead(4, up=-0.5))
    assert tuple(canvas.rgb[90, 160]) == (0, 255, 0)
    assert canvas.inverse_depth[90, 160] == np.float32(1 / 4)


def test_a_ball_is_nearest_in_its_middle_and_round() -> None:
    canvas = Canvas(CAMERA)
    canvas.ball(ahead(5), 1.0, lambda normal: np.full(normal.shape, 200, np.float32))
    seen = canvas.rgb[..., 0] > 100
    radius = 300 * math.tan(math.asin(1 / 5))
    assert seen.sum() == pytest.approx(math.pi * radius**2, rel=0.02)
    assert canvas.inverse_depth.max() == pytest.approx(1 / 4, rel=1e-3)
    assert np.unravel_index(canvas.inverse_depth.argmax(), seen.shape) == pytest.approx((90, 160), abs=4)


def test_ball_normals_point_to_the_camera_in_world_directions() -> None:
    normals: list[np.ndarray] = []

    def keep(normal: np.ndarray) -> np.ndarray:
        normals.append(normal)
        return np.zeros_like(normal)

    Canvas(CAMERA).ball(ahead(5), 1.0, keep)
    middle = normals[0][normals[0].shape[0] // 2, normals[0].shape[1] // 2]
    assert middle == pytest.approx((-math.sin(0.2), 0, -math.cos(0.2)), abs=0.05)


def test_what_is_behind_or_beside_the_camera_is_not_drawn() -> None:
    canvas = Canvas(CAMERA)
    canvas.cutout(square((1, 1, 1)), ahead(-3))
    canvas.cutout(square((1, 1, 1)), ahead(3, right=50))
    canvas.ball(ahead(0.2), 1.0, lambda normal: normal + 255)
    canvas.shadow(ahead(-3), 1.0)
    assert canvas.rgb.max() == 0


def test_the_ground_has_the_depth_of_its_row() -> None:
    canvas = Canvas(CAMERA)
    canvas.ground(lambda x, *_: np.full((*x.shape, 3), 90, np.float32), NO_HAZE)
    rows = np.arange(91, 200)
    assert canvas.inverse_depth[91:, 7] == pytest.approx((rows - 90) / (300 * 1.5), rel=1e-5)
    assert canvas.inverse_depth[:91].max() == 0
    assert np.all(canvas.rgb[91:] == 90)


def test_the_ground_lies_still_under_a_moving_camera() -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def keep(x: np.ndarray, z: np.ndarray, covered: np.ndarray) -> np.ndarray:
        seen.append((x, z))
        return np.zeros((*x.shape, 3), np.float32)

    for camera in (CAMERA, CAMERA.moved_right(0.5)):
        Canvas(camera).ground(keep, NO_HAZE)
    row = 109  # row 200 - 91: the last one, depth 300 * 1.5 / 109.0
    depth = 300 * 1.5 / (91 + row - 1 - 90)
    shift = 300 * 0.5 / depth
    columns = np.arange(200, 300, dtype=float)
    for first, second in zip(*seen, strict=True):
        expected = first[row - 1, 200:300]
        assert np.interp(columns - shift, np.arange(320), second[row - 1]) == pytest.approx(expected, abs=1e-3)


def test_a_texture_repeats_and_fades_to_its_mean() -> None:
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    texture = Texture(picture, 2.0)
    x, z = np.meshgrid(np.linspace(0, 2, 32, dtype=np.float32), np.linspace(0, 2, 16, dtype=np.float32))
    near = np.full(16, 0.001, np.float32)
    assert texture.look(x, z, near) == pytest.approx(texture.look(x + 6, z - 4, near), abs=1)
    far = texture.look(x, z, np.full(16, 0.2, np.float32))
    assert far.std() < 0.35 * texture.look(x, z, near).std()
    assert far.mean() == pytest.approx(picture.mean(), abs=6)


def test_haze_grows_with_distance() -> None:
    haze = Haze((100, 100, 100), 50.0)
    assert haze.share(0.0) == 0
    assert haze.share(50.0) == pytest.approx(1 - math.exp(-1))
    canvas = Canvas(CAMERA)
    canvas.cutout(square((1, 0, 0), 100), ahead(50, up=-50), haze=haze)
    share = 1 - math.exp(-1)
    assert canvas.rgb[90, 160] == pytest.approx((255 - 155 * share, 100 * share, 100 * share), abs=1.5)
