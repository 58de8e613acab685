"""Shots are merged, split and given values of their own; what is wrong with a list is told by its place."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video3d.errors import SettingsError
from video3d.shot_edits import (
    FORMAT,
    EditedShot,
    ShotEdits,
    ShotValues,
    json_schema,
    merged,
    read_shots,
    shots_of,
    split,
    with_values,
)

LIST = ShotEdits((EditedShot(0.0), EditedShot(1.5, ShotValues(2.0, 0.4)), EditedShot(4.0, ShotValues(None, 0.0))))
LISTS = st.lists(st.tuples(st.integers(0, 10**6), st.none() | st.floats(0, 5), st.none() | st.floats(0, 1)),
                 min_size=1, unique_by=lambda shot: shot[0]).map(
    lambda shots: ShotEdits(tuple(EditedShot(start / 100, ShotValues(*rest)) for start, *rest in sorted(
        shots, key=lambda shot: shot[0]))))


@settings(deadline=None, max_examples=40)
@given(LISTS)
def test_a_list_comes_back_from_json(edits: ShotEdits) -> None:
    assert read_shots(json.dumps(edits.to_json())) == edits


def test_what_is_told_besides_is_not_read() -> None:
    data = LIST.to_json()
    data["source"] = "film.mp4"
    for index, shot in enumerate(data["shots"]):
        shot.update(index=index, end=9.0, thumbnail="x.jpg")
    assert shots_of(data) == LIST


@pytest.mark.parametrize(("shots", "words"), [
    ([], "1 to 200000"), ({}, "a list"), ([3], "shot 0: an object"), ([{}], "shot 0: \"start\" must be"),
    ([{"start": -1}], "at least 0"), ([{"start": True}], "at least 0"), ([{"start": float("nan")}], "at least 0"),
    ([{"start": 0}, {"start": 2}, {"start": 2}], "shot 2 begins at 2 s, not after shot 1"),
    ([{"start": 0, "strength": 9}], "shot 0: \"strength\" cannot be 9. Allowed: a number from 0 to 5"),
    ([{"start": 0, "convergence": "x"}], "\"convergence\" cannot be 'x'"),
    ([{"start": 0, "depth": 1}], "there is no 'depth'"),
])
def test_what_is_wrong_is_told_by_its_place(shots: Any, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        shots_of({"format": FORMAT, "shots": shots}, "edited.json")
    assert words in str(caught.value)
    assert "edited.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other"}', "{"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="the shots"):
        read_shots(text)


def test_frames_belong_to_the_shot_that_began_last() -> None:
    times = [Fraction(n, 2) for n in range(10)]
    assert [time for time, starts in zip(times, LIST.starts(times), strict=True) if starts] == [
        Fraction(3, 2), Fraction(4)]
    assert [LIST.values_at(time) for time in (Fraction(0), Fraction(3, 2), Fraction(3), Fraction(9))] == [
        ShotValues(), ShotValues(2.0, 0.4), ShotValues(2.0, 0.4), ShotValues(None, 0.0)]


def test_a_rounded_start_still_meets_its_frame() -> None:
    frame = Fraction(1001, 24000)
    edits = ShotEdits((EditedShot(0.0), EditedShot(round(float(7 * frame), 6))))
    starts = list(edits.starts(n * frame for n in range(12)))
    assert starts.index(True) == 7
    assert sum(starts) == 1


def test_a_range_that_begins_inside_a_list_begins_no_shot_of_its_own() -> None:
    times = [Fraction(n, 2) for n in range(4, 10)]
    assert [float(time) for time, starts in zip(times, LIST.starts(times), strict=True) if starts] == [2.0, 4.0][1:]


def test_merging_and_splitting_undo_each_other() -> None:
    assert merged(split(LIST, 3.0), 2) == LIST
    assert split(LIST, 3.0).shots[2].values == ShotValues(2.0, 0.4)
    assert [shot.start for shot in merged(LIST, 1).shots] == [0.0, 4.0]
    assert with_values(LIST, 0, ShotValues(1.0)).shots[0].values == ShotValues(1.0)


@pytest.mark.parametrize("change", [
    lambda: merged(LIST, 0), lambda: merged(LIST, 3), lambda: split(LIST, 4.0), lambda: split(LIST, -1),
    lambda: split(LIST, float("nan")), lambda: with_values(LIST, 9, ShotValues()),
    lambda: with_values(LIST, 0, ShotValues(strength=50)),
])
def test_edits_that_cannot_be_are_refused(change: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        change()
    assert caught.value.remedy


def test_the_schema_names_what_is_read() -> None:
    shot = json_schema()["properties"]["shots"]["items"]
    assert set(shot["properties"]) == {"start", "strength", "convergence", "index", "end", "thumbnail"}
    assert json.loads(json.dumps(json_schema())) == json_schema()
