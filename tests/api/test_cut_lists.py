from __future__ import annotations

from video3d.api.cut_lists import CutList
from video3d.scouting import ShotList
from video3d.shot_edits import EditedShot, ShotEdits
from video3d.shot_list import FoundShot

FOUND = ShotList((FoundShot(0, 0.0, 4.0, None),), begun=4.0, covered=9.0)


def test_shots_that_were_found_end_where_the_search_is() -> None:
    listed = CutList(FOUND, None)
    assert [shot.start for shot in listed.shots] == [0.0, 4.0]
    assert [listed.end(index) for index in range(2)] == [4.0, 9.0]


def test_edited_shots_go_before_found_ones() -> None:
    listed = CutList(FOUND, ShotEdits((EditedShot(0.0), EditedShot(12.0))))
    assert [shot.start for shot in listed.shots] == [0.0, 12.0]
    assert [listed.end(index) for index in range(2)] == [12.0, 12.0], "the search has not come so far yet"
