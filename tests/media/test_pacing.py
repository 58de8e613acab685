"""Few pictures are inside ffmpeg before its encoder has them, and nobody waits for one that never comes."""

from __future__ import annotations

import os
import threading
import time
from typing import IO

import pytest

from video3d.media import pacing
from video3d.media.pacing import Pace, pictures_inside


@pytest.fixture
def ends() -> tuple[IO[bytes], int]:
    """A pipe: where the lines are read, and where they are written; the test closes the latter."""
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb", buffering=0), writing


def sent_within(pace: Pace, count: int, seconds: float) -> int:
    """How many of `count` pictures get away."""
    sent: list[int] = []

    def send() -> None:
        for number in range(count):
            pace.wait()
            sent.append(number)

    thread = threading.Thread(target=send)
    thread.start()
    thread.join(seconds)
    now = len(sent)
    pace.stop()
    thread.join()
    return now


def test_as_many_as_fit_and_one_more_for_each_that_was_taken(ends: tuple[IO[bytes], int]) -> None:
    lines, writing = ends
    pace = Pace(lines, 3)
    os.write(writing, b"0\n1\n")
    assert sent_within(pace, 20, 1.5) == 5
    os.close(writing)
    pace.close()


def test_what_ffmpeg_wants_to_see_before_it_begins_is_sent(ends: tuple[IO[bytes], int],
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "FIRST_SECONDS", 0.01)
    lines, writing = ends
    pace = Pace(lines, 2)
    for _ in range(6):
        pace.wait()
    os.write(writing, b"0\n1\n")
    assert sent_within(pace, 3, 0.5) == 0, "four of the six are still on their way"
    os.close(writing)
    pace.close()


def test_nobody_waits_for_an_ffmpeg_that_has_ended(ends: tuple[IO[bytes], int]) -> None:
    lines, writing = ends
    pace = Pace(lines, 2)
    os.write(writing, b"0\n")
    os.close(writing)
    begun = time.monotonic()
    for _ in range(50):
        pace.wait()
    assert time.monotonic() - begun < 5
    pace.close()


def test_small_pictures_need_not_wait_for_each_other() -> None:
    assert pictures_inside(100) > 1000
    assert pictures_inside(3840 * 1080 * 3 // 2) == pictures_inside(7680 * 2160 * 3) == 2
