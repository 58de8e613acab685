"""A translation is complete, and holds nothing that is not said any more."""

from __future__ import annotations

import re

import pytest

from video3d.ui.page import translations
from video3d.ui.texts import drawn_texts, option_texts, script_texts, told_texts

NAMES = re.compile(r"^[\W\d_]*$")


def test_texts_are_found() -> None:
    assert "Drop a video here" in script_texts()
    assert "Convert" in drawn_texts()


@pytest.mark.parametrize("language", sorted(translations()))
def test_no_text_is_missing(language: str) -> None:
    held = translations()[language]
    assert sorted((drawn_texts() | script_texts() | option_texts()) - set(held)) == []


@pytest.mark.parametrize("language", sorted(translations()))
def test_no_text_is_left_over(language: str) -> None:
    known = drawn_texts() | script_texts() | option_texts() | told_texts()
    assert sorted(set(translations()[language]) - known) == []


@pytest.mark.parametrize("language", sorted(translations()))
def test_what_the_program_tells_a_page_is_translated_too(language: str) -> None:
    """Not all of it: who uses a page seldom meets the rest, which stays English."""
    assert len(told_texts() & set(translations()[language])) > 90


def test_the_webuis_settings_are_found() -> None:
    assert {"Folder for 3D videos", "(each video gets a file of its own in it)"} <= option_texts()


def test_what_is_told_is_found_with_places_for_what_differs() -> None:
    told = told_texts()
    assert "There is no such upload." in told
    assert "{0}: this path is not among the folders that may be named." in told
    assert "2D→3D Video was updated while the webui ran. Start the webui anew to use it." in told
    assert not {"{0}", ""} & told


@pytest.mark.parametrize("language", sorted(translations()))
def test_places_for_numbers_are_kept(language: str) -> None:
    for text, translated in translations()[language].items():
        assert sorted(re.findall(r"\{\d\}", text)) == sorted(re.findall(r"\{\d\}", translated)), text


def test_there_is_a_second_language() -> None:
    assert "de_DE" in translations()
