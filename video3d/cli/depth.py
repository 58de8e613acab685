"""`depth`: a video's depth alone, without loss, to look at, to edit and to give back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from video3d.cli.arguments import DONE, Commands, add_command, add_settings, chosen_settings
from video3d.console import Console, Stop
from video3d.host import Host


def add(commands: Commands) -> None:
    """The command and its flags."""
    depth = add_command(commands, "depth", _depth, "write a video's depth alone, without loss, to edit it and to "
                        "give it back with --depth-video")
    depth.add_argument("source", type=Path, metavar="IN", help="a video")
    depth.add_argument("-o", "--output", type=Path, metavar="OUT", help="a folder for PNG pictures, or a file that "
                       "ends in .mkv for FFV1 (default: a folder beside the source)")
    add_settings(depth)


def _depth(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.depth_export import export_depth

    source: Path = chosen.source
    target: Path = chosen.output or source.absolute().with_name(source.stem + "_depth")
    settings = chosen_settings(chosen, None)
    with Stop() as stop:
        frames = export_depth(source, target, settings, host, console.reporter(source, stop))
    if chosen.json:
        console.write(json.dumps({"event": "depth", "target": str(target), "frames": frames}))
    else:
        console.write(f"  {frames} depth pictures: {target}\n  To use them: convert {source.name} --depth-video "
                      f"{target.name}")
    return DONE
