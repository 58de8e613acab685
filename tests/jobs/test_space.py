"""A disk that cannot hold the work is told before the work begins."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from video3d import pipeline
from video3d.errors import TargetError
from video3d.host import StandaloneHost
from video3d.jobs import space
from video3d.params import from_values
from video3d.pipeline import Conversion
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="session")
def clip(make_clip: Callable[..., Path]) -> Path:
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=2", "-c:v", "libx264")


def decided(clip: Path, **changes: Any) -> Conversion:
    return pipeline.decide(clip, from_values(ConversionSettings, changes), StandaloneHost())


def test_longer_larger_and_finer_takes_more(clip: Path) -> None:
    usual = decided(clip)
    size = space.expected_bytes(usual)
    assert size is not None
    assert size > 0
    more = (replace(usual, shared=replace(usual.shared, encode=replace(usual.shared.encode, width=4000))),
            decided(clip, quality=10))
    assert all((space.expected_bytes(other) or 0) > size for other in more)
    assert (space.expected_bytes(decided(clip, preview=1)) or 0) == pytest.approx(size / 2, abs=1)
    assert space.expected_bytes(decided(clip, bitrate=8)) == round((8e6 + space.AUDIO_BITS) * 2 / 8)


def test_where_the_length_is_unknown_nothing_is_guessed(clip: Path) -> None:
    usual = decided(clip)
    info = replace(usual.info, duration=None)
    unknown = replace(usual, shared=replace(usual.shared, info=info))
    assert space.expected_bytes(unknown) is None
    space.check_space(unknown, clip.parent, 0, SilentReporter())
    assert unknown.range.start == Fraction(0)


@pytest.mark.parametrize(("settings", "share", "refused", "told"), [
    ({}, 0.05, True, False), ({}, 0.5, False, True), ({}, 2, False, False), ({"bitrate": 8}, 0.9, True, False),
])
def test_too_little_is_refused_and_a_little_is_told(clip: Path, monkeypatch: pytest.MonkeyPatch,
                                                    settings: dict[str, Any], share: float, refused: bool,
                                                    told: bool) -> None:
    conversion = decided(clip, **settings)
    needed = space.COPIES * (space.expected_bytes(conversion) or 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(share * needed)))
    reporter = SilentReporter()
    if refused:
        with pytest.raises(TargetError, match="free, and the work needs about") as caught:
            space.check_space(conversion, clip.parent, 0, reporter)
        assert caught.value.remedy
    else:
        space.check_space(conversion, clip.parent, 0, reporter)
    assert bool(reporter.notices) is told
    space.check_space(conversion, clip.parent, needed, SilentReporter())


@pytest.mark.parametrize(("size", "text"), [(5, "5 bytes"), (1300, "1.3 kB"), (2_000_000, "2.0 MB"),
                                            (1_340_000_000, "1.3 GB")])
def test_sizes_are_readable(size: int, text: str) -> None:
    assert space.size_text(size) == text
