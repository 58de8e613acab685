from __future__ import annotations

import json
import math

import numpy as np
import pytest

from video3d.stereo.comfort import (
    CINEMA,
    HEADSET,
    MONITOR,
    SCREENS,
    TELEVISION,
    ComfortCollector,
    FrameComfort,
    Screen,
    comfort_report,
    measure_comfort,
)
from video3d.stereo.disparity import FloatingWindow
from video3d.types import Disocclusion, Eye

WIDTH = 1920


def disparity(value=0.0, rows=54, columns=96):
    return np.full((rows, columns), value, np.float32)


def frame(seconds=0.0, starts_shot=False, far=-1.0, middle=0.0, near=1.0, side=0.0, holes=1.0):
    return FrameComfort(seconds, starts_shot, far, far, middle, near, near, side, 0.0, holes, 2.0)


def test_arc_minutes_by_hand():
    # 1 % of 1.2 m is 12 mm; 2·atan(75/5000) − 2·atan(63/5000) = 16.5 minutes of arc.
    assert TELEVISION.arc_minutes(1.0) == pytest.approx(16.5, abs=0.05)
    assert TELEVISION.arc_minutes(0.0) == 0


@pytest.mark.parametrize("screen", SCREENS)
def test_arc_minutes_follow_the_geometry_of_two_lines_of_sight(screen):
    """A point straight ahead in front of the screen, from its distance, against its parallax on the screen."""
    for distance in (0.6, 0.9, 1.5):
        at = screen.distance * distance
        parallax = 0.063 * (screen.distance - at) / at
        angle = 2 * math.atan(0.063 / 2 / at) - 2 * math.atan(0.063 / 2 / screen.distance)
        assert screen.arc_minutes(parallax / screen.width * 100) == pytest.approx(math.degrees(angle) * 60, rel=1e-6)


def test_eyes_are_parallel_at_their_own_separation():
    assert TELEVISION.parallel_percent == pytest.approx(-5.25)
    vergence = TELEVISION.arc_minutes(TELEVISION.parallel_percent) / 60
    assert math.radians(vergence) == pytest.approx(-2 * math.atan(0.063 / 2 / 2.5))


def test_percentiles_are_in_percent_of_the_width():
    ramp = np.tile(np.linspace(-19.2, 38.4, 200, dtype=np.float32), (10, 1))
    found = measure_comfort(ramp, WIDTH, seconds=2.5)
    assert found.seconds == 2.5
    assert (found.farthest, found.middle, found.nearest) == pytest.approx((-1, 0.5, 2), abs=0.03)
    assert found.left_side == pytest.approx(-1, abs=0.05)
    assert found.right_side == pytest.approx(2, abs=0.05)


def test_the_size_of_the_map_does_not_matter():
    small = np.random.default_rng(0).normal(0, 10, (54, 96)).astype(np.float32)
    large = np.repeat(np.repeat(small, 8, 0), 8, 1)
    one, other = measure_comfort(small, WIDTH, seconds=0), measure_comfort(large, WIDTH, seconds=0)
    assert one.middle == pytest.approx(other.middle, abs=0.03)
    assert one.nearest == pytest.approx(other.nearest, abs=0.1)


@pytest.mark.parametrize(("eye", "columns"), [(Eye.LEFT, slice(40, None)), (Eye.RIGHT, slice(None, 40))])
def test_disocclusion_by_hand(eye, columns):
    """One edge of 20 px: the synthesised eye sees 20 px more on one side of the near thing and nothing on the other."""
    shifted = disparity()
    shifted[:, columns] = 20
    found = measure_comfort(shifted, WIDTH, seconds=0, eye=eye)
    assert found.hole_share == pytest.approx(20 / WIDTH * 100)
    assert found.hole_width == pytest.approx(20 / WIDTH * 100)
    other = Eye.RIGHT if eye is Eye.LEFT else Eye.LEFT
    assert measure_comfort(shifted, WIDTH, seconds=0, eye=other).hole_share == 0
    both = measure_comfort(shifted, WIDTH, seconds=0, eye=Eye.BOTH)
    assert both.hole_width == pytest.approx(10 / WIDTH * 100)


def test_a_blurred_edge_is_one_hole_and_a_slope_is_none():
    blurred = disparity()
    blurred[:, 40:44] = [6, 12, 18, 24]
    blurred[:, 44:] = 24
    assert measure_comfort(blurred, WIDTH, seconds=0).hole_width == pytest.approx(24 / WIDTH * 100)
    slope = np.tile(np.linspace(0, 48, 96, dtype=np.float32), (54, 1))
    assert measure_comfort(slope, WIDTH, seconds=0).hole_share == 0


def test_the_synthesis_own_word_about_holes_counts():
    found = measure_comfort(disparity(), WIDTH, seconds=0, disocclusion=Disocclusion(0.025, 96))
    assert (found.hole_share, found.hole_width) == pytest.approx((2.5, 5.0))


def test_a_floating_window_takes_away_what_it_comes_before():
    near = disparity(9.6)
    found = measure_comfort(near, WIDTH, seconds=0, window=FloatingWindow(9.6, 0.0))
    assert (found.left_side, found.right_side) == pytest.approx((0.0, 0.5), abs=1e-6)


def test_rows_are_read_back():
    kept = frame(1.25, True, -2, 0.5, 3)
    assert FrameComfort.from_row(json.loads(json.dumps(kept.to_row()))) == kept


def test_jumps_are_found_at_cuts_only():
    frames = [frame(0), frame(1, middle=0.9), frame(2, True, middle=0.2), frame(3, True, middle=0.4)]
    report = comfort_report(frames)
    assert report.cuts == 2
    assert [(jump.seconds, round(jump.percent, 6)) for jump in report.jumps] == [(2, -0.7)]


def test_violations_need_four_frames_and_end_at_cuts():
    sides = [0, 0.5, 0.5, 0.5, 0, 0.5, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.2, 0]
    frames = [frame(index, index == 9, side=side) for index, side in enumerate(sides)]
    found = [(v.side, v.start, v.end, v.percent) for v in comfort_report(frames).violations]
    assert found == [("left", 5, 8, 0.6), ("left", 9, 12, 0.5)]


def test_strain_and_looking_apart_depend_on_the_screen():
    frames = [frame(index, far=-1.5, near=0.5) for index in range(10)]
    assert comfort_report(frames, TELEVISION).sustained_percent == 0
    assert comfort_report(frames, HEADSET).sustained_percent == 100
    assert comfort_report(frames, TELEVISION).apart_percent == 0
    assert comfort_report(frames, CINEMA).apart_percent == 100
    assert "look apart" in " ".join(comfort_report(frames, CINEMA).findings)


def test_a_comfortable_film_is_said_to_be_so():
    assert comfort_report([frame()], MONITOR).findings == ("Comfortable on the monitor.",)


def test_collector_and_single_measures_agree():
    collector = ComfortCollector(WIDTH)
    maps = [disparity(value) for value in (0, 10, -10)]
    for index, shifted in enumerate(maps):
        collector.push(shifted, seconds=index / 24, starts_shot=index == 0)
    frames = [measure_comfort(shifted, WIDTH, seconds=i / 24, starts_shot=i == 0) for i, shifted in enumerate(maps)]
    assert collector.frames == tuple(frames)
    assert collector.report() == comfort_report(frames)


def test_json_holds_the_columns_and_no_nonsense():
    report = comfort_report([frame(0), frame(1 / 3, True, middle=1)], Screen("mine", 1.0, 1.0))
    body = json.loads(report.to_json())
    assert body["screen"] == {"name": "mine", "width": 1.0, "distance": 1.0}
    assert body["frames"]["seconds"] == [0.0, 0.3333]
    assert body["frames"]["starts_shot"] == [False, True]
    for name in ("farthest", "far", "middle", "near", "nearest"):
        degrees = [round(report.screen.arc_minutes(getattr(kept, name)), 4) for kept in report.frames]
        assert body["frames"][f"{name}_arc_minutes"] == degrees
    assert body["jumps"] == [{"seconds": 0.3333, "percent": 1.0}]
    assert body["nearest"] == 1.0
    assert report.to_json() == report.to_json()


def test_an_empty_report_is_a_report():
    report = comfort_report([])
    assert json.loads(report.to_json())["frames"]["seconds"] == []
    assert report.picture().shape == (720, 1280, 3)


@pytest.mark.parametrize("count", [1, 2, 50, 3000])
def test_the_picture_shows_warnings_in_red_and_only_then(count):
    def red(report):
        picture = report.picture().astype(int)
        return int(((picture[..., 0] > 180) & (picture[..., 1] < 70) & (picture[..., 2] < 70)).sum())

    calm = [frame(index / 24) for index in range(count)]
    assert red(comfort_report(calm)) == 0
    if count > 40:
        wild = [frame(index / 24, index == 20, middle=index // 20, side=0.5) for index in range(count)]
        assert red(comfort_report(wild)) > 50
    picture = comfort_report(calm).picture(800, 500)
    assert picture.shape == (500, 800, 3)
    assert picture.dtype == np.uint8
