"""What is said: in words that fit on a terminal, in JSON that parses; and that Ctrl-C is heard."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from video3d import console
from video3d.console import JsonConsole, Stop, TextConsole, how_to_watch
from video3d.depth.registry import available_models, choose_model
from video3d.errors import SourceError
from video3d.host import StandaloneHost
from video3d.jobs import JobResult
from video3d.params import from_values
from video3d.presets import Preset, presets
from video3d.reporting import Progress
from video3d.settings import ConversionSettings
from video3d.types import Layout, PixelFormat
from video3d.video_info import Chapter, ColourTags, Track, TrackKind, VideoInfo

PROBLEM = SourceError("film é.mp4: it is broken.", stage="probe", remedy="Get another.")
INFO = VideoInfo(
    path="film é.mp4", container="mov,mp4", video_index=0, codec="h264", width=64, height=36,
    pixel_format=PixelFormat(8, 1, 1), source_pixel_format="yuv420p", colour=ColourTags(transfer=16),
    time_base=Fraction(1, 1000), frame_rate=Fraction(24000, 1001), duration=Fraction(4000), start_time=Fraction(0),
    first_pts=0, coded_width=64, coded_height=36, rotation=90, sample_aspect=Fraction(16, 11), interlaced=True,
    has_alpha=True, mirrored=True, chapters=(Chapter(Fraction(0), Fraction(1), "One"),), notices=("A notice.",),
    tracks=(Track(0, TrackKind.VIDEO, "h264"), Track(1, TrackKind.AUDIO, "aac", "deu", "Kommentar", details="stereo"),
            Track(2, TrackKind.VIDEO, "mjpeg", is_cover=True)),
)  # fmt: skip


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[Progress], str]:
    """What a terminal of 60 columns gets for some progress."""

    def draw(progress: Progress) -> str:
        stream = Terminal()
        with monkeypatch.context() as patch, Stop() as stop:
            patch.setattr(sys, "stdout", stream)
            patch.setenv("COLUMNS", "60")
            patch.setattr(console, "SECONDS_BETWEEN_LINES", 0.0)
            TextConsole().reporter(Path("film.mp4"), stop).progress(progress)
        return stream.getvalue().removeprefix("film.mp4\n")

    return draw


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_end_sets_a_flag_and_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Stop() as stop:
        assert not stop()
        signal.raise_signal(number)
        assert stop()
    assert signal.getsignal(number) is before


def test_a_second_request_ends_the_program_at_once() -> None:
    program = ("import signal\nfrom video3d.console import Stop\nwith Stop():\n"
               "    signal.raise_signal(signal.SIGINT)\n    print('once', flush=True)\n"
               "    signal.raise_signal(signal.SIGINT)\n    print('twice', flush=True)\n")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)})
    assert (done.returncode, done.stdout, done.stderr) == (console.STOPPED, "once\n", "")


@pytest.mark.parametrize(("layout", "swapped"), list(itertools.product(Layout, (False, True))))
def test_every_layout_says_how_to_watch_it(layout: Layout, swapped: bool) -> None:
    words = how_to_watch(from_values(ConversionSettings, {"layout": layout, "swap_eyes": swapped}))
    assert words.endswith(".")
    assert not words[0].isupper(), "it follows a colon"
    if swapped and layout is Layout.FULL_SBS:
        assert "cross" in words


def test_crossed_and_coloured_are_not_confused() -> None:
    green = how_to_watch(from_values(ConversionSettings, {"layout": "anaglyph-green-magenta"}))
    assert "green-magenta glasses" in green


@pytest.mark.parametrize("progress", [
    Progress("convert", 0, None), Progress("convert", 5, 10, 3.21, 1.5), Progress("convert", 10**7, 10**7, 999.9, 0.0),
    Progress("convert", 3, 2, 1.0, None), Progress("join", 10, 10), Progress("convert", 5, 10**6, 0.01, 1e8),
])
def test_the_bar_keeps_to_one_line(drawn: Callable[[Progress], str], progress: Progress) -> None:
    line = drawn(progress)
    assert line.startswith("\r")
    assert 40 < len(line.removeprefix("\r")) < 60
    assert "\n" not in line


def test_the_bar_says_how_far_it_is(drawn: Callable[[Progress], str]) -> None:
    line = drawn(Progress("convert", 5, 20, 2.5, 90.0))
    assert "25%" in line
    assert "5/20 frames" in line


def test_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Stop() as stop:
        TextConsole().reporter(Path("film.mp4"), stop).progress(Progress("convert", 5, 20))
    assert capsys.readouterr().out == "film.mp4\n"


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (61, "1:01 min"),
                                                (3599, "59:59 min"), (3600, "1:00:00 h"), (7325, "2:02:05 h")])
def test_times_are_readable(seconds: float, words: str) -> None:
    assert console._clock(seconds) == words


def test_a_notice_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in (TextConsole(), JsonConsole()):
        with Stop() as stop:
            reporter = kind.reporter(Path("film.mp4"), stop)
            for _ in range(3):
                reporter.notice("Something.")
        assert capsys.readouterr().out.count("Something.") == 1


def test_errors_go_to_standard_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    TextConsole().failed(Path("film é.mp4"), PROBLEM, tmp_path / "none")
    told = capsys.readouterr()
    assert told.err == "error: film é.mp4: it is broken. Get another.\n"
    assert told.out == ""


def test_a_folder_to_resume_from_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for kind in (TextConsole(), JsonConsole()):
        kind.failed(Path("film.mp4"), PROBLEM, tmp_path)
        kind.stopped(Path("film.mp4"), tmp_path)
        told = capsys.readouterr().out
        assert told.count(str(tmp_path)) == 2
    kind.stopped(Path("film.mp4"), tmp_path / ("long" * 100))
    assert objects(capsys.readouterr().out)[-1]["resumable"] is None


def test_every_line_of_json_parses_and_has_an_event(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = JsonConsole()
    settings = ConversionSettings()
    with Stop() as stop:
        reporter = told.reporter(Path("film é.mp4"), stop)
        reporter.progress(Progress("convert", 1, None))
        reporter.progress(Progress("convert", 2, 2, 1.5, 0.0))
        reporter.notice('With "quotes"\nand a second line.')
    told.done(Path("film.mp4"), JobResult(tmp_path / "x.mp4", 5, 1.23456, settings))
    told.error(PROBLEM)
    told.failed(Path("film.mp4"), PROBLEM, tmp_path)
    told.stopped(Path("film.mp4"), tmp_path)
    told.summary(1, 2)
    told.info(INFO)
    told.models(available_models(StandaloneHost()), choose_model("auto", available_models(StandaloneHost())))
    lines = objects(capsys.readouterr().out)
    events = [line["event"] for line in lines]
    assert events[:4] == ["start", "progress", "progress", "notice"]
    assert events[4:10] == ["done", "error", "error", "stopped", "summary", "info"]
    assert set(events[10:-1]) == {"model"}
    assert events[-1] == "auto"
    assert lines[0]["source"] == "film é.mp4"
    assert lines[5]["remedy"] == "Get another."


def test_threads_do_not_mix_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told = JsonConsole()

    def talk(name: str) -> None:
        for number in range(200):
            told.notice(Path(name), f"{number}" * 50)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(objects(capsys.readouterr().out)) == 600


def test_what_a_video_is_is_said_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    TextConsole().info(INFO)
    told = capsys.readouterr().out
    for words in ("film é.mp4", "1:06:40 h", "23.976 frames/s", "rotated by 90°", "mirrored", "interlaced", "HDR",
                  "transparency", "pixel aspect 16/11", "(converted)", "(cover picture)", "deu", "Kommentar",
                  "1 chapters", "A notice."):
        assert words in told


@pytest.mark.parametrize("chosen", [chosen for chosen in presets() if chosen.hint], ids=lambda chosen: chosen.id)
def test_what_a_preset_says_among_the_notices_is_not_said_again(chosen: Preset) -> None:
    words = how_to_watch(from_values(ConversionSettings, {"preset": chosen.id, "layout": chosen.layouts[0].value}))
    assert words.startswith(chosen.label)
    assert chosen.hint not in words
