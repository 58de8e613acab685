"""`serve`: the HTTP API as a server of its own."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from video3d.api.limits import Limits
from video3d.cli.arguments import DONE, Commands, add_command
from video3d.cli.running import add_running
from video3d.console import Console
from video3d.errors import ToolError
from video3d.host import Host

if TYPE_CHECKING:
    from video3d.api.server import ServerSettings

def add(commands: Commands) -> None:
    """The command and its flags."""
    serve = add_command(commands, "serve", _serve, "offer the HTTP API")
    serve.add_argument("--openapi", action="store_true", help="print the API's description (OpenAPI) instead")
    add_flags(serve)


def add_flags(serve: argparse.ArgumentParser) -> None:
    """Where a server is, and who gets in."""
    serve.add_argument("--address", default="127.0.0.1", help="where to listen (default: this machine alone)")
    serve.add_argument("--port", type=int, default=7870, help="default: %(default)s; 0: any that is free")
    serve.add_argument("--users", type=Path, metavar="FILE", help="who may log in, one name:password a line; or in the "
                       "environment variable VIDEO3D_USERS, with commas. Needed to listen on a network")
    serve.add_argument("--allow", type=Path, action="append", metavar="FOLDER", help="files in it may be named as "
                       "sources and folders as targets (default: your own folder, where nobody else gets in)")
    serve.add_argument("--name", action="append", default=[], help="a further name that the server goes by")
    serve.add_argument("--origin", action="append", default=[], metavar="URL", help="a foreign page that may use it")
    serve.add_argument("--largest-upload", type=float, metavar="GB", help="default: 215")
    serve.add_argument("--largest-side", type=int, metavar="PIXELS", help="of a video's picture; default: 16384")
    add_running(serve)
    serve.add_argument("--longest", type=float, metavar="SECONDS", help="of a video; default: any")


def _serve(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    try:
        from video3d.api.server import serve, write_openapi
    except ImportError as missing:
        raise ToolError(f"The server needs {missing.name}, which is not installed.", stage="serve",
                        remedy="Start it with `start.py serve`, or install requirements-serve.txt.") from None
    if chosen.openapi:
        console.write(write_openapi(host))
        return DONE

    def say(address: str) -> None:
        console.write(json.dumps({"event": "listening", "address": address}) if chosen.json else address)

    serve(server_settings(chosen), host, say)
    return DONE


def server_settings(chosen: argparse.Namespace) -> ServerSettings:
    """What the flags say."""
    from video3d.api.server import ServerSettings, read_users

    limits = Limits()
    if chosen.largest_upload is not None:
        limits = replace(limits, upload_bytes=int(chosen.largest_upload * 1e9))
    if chosen.largest_side is not None:
        limits = replace(limits, side=chosen.largest_side)
    return ServerSettings(
        chosen.address, chosen.port, read_users(chosen.users), tuple(chosen.name), tuple(chosen.origin),
        tuple(chosen.allow) if chosen.allow is not None else None, replace(limits, seconds=chosen.longest),
        chosen.workers, chosen.devices)
