from __future__ import annotations

import inspect

import pytest

from video3d import errors

ALL = [member for _, member in inspect.getmembers(errors, inspect.isclass) if issubclass(member, errors.Video3DError)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_says_what_happened_and_what_to_do(kind: type[errors.Video3DError]) -> None:
    error = kind("a.mp4 is empty.", stage="probe", remedy="Take another file.")
    assert str(error) == "a.mp4 is empty. Take another file."
    assert (error.message, error.stage, error.remedy) == ("a.mp4 is empty.", "probe", "Take another file.")
    assert str(kind("a.mp4 is empty.")) == "a.mp4 is empty."


def test_the_tree_is_drawn_in_full() -> None:
    assert errors.__doc__ is not None
    assert [kind.__name__ for kind in ALL if kind.__name__ not in errors.__doc__] == []
