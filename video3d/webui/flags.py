"""What the webui's flags say of who may do what. Drawing the tab asks it, so nothing else is loaded for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def named_folders(options: Any) -> tuple[Path, ...]:
    """Folders whose videos may be named by whoever uses the page."""
    return tuple(Path(folder) for folder in getattr(options, "video3d_allow_path", None) or ())


def takes_paths(options: Any) -> bool:
    """Whether there is anything that may be named by its path."""
    return bool(named_folders(options)) or opens_folders(options)


def is_for_others(options: Any) -> bool:
    """Whether other machines may reach the webui.

    It listens to all of them under --nowebui, without saying so; and --subpath is for a proxy before it.
    """
    return any(getattr(options, flag, None) for flag in ("webui_is_non_local", "nowebui", "subpath"))


def opens_folders(options: Any) -> bool:
    """Whether the user sits before this machine's screen, and may see where things lie."""
    return not (is_for_others(options) or getattr(options, "hide_ui_dir_config", False))


def has_api(options: Any) -> bool:
    """Whether the webui was asked for its API: by `--api`, or by having nothing else (`--nowebui`)."""
    return bool(getattr(options, "api", False) or getattr(options, "nowebui", False))
