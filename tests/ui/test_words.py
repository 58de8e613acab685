from __future__ import annotations

from video3d.params import parameters
from video3d.settings import ConversionSettings
from video3d.ui import words

DECLARED = {parameter.name: parameter for parameter in parameters(ConversionSettings)}


def test_every_choice_has_a_name() -> None:
    for parameter in DECLARED.values():
        if parameter.choices and parameter.name != "preset":
            unnamed = set(parameter.choices) - set(words.CHOICES.get(parameter.name, {}))
            assert not unnamed, f"{parameter.name}: {unnamed}"


def test_names_of_one_settings_choices_differ() -> None:
    for named in words.CHOICES.values():
        assert len(set(named.values())) == len(named)


def test_every_group_has_a_title() -> None:
    assert set(words.GROUPS) == {parameter.group for parameter in DECLARED.values()}


def test_a_choice_that_nobody_named_is_shown_all_the_same() -> None:
    assert words.choice_word("layout", "something-new") == "Something new"
    assert words.choice_word("window", "auto") == "Automatic"
