"""The section in Settings. `modules.shared` is a double with the webui's own call."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from video3d.webui import options


class Info(SimpleNamespace):
    """Stands for `modules.options.OptionInfo`: the same arguments in the same order."""

    def __init__(self, default: Any = None, label: str = "", component: Any = None, component_args: Any = None,
                 onchange: Any = None, section: Any = None) -> None:
        super().__init__(default=default, label=label, component=component, component_args=component_args,
                         onchange=onchange, section=section, comment="")

    def info(self, text: str) -> Info:
        self.comment = text
        return self


@pytest.fixture
def shared() -> SimpleNamespace:
    added: dict[str, Info] = {}
    return SimpleNamespace(opts=SimpleNamespace(add_option=added.__setitem__), OptionInfo=Info, added=added,
                           hide_dirs={"visible": False})


@pytest.fixture
def added(shared: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Info]:
    monkeypatch.setattr(options, "_dropdown", lambda: "dropdown")
    options.add_options(shared, Path("outputs"), [("Automatic", "auto"), ("Built-in", "builtin")])
    return shared.added


def test_all_options_stand_in_one_section_and_say_what_they_do(added: dict[str, Info]) -> None:
    assert added
    assert {info.section for info in added.values()} == {options.SECTION}
    assert all(info.label and info.comment for info in added.values())
    assert all(key.startswith("video3d_") for key in added)


def test_the_folder_hides_with_the_webuis_other_folders(added: dict[str, Info]) -> None:
    """Hidden options cannot be set over the webui's API either."""
    assert added[options.OUTPUT_FOLDER].component_args == {"visible": False}
    assert added[options.OUTPUT_FOLDER].default == "outputs"


def test_models_can_be_chosen(added: dict[str, Info]) -> None:
    assert added[options.DEPTH_MODEL].component_args == {"choices": ["auto", "builtin"]}


def test_an_option_that_the_users_settings_do_not_have_is_the_default() -> None:
    shared = SimpleNamespace(opts=SimpleNamespace(one="x", two=None))
    assert options.option(shared, "one", "d") == "x"
    assert options.option(shared, "two", "d") == "d"
    assert options.option(shared, "three", "d") == "d"
