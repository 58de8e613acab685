"""Maps made elsewhere come by the number of their frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from video3d.errors import DepthError
from video3d.motion import MotionEstimator, flow_size, small_grey
from video3d.nearness import GIVEN_SHORT_SIDE, Taken, given_nearness
from video3d.types import FloatMap, Frame, PixelFormat, Plane

SIZE = (160, 90)
FORMAT = PixelFormat(8, 1, 1)
GRID = flow_size(*SIZE)


def luma_of(number: int) -> Plane:
    columns = np.arange(SIZE[0]) + 3 * number
    return np.broadcast_to((128 + 90 * np.sin(columns / 9)).astype(np.uint8), (SIZE[1], SIZE[0])).copy()


def taken(number: int, *, starts_shot: bool = False) -> Taken:
    chroma = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    frame = Frame((luma_of(number), chroma, chroma), number, FORMAT)
    before, grey = (small_grey(luma_of(n), 8, GRID) for n in (number - 1, number))
    motion = None if starts_shot else MotionEstimator(GRID).estimate(before, grey)
    return Taken(frame, number, number / 10, grey, motion, is_written=True)


@pytest.fixture
def depth_folder(tmp_path: Path) -> Path:
    """Twelve depth pictures; number n is all n · 20."""
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), np.full((72, 128), number * 20, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_given_pictures_come_by_number(depth_folder: Path) -> None:
    stage = given_nearness(depth_folder)
    levels = [float(stage.push(taken(number))[0].mean()) for number in (0, 1, 2, 7, 8, 3)]
    np.testing.assert_allclose(levels, np.array([0, 1, 2, 7, 8, 3]) * 20 / 255, atol=1e-3)
    assert stage.flush() == []
    stage.close()


def test_a_missing_picture_is_named_by_its_frame(depth_folder: Path) -> None:
    stage = given_nearness(depth_folder)
    with pytest.raises(DepthError, match="frame 13"):
        stage.push(taken(12))


def test_deep_pictures_keep_their_depth(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 128).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "0.png"), np.broadcast_to(ramp, (72, 128)).copy())
    (nearness,) = given_nearness(tmp_path).push(taken(0))
    assert len(np.unique(nearness)) > 120
    np.testing.assert_allclose(nearness[0], ramp / 65535, atol=1e-3)


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((1080, 1920), np.uint8))
    (nearness,) = given_nearness(tmp_path).push(taken(0))
    assert nearness.shape == (GIVEN_SHORT_SIDE, GIVEN_SHORT_SIDE * 16 // 9)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(DepthError, match="holds no pictures"):
        given_nearness(tmp_path)
    (tmp_path / "0.png").write_bytes(b"not a picture")
    with pytest.raises(DepthError, match=r"0\.png: not a picture"):
        given_nearness(tmp_path).push(taken(0))


def given_video(path: Path, numbers: range) -> Iterator[FloatMap]:
    stage = given_nearness(path)
    try:
        for number in numbers:
            yield from stage.push(taken(number))
    finally:
        stage.close()


def test_a_given_video_comes_by_number(small_clip: Path) -> None:
    straight = list(given_video(small_clip, range(4)))
    later = list(given_video(small_clip, range(2, 4)))
    for one, other in zip(straight[2:], later, strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(0 <= nearness.min() <= nearness.max() <= 1 for nearness in straight)
    with pytest.raises(DepthError, match="frame 49"):
        list(given_video(small_clip, range(47, 49)))


def test_a_large_video_comes_reduced(make_clip: Callable[..., Path]) -> None:
    """Grey to the right of a third, white to its left: the edge stays where it was."""
    clip = make_clip("-f", "lavfi", "-i", "color=white:size=1280x720:rate=8:duration=0.3", "-vf",
                     "drawbox=x=426:w=854:h=720:color=gray:t=fill", "-c:v", "ffv1", "-pix_fmt", "yuv420p",
                     suffix=".mkv")
    first, *_ = given_video(clip, range(2))
    assert first.shape == (GIVEN_SHORT_SIDE, 960)
    assert (first[:, :319] > 0.98).all()
    assert (np.abs(first[:, 320:] - 0.5) < 0.02).all()
