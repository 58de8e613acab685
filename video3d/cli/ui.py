"""`ui`: the tab as a page of its own, for a browser."""

from __future__ import annotations

import argparse
import importlib.util
import json

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.cli.serve import add_flags, server_settings
from video3d.console import Console
from video3d.errors import ToolError
from video3d.host import Host

NEEDED = ("gradio", "fastapi", "uvicorn")


def add(commands: Commands) -> None:
    """The command and its flags."""
    ui = add_command(commands, "ui", _ui, "open the page in a browser")
    add_flags(ui)
    ui.add_argument("--no-browser", action="store_true", help="do not open a browser")


def _ui(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolError(f"The page needs packages that are not installed: {', '.join(missing)}.", stage="ui",
                        remedy="Start it with `start.py ui`, or install requirements-ui.txt.")
    from video3d.ui.server import serve_page

    def say(address: str) -> None:
        told = {"event": "listening", "address": address}
        console.write(json.dumps(told) if chosen.json else f"The page is at {address} (Ctrl-C ends it).")
        if not (chosen.no_browser or chosen.json):
            import webbrowser

            webbrowser.open(address)

    serve_page(server_settings(chosen), host, say)
    return DONE
