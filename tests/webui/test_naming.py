"""Names of results."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video3d.webui.naming import result_name

NOW = datetime(2026, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(("pattern", "expected"), [
    ("[name]", "holiday.mov"), ("", "holiday.mov"), ("[date]/[name]", "2026-03-04/holiday.mov"),
    ("3D [name] [date] [time]", "3D holiday 2026-03-04 05-06-07.mov"), ("[unknown] [name]", "[unknown] holiday.mov"),
    ("../[name]", "holiday.mov"), ("/etc/[name]", "etc/holiday.mov"), ("[name]/", "holiday.mov"),
    ("..", "holiday.mov"), (r"films\[name]", "films/holiday.mov"),
])
def test_a_pattern_is_filled_in(pattern: str, expected: str) -> None:
    assert result_name(pattern, "holiday.mov", NOW) == Path(expected)


@given(st.text(max_size=40), st.text(min_size=1, max_size=20).map(lambda name: Path(name).name).filter(bool))
def test_nothing_leads_out_of_the_output_folder(pattern: str, name: str) -> None:
    path = result_name(pattern, name, NOW)
    assert path.parts
    assert not path.is_absolute()
    assert ".." not in path.parts
