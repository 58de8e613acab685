"""The plan covers every chosen frame once, at rising times, however the file states them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from video3d import planning
from video3d.errors import Cancelled, SourceError
from video3d.media.source import SmallPicture, probe
from video3d.planning import PlannedRange, PlannedUnit, Planner
from video3d.reporting import SilentReporter
from video3d.settings import RangeSettings
from video3d.types import PixelFormat
from video3d.video_info import ColourTags, VideoInfo

WHOLE = PlannedRange(Fraction(0), None)
RATE = 10
BASE = Fraction(1, 1000)
TICKS = 100
"""Between frames."""


class Stopping(SilentReporter):
    """Wants to stop after having been asked a few times."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def is_cancelled(self) -> bool:
        self.left -= 1
        return self.left < 0


def info_of(frames: int, **changes: object) -> VideoInfo:
    values: dict[str, object] = {
        "path": "somewhere/film.mp4", "container": "mov,mp4", "video_index": 0, "codec": "h264", "width": 64,
        "height": 36, "pixel_format": PixelFormat(8, 1, 1), "source_pixel_format": "yuv420p", "colour": ColourTags(),
        "time_base": BASE, "frame_rate": Fraction(RATE), "duration": Fraction(frames, RATE),
        "start_time": Fraction(0), "first_pts": 0, "coded_width": 64, "coded_height": 36, **changes,
    }
    return VideoInfo(**values)  # type: ignore[arg-type]


def pictures(times: Sequence[int | None], cuts: Sequence[int] = ()) -> list[SmallPicture]:
    """One small picture per time; another scene after each cut."""
    made: list[SmallPicture] = []
    scene = 0
    for number, time in enumerate(times):
        scene += number in cuts
        rng = np.random.default_rng(scene)
        luma = rng.integers(20, 230, (9, 16)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
        grey = np.full((45, 80), 128, np.uint8)
        made.append(SmallPicture((luma, grey, grey), time, TICKS, interlaced=False, clock_moved=False))
    return made


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[PlannedUnit]]:
    """`plan(small_pictures)`: the units, with no file behind them."""

    def run(shown: Sequence[SmallPicture], chosen: PlannedRange = WHOLE, reporter: SilentReporter | None = None,
            **changes: object) -> list[PlannedUnit]:
        class Reader:
            def __init__(self, *_: object) -> None:
                self.notices = ["something about the file"]

            def __iter__(self) -> Iterator[SmallPicture]:
                return iter(shown)

        monkeypatch.setattr(planning, "ThumbnailReader", Reader)
        planner = Planner(info_of(len(shown), **changes), chosen, reporter or SilentReporter())
        units = list(planner)
        assert planner.is_complete
        assert planner.planned_frames == sum(unit.unit.frame_count for unit in units)
        return units

    return run


def own_times(units: Sequence[PlannedUnit]) -> list[int]:
    return [int(time) for unit in units for time in unit.own_times]


def assert_consecutive(units: Sequence[PlannedUnit]) -> None:
    for before, after in pairwise(units):
        assert after.unit.first == before.unit.last + 1
        assert after.unit.index == before.unit.index + 1
        assert before.end == after.own_times[0]
    for unit in units:
        assert len(unit.times) == unit.unit.warm_up + unit.unit.frame_count + unit.run_out
        assert np.all(np.diff(unit.times) > 0)


@pytest.mark.parametrize(("seconds", "cuts"), [
    (3, ()), (61, ()), (45, (90, 91, 200, 330)), (30, tuple(range(0, 300, 10))),
])
def test_every_frame_is_planned_once(plan: Callable[..., list[PlannedUnit]], seconds: int,
                                     cuts: tuple[int, ...]) -> None:
    times = [TICKS * n for n in range(seconds * RATE)]
    units = plan(pictures(times, cuts))
    assert own_times(units) == times
    assert_consecutive(units)
    assert units[-1].end == times[-1] + TICKS
    found = sorted(cut for unit in units for cut in (*unit.unit.cuts, unit.unit.first))
    assert set(cuts) - {0} <= set(found)


def test_warm_up_and_run_out_stay_inside_the_shot(plan: Callable[..., list[PlannedUnit]]) -> None:
    units = plan(pictures([TICKS * n for n in range(500)], (250,)))
    for unit in units:
        first, last = unit.unit.first - unit.unit.warm_up, unit.unit.last + unit.run_out
        assert not first < 250 <= unit.unit.first - 1, "the warm-up reaches over the cut"
        assert not unit.unit.last + 1 <= 250 <= last, "the run-out reaches over the cut"
    assert any(unit.unit.warm_up for unit in units)
    assert any(unit.run_out for unit in units)


@pytest.mark.parametrize(("settings", "first", "last"), [
    (RangeSettings(start=1.0), 10, 99), (RangeSettings(end=2.0), 0, 19), (RangeSettings(start=1.0, end=2.05), 10, 20),
    (RangeSettings(preview=0.5), 0, 4), (RangeSettings(start=9.0, preview=5.0), 90, 99),
    (RangeSettings(start=2.0, end=3.0, preview=9.0), 20, 29),
])
def test_only_the_chosen_range_is_planned(plan: Callable[..., list[PlannedUnit]], settings: RangeSettings, first: int,
                                          last: int) -> None:
    units = plan(pictures([TICKS * n for n in range(100)]), PlannedRange.of(settings))
    assert own_times(units) == [TICKS * n for n in range(first, last + 1)]
    assert (units[0].unit.first, units[-1].unit.last) == (first, last)
    assert units[-1].end == TICKS * (last + 1)


def test_the_range_counts_from_the_first_frame(plan: Callable[..., list[PlannedUnit]]) -> None:
    times = [5000 + TICKS * n for n in range(50)]
    units = plan(pictures(times), PlannedRange(Fraction(1), Fraction(2)), first_pts=5000)
    assert own_times(units) == times[10:20]


def test_an_empty_range_names_the_file(plan: Callable[..., list[PlannedUnit]]) -> None:
    with pytest.raises(SourceError, match=r"film\.mp4.*no frame"):
        plan(pictures([0, TICKS]), PlannedRange(Fraction(5), Fraction(6)))


@pytest.mark.parametrize("times", [
    [0, 100, None, 300, 400], [0, 100, 100, 300, 400], [0, 100, 50, 300, 400], [None, 100, 200, 300, 400],
    [0, 100, 900000, 300, 400], [0, 100, 200, 300, None], [None] * 5, [400, 300, 200, 100, 0],
])
def test_wrong_times_are_repaired_and_told(plan: Callable[..., list[PlannedUnit]], times: list[int | None]) -> None:
    reporter = SilentReporter()
    units = plan(pictures(times), WHOLE, reporter)
    planned = own_times(units)
    assert len(planned) == len(times)
    assert planned == sorted(set(planned))
    assert all(unit.stated is None for unit in units), "repaired times do not lead to the frames"
    if times != [None, 100, 200, 300, 400]:
        assert any("missing or wrong times" in notice for notice in reporter.notices)


def test_notices_of_the_reader_are_told(plan: Callable[..., list[PlannedUnit]]) -> None:
    reporter = SilentReporter()
    plan(pictures([TICKS * n for n in range(5)]), WHOLE, reporter)
    assert reporter.notices == ["film.mp4: something about the file"]


def test_a_file_that_ends_early_says_how_much_there_is(plan: Callable[..., list[PlannedUnit]]) -> None:
    reporter = SilentReporter()
    plan(pictures([TICKS * n for n in range(40)]), WHOLE, reporter, duration=Fraction(10))
    assert any("4.0 s of the 10.0 s" in notice for notice in reporter.notices)


def test_stopping_says_nothing_about_the_file(plan: Callable[..., list[PlannedUnit]]) -> None:
    reporter = Stopping(after=30)
    with pytest.raises(Cancelled):
        plan(pictures([TICKS * n for n in range(400)]), WHOLE, reporter)
    assert reporter.notices == []
    assert reporter.left >= -3, "it went on reading"


@pytest.mark.parametrize(("start", "container", "expected"), [
    (0, "mov,mp4", None), (9, "mov,mp4", None), (30, "mov,mp4", 2000 + 29000), (30, "matroska,webm", 2000 + 29000),
    (30, "mpegts", None),
])
def test_far_ranges_are_sought_where_the_index_can_be_trusted(start: int, container: str, expected: int | None) -> None:
    info = info_of(1000, container=container, first_pts=2000)
    assert Planner(info, PlannedRange(Fraction(start), None), SilentReporter()).origin == expected


def test_a_real_clip_has_the_times_that_the_file_states(small_clip: Path) -> None:
    info = probe(small_clip)
    reporter = SilentReporter()
    planner = Planner(info, WHOLE, reporter)
    units = list(planner)
    with av.open(str(small_clip)) as container:
        stated = [frame.pts for frame in container.decode(video=0)]
    assert own_times(units) == stated
    assert [cut for unit in units for cut in unit.unit.cuts] == [24]
    assert reporter.notices == []
    assert (planner.planned_frames, planner.is_complete) == (48, True)
