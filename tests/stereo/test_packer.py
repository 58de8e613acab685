"""The one door to all layouts: sizes, separate files and VR180 against what is made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from video3d.stereo.layouts import packed_size
from video3d.stereo.packer import Canvas, Packer, encoded_format, encoded_size, parted
from video3d.stereo.vr180 import VirtualScreen, VR180Packer
from video3d.types import Frame, Layout, PixelFormat, StereoFrame

YUV420 = PixelFormat(8, 1, 1)


def eye(value: int, width: int, height: int) -> Frame:
    rng = np.random.default_rng(value)
    shapes = YUV420.plane_shapes(width, height)
    y, u, v = (rng.integers(0, 256, shape, np.uint8) for shape in shapes)
    return Frame((y, u, v), 7, YUV420)


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("size", [(18, 10), (17, 9)])
def test_each_files_frames_are_as_large_as_said(layout: Layout, size: tuple[int, int]) -> None:
    canvas = Canvas(VirtualScreen(), 64) if layout is Layout.VR180 else None
    packer = Packer(layout, *size, YUV420, canvas=canvas)
    frame = packer.pack(StereoFrame(eye(1, *size), eye(2, *size)), np.full((3, 4), 0.5, np.float32))
    for part in parted(frame, layout):
        assert (part.width, part.height) == encoded_size(layout, *size, canvas)
        assert part.pixel_format == encoded_format(layout, YUV420)
        assert all(plane.flags.c_contiguous for plane in part.planes)
        assert part.pts == 7


@pytest.mark.parametrize("swap_eyes", [False, True])
def test_separate_files_hold_the_eyes_themselves(swap_eyes: bool) -> None:
    eyes = eye(1, 8, 4), eye(2, 8, 4)
    packer = Packer(Layout.SEPARATE, 8, 4, YUV420, swap_eyes=swap_eyes)
    parts = parted(packer.pack(StereoFrame(*eyes)), Layout.SEPARATE)
    for part, expected in zip(parts, reversed(eyes) if swap_eyes else eyes, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(part.planes, expected.planes, strict=True))


def test_vr180_is_its_own_packer_and_can_be_exchanged() -> None:
    eyes = StereoFrame(eye(1, 32, 18), eye(2, 32, 18))
    canvas = Canvas.of(32, VirtualScreen(1.0, 1.0))
    assert canvas.side == 100  # 32 pixels a radian in the middle, and π radians: even
    expected = VR180Packer(32, 18, YUV420, canvas.screen, side=canvas.side).pack(eyes)
    made = Packer(Layout.VR180, 32, 18, YUV420, canvas=canvas).pack(eyes)
    assert all(np.array_equal(one, other) for one, other in zip(made.planes, expected.planes, strict=True))
    swapped = Packer(Layout.VR180, 32, 18, YUV420, canvas=canvas, swap_eyes=True).pack(eyes)
    assert not np.array_equal(swapped.planes[0], made.planes[0])


def test_a_canvas_has_no_packed_size() -> None:
    with pytest.raises(ValueError, match="size of its own"):
        packed_size(Layout.VR180, 8, 4)
