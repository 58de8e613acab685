"""The shots that are told are the ones that a conversion finds, whole and without gaps."""

from __future__ import annotations

from pathlib import Path

from video3d.reporting import SilentReporter
from video3d.settings import RangeSettings
from video3d.shot_edits import EditedShot, ShotEdits
from video3d.shot_list import edits_of, find_shots


def test_shots_follow_each_other_and_can_be_edited(small_clip: Path) -> None:
    shots = list(find_shots(small_clip, RangeSettings(), SilentReporter()))
    assert [(shot.index, shot.start, shot.end, shot.thumbnail) for shot in shots] == [
        (0, 0.0, 1.0, None), (1, 1.0, 2.0, None)]
    assert edits_of(shots) == ShotEdits((EditedShot(0.0), EditedShot(1.0)))


def test_a_part_has_the_shots_in_it(small_clip: Path) -> None:
    (shot,) = find_shots(small_clip, RangeSettings(end=0.5), SilentReporter(), thumbnails=True)
    assert (shot.start, shot.end) == (0.0, 0.5)
    assert shot.thumbnail is not None
