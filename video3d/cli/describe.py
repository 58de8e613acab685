"""`probe`, `presets`, `settings`: what a video is, and what there is to choose from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.console import Console
from video3d.host import Host
from video3d.params import json_schema, parameters, to_values
from video3d.settings import ConversionSettings


def add(commands: Commands) -> None:
    """The commands and their flags."""
    probe = add_command(commands, "probe", _probe, "say what a video is")
    probe.add_argument("source", type=Path, metavar="IN")
    add_command(commands, "presets", _presets, "list the devices that a conversion can be made for, and why so")
    add_command(commands, "settings", _settings, "list all settings; with --json, their schema")


def _probe(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.media.source import probe

    del host
    console.info(probe(chosen.source))
    return DONE


def _presets(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.presets import presets

    del chosen, host
    console.presets(presets())
    return DONE


def _settings(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    del host
    if chosen.json:
        console.write(json.dumps(json_schema(ConversionSettings)))
    else:
        console.write(settings_table())
        console.write("\nAs JSON, for --settings FILE:\n" + json.dumps(to_values(ConversionSettings()), indent=1))
    return DONE


def settings_table() -> str:
    """All settings as a Markdown table: the README's is this one."""
    lines = ["| flag | what it does | allowed | default |", "|---|---|---|---|"]
    for parameter in parameters(ConversionSettings):
        default = parameter.to_json(parameter.default)
        shown = str(default).lower() if isinstance(default, bool) else f"{default}"
        lines.append(f"| `{parameter.flag}` | {parameter.param.help} | {parameter.allowed} | {shown} |")
    return "\n".join(lines)
