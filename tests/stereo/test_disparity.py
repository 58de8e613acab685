from __future__ import annotations

import numpy as np
import pytest

from video3d.stereo.disparity import (
    ComfortBudget,
    DisparityDesigner,
    DisparitySettings,
    WindowTreatment,
    soft_clamp,
    soft_limit,
    suggested_strength,
)
from video3d.stereo.framing import Bars

WIDTH = 1920
RATE = 24
FREE = DisparitySettings(budget=ComfortBudget(5, 5))
"""No budget in the way."""


def scene(subject=0.5, low=0.0, high=1.0, rows=54, columns=96):
    """A background from `low` (left) to `high` (right) with a subject in the middle; sides are far."""
    nearness = np.full((rows, columns), low, np.float32)
    nearness[:, -30:-20] = high
    nearness[10:44, 28:64] = subject
    return nearness


def run(maps, settings=None, *, begins=True, ends=True, luma=None, start=0.0, rate=RATE):
    designer = DisparityDesigner(WIDTH, settings, at_cut=begins)
    frames = []
    for index, nearness in enumerate(maps):
        frames += designer.push(nearness, seconds=start + index / rate, luma=luma)
    return frames + designer.flush(at_cut=ends)


def percent(frame):
    return frame.disparity / WIDTH * 100


@pytest.mark.parametrize("look_ahead", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("count", [0, 1, 5, 60])
def test_as_many_frames_out_as_in_and_in_order(count, look_ahead):
    maps = [scene(subject=0.3 + index / 200) for index in range(count)]
    settings = DisparitySettings(convergence=0.5, window=WindowTreatment.OFF, look_ahead_seconds=look_ahead)
    frames = run(maps, settings)
    assert len(frames) == count
    for nearness, frame in zip(maps, frames, strict=True):
        np.testing.assert_allclose(frame.disparity, (nearness - 0.5) * 0.025 * WIDTH, rtol=1e-5, atol=1e-4)


def test_waits_no_longer_than_the_look_ahead():
    designer = DisparityDesigner(WIDTH, DisparitySettings(look_ahead_seconds=0.5))
    out = 0
    for index in range(100):
        out += len(designer.push(scene(), seconds=index / RATE))
        assert index + 1 - out <= 0.5 * RATE + 2
    assert len(designer.flush()) == 100 - out


@pytest.mark.parametrize("window", WindowTreatment)
def test_no_strength_no_disparity(window):
    for frame in run([scene()] * 3, DisparitySettings(strength_percent=0, window=window)):
        assert frame.disparity.dtype == np.float32
        assert not frame.disparity.any()
        assert not np.signbit(frame.disparity).any()


def test_same_input_same_bytes_and_a_flushed_designer_is_new():
    maps = [scene(subject=s) for s in (0.2, 0.9, 0.4, 0.6)]
    designer = DisparityDesigner(WIDTH)
    runs = []
    for _ in range(2):
        frames = [f for i, m in enumerate(maps) for f in designer.push(m, seconds=i / RATE)] + designer.flush()
        runs.append([frame.disparity.tobytes() for frame in frames])
    assert runs[0] == runs[1]


def test_the_shift_of_the_clock_changes_nothing():
    maps = [scene(subject=0.3 + index / 100) for index in range(40)]
    one, other = run(maps), run(maps, start=1000.0)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.disparity, b.disparity, atol=0.02)


def test_a_mirrored_scene_gives_the_mirrored_disparity():
    maps = [scene(subject=0.6)] * 4
    mirrored = run([np.ascontiguousarray(nearness[:, ::-1]) for nearness in maps])
    for a, b in zip(run(maps), mirrored, strict=True):
        np.testing.assert_allclose(a.disparity[:, ::-1], b.disparity, atol=0.1)


def test_the_subject_stands_at_the_screen():
    for subject in (0.4, 0.6, 0.8):
        frames = run([scene(subject=subject)] * 60, FREE)
        assert np.median(percent(frames[30])[10:44, 28:64]) == pytest.approx(0.125, abs=0.05)


@pytest.mark.parametrize("subject", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("strength", [1.0, 2.5, 4.0, 5.0])
def test_the_budget_holds_away_from_cuts(subject, strength):
    settings = DisparitySettings(strength_percent=strength, window=WindowTreatment.OFF)
    budget = ComfortBudget.for_strength(strength)
    for frame in run([scene(subject=subject)] * 60, settings)[20:40]:
        assert percent(frame).max() <= budget.front_percent * 1.001 + 0.02
        assert percent(frame).min() >= -budget.behind_percent * 1.001 - 0.02


def test_a_narrow_budget_lessens_strength_and_keeps_the_order_of_things():
    settings = DisparitySettings(strength_percent=4, budget=ComfortBudget(0.5, 0.5), window=WindowTreatment.OFF)
    frame = run([scene(subject=0.5)] * 60, settings)[30]
    assert frame.strength_percent <= 1.02
    assert np.unique(np.round(frame.disparity, 3)).size == 3


def test_the_default_strength_is_untouched_by_the_budget():
    frame = run([scene()] * 60)[30]
    assert frame.strength_percent == pytest.approx(2.5, rel=0.01)


def test_a_fixed_screen_plane_stays_and_gives_up_strength_only_beyond_excursions():
    for plane, strength, expected in ((0.0, 2.0, 2.0), (1.0, 3.0, 3.0), (0.0, 5.0, 2.5)):
        settings = DisparitySettings(strength_percent=strength, convergence=plane, window=WindowTreatment.OFF)
        frame = run([scene()] * 3, settings)[0]
        assert frame.convergence == plane
        assert frame.strength_percent == pytest.approx(expected, rel=0.02)


def test_the_screen_plane_moves_slowly_inside_a_shot():
    maps = [scene(subject=0.45)] * 48 + [scene(subject=0.85)] * 96
    planes = np.array([frame.convergence for frame in run(maps, FREE)])
    steps = np.abs(np.diff(planes)) * 2.5 * RATE
    assert steps.max() <= 0.25 * 1.05
    assert planes[-1] - planes[0] > 0.2


def test_a_sudden_near_object_is_met_before_it_comes_without_a_jump():
    maps = [scene(high=0.5)] * 48 + [scene(high=1.0)] * 48
    settings = DisparitySettings(strength_percent=2.5, budget=ComfortBudget(0.6, 1.0), window=WindowTreatment.OFF)
    frames = run(maps, settings)
    for frame in frames[14:-14]:
        assert percent(frame).max() <= 0.62
    strengths = np.array([frame.strength_percent for frame in frames])
    assert np.abs(np.diff(strengths)).max() < 0.25


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.95), (0.95, 0.1), (0.5, 0.5)])
def test_the_subject_jumps_little_at_a_cut(before, after):
    end, begin = run([scene(subject=before)] * 48)[-1], run([scene(subject=after)] * 48)[0]
    jump = np.median(percent(begin)[10:44, 28:64]) - np.median(percent(end)[10:44, 28:64])
    assert abs(jump) <= 0.5 + 0.02


def test_a_shot_that_goes_on_is_not_eased():
    settings = DisparitySettings(window=WindowTreatment.OFF)
    cut = run([scene(subject=0.05)] * 48, settings)
    uncut = run([scene(subject=0.05)] * 48, settings, begins=False, ends=False)
    assert cut[0].convergence < uncut[0].convergence
    assert cut[-1].convergence < uncut[-1].convergence
    assert uncut[0].convergence == pytest.approx(uncut[-1].convergence)
    assert cut[24].convergence == pytest.approx(uncut[24].convergence)


def test_easing_is_smooth():
    planes = np.array([frame.convergence for frame in run([scene(subject=0.05)] * 72)])
    assert np.abs(np.diff(planes)).max() < 0.06


def test_a_split_shot_meets_the_unsplit_one_after_a_warm_up():
    rng = np.random.default_rng(3)
    subjects = np.clip(0.5 + np.cumsum(rng.normal(0, 0.01, 240)), 0.2, 0.9)
    maps = [scene(subject=float(s)) for s in subjects]
    settings = DisparitySettings(look_ahead_seconds=0.5)
    whole = run(maps, settings)
    warm_up, seam = 2 * RATE, 120
    part = run(maps[seam - warm_up:], settings, begins=False, start=(seam - warm_up) / RATE)[warm_up:]
    apart = max(np.abs(a.disparity - b.disparity).max() for a, b in zip(whole[seam:seam + 24], part, strict=False))
    assert apart / WIDTH * 100 <= 0.1


def test_bars_stay_flat_and_do_not_disturb():
    luma = np.random.default_rng(0).integers(60, 200, (90, 160)).astype(np.uint8)
    luma[:12] = luma[-12:] = 16
    nearness = scene()
    nearness[:7] = nearness[-7:] = 1.0
    for frame in run([nearness] * 30, luma=luma):
        assert frame.bars == Bars(12 / 90, 12 / 90)
        assert not frame.disparity[:7].any()
        assert not frame.disparity[-7:].any()
        assert frame.disparity[7:-7].any()


def test_given_bars_are_taken():
    settings = DisparitySettings(bars=Bars(0, 0, 0.25, 0.25))
    frame = run([scene()] * 3, settings)[0]
    assert not frame.disparity[:, :24].any()
    assert not frame.disparity[:, 72:].any()


def test_taper_brings_the_sides_to_the_screen_and_leaves_the_middle():
    nearness = scene()
    nearness[:, :6] = 1.0
    off = run([nearness] * 60, DisparitySettings(window=WindowTreatment.OFF))[30].disparity
    tapered = run([nearness] * 60, DisparitySettings(window=WindowTreatment.TAPER))[30].disparity
    assert off[:, 0].min() > 10
    per_column = WIDTH / 96
    assert tapered[:, 0].max() <= per_column / 4 + 1e-3
    assert (np.diff(tapered, axis=1)[:, :10] <= per_column / 2 + 1e-3).all()
    assert np.array_equal(off[:, 6:-6], tapered[:, 6:-6])
    assert np.array_equal(np.minimum(off, tapered), tapered)


def test_what_is_behind_the_screen_is_not_tapered():
    settings = DisparitySettings(convergence=1.0)
    off = DisparitySettings(convergence=1.0, window=WindowTreatment.OFF)
    assert np.array_equal(run([scene()] * 3, settings)[1].disparity, run([scene()] * 3, off)[1].disparity)


def test_floating_window_covers_a_lasting_violation_on_its_side_only():
    nearness = scene(subject=0.5)
    nearness[:, :6] = 1.0
    settings = DisparitySettings(window=WindowTreatment.FLOATING)
    frames = run([nearness] * 60, settings)
    window = frames[30].window
    assert window.left_pixels == pytest.approx(frames[30].disparity[:, 0].max(), rel=0.02)
    assert window.right_pixels == 0
    assert run([scene()] * 3, settings)[0].window.left_pixels == 0


def test_floating_window_moves_smoothly():
    violated = scene()
    violated[:, :6] = 1.0
    settings = DisparitySettings(window=WindowTreatment.FLOATING)
    frames = run([scene()] * 48 + [violated] * 48, settings)
    widths = np.array([frame.window.left_pixels for frame in frames]) / WIDTH * 100
    assert widths[0] == 0
    assert widths[48] >= 0.45
    assert widths[60] > 0.9
    assert np.abs(np.diff(widths)).max() <= 0.1001


def test_a_floating_window_begins_each_shot_where_it_belongs():
    violated = scene()
    violated[:, :6] = 1.0
    designer = DisparityDesigner(WIDTH, DisparitySettings(window=WindowTreatment.FLOATING))
    widths = []
    for nearness in (scene(), violated):
        designer.reset()
        for n in range(24):
            designer.push(nearness, seconds=n / 24)
        widths.append(designer.flush()[0].window.left_pixels)
    assert widths[0] == 0
    assert widths[1] > 0.005 * WIDTH


def test_the_subtitle_band_is_flat():
    settings = DisparitySettings(convergence=0.0, subtitle_band=0.2, window=WindowTreatment.OFF)
    nearness = np.ones((100, 50), np.float32)
    disparity = run([nearness], settings)[0].disparity
    assert not disparity[-20:].any()
    assert (disparity[:75] == disparity[0, 0]).all()
    assert disparity[0, 0] > 0


def test_nearness_given_is_not_changed():
    nearness = scene()
    before = nearness.copy()
    run([nearness] * 3, DisparitySettings(subtitle_band=0.1, bars=Bars(0.1, 0.1)))
    assert np.array_equal(before, nearness)


def test_soft_limit_is_smooth_rising_and_bounded():
    uses = np.linspace(0, 3, 3001)
    limited = np.array([soft_limit(float(use)) for use in uses])
    assert np.array_equal(limited[:950], uses[:950])
    assert (np.diff(limited) >= 0).all()
    assert (np.diff(limited) <= 0.001 + 1e-9).all()
    assert limited[-1] <= 1


def test_soft_clamp_keeps_inside_and_leaves_the_middle_alone():
    values = np.linspace(-1, 2, 601)
    clamped = np.array([soft_clamp(float(value), 0.2, 0.8) for value in values])
    assert (clamped >= 0.2).all()
    assert (clamped <= 0.8).all()
    assert (np.diff(clamped) >= 0).all()
    assert soft_clamp(0.5, 0.2, 0.8) == 0.5
    assert soft_clamp(0.1, 0.6, 0.4) == 0.5


def test_the_built_in_depth_gets_less_strength():
    assert suggested_strength("builtin") == 1.5
    assert suggested_strength("depth-anything-v2-small") == 2.5
