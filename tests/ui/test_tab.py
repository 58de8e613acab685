"""The page as gradio describes it to the browser, on every gradio there is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from video3d.params import parameters
from video3d.settings import ConversionSettings

BUILD = """
import json
from video3d.host import StandaloneHost
from video3d.ui import PlayerOptions, TabOptions, create_tab

class Host(StandaloneHost):
    def defaults(self):
        return {"depth_model": "builtin", "depth_cache": 9, "strength": "much", "eye": "right"}

def described(allow_paths):
    host = StandaloneHost() if allow_paths else Host()
    blocks = create_tab(host, TabOptions(allow_paths=allow_paths, player=PlayerOptions("left", repeats=allow_paths)))
    kept = [block.label for block in blocks.blocks.values() if getattr(block, "label", None)
            and hasattr(block, "info") and not getattr(block, "do_not_save_to_config", False)]
    return {"config": blocks.get_config_file(), "kept": kept}

print(json.dumps([described(True), described(False)], default=str))
"""
DRAWN = ("slider", "dropdown", "radio", "checkbox", "textbox", "number")


@pytest.fixture(scope="session")
def built(told: Callable[[str], str]) -> list[dict[str, Any]]:
    """The page where paths may be named, and where they may not."""
    return json.loads(told(BUILD))


@pytest.fixture
def config(built: list[dict[str, Any]]) -> dict[str, Any]:
    return built[0]["config"]


def controls(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["props"] for each in config["components"] if each["type"] in DRAWN]


def facts(config: dict[str, Any]) -> dict[str, Any]:
    text = next(each["props"]["value"] for each in config["components"] if "data-video3d-facts" in
                str(each["props"].get("value", "")))  # fmt: skip
    return json.loads(unescape(text.split('data-video3d-facts="')[1].split('"')[0]))


def test_every_setting_has_a_control_and_a_line_of_help(config: dict[str, Any]) -> None:
    by_id = {props["elem_id"]: props for props in controls(config)}
    for parameter in parameters(ConversionSettings):
        props = by_id[f"video3d_{parameter.name}"]
        assert props["info"].strip(), parameter.name
        assert "--" not in props["info"], f"{parameter.name} speaks of flags"
        assert "`" not in props["info"], f"{parameter.name} speaks of commands"


def test_labels_are_unique(config: dict[str, Any]) -> None:
    labels = Counter(props["label"] for props in controls(config))
    assert not {label: count for label, count in labels.items() if count > 1}


def test_the_script_is_told_of_all_controls_in_their_order(config: dict[str, Any]) -> None:
    told = facts(config)["controls"]
    assert {each["name"] for each in told} == {parameter.name for parameter in parameters(ConversionSettings)}
    width = sum(2 if each["automatic"] else 1 for each in told)
    convert = next(each for each in config["dependencies"] if "video3d.convert" in str(each["js"]))
    assert len(convert["inputs"]) == width
    taken = next(each for each in config["dependencies"] if "valuesToApply" in str(each["js"]))
    assert taken["outputs"] == convert["inputs"]


def test_the_page_begins_as_this_places_user_wants(built: list[dict[str, Any]]) -> None:
    plain, preferred = ({each["name"]: each["first"] for each in facts(one["config"])["controls"]} for one in built)
    assert (preferred["depth_model"], preferred["depth_cache"], preferred["eye"]) == ("builtin", 9, "right")
    assert (plain["depth_model"], plain["eye"]) == ("auto", "left")
    assert preferred["strength"] == plain["strength"] == "auto", "what cannot be used is left out"
    drawn = {props["elem_id"]: props["value"] for props in controls(built[1]["config"])}
    assert drawn["video3d_depth_model"] in ("builtin", "built-in (basic)")
    assert drawn["video3d_eye"] == "right"


def test_a_list_shows_words_and_stands_for_values(config: dict[str, Any]) -> None:
    told = {each["name"]: each for each in facts(config)["controls"]}
    props = next(props for props in controls(config) if props["elem_id"] == "video3d_layout")
    words = dict([(each, each) if isinstance(each, str) else each for each in props["choices"]])
    words = told["layout"].get("words", words)
    assert words["Side by side, full size"] == "full-sbs"
    assert set(words) == {each if isinstance(each, str) else each[0] for each in props["choices"]}


def test_the_player_is_told_what_the_user_wants(built: list[dict[str, Any]]) -> None:
    assert facts(built[1]["config"])["player"] == {"view": "left", "plays_at_once": True, "repeats": False}


def test_no_event_goes_to_the_server(config: dict[str, Any]) -> None:
    assert config["dependencies"]
    assert not [each for each in config["dependencies"] if each["backend_fn"]]


def test_a_webuis_gradio_looks_for_no_name_among_those_of_the_whole_page(config: dict[str, Any]) -> None:
    """It did so for each of our events, among a thousand others."""
    if int(config["version"].partition(".")[0]) < 5:
        assert {each["api_name"] for each in config["dependencies"]} == {False}
    assert not any("false" in str(each["api_name"]) for each in config["dependencies"])


def test_frames_for_the_script_are_there(config: dict[str, Any]) -> None:
    page = json.dumps(config)
    for name in ("source", "presets", "models", "preview", "progress", "results"):
        assert f'data-video3d=\\"{name}\\"' in page


def test_buttons_are_where_the_webuis_keyboard_shortcuts_look(config: dict[str, Any]) -> None:
    ids = [each["props"].get("elem_id") for each in config["components"] if each["type"] == "button"]
    assert {"video3d_generate", "video3d_interrupt"} <= set(ids)


def test_all_ids_are_ours(config: dict[str, Any]) -> None:
    ids = [str(each["props"]["elem_id"]) for each in config["components"] if each["props"].get("elem_id")]
    assert not [name for name in ids if not name.startswith("video3d_")]
    assert len(ids) == len(set(ids))


def test_server_paths_are_asked_for_only_where_they_are_allowed(built: list[dict[str, Any]]) -> None:
    for each, is_allowed in zip(built, (True, False), strict=True):
        by_id = {props["elem_id"]: props for props in controls(each["config"])}
        assert by_id["video3d_depth_video"]["visible"] is is_allowed
        assert facts(each["config"])["allowPaths"] is is_allowed


def test_the_webui_keeps_no_value_against_later_versions(built: list[dict[str, Any]]) -> None:
    assert built[0]["kept"] == []
