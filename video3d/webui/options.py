"""The extension's section in the webui's Settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from video3d.ui import PlayerOptions

SECTION = ("video3d", "2D→3D Video")
CATEGORY = "postprocessing"
"""The heading of Settings above the section, by the webui's own id: where the Extras tab's settings stand too."""
OUTPUT_FOLDER = "video3d_output_folder"
NAME_PATTERN = "video3d_name_pattern"
DEPTH_MODEL = "video3d_depth_model"
DEPTH_CACHE = "video3d_depth_cache"
PLAYER_VIEW = "video3d_player_view"
PLAYER_AT_ONCE = "video3d_player_at_once"
PLAYER_REPEATS = "video3d_player_repeats"
FOLDER_NAME = "2d-to-3d-videos"
AUTO = "auto"
PATTERN = "[name]"
CACHE_GB, MOST_CACHE_GB = 4, 200
VIEWS = {"Red-cyan glasses": "anaglyph", "One eye": "left", "Side by side": "parallel", "Cross-eyed": "crossed",
         "Wiggle": "wiggle", "As it is": "file"}
"""How the player shows results: what Settings call it, and the tab's word for it."""


def add_options(shared: Any, default_folder: Path, models: Callable[[], Sequence[str]]) -> None:
    """Declare them. `shared` is the webui's `modules.shared`; `models` gives the ids when the page is built."""
    add, info, gradio = _adding_to(shared), shared.OptionInfo, import_module("gradio")
    add(OUTPUT_FOLDER, info(
        str(default_folder), "Folder for 3D videos", component_args=shared.hide_dirs, section=SECTION,
    ).info("each video gets a file of its own in it"))
    add(NAME_PATTERN, info(
        PATTERN, "Names of 3D videos", component_args=shared.hide_dirs, section=SECTION,
    ).info("[name] is the video's, [date] and [time] are the conversion's, / makes folders; the 3D layout is added"))
    add(DEPTH_MODEL, info(
        AUTO, "Depth model", gradio.Dropdown, lambda: {"choices": [AUTO, *models()]}, section=SECTION,
    ).info("unless the tab or a program chooses another; auto takes the best one that is there").needs_reload_ui())
    add(DEPTH_CACHE, info(
        CACHE_GB, "Disk space for kept depth, in GB", gradio.Slider,
        {"minimum": 0, "maximum": MOST_CACHE_GB, "step": 1}, section=SECTION,
    ).info("other settings of the same video then need no second estimate; 0 keeps none").needs_reload_ui())
    _add_player_options(add, info, gradio)


def _adding_to(shared: Any) -> Callable[[str, Any], None]:
    def add(key: str, option: Any) -> None:
        option.category_id = CATEGORY  # no argument: webuis before 1.7 have no categories, and would not take it
        shared.opts.add_option(key, option)

    return add


def _add_player_options(add: Callable[[str, Any], None], info: Any, gradio: Any) -> None:
    add(PLAYER_VIEW, info(
        next(iter(VIEWS)), "The player shows results", gradio.Dropdown, {"choices": list(VIEWS)}, section=SECTION,
    ).info("to begin with; the player's own buttons change it").needs_reload_ui())
    add(PLAYER_AT_ONCE, info(
        True, "Play a 3D video as soon as it is made", section=SECTION,
    ).info("where its page is open").needs_reload_ui())
    add(PLAYER_REPEATS, info(
        True, "The player begins again at the end", section=SECTION,
    ).info("until it is stopped").needs_reload_ui())


def preferred(shared: Any) -> Mapping[str, Any]:
    """Settings of a conversion, as the user's Settings have them."""
    space = float(option(shared, DEPTH_CACHE, CACHE_GB))
    return {"depth_model": str(option(shared, DEPTH_MODEL, AUTO)), "depth_cache": space if space > 0 else "off"}


def player(shared: Any) -> PlayerOptions:
    """How results are played in the page."""
    from video3d.ui import PlayerOptions

    chosen = str(option(shared, PLAYER_VIEW, ""))
    return PlayerOptions(VIEWS.get(chosen, next(iter(VIEWS.values()))),
                         plays_at_once=bool(option(shared, PLAYER_AT_ONCE, True)),
                         repeats=bool(option(shared, PLAYER_REPEATS, True)))


def option(shared: Any, key: str, default: Any) -> Any:
    """A setting as it is now; the default where the user's settings do not have it."""
    value = getattr(shared.opts, key, default)
    return default if value is None else value
