"""`check`, `label`: what players make of a 3D file, and telling them."""

from __future__ import annotations

import argparse
from pathlib import Path

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.console import Console
from video3d.errors import SettingsError
from video3d.host import Host
from video3d.types import Layout


def add(commands: Commands) -> None:
    """The commands and their flags."""
    check = add_command(commands, "check", _check, "say what players will make of a 3D file")
    check.add_argument("source", type=Path, metavar="FILE")
    label = add_command(commands, "label", _label, "mark a file as 3D without encoding it again")
    label.add_argument("source", type=Path, metavar="FILE")
    label.add_argument("--layout", required=True, help="such as full-sbs or half-sbs")
    label.add_argument("--swap-eyes", action="store_true", help="the right eye comes first")
    label.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: a name that says the layout")
    label.add_argument("--overwrite", action="store_true", help="replace a result that is there already")


def _check(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.media.inspect_file import inspect

    del host
    console.report(inspect(chosen.source))
    return DONE


def _label(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.media.labels import named_for
    from video3d.media.relabel import relabel

    del host
    try:
        layout = Layout(chosen.layout)
    except ValueError:
        raise SettingsError(f"--layout cannot be {chosen.layout!r}.", stage="settings",
                            remedy=f"Allowed: {', '.join(member.value for member in Layout)}.") from None
    source: Path = chosen.source
    named = named_for(source.stem, layout, swapped=chosen.swap_eyes) + source.suffix
    target: Path = chosen.output or source.with_name(named)
    console.report(relabel(source, target, layout, swapped=chosen.swap_eyes, overwrite=chosen.overwrite))
    return DONE
