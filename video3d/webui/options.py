"""The extension's section in the webui's Settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

SECTION = ("video3d", "2D→3D Video")
OUTPUT_FOLDER = "video3d_output_folder"
NAME_PATTERN = "video3d_name_pattern"
DEPTH_MODEL = "video3d_depth_model"
FOLDER_NAME = "2d-to-3d-videos"
AUTO = "auto"
PATTERN = "[name]"


def add_options(shared: Any, default_folder: Path, models: Callable[[], Sequence[str]]) -> None:
    """Declare them. `shared` is the webui's `modules.shared`; `models` gives the ids when the page is built."""
    add, info = shared.opts.add_option, shared.OptionInfo
    add(OUTPUT_FOLDER, info(
        str(default_folder), "Folder for 3D videos", component_args=shared.hide_dirs, section=SECTION,
    ).info("each video gets a file of its own in it"))
    add(NAME_PATTERN, info(
        PATTERN, "Names of 3D videos", component_args=shared.hide_dirs, section=SECTION,
    ).info("[name] is the video's, [date] and [time] are the conversion's, / makes folders; the 3D layout is added"))
    add(DEPTH_MODEL, info(
        AUTO, "Depth model", import_module("gradio").Dropdown, lambda: {"choices": [AUTO, *models()]}, section=SECTION,
    ).info("unless the tab or a program chooses another; auto takes the best one that is there").needs_reload_ui())


def preferred(shared: Any) -> Mapping[str, Any]:
    """Settings of a conversion, as the user's Settings have them."""
    return {"depth_model": str(option(shared, DEPTH_MODEL, AUTO))}


def option(shared: Any, key: str, default: Any) -> Any:
    """A setting as it is now; the default where the user's settings do not have it."""
    value = getattr(shared.opts, key, default)
    return default if value is None else value
