"""A conversion is whole or not there; what was finished is not done again; the same job gives the same bytes."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from video3d import jobs
from video3d.errors import Cancelled, JobError, TargetError
from video3d.jobs import FOLDER_SUFFIX, JobFolder, JobRequest, JobResult, run_job
from video3d.params import from_values
from video3d.planning import PlannedUnit
from video3d.settings import ConversionSettings
from video3d.types import Progress, SilentReporter, Unit

FILM = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=22", "-f", "lavfi", "-i",
        "sine=frequency=330:duration=22", "-c:v", "libx264", "-g", "12", "-pix_fmt", "yuv420p", "-c:a", "aac")
FRAMES = 110
JOB = {"source": "film.mp4", "settings": {"strength": 1}}


class OneProcessor:
    name = "test"
    processors = 1

    def models_folders(self) -> tuple[Path, ...]:
        return ()


class ThreeProcessors(OneProcessor):
    processors = 3


class Watching(SilentReporter):
    """Remembers progress, and stops at a frame."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.heard: list[Progress] = []
        self.stop_at = stop_at

    def progress(self, progress: Progress) -> None:
        self.heard.append(progress)

    def is_cancelled(self) -> bool:
        return self.stop_at is not None and bool(self.heard) and self.heard[-1].done >= self.stop_at


@pytest.fixture(scope="session")
def film(make_clip: Callable[..., Path]) -> Path:
    """22 s of 64x36 at 5 frames/s with sound: two units."""
    return make_clip(*FILM)


def convert(film: Path, folder: Path, reporter: SilentReporter | None = None, **changes: Any) -> JobResult:
    settings = from_values(ConversionSettings, {"speed": "fastest", **changes.pop("settings", {})})
    host = changes.pop("host", OneProcessor())
    return run_job(JobRequest(film, folder / "result.mp4", settings, **changes), host, reporter or Watching())


@pytest.fixture(scope="session")
def undisturbed(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a conversion that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    result = convert(film, folder)
    assert (result.target, result.frames) == (folder / "result.mp4", FRAMES)
    return result.target


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.get(**{kind: 0})[0]
        return [(packet.pts * stream.time_base, bytes(packet)) for packet in container.demux(stream) if packet.size]


def frame_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * container.streams.video[0].time_base for frame in container.decode(video=0)]


def test_the_result_has_the_source_s_frames_times_and_sound(film: Path, undisturbed: Path) -> None:
    assert frame_times(undisturbed) == frame_times(film)
    assert packets(undisturbed, "audio") == packets(film, "audio")
    assert [path.name for path in undisturbed.parent.iterdir()] == ["result.mp4"]


def test_stopped_resumed_and_run_by_more_threads_it_is_the_same_to_the_byte(film: Path, undisturbed: Path,
                                                                            tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        convert(film, tmp_path, Watching(stop_at=80), host=ThreeProcessors())
    kept = tmp_path / f"result.mp4{FOLDER_SUFFIX}"
    assert sorted(path.name for path in kept.iterdir()) == ["job.json", "journal.jsonl", "lock", "segments"]
    assert [path.name for path in (kept / "segments").iterdir()] == ["00000.mp4"]
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]

    with pytest.raises(JobError, match="another settings"):
        convert(film, tmp_path, settings={"strength": 2})
    assert (kept / "segments" / "00000.mp4").exists(), "a refused job touched another one's work"

    reporter = Watching()
    convert(film, tmp_path, reporter, host=ThreeProcessors())
    assert (tmp_path / "result.mp4").read_bytes() == undisturbed.read_bytes()
    assert reporter.heard[0].done == FRAMES // 2, "the finished unit was converted again"
    assert [path.name for path in tmp_path.iterdir()] == ["result.mp4"]


def test_progress_rises_to_the_number_of_frames(film: Path, tmp_path: Path) -> None:
    reporter = Watching()
    convert(film, tmp_path, reporter, settings={"preview": 1})
    counts = [progress.done for progress in reporter.heard if progress.stage == "convert"]
    assert counts == [1, 2, 3, 4, 5]
    assert {progress.total for progress in reporter.heard[-2:]} == {5}
    assert reporter.heard[-1].stage == "join"
    assert all(progress.seconds_left is None or progress.seconds_left >= 0 for progress in reporter.heard)


@pytest.mark.parametrize("discard", [False, True])
def test_what_is_stopped_in_its_first_unit_leaves_nothing(film: Path, tmp_path: Path, discard: bool) -> None:
    with pytest.raises(Cancelled):
        convert(film, tmp_path, Watching(stop_at=2), discard_on_failure=discard, settings={"preview": 2})
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_there_stays(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "result.mp4"
    target.write_text("precious")
    with pytest.raises(TargetError, match="is there already") as caught:
        convert(film, tmp_path)
    assert "--overwrite" in str(caught.value)
    convert(film, tmp_path, overwrite=True, settings={"preview": 0.5})
    assert len(frame_times(target)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["result.mp4"]


def request_for(target: Path, source: Path = Path("film.mp4")) -> JobRequest:
    return JobRequest(source, target, ConversionSettings())


def test_targets_that_cannot_be_are_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for target, words in ((tmp_path, "a folder"), (tmp_path / "none" / "x.mp4", "no such folder"),
                          (file / "x.mp4", "no such folder")):
        with pytest.raises(TargetError, match=words) as caught:
            jobs._check_target(request_for(target))
        assert caught.value.remedy
    with pytest.raises(TargetError, match="replace the source"):
        jobs._check_target(JobRequest(file, tmp_path / "." / "file", ConversionSettings(), overwrite=True))


@pytest.mark.parametrize(("problem", "words"), [
    (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
    (OSError(errno.EROFS, "Read-only file system"), "cannot be written.*Read-only"),
    (PermissionError(errno.EACCES, "Permission denied"), "cannot be written.*Permission"),
    (OSError("8 requested and 0 written"), "cannot be written"),
])
def test_what_the_system_says_is_told_plainly(tmp_path: Path, problem: OSError, words: str) -> None:
    with pytest.raises(TargetError, match=f"result.mp4: .*{words}") as caught, \
            jobs._explained(tmp_path / "result.mp4"):  # fmt: skip
        raise problem
    assert caught.value.remedy


def test_a_reader_of_our_output_that_goes_is_no_fault_of_the_target(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), jobs._explained(tmp_path / "result.mp4"):
        raise BrokenPipeError


def unit_of(index: int = 0, shift: int = 0) -> PlannedUnit:
    times = np.arange(10, dtype=np.int64) * 100 + shift
    return PlannedUnit(Unit(index, 10 * index, 10 * index + 9, ()), times, None, 1000 + shift, interlaced=False,
                       run_out=0)


def finish(folder: JobFolder, unit: PlannedUnit) -> None:
    folder.segment(unit).write_bytes(b"segment")
    folder.add(unit)


def opened(path: Path, job: dict[str, Any] = JOB) -> JobFolder:
    path.mkdir(exist_ok=True)
    folder = JobFolder(path)
    folder.open(job, restart=False)
    return folder


def test_finished_units_are_known_again_and_others_are_not(tmp_path: Path) -> None:
    finish(opened(tmp_path / "job"), unit_of(0))
    again = opened(tmp_path / "job")
    assert again.holds(unit_of(0))
    assert not again.holds(unit_of(1))
    assert not again.holds(unit_of(0, shift=1)), "its frames have other times now"
    again.segment(unit_of(0)).write_bytes(b"cut")
    assert not again.holds(unit_of(0)), "its file is not the one that was finished"
    again.segment(unit_of(0)).unlink()
    assert not again.holds(unit_of(0))


@pytest.mark.parametrize("rest", ["", "{", '{"index": 1, "fir', '{"index": 1}', "12", "null"])
def test_a_journal_that_was_cut_off_loses_one_line_at_most(tmp_path: Path, rest: str) -> None:
    folder = opened(tmp_path / "job")
    finish(folder, unit_of(0))
    with (tmp_path / "job" / "journal.jsonl").open("a") as journal:
        journal.write(rest)
    again = opened(tmp_path / "job")
    assert again.holds(unit_of(0))
    assert not again.holds(unit_of(1))
    finish(again, unit_of(2))
    third = opened(tmp_path / "job")
    assert third.holds(unit_of(0))
    assert third.holds(unit_of(2))


def test_another_job_is_refused_by_what_differs(tmp_path: Path) -> None:
    finish(opened(tmp_path / "job"), unit_of())
    with pytest.raises(JobError, match="another settings") as caught:
        opened(tmp_path / "job", {**JOB, "settings": {"strength": 2}})
    assert "--restart" in str(caught.value)
    assert opened(tmp_path / "job").holds(unit_of())


@pytest.mark.parametrize("text", ["", "{", json.dumps({**JOB, "settings": 3})])
def test_a_job_that_finished_nothing_is_no_hindrance(tmp_path: Path, text: str) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "job.json").write_text(text)
    opened(tmp_path / "job")
    assert json.loads((tmp_path / "job" / "job.json").read_text()) == JOB


def test_restart_throws_away_what_was_finished(tmp_path: Path) -> None:
    finish(opened(tmp_path / "job"), unit_of())
    folder = JobFolder(tmp_path / "job")
    folder.open({**JOB, "settings": 2}, restart=True)
    assert not folder.holds(unit_of())


def test_a_failure_keeps_finished_units_and_nothing_half_made(tmp_path: Path) -> None:
    folder = opened(tmp_path / "job")
    finish(folder, unit_of())
    for name in ("segments/00001.part.mp4", "joined.mp4", "labelled.mkv"):
        (tmp_path / "job" / name).write_text("half")
    folder.leave(discard=False)
    assert sorted(path.name for path in (tmp_path / "job").rglob("*")) == [
        "00000.mp4", "job.json", "journal.jsonl", "segments"]
    folder.leave(discard=True)
    assert list((tmp_path / "job").iterdir()) == []


def test_a_folder_is_held_by_one_and_goes_when_it_is_empty(tmp_path: Path) -> None:
    first, second = JobFolder(tmp_path / "job"), JobFolder(tmp_path / "job")
    with first.locked():
        first.open(JOB, restart=False)
        finish(first, unit_of())
        with pytest.raises(JobError, match="another process is at work"), second.locked():
            pytest.fail("two hold the same folder")
        assert first.segment(unit_of()).exists(), "who comes second destroys the work of the first"
    assert (tmp_path / "job" / "job.json").exists()
    with second.locked():
        second.clear()
    assert not (tmp_path / "job").exists()
    with pytest.raises(ZeroDivisionError), second.locked():
        raise ZeroDivisionError
    assert not (tmp_path / "job").exists(), "an empty folder stays after an error"


def test_the_fingerprint_notices_another_source(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"a" * 5000)
    second.write_bytes(b"a" * 4999 + b"b")
    assert jobs._digest(first) != jobs._digest(second)
    os.utime(second, (0, 0))
    second.write_bytes(first.read_bytes())
    assert jobs._digest(first) == jobs._digest(second)

