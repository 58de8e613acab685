"""What was finished before the shots were edited is found again, whole, and under whatever number it has now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from video3d.errors import JobError
from video3d.jobs.description import JobDescription, read_description
from video3d.jobs.folder import JobFolder
from video3d.planning import PlannedUnit
from video3d.shot_edits import ShotValues

from .test_folder import JOB, finish, opened, unit_of

EDITED = JobDescription(JOB.source, JOB.settings, {**JOB.fingerprint, "shots": {"shots": [1]}}, {"shots": [1]})
AGAIN = JobDescription(JOB.source, JOB.settings, {**JOB.fingerprint, "shots": {"shots": [2]}}, {"shots": [2]})
OTHER = replace(EDITED, fingerprint={**EDITED.fingerprint, "program": "2"})


def edited(path: Path, job: JobDescription = EDITED) -> JobFolder:
    folder = JobFolder(path)
    folder.open(job, restart=False, new_shots=True)
    return folder


def renumbered(unit: PlannedUnit, index: int) -> PlannedUnit:
    return replace(unit, unit=replace(unit.unit, index=index))


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Units 0 to 2 are finished, the last with a file beside its segment and one in the job's own folder."""
    folder = opened(tmp_path / "job")
    for index in range(3):
        (folder.path / f"{index:05d}.comfort.json").write_text(str(index))
        folder.unfinished(index).with_suffix(".right.mp4").write_text(f"right {index}")
        finish(folder, unit_of(index))
    folder.leave(discard=False)
    return folder.path


def test_units_that_are_the_same_are_taken_over_with_all_their_files(job: Path) -> None:
    folder = edited(job)
    assert [*folder.segments.iterdir()] == [], "who watches must not take the old ones for new ones"
    moved = renumbered(unit_of(2), 3)
    assert not folder.holds(unit_of(1, shift=1)), "other times"
    assert not folder.holds(replace(unit_of(1), values=(ShotValues(strength=2.0),))), "another strength"
    assert not folder.holds(replace(unit_of(1), run_out=4)), "the shot goes on behind it"
    assert folder.holds(moved)
    assert folder.holds(moved), "a second time"
    assert (folder.segments / "00003.right.mp4").read_text() == "right 2"
    assert (job / "00003.comfort.json").read_text() == "2"
    folder.leave(discard=False)
    again = edited(job)
    assert again.holds(moved)
    assert again.holds(replace(unit_of(0), values=(ShotValues(),))), "values that say nothing are none"
    again.forget_earlier()
    assert not edited(job).holds(unit_of(1))
    assert not [*job.glob("earlier-*")]


def test_shots_that_are_edited_twice_and_put_back_lose_nothing(job: Path) -> None:
    first = edited(job)
    assert first.holds(unit_of(0))
    finish(first, renumbered(unit_of(8), 1))
    first.leave(discard=False)
    second = edited(job, AGAIN)
    assert second.kept_bytes() > 0
    second.leave(discard=False)
    back = edited(job, JOB)
    assert [back.holds(unit_of(index)) for index in (0, 1, 2, 8)] == [True] * 4
    assert read_description(job) == JOB


def test_a_damaged_one_is_not_taken_over(job: Path) -> None:
    folder = edited(job)
    (job / "earlier-1" / "segments" / "00001.mp4").write_bytes(b"segmenT")
    assert not folder.holds(unit_of(1))
    assert folder.holds(unit_of(2))


def test_what_was_set_aside_half_is_thrown_away(job: Path) -> None:
    (job / "earlier-1").mkdir()
    (job / "segments").replace(job / "earlier-1" / "segments")
    folder = edited(job)
    assert not folder.holds(unit_of(0))
    assert not (job / "earlier-1" / "segments" / "00000.mp4").exists()


def test_it_belongs_to_the_same_conversion(job: Path) -> None:
    with pytest.raises(JobError, match="another shots"):
        opened(job, EDITED)
    edited(job).leave(discard=False)
    with pytest.raises(JobError, match="another program"):
        edited(job, OTHER)
    assert edited(job).holds(unit_of(0))
    JobFolder(job).open(OTHER, restart=True)
    assert not [*job.glob("earlier-*")]


def test_what_was_joined_cannot_be_parted_and_is_made_anew(job: Path) -> None:
    folder = opened(job)
    (folder.attempt / "joined.mp4").write_text("joined")
    folder.keep_joined(folder.attempt / "joined.mp4")
    again = edited(job)
    assert again.joined is None
    assert not again.holds(unit_of(0))
