from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from video3d.stereo.wiggle import WiggleFormat, to_rgb, wiggle
from video3d.types import Frame, PixelFormat, StereoFrame
from video3d.video_info import ColourTags

YUV420 = PixelFormat(8, 1, 1)


def eye(luma, width=64, height=36):
    planes = (np.full((height, width), luma, np.uint8), *(np.full((height // 2, width // 2), 128, np.uint8),) * 2)
    return Frame(planes, 0, YUV420)


@pytest.mark.parametrize("kind", WiggleFormat)
def test_shows_left_and_right_by_turns_for_ever(kind):
    data = wiggle(StereoFrame(eye(60), eye(180)), kind, turn_milliseconds=150)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == kind.value.upper()
        assert (picture.n_frames, picture.size, picture.info["loop"]) == (2, (64, 36), 0)
        for index, luma in enumerate((60, 180)):
            picture.seek(index)
            expected = (luma - 16) / 219 * 255
            np.testing.assert_allclose(np.asarray(picture.convert("RGB")), expected, atol=3)
            assert kind is WiggleFormat.WEBP or picture.info["duration"] == 150


@pytest.mark.parametrize("kind", WiggleFormat)
def test_is_never_larger_than_asked(kind):
    with Image.open(io.BytesIO(wiggle(StereoFrame(eye(60), eye(180)), kind, largest_side=32))) as picture:
        assert picture.size == (32, 18)


def test_same_bytes_each_time():
    stereo = StereoFrame(eye(60), eye(180))
    assert wiggle(stereo, WiggleFormat.GIF) == wiggle(stereo, WiggleFormat.GIF)


def test_colours_by_hand():
    # BT.601 limited range red: Y 81, U 90, V 240.
    planes = (np.full((4, 4), 81, np.uint8), np.full((2, 2), 90, np.uint8), np.full((2, 2), 240, np.uint8))
    rgb = to_rgb(Frame(planes, 0, YUV420), ColourTags(matrix=6))
    np.testing.assert_allclose(rgb, np.broadcast_to([254, 0, 0], (4, 4, 3)), atol=1)
