"""A translation is complete, and holds nothing that is not said any more."""

from __future__ import annotations

import re

import pytest

from video3d.ui.page import translations
from video3d.ui.texts import drawn_texts, script_texts

NAMES = re.compile(r"^[\W\d_]*$")


def test_texts_are_found() -> None:
    assert "Drop a video here" in script_texts()
    assert "Convert" in drawn_texts()


@pytest.mark.parametrize("language", sorted(translations()))
def test_no_text_is_missing(language: str) -> None:
    held = translations()[language]
    assert sorted((drawn_texts() | script_texts()) - set(held)) == []


@pytest.mark.parametrize("language", sorted(translations()))
def test_no_text_is_left_over(language: str) -> None:
    assert sorted(set(translations()[language]) - drawn_texts() - script_texts()) == []


@pytest.mark.parametrize("language", sorted(translations()))
def test_places_for_numbers_are_kept(language: str) -> None:
    for text, translated in translations()[language].items():
        assert sorted(re.findall(r"\{\d\}", text)) == sorted(re.findall(r"\{\d\}", translated)), text


def test_there_is_a_second_language() -> None:
    assert "de_DE" in translations()
