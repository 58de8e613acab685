"""What is finished is known again, and nothing else is taken for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from video3d.errors import JobError
from video3d.jobs.description import JobDescription, read_description
from video3d.jobs.folder import JobFolder
from video3d.planning import PlannedUnit
from video3d.types import Unit

JOB = JobDescription("film.mp4", {"strength": 1}, {"settings": {"strength": 1}, "program": "1"})
OTHER = JobDescription("film.mp4", {"strength": 2}, {"settings": {"strength": 2}, "program": "1"})


def unit_of(index: int = 0, shift: int = 0) -> PlannedUnit:
    times = np.arange(10, dtype=np.int64) * 100 + shift
    return PlannedUnit(Unit(index, 10 * index, 10 * index + 9, ()), times, None, 1000 + shift, interlaced=False,
                       run_out=0)


def finish(folder: JobFolder, unit: PlannedUnit) -> None:
    folder.unfinished(unit.unit.index).write_bytes(b"segment")
    folder.add(unit)


def opened(path: Path, job: JobDescription = JOB) -> JobFolder:
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
    again.segment(unit_of(0)).write_bytes(b"segmenT")
    assert not again.holds(unit_of(0)), "it has the right length and other content"
    again.segment(unit_of(0)).write_bytes(b"cut")
    assert not again.holds(unit_of(0)), "its file is not the one that was finished"
    again.segment(unit_of(0)).unlink()
    assert not again.holds(unit_of(0))


def test_what_a_unit_leaves_beside_its_segment_belongs_to_it(tmp_path: Path) -> None:
    folder = opened(tmp_path / "job")
    folder.unfinished(0).with_suffix(".right.mp4").write_bytes(b"right")
    finish(folder, unit_of())
    again = opened(tmp_path / "job")
    assert again.holds(unit_of())
    beside = again.segment(unit_of()).with_suffix(".right.mp4")
    assert beside.read_bytes() == b"right"
    beside.write_bytes(b"wrong")
    assert not again.holds(unit_of())
    beside.unlink()
    assert not again.holds(unit_of())


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
    with pytest.raises(JobError, match=r"another --strength \(1 → 2\)") as caught:
        opened(tmp_path / "job", OTHER)
    assert "--restart" in str(caught.value)
    assert opened(tmp_path / "job").holds(unit_of())


@pytest.mark.parametrize("text", ["", "{", json.dumps({"source": "x", "settings": {}, "fingerprint": 3})])
def test_a_job_that_finished_nothing_is_no_hindrance(tmp_path: Path, text: str) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "job.json").write_text(text)
    opened(tmp_path / "job")
    assert read_description(tmp_path / "job") == JOB


def test_restart_throws_away_what_was_finished(tmp_path: Path) -> None:
    finish(opened(tmp_path / "job"), unit_of())
    folder = JobFolder(tmp_path / "job")
    folder.open(OTHER, restart=True)
    assert not folder.holds(unit_of())


def test_a_failure_keeps_finished_units_and_nothing_half_made(tmp_path: Path) -> None:
    folder = opened(tmp_path / "job")
    finish(folder, unit_of())
    (folder.attempt / "joined.mp4").write_text("half")
    (tmp_path / "job" / "attempt-dead").mkdir()
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


def test_a_result_that_took_its_name_is_known(tmp_path: Path) -> None:
    folder = opened(tmp_path / "job")
    target = tmp_path / "x.mp4"
    target.write_text("whole")
    assert folder.published(target) is None
    folder.about_to_publish(target, 7)
    assert folder.published(target) == 7
    target.write_text("other")
    assert folder.published(target) is None
    target.unlink()
    assert folder.published(target) is None
