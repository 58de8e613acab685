"""The section in Settings. `modules.shared` is a double with the webui's own call."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from video3d.params import from_values, parameters
from video3d.settings import ConversionSettings
from video3d.ui import PLAYER_VIEWS, PlayerOptions
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

    def needs_reload_ui(self) -> Info:
        return self


@pytest.fixture
def shared() -> SimpleNamespace:
    added: dict[str, Info] = {}
    return SimpleNamespace(opts=SimpleNamespace(add_option=added.__setitem__), OptionInfo=Info, added=added,
                           hide_dirs={"visible": False})


@pytest.fixture
def added(shared: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Info]:
    monkeypatch.setitem(sys.modules, "gradio", SimpleNamespace(Dropdown="dropdown", Slider="slider"))
    options.add_options(shared, Path("outputs"), lambda: ["builtin"])
    return shared.added


def test_all_options_stand_in_one_section_and_say_what_they_do(added: dict[str, Info]) -> None:
    assert added
    assert {info.section for info in added.values()} == {options.SECTION}
    assert all(info.label and info.comment for info in added.values())
    assert all(key.startswith("video3d_") for key in added)


def test_the_section_stands_under_a_heading_of_the_webui(added: dict[str, Info]) -> None:
    assert {info.category_id for info in added.values()} == {"postprocessing"}


def test_folder_and_names_hide_with_the_webuis_own(added: dict[str, Info]) -> None:
    """Hidden options cannot be set over the webui's API either."""
    for key in (options.OUTPUT_FOLDER, options.NAME_PATTERN):
        assert added[key].component_args == {"visible": False}
    assert added[options.OUTPUT_FOLDER].default == "outputs"


def test_models_can_be_chosen(added: dict[str, Info]) -> None:
    assert added[options.DEPTH_MODEL].component_args() == {"choices": ["auto", "builtin"]}


def test_the_player_shows_results_in_a_view_that_it_has(added: dict[str, Info]) -> None:
    assert added[options.PLAYER_VIEW].component_args == {"choices": list(options.VIEWS)}
    assert set(options.VIEWS.values()) == set(PLAYER_VIEWS)
    chosen = SimpleNamespace(opts=SimpleNamespace(video3d_player_view="Wiggle"))
    assert options.player(chosen).view == "wiggle"
    assert options.player(SimpleNamespace(opts=SimpleNamespace(video3d_player_view="of old"))) == PlayerOptions()


@pytest.mark.parametrize(("space", "kept"), [(12, 12), (0, None)])
def test_the_depth_cache_has_the_space_that_the_user_gives_it(space: int, kept: float | None) -> None:
    shared = SimpleNamespace(opts=SimpleNamespace(video3d_depth_cache=space))
    assert from_values(ConversionSettings, options.preferred(shared)).depth.depth_cache == kept


def test_an_option_that_the_users_settings_do_not_have_is_the_default() -> None:
    shared = SimpleNamespace(opts=SimpleNamespace(one="x", two=None))
    assert options.option(shared, "one", "d") == "x"
    assert options.option(shared, "two", "d") == "d"
    assert options.option(shared, "three", "d") == "d"


def test_what_the_user_prefers_goes_into_conversions() -> None:
    names = {parameter.name for parameter in parameters(ConversionSettings)}
    assert set(options.preferred(SimpleNamespace(opts=SimpleNamespace()))) <= names
    shared = SimpleNamespace(opts=SimpleNamespace(video3d_depth_model="builtin"))
    assert from_values(ConversionSettings, options.preferred(shared)).depth.depth_model == "builtin"
