from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from video3d.stereo import synthesize

DATA = Path(os.environ.get("VIDEO3D_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def picture(width=96, height=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def layers(width=96, height=40, near=9.0, far=2.0):
    disparity = np.full((height, width), far, np.float32)
    disparity[8:32, 30:60] = near
    return disparity


def catmull_rom(p0, p1, p2, p3, t):
    return p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))


@pytest.mark.parametrize("eye", ["left", "right"])
def test_no_disparity_changes_nothing(eye):
    image = picture()
    assert np.array_equal(synthesize(image, np.zeros(image.shape[:2], np.float32), eye), image)


@pytest.mark.parametrize("shift", [1, 7, -5])
def test_a_plane_moves_left_in_the_right_eye_and_right_in_the_left_eye(shift):
    image = picture()
    disparity = np.full(image.shape[:2], float(shift), np.float32)
    right, left = synthesize(image, disparity, "right"), synthesize(image, disparity, "left")
    inner = slice(10, -10)
    assert np.array_equal(right[:, inner], np.roll(image, -shift, axis=1)[:, inner])
    assert np.array_equal(left[:, inner], np.roll(image, shift, axis=1)[:, inner])


def test_part_of_a_pixel_is_interpolated_along_the_row():
    image = picture()
    right = synthesize(image, np.full(image.shape[:2], 2.25, np.float32), "right")
    p = [np.roll(image, -k, axis=1).astype(np.float64) for k in (1, 2, 3, 4)]
    expected = np.floor(np.clip(catmull_rom(*p, 0.25) + 0.5, 0, 255))
    assert np.abs(right[:, 5:-8] - expected[:, 5:-8]).max() <= 1


def test_near_things_cover_and_what_they_leave_takes_the_surface_behind():
    image = np.full((40, 96, 3), 50, np.uint8)
    image[8:32, 30:60] = 200
    right = synthesize(image, layers(), "right", edge_dilation=0)
    row = right[20, :, 0]
    assert (row[22:50] == 200).all()
    assert (row[53:90] == 50).all()
    assert (row[:19] == 50).all()
    left = synthesize(image, layers(), "left", edge_dilation=0)[20, :, 0]
    assert (left[40:68] == 200).all()
    assert (left[:37] == 50).all()


@pytest.mark.parametrize("dilation", [0, 1, 2, 3])
def test_a_mirrored_input_gives_the_mirrored_result(dilation):
    image, disparity = picture(), layers()
    disparity[12:20, 70:90] += np.linspace(0, 8, 20, dtype=np.float32)
    right = synthesize(image, disparity, "right", edge_dilation=dilation)
    mirrored = synthesize(image[:, ::-1].copy(), disparity[:, ::-1].copy(), "left", edge_dilation=dilation)
    assert np.array_equal(right, mirrored[:, ::-1])


@pytest.mark.parametrize("size", [(96, 40), (48, 20), (31, 13)])
def test_the_plain_path_and_any_number_of_workers_give_the_same(size):
    image = cv2.GaussianBlur(picture(), (0, 0), 1.0)
    disparity = cv2.resize(cv2.GaussianBlur(layers() - 4, (0, 0), 1.5), size, interpolation=cv2.INTER_AREA)
    reference = synthesize(image, disparity, "right", workers=1)
    assert np.array_equal(reference, synthesize(image, disparity, "right", workers=3))
    plain = synthesize(image, disparity, "right", compiled=False)
    assert np.abs(reference.astype(int) - plain).max() <= 1


def test_wild_disparities_are_survived():
    image = picture()
    rng = np.random.default_rng(3)
    for scale in (5, 400):
        disparity = (rng.standard_normal(image.shape[:2]) * scale).astype(np.float32)
        assert synthesize(image, disparity, "left").shape == image.shape


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9)])
def test_tiny_pictures_are_survived(size):
    image = picture(*size)
    disparity = np.full(image.shape[:2], 0.7, np.float32)
    assert synthesize(image, disparity).shape == image.shape


@pytest.mark.parametrize("eye", ["both", "middle"])
def test_one_eye_is_asked_for(eye):
    with pytest.raises(ValueError, match=r"left or right|middle"):
        synthesize(picture(), layers(), eye)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        synthesize(picture()[:, :, 0], layers())


@pytest.mark.skipif(not (DATA / "stereo_gt").is_dir(), reason="no ground-truth pairs (VIDEO3D_DATA)")
def test_real_pairs_with_true_disparity():
    errors = []
    for folder in sorted((DATA / "stereo_gt").iterdir()):
        left, right = (cv2.imread(str(folder / f"{eye}.png"))[:, :, ::-1] for eye in ("left", "right"))
        raw = cv2.imread(str(folder / "disp_left.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) / 256
        # The unknown takes the farther side's disparity; whole pictures are scored, so the figure is low.
        disparity = np.where(raw > 0, raw, cv2.erode(np.where(raw > 0, raw, 1e3), np.ones((1, 31))))
        disparity = np.where(disparity > 500, raw[raw > 0].min(), disparity).astype(np.float32)
        made = synthesize(np.ascontiguousarray(left), disparity)
        errors.append(10 * np.log10(255**2 / np.mean((made.astype(np.float64) - right) ** 2)))
    assert np.mean(errors) > 24.5
