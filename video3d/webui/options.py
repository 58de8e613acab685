"""The extension's section in the webui's Settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

SECTION = ("video3d", "2D→3D Video")
OUTPUT_FOLDER = "video3d_output_folder"
DEPTH_MODEL = "video3d_depth_model"
FOLDER_NAME = "2d-to-3d-videos"


def add_options(shared: Any, default_folder: Path, models: Sequence[tuple[str, str]]) -> None:
    """Declare them. `shared` is the webui's `modules.shared`; `models` are (label, id)."""
    add, info = shared.opts.add_option, shared.OptionInfo
    by_id = {model: label for label, model in models}
    add(OUTPUT_FOLDER, info(
        str(default_folder), "Folder for 3D videos", component_args=shared.hide_dirs, section=SECTION,
    ).info("each video goes to a file of its own name in it"))
    add(DEPTH_MODEL, info(
        "auto", "Depth model", _dropdown(), {"choices": list(by_id)}, section=SECTION,
    ).info("what the tab begins with; auto takes the best one that is there"))


def option(shared: Any, key: str, default: Any) -> Any:
    """A setting as it is now; the default where the user's settings do not have it."""
    value = getattr(shared.opts, key, default)
    return default if value is None else value


def _dropdown() -> Any:
    import importlib

    return importlib.import_module("gradio").Dropdown
