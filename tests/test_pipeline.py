"""What is decided before the first frame, and that the parts make one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from video3d import __version__, pipeline
from video3d.errors import Cancelled, DepthError, SettingsError, SourceError
from video3d.host import StandaloneHost
from video3d.params import from_values
from video3d.settings import ConversionSettings
from video3d.types import SilentReporter


class Stopped(SilentReporter):
    def is_cancelled(self) -> bool:
        return True


def settings_of(**values: Any) -> ConversionSettings:
    return from_values(ConversionSettings, {"speed": "fastest", **values})


def decided(clip: Path, **values: Any) -> pipeline.Conversion:
    return pipeline.decide(clip, settings_of(**values), StandaloneHost())


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
    scale = pipeline._time_scale(base)
    assert pipeline.SMALLEST_TIME_SCALE <= scale <= pipeline.LARGEST_TIME_SCALE
    if base.denominator <= pipeline.LARGEST_TIME_SCALE:
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
    name = pipeline.target_name(Path("folder/my film.avi"), settings_of(**values))
    assert name.startswith("my film_")
    assert ending in name
    assert "/" not in name


def test_joining_stops_when_asked(small_clip: Path, tmp_path: Path) -> None:
    conversion = decided(small_clip, preview=0.2, depth_model="constant")
    (unit,) = list(pipeline.plan(conversion, SilentReporter()))
    converter = pipeline.open_converter(conversion, None, SilentReporter())
    segment = tmp_path / "segment.mp4"
    try:
        converter.convert(unit, segment, lambda _: None)
    finally:
        converter.close()
    with pytest.raises(Cancelled):
        pipeline.join_units(conversion, [unit], [segment], tmp_path, Stopped())
    finished = pipeline.join_units(conversion, [unit], [segment], tmp_path, SilentReporter())
    with av.open(str(finished)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
        assert container.streams.audio


def test_a_result_says_how_it_was_made_without_naming_files_of_this_machine() -> None:
    settings = from_values(ConversionSettings, {"strength": 2, "layout": "half-sbs", "depth_video": "secret/depth.mp4",
                                                  "depth_model": "secret/own.onnx", "depth_cache": 9,
                                                  "device": "cuda:3", "compile_depth": True})
    told = json.loads(pipeline.settings_text(settings))
    assert told == {"video3d": __version__, "settings": {"strength": 2.0, "layout": "half-sbs"}}
