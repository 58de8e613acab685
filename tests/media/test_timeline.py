"""Broken times become rising ones; good times stay as they are."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from video3d.media.timeline import ClockRepair, RisingTimes

TICK = st.integers(-(10**9), 10**9)
STEPS = st.lists(st.integers(1, 5000), max_size=60)


def repaired(times: list[int | None], typical: int = 1000) -> tuple[list[int], int]:
    """All times out, and how many were repaired."""
    rising = RisingTimes(typical)
    out = [time for pts in times for time in rising.push(pts)]
    out += rising.flush()
    assert rising.flush() == []
    return out, rising.repairs


def clip(count: int, start: int = 0, step: int = 1000) -> list[int]:
    return [start + step * index for index in range(count)]


@given(times=st.lists(st.none() | TICK | st.integers(-50, 50), max_size=60), typical=st.integers(1, 10**6))
def test_always_strictly_rising_and_one_for_one(times: list[int | None], typical: int) -> None:
    out, _ = repaired(times, typical)
    assert len(out) == len(times)
    assert all(earlier < later for earlier, later in pairwise(out))


@given(start=TICK, steps=STEPS, typical=st.integers(1, 10**6))
def test_rising_times_stay_as_they_are(start: int, steps: list[int], typical: int) -> None:
    times = list(accumulate(steps, initial=start))
    assert repaired(list(times), typical) == (times, 0)


@given(times=st.lists(st.none() | TICK, max_size=30))
def test_one_frame_behind_and_no_more(times: list[int | None]) -> None:
    rising = RisingTimes(1000)
    counts = list(accumulate(len(rising.push(pts)) for pts in times))
    assert counts == list(range(len(times)))


@given(place=st.integers(1, 8), wrong=st.none() | TICK)
def test_one_wrong_time_moves_no_other(place: int, wrong: int | None) -> None:
    # Between the two times before it, it is the one before that looks wrong.
    assume(wrong is None or not 1000 * (place - 2) < wrong < 1000 * (place - 1))
    times: list[int | None] = [*clip(10)]
    times[place] = wrong
    out, repairs = repaired(times)
    assert out[:place] + out[place + 1:] == [*clip(place), *clip(9 - place, 1000 * (place + 1))]
    assert repairs <= 1


def test_a_missing_time_is_put_between_its_neighbours() -> None:
    assert repaired([0, 1000, None, 3000]) == ([0, 1000, 2000, 3000], 1)
    assert repaired([0, 1000, None, 1600]) == ([0, 1000, 1300, 1600], 1)


def test_a_missing_first_time_lies_before_the_second() -> None:
    assert repaired([None, 1000, 2000])[0] == [0, 1000, 2000]


def test_a_missing_last_time_lies_after_the_one_before() -> None:
    assert repaired([0, 1000, None])[0] == [0, 1000, 2000]


def test_no_times_at_all_are_made_up_from_the_rate() -> None:
    assert repaired([None] * 4, 40)[0] == [0, 40, 80, 120]
    assert repaired([None], 40)[0] == [0]
    assert repaired([])[0] == []


def test_equal_times_are_parted() -> None:
    out, repairs = repaired([0, 1000, 1000, 2000])
    assert out[0:2] == [0, 1000]
    assert out[3] == 2000
    assert repairs == 1


@given(count=st.integers(2, 12), restarts=st.integers(1, 4), start=st.integers(-10**6, 10**6))
def test_a_restart_of_the_clock_moves_all_that_follows(count: int, restarts: int, start: int) -> None:
    out, repairs = repaired([*clip(count, start)] * (restarts + 1))
    assert out == clip(count * (restarts + 1), start)
    assert repairs == restarts


@given(steps=st.lists(st.integers(500, 5000), min_size=2, max_size=30))
def test_a_variable_rate_survives_a_restart(steps: list[int]) -> None:
    part = list(accumulate(steps, initial=0))
    out, _ = repaired([*part, *part])
    assert out[: len(part)] == part
    assert [later - earlier for earlier, later in pairwise(out[len(part):])] == steps


# --- packets

FRAME, SOUND = Fraction(1, 24), Fraction(1024, 48000)


def interleaved(seconds: Fraction, start: Fraction = Fraction(0)) -> list[tuple[int, Fraction, Fraction]]:
    """(track, decode time, duration) of a file with 24 frames/s and AAC at 48 kHz, in the order of the file."""
    packets = [(0, start + index * FRAME, FRAME) for index in range(int(seconds / FRAME))]
    packets += [(1, start + index * SOUND, SOUND) for index in range(int(seconds / SOUND))]
    return sorted(packets, key=lambda packet: (packet[1], packet[0]))


def mended(packets: list[tuple[int, Fraction, Fraction]], *, may_leap: bool) -> tuple[dict[int, list[Fraction]], int]:
    clock = ClockRepair(clock_may_leap=may_leap)
    times: dict[int, list[Fraction]] = {}
    for track, dts, duration in packets:
        times.setdefault(track, []).append(dts + clock.push(track, dts, duration))
    return times, clock.repairs


@pytest.mark.parametrize("may_leap", [False, True])
def test_a_sound_clock_is_left_alone(may_leap: bool) -> None:
    packets = interleaved(Fraction(5), Fraction(-3, 7))
    times, repairs = mended(packets, may_leap=may_leap)
    assert repairs == 0
    assert times == {track: [dts for other, dts, _ in packets if other == track] for track in (0, 1)}


@settings(max_examples=30, deadline=None)
@given(parts=st.integers(2, 4), length=st.fractions(Fraction(3, 2), 4, max_denominator=24),
       start=st.fractions(-5, 5, max_denominator=90))
def test_restarts_are_joined_where_the_longest_track_ended(parts: int, length: Fraction, start: Fraction) -> None:
    packets = interleaved(length, start)
    times, repairs = mended(packets * parts, may_leap=False)
    assert repairs == parts - 1
    whole = max(dts + duration for _, dts, duration in packets) - start
    for track in (0, 1):
        own = [dts for other, dts, _ in packets if other == track]
        # One offset for both tracks: sound stays with its picture.
        assert times[track] == [dts + part * whole for part in range(parts) for dts in own]


def test_a_small_step_back_is_no_restart() -> None:
    packets = [(0, Fraction(0), FRAME), (0, Fraction(2), FRAME), (0, Fraction(3, 2), FRAME), (0, Fraction(3), FRAME)]
    assert mended(packets, may_leap=True) == ({0: [Fraction(0), Fraction(2), Fraction(3, 2), Fraction(3)]}, 0)


def test_a_leap_is_closed_up_where_the_format_allows_leaps() -> None:
    early, late = interleaved(Fraction(2)), interleaved(Fraction(2), Fraction(50_000))
    times, repairs = mended(early + late, may_leap=True)
    assert repairs == 1
    assert max(max(track) for track in times.values()) < 4
    assert mended(early + late, may_leap=False)[1] == 0


def test_a_pause_shorter_than_a_leap_stays() -> None:
    early, late = interleaved(Fraction(2)), interleaved(Fraction(2), Fraction(11))
    assert mended(early + late, may_leap=True)[1] == 0


def test_a_track_that_begins_late_is_no_leap() -> None:
    packets = [(0, Fraction(0), FRAME), (0, FRAME, FRAME), (1, Fraction(60), SOUND), (0, 2 * FRAME, FRAME)]
    times, repairs = mended(packets, may_leap=True)
    assert repairs == 0
    assert times[1] == [Fraction(60)]


def test_a_packet_without_a_duration_still_counts() -> None:
    times, _ = mended([(0, Fraction(0), Fraction(0)), (0, Fraction(5), Fraction(0)), (0, Fraction(0), Fraction(0))],
                      may_leap=False)
    assert times == {0: [Fraction(0), Fraction(5), Fraction(5)]}
