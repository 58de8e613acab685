from __future__ import annotations

import math

import numpy as np
import pytest

from video3d.stereo.vr180 import EYE_SEPARATION, VirtualScreen, VR180Packer, natural_side
from video3d.types import Frame, PixelFormat, StereoFrame

YUV420 = PixelFormat(8, 1, 1)
SCREEN = VirtualScreen(2.0, 1.5)


def flat(width, height, luma, u=90, v=160, pixel_format=YUV420):
    shapes = pixel_format.plane_shapes(width, height)
    planes = tuple(np.full(shape, value, pixel_format.dtype) for shape, value in zip(shapes, (luma, u, v), strict=True))
    return Frame(planes, 3, pixel_format)


def edges(row, level):
    """First and last position above `level`, to a part of a pixel."""
    inside = np.flatnonzero(row > level)
    first, last = inside[0], inside[-1]
    before = (row[first] - level) / (row[first] - row[first - 1])
    after = (row[last] - level) / (row[last] - row[last + 1])
    return first - before, last + after


def test_the_screen_subtends_its_angles_and_stands_at_its_distance():
    side = 720
    eye = flat(320, 180, 200)
    packed = VR180Packer(320, 180, YUV420, SCREEN, side=side).pack(StereoFrame(eye, eye))
    assert (packed.width, packed.height, packed.pts) == (1440, 720, 3)
    for side_of, canvas in ((-1, packed.planes[0][:, :side]), (1, packed.planes[0][:, side:])):
        left, right = edges(canvas[side // 2].astype(float), 108)
        for position, edge in ((left, -1), (right, 1)):
            angle = ((position + 0.5) / side - 0.5) * math.pi
            expected = math.atan((edge * SCREEN.width / 2 - side_of * EYE_SEPARATION / 2) / SCREEN.distance)
            assert angle == pytest.approx(expected, abs=0.4 * math.pi / side)
        top, bottom = edges(canvas[:, side // 2].astype(float), 108)
        half = math.atan(SCREEN.width * 180 / 320 / 2 / SCREEN.distance)
        assert (bottom - top) / side * math.pi == pytest.approx(2 * half, abs=0.8 * math.pi / side)


def test_around_the_screen_it_is_black():
    eye = flat(320, 180, 200)
    packed = VR180Packer(320, 180, YUV420, SCREEN, side=360).pack(StereoFrame(eye, eye))
    assert [int(plane[0, 0]) for plane in packed.planes] == [16, 128, 128]
    middle = [plane[plane.shape[0] // 2, plane.shape[1] // 4] for plane in packed.planes]
    assert [int(value) for value in middle] == [200, 90, 160]


def test_each_half_shows_its_eye():
    packed = VR180Packer(64, 36, YUV420, SCREEN, side=128).pack(StereoFrame(flat(64, 36, 50), flat(64, 36, 150)))
    assert (packed.planes[0][64, 64], packed.planes[0][64, 192]) == (50, 150)


def test_chroma_stays_on_its_luma():
    """An edge that luma and chroma share is found at the same angle in both."""
    eye = flat(320, 180, 200)
    eye.planes[0][:, :160] = 40
    eye.planes[1][:, :80] = 240
    packed = VR180Packer(320, 180, YUV420, SCREEN, side=720).pack(StereoFrame(eye, eye))
    luma = np.interp(np.arange(720) / 2, np.arange(360), packed.planes[1][180, :360].astype(float))
    across = packed.planes[0][360, :720].astype(float)
    seen = slice(300, 420)
    luma_edge = np.flatnonzero(across[seen] > 120)[0]
    chroma_edge = np.flatnonzero(luma[seen] < 165)[0]
    # A left-sited sample lies half a luma sample left of the pair it is averaged from: 2 of 320 columns at most.
    assert abs(int(luma_edge) - int(chroma_edge)) <= 4


def test_ten_bit_keeps_its_depth():
    pixel_format = PixelFormat(10, 1, 1)
    eye = flat(64, 36, 900, 500, 530, pixel_format)
    packed = VR180Packer(64, 36, pixel_format, SCREEN, side=128).pack(StereoFrame(eye, eye))
    assert (packed.planes[0][64, 64], packed.planes[0][0, 0], packed.planes[1][0, 0]) == (900, 64, 512)


def test_a_fine_pattern_is_smoothed_where_the_canvas_is_coarse():
    eye = flat(640, 360, 0)
    eye.planes[0][:, ::2] = 255
    packed = VR180Packer(640, 360, YUV420, SCREEN, side=256).pack(StereoFrame(eye, eye))
    inside = packed.planes[0][108:148, 100:156].astype(float)
    assert inside.std() < 12


def test_natural_side_keeps_the_resolution_of_the_middle():
    assert natural_side(320, SCREEN) == pytest.approx(math.pi * 320 / 2.0 * 1.5, abs=2)
    assert natural_side(7680, SCREEN) == 4096
    assert natural_side(321, SCREEN) % 2 == 0


def test_odd_sides_and_other_frames_are_refused():
    with pytest.raises(ValueError, match="even"):
        VR180Packer(64, 36, YUV420, side=129)
    with pytest.raises(ValueError, match="made for"):
        VR180Packer(64, 36, YUV420, side=128).pack(StereoFrame(flat(32, 18, 0), flat(32, 18, 0)))
