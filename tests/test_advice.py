"""The strength that a video's own depth suggests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d import advice, pipeline
from video3d.advice import advised
from video3d.errors import Cancelled
from video3d.host import StandaloneHost
from video3d.params import from_values
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings


class Stopped(SilentReporter):
    def is_cancelled(self) -> bool:
        return True


def decided(clip: Path, **values: Any) -> pipeline.Conversion:
    return pipeline.decide(clip, from_values(ConversionSettings, values), StandaloneHost())


def test_auto_looks_at_the_video_and_says_what_it_took(small_clip: Path) -> None:
    reporter = SilentReporter()
    conversion = decided(small_clip)
    found = advised(conversion, reporter)
    assert 0.6 * conversion.shared.strength - 0.05 <= found.shared.strength <= 1.2 * conversion.shared.strength + 0.05
    assert any(f"Strength {found.shared.strength:g} %" in notice for notice in reporter.notices)
    assert advised(conversion, SilentReporter()).shared.strength == found.shared.strength


@pytest.mark.parametrize("values", [{"strength": 2.0}, {"depth_model": "constant"}, {"layout": "depth"}])
def test_where_there_is_nothing_to_advise_nothing_is_looked_at(small_clip: Path, values: dict[str, Any]) -> None:
    conversion = decided(small_clip, **values)
    assert advised(conversion, Stopped()) is conversion


def test_it_stops_when_asked(small_clip: Path) -> None:
    with pytest.raises(Cancelled):
        advised(decided(small_clip), Stopped())


def test_moments_are_spread_over_what_is_converted(make_clip: Callable[..., Path]) -> None:
    long = make_clip("-f", "lavfi", "-i", "color=size=32x32:rate=2:duration=65", "-c:v", "libx264", "-g", "2")
    assert advice._moments(decided(long)) == pytest.approx([65 * (n + 0.5) / 3 for n in range(3)])
    assert advice._moments(decided(long, start=10, end=20)) == [15]
    assert all(30 < moment < 65 for moment in advice._moments(decided(long, start=30)))


def test_a_short_video_of_unknown_length_is_looked_at_too(make_clip: Callable[..., Path]) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=3", "-c:v", "libvpx-vp9", "-deadline",
                     "realtime", "-f", "webm", "-live", "1", suffix=".webm")
    conversion = decided(clip)
    assert conversion.info.duration is None
    seen: list[float] = []
    look = advice.look

    def remembering(of: pipeline.Conversion, moment: float) -> Any:
        found = look(of, moment)
        seen.append(moment)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(advice, "look", remembering)
        advised(conversion, SilentReporter())
    assert seen == [1.0]
