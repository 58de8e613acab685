"""`probe`, `estimate`, `presets`, `settings`: what a video is, and what there is to choose from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from video3d.cli.arguments import DONE, Commands, add_command, add_settings, chosen_settings
from video3d.console import Console
from video3d.host import Host
from video3d.params import json_schema, parameters, to_values
from video3d.settings import ConversionSettings

if TYPE_CHECKING:
    from video3d.api.saved_presets import PresetStore


def add(commands: Commands) -> None:
    """The commands and their flags."""
    probe = add_command(commands, "probe", _probe, "say what a video is")
    probe.add_argument("source", type=Path, metavar="IN")
    expected = add_command(commands, "estimate", _estimate, "say about how long a conversion takes, and how large it "
                           "gets")
    expected.add_argument("source", type=Path, metavar="IN")
    add_settings(expected)
    presets = add_command(commands, "presets", _presets, "list the devices that a conversion can be made for, and why "
                          "so; keep settings of your own under a name")
    inner = presets.add_subparsers(metavar="COMMAND", required=False)
    for name, run, text in (("list", _presets, "list devices and names (also without a command)"),
                            ("save", _save, "keep settings under a name, for the server's page and --settings"),
                            ("show", _show, "print what is kept, as --settings FILE takes it"),
                            ("delete", _delete, "forget what is kept")):
        command = add_command(inner, name, run, text, is_inner=True)
        if name != "list":
            command.add_argument("name", metavar="NAME")
        if name == "save":
            add_settings(command)
    add_command(commands, "settings", _settings, "list all settings; with --json, their schema")


def _probe(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.media.source import probe

    del host
    console.info(probe(chosen.source))
    return DONE


def _estimate(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.estimating import estimate
    from video3d.media.source import probe

    info = probe(chosen.source)
    told = estimate(info, chosen.source.stat().st_size, chosen_settings(chosen), host.processors)
    if chosen.json:
        console.write(json.dumps({"event": "estimate", **vars(told)}))
    else:
        console.write(f"about {told.seconds:.0f} s, {told.bytes / 1e6:.1f} MB, {told.width}x{told.height} pixels")
    return DONE


def _presets(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.presets import presets

    console.presets(presets())
    for kept in _kept(host).all(""):
        console.write(json.dumps({"event": "preset", "name": kept.name, "values": dict(kept.values)}) if chosen.json
                      else f"{kept.name}: {json.dumps(dict(kept.values))}")
    return DONE


def _save(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    values, usual = to_values(chosen_settings(chosen)), to_values(ConversionSettings())
    _kept(host).save("", chosen.name, {name: value for name, value in values.items() if value != usual[name]})
    return _show(chosen, host, console)


def _show(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    console.write(json.dumps(dict(_kept(host).get("", chosen.name).values)))
    return DONE


def _delete(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    del console
    _kept(host).delete("", chosen.name)
    return DONE


def _kept(host: Host) -> PresetStore:
    """Those of the server's page, where nobody has to log in."""
    from video3d.api.saved_presets import PresetStore

    return PresetStore(host.work_folder() / "presets")


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
