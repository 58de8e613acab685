"""Levels: the standards' own examples, and monotony."""

from __future__ import annotations

from fractions import Fraction

import pytest

from video3d.presets.levels import lowest_level, reference_frames
from video3d.settings import Codec

CODECS = (Codec.H264, Codec.HEVC, Codec.AV1)


@pytest.mark.parametrize(("codec", "width", "height", "rate", "level"), [
    (Codec.H264, 1920, 1080, 30, "4.0"), (Codec.H264, 1920, 1080, 60, "4.2"), (Codec.H264, 3840, 1080, 30, "5.0"),
    (Codec.H264, 3840, 2160, 30, "5.1"), (Codec.H264, 3840, 2160, 60, "5.2"), (Codec.H264, 7680, 2160, 30, "6.0"),
    (Codec.HEVC, 1920, 1080, 60, "4.1"), (Codec.HEVC, 3840, 2160, 60, "5.1"), (Codec.HEVC, 7680, 2160, 30, "6.0"),
    (Codec.AV1, 1920, 1080, 30, "4.0"), (Codec.AV1, 3840, 2160, 60, "5.1"), (Codec.AV1, 8192, 4320, 30, "6.0"),
])
def test_known_examples(codec: Codec, width: int, height: int, rate: int, level: str) -> None:
    assert lowest_level(codec, width, height, Fraction(rate)) == level


@pytest.mark.parametrize("codec", CODECS)
def test_more_pixels_or_frames_never_need_less(codec: Codec) -> None:
    def number(width: int, height: int, rate: int) -> float:
        return float(lowest_level(codec, width, height, Fraction(rate)) or 9)

    sizes = [(320, 180), (640, 360), (1280, 720), (1920, 1080), (3840, 1080), (3840, 2160), (7680, 2160), (7680, 4320)]
    levels = [[number(*size, rate) for rate in (10, 24, 30, 60, 120)] for size in sizes]
    for row, above in zip(levels[1:], levels, strict=False):
        assert row == sorted(row)
        assert all(one >= other for one, other in zip(row, above, strict=True))


@pytest.mark.parametrize("codec", CODECS)
def test_what_no_level_holds(codec: Codec) -> None:
    assert lowest_level(codec, 40000, 30000, Fraction(30)) is None
    # Long and thin: the area would do, the side does not.
    assert lowest_level(codec, 20000, 16, Fraction(1)) is None


@pytest.mark.parametrize(("level", "width", "height", "frames"), [
    ("4.0", 1920, 1080, 4), ("4.1", 1920, 1080, 4), ("5.0", 3840, 1080, 6), ("5.1", 3840, 2160, 5),
    ("5.1", 1920, 1080, 16), ("3.1", 1280, 720, 5), ("1.0", 176, 144, 4),
])
def test_reference_frames_are_those_of_the_standard(level: str, width: int, height: int, frames: int) -> None:
    assert reference_frames(level, width, height) == frames


def test_auto_is_no_codec() -> None:
    with pytest.raises(ValueError, match="auto"):
        lowest_level(Codec.AUTO, 64, 64, Fraction(1))
