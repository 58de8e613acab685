from __future__ import annotations

import numpy as np
import pytest

from video3d.stereo.framing import Bars, Box, detect_bars, measure


def picture(rows=90, columns=160, seed=0):
    return np.random.default_rng(seed).integers(60, 200, (rows, columns)).astype(np.uint8)


def test_letterbox_is_found():
    luma = picture()
    luma[:11] = luma[-11:] = 16
    assert detect_bars(luma) == Bars(11 / 90, 11 / 90, 0, 0)


def test_pillarbox_is_found():
    luma = picture()
    luma[:, :20] = luma[:, -20:] = 18
    assert detect_bars(luma) == Bars(0, 0, 20 / 160, 20 / 160)


def test_subtitles_inside_the_lower_bar_do_not_hide_it():
    luma = picture()
    luma[:12] = luma[-12:] = 16
    luma[-6:-2, 40:120] = 235
    assert detect_bars(luma) == Bars(12 / 90, 12 / 90, 0, 0)


@pytest.mark.parametrize("dark_rows", [slice(0, 11), slice(-11, None)])
def test_a_dark_strip_on_one_side_only_is_picture(dark_rows):
    luma = picture()
    luma[dark_rows] = 16
    assert detect_bars(luma) == Bars()


def test_noisy_night_sky_is_no_bar():
    luma = picture()
    luma[:11] = luma[-11:] = np.random.default_rng(1).integers(0, 60, (11, 160))
    assert detect_bars(luma) == Bars()


def test_a_black_frame_tells_nothing():
    assert detect_bars(np.full((90, 160), 16, np.uint8)) is None


def test_picture_between_the_bars():
    assert Bars(0.1, 0.2, 0, 0.25).picture(8, 10) == (slice(1, 8), slice(0, 6))
    assert Bars().picture(8, 10) == (slice(0, 10), slice(0, 8))


def test_measure_of_a_ramp():
    ramp = np.tile(np.linspace(0, 1, 160, dtype=np.float32), (90, 1))
    found = measure(ramp, seconds=1.5)
    assert found.seconds == 1.5
    assert (found.low, found.high) == pytest.approx((0.005, 0.995), abs=0.008)
    assert found.subject == pytest.approx(0.5, abs=0.01)
    assert found.left_side < 0.02
    assert found.right_side > 0.98


def test_mirrored_map_mirrors_the_sides():
    nearness = np.random.default_rng(2).random((90, 160), np.float32)
    one, other = measure(nearness, seconds=0), measure(nearness[:, ::-1], seconds=0)
    assert (one.left_side, one.right_side) == (other.right_side, other.left_side)
    assert one.subject == pytest.approx(other.subject, abs=0.002)


def test_the_middle_is_the_subject():
    nearness = np.zeros((90, 160), np.float32)
    nearness[10:80, 30:130] = 0.7
    assert measure(nearness, seconds=0).subject == pytest.approx(0.7, abs=0.01)


def test_a_given_box_outweighs_the_middle():
    nearness = np.zeros((90, 160), np.float32)
    nearness[:, :70] = 0.7
    assert measure(nearness, seconds=0).subject < 0.1
    assert measure(nearness, seconds=0, subjects=[Box(0, 0, 0.45, 1)]).subject == pytest.approx(0.7, abs=0.01)


def test_a_sharp_half_outweighs_a_blurred_one():
    nearness = np.zeros((90, 160), np.float32)
    nearness[:, :76] = 0.7
    luma = np.full((90, 160), 100, np.uint8)
    luma[:, :76] = picture(90, 76)
    assert measure(nearness, seconds=0).subject < 0.1
    assert measure(nearness, seconds=0, luma=luma).subject == pytest.approx(0.7, abs=0.01)


def test_bars_are_not_measured():
    nearness = np.full((90, 160), 0.5, np.float32)
    nearness[:9] = nearness[-9:] = 1
    assert measure(nearness, seconds=0, bars=Bars(0.1, 0.1)).high == pytest.approx(0.5, abs=0.002)
