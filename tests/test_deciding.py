"""What is decided before the first frame."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from video3d import deciding
from video3d.errors import DepthError, SettingsError, SourceError
from video3d.host import StandaloneHost
from video3d.params import from_values
from video3d.settings import ConversionSettings


def settings_of(**values: Any) -> ConversionSettings:
    return from_values(ConversionSettings, {"speed": "fastest", **values})


def decided(clip: Path, **values: Any) -> deciding.Conversion:
    return deciding.decide(clip, settings_of(**values), StandaloneHost())


def test_what_is_decided_for_an_ordinary_clip(small_clip: Path) -> None:
    conversion = decided(small_clip)
    request = conversion.shared.encode
    assert (request.width, request.height, request.pixel_format.name) == (640, 180, "yuv420p")
    assert request.time_scale % conversion.info.time_base.denominator == 0
    assert conversion.shared.strength > 0
    assert any("built-in (basic)" in notice for notice in conversion.notices)


@pytest.mark.parametrize(("pixels", "chroma", "expected"), [
    ("yuv444p", "source", "yuv444p"), ("yuv422p10le", "420", "yuv420p10le"), ("gray", "420", "yuv420p"),
])
def test_depth_of_bits_and_chroma_follow_source_and_setting(make_clip: Callable[..., Path], pixels: str, chroma: str,
                                                            expected: str) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=0.2", "-c:v", "ffv1", "-pix_fmt",
                     pixels, suffix=".mkv")
    assert decided(clip, chroma=chroma).shared.eye_format.name == expected


@pytest.mark.parametrize(("layout", "expected"), [("depth", "yuv420p10le"), ("rgbd", "yuv420p10le"),
                                                  ("full-sbs", "yuv420p")])
def test_depth_can_be_finer_than_the_source(small_clip: Path, layout: str, expected: str) -> None:
    assert decided(small_clip, layout=layout, depth_bits="10").shared.encode.pixel_format.name == expected


@pytest.mark.parametrize("base", [Fraction(1, 24), Fraction(1, 1000), Fraction(1, 90000), Fraction(1001, 24000),
                                  Fraction(1, 12800), Fraction(1, 10**9), Fraction(1, 44100)])
def test_ticks_of_the_result_hold_those_of_the_source(base: Fraction) -> None:
    scale = deciding._time_scale(base)
    assert deciding.SMALLEST_TIME_SCALE <= scale <= deciding.LARGEST_TIME_SCALE
    if base.denominator <= deciding.LARGEST_TIME_SCALE:
        assert (base * scale).denominator == 1


@pytest.mark.parametrize(("values", "kind", "words"), [
    ({"start": 1, "end": 0.5}, SettingsError, "--end"), ({"start": 1, "end": 1}, SettingsError, "--end"),
    ({"start": 60}, SourceError, "--start"), ({"depth_model": "nonsense"}, SettingsError, "nonsense"),
    ({"depth_model": "file"}, DepthError, "needs the file"), ({"encoder": "nonsense"}, SettingsError, "nonsense"),
])
def test_what_cannot_be_done_is_refused_at_once(small_clip: Path, values: dict[str, Any], kind: type[Exception],
                                                words: str) -> None:
    with pytest.raises(kind, match=words):
        decided(small_clip, **values)


@pytest.mark.parametrize(("values", "ending"), [
    ({}, "_LR"), ({"container": "mkv"}, ".mkv"), ({"layout": "half-sbs"}, "HSBS"), ({"swap_eyes": True}, "RL"),
    ({"layout": "anaglyph-dubois"}, "anaglyph"),
])
def test_the_name_says_the_layout(values: dict[str, Any], ending: str) -> None:
    name = deciding.target_name(Path("folder/my film.avi"), settings_of(**values))
    assert name.startswith("my film_")
    assert ending in name
    assert "/" not in name
