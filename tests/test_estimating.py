"""Guesses obey what people expect of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.estimating import Estimate, Sample, estimate
from video3d.media.source import probe
from video3d.params import from_values
from video3d.settings import ConversionSettings
from video3d.video_info import VideoInfo


@pytest.fixture(scope="module")
def info(small_clip: Path) -> VideoInfo:
    return probe(small_clip)


@pytest.fixture
def guess(info: VideoInfo, small_clip: Path) -> Callable[..., Estimate]:
    def make(sample: Sample | None = None, threads: int = 2, **values: Any) -> Estimate:
        settings = from_values(ConversionSettings, values)
        return estimate(info, small_clip.stat().st_size, settings, threads, sample)

    return make


def test_the_frame_is_that_of_the_layout(guess: Callable[..., Estimate]) -> None:
    assert (guess().width, guess().height) == (640, 180)
    assert (guess(layout="half-tab").width, guess(layout="half-tab").height) == (320, 180)
    assert (guess(max_height=90).width, guess(max_height=90).height) == (320, 90)


def test_a_device_is_heeded(guess: Callable[..., Estimate]) -> None:
    assert (guess(preset="tv-3d").width, guess(preset="tv-3d").height) == (320, 180)
    assert guess(preset="vr180").width == 2 * guess(preset="vr180").height
    assert guess(layout="vr180").width == 2 * guess(layout="vr180").height


def test_a_part_takes_its_part(guess: Callable[..., Estimate]) -> None:
    whole, half = guess(), guess(preview=1)
    assert half.seconds == pytest.approx(whole.seconds / 2, rel=0.05)
    assert half.bytes == pytest.approx(whole.bytes / 2, rel=0.05)
    assert guess(start=1, end=1.5).seconds == pytest.approx(whole.seconds / 4, rel=0.05)


def test_better_quality_is_larger_and_a_bit_rate_is_kept(guess: Callable[..., Estimate]) -> None:
    assert guess(quality=14).bytes > 1.5 * guess(quality=20).bytes > guess(quality=26).bytes
    assert guess(bitrate=8, tracks="none").bytes == pytest.approx(2 * 8e6 / 8, rel=0.05)


def test_more_threads_are_faster(guess: Callable[..., Estimate]) -> None:
    assert guess(threads=4).seconds == pytest.approx(guess(threads=1).seconds / 4)


def test_the_last_conversion_teaches(guess: Callable[..., Estimate]) -> None:
    """48 frames of 640 × 180 at 1e6 pixels a second."""
    assert guess(Sample(2_000_000, 2.0)).seconds == pytest.approx(48 * 640 * 180 / 1e6, rel=0.02)


def test_a_network_without_a_graphics_card_takes_long(info: VideoInfo, small_clip: Path) -> None:
    size, settings = small_clip.stat().st_size, ConversionSettings()
    quick, slow = (estimate(info, size, settings, 2, is_slow=is_slow) for is_slow in (False, True))
    assert slow.seconds == pytest.approx(quick.seconds + 48, rel=0.02), "48 frames of two seconds on two threads"
    known = Sample(2_000_000, 2.0)
    assert estimate(info, size, settings, 2, known, is_slow=True) == estimate(info, size, settings, 2, known)
