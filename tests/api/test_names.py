from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video3d.api.names import LONGEST, safe_name


@pytest.mark.parametrize(("given_name", "safe"), [
    ("holiday.mp4", "holiday.mp4"), ("../../etc/passwd", "passwd"), ("C:\\videos\\a.mkv", "a.mkv"),
    ("CON.mp4", "_CON.mp4"), ("nul", "_nul"), ("com1.tar.gz", "_com1.tar.gz"), ("LPT\u00b9.mp4", "_LPT\u00b9.mp4"),
    ("a\x00b\n.mp4", "ab.mp4"), ("x\u202e4pm.exe", "x4pm.exe"), ('a<b>:"|?*.mp4', "a_b______.mp4"),
    ("trailing. . ", "trailing"), (".hidden", "hidden"), ("", "video"), ("/", "video"), ("..", "video"),
    ("\u65e5\u672c.mp4", "\u65e5\u672c.mp4"), ("Urlaub \u00e4\u00f6\u00fc.mp4", "Urlaub \u00e4\u00f6\u00fc.mp4"),
    ("-rf.mp4", "-rf.mp4"), ("console.mp4", "console.mp4"),
])  # fmt: skip
def test_known_tricks(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@given(st.text(max_size=400))
def test_any_text_becomes_a_plain_name_and_stays_one(text: str) -> None:
    name = safe_name(text)
    assert name
    assert len(name.encode()) <= LONGEST + 1
    assert not set(name) & set('<>:"/\\|?*\0\n\r')
    assert name not in (".", "..")
    assert name == name.strip(" .")
    assert safe_name(name) == name


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("\u00e4" * 300 + ".mp4").endswith("\u00e4.mp4")
