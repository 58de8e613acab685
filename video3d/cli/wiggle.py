"""`wiggle`: a moment as a small looping picture that shows the eyes by turns."""

from __future__ import annotations

import argparse
from pathlib import Path

from video3d.cli.arguments import DONE, Commands, add_command, add_settings, chosen_settings
from video3d.cli.preview import write_picture
from video3d.console import Console
from video3d.errors import SettingsError, TargetError
from video3d.host import Host
from video3d.stereo.wiggle import WiggleFormat


def add(commands: Commands) -> None:
    """The command and its flags."""
    wiggle = add_command(commands, "wiggle", _wiggle, "show a moment's depth without glasses, as a looping picture")
    wiggle.add_argument("source", type=Path, metavar="IN")
    wiggle.add_argument("--at", type=float, default=0.0, metavar="SECONDS", help="which moment (default: 0)")
    wiggle.add_argument("--size", type=int, default=640, metavar="PIXELS", help="longer side, at most (default: 640)")
    wiggle.add_argument("-o", "--output", type=Path, metavar="OUT",
                        help="a .gif or .webp file (default: IN_wiggle.webp beside the video)")
    wiggle.add_argument("--overwrite", action="store_true", help="replace a result that is there already")
    add_settings(wiggle)


def _wiggle(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.preview import PictureFormat, Previewer, PreviewRequest, View

    source: Path = chosen.source
    target: Path = chosen.output or source.with_name(f"{source.stem}_wiggle.webp")
    kinds = [kind.value for kind in WiggleFormat]
    kind = target.suffix.lower().lstrip(".")
    if kind not in kinds:
        raise SettingsError(f"-o {target}: such pictures are not written.", stage="settings",
                            remedy="Let the name end in .webp or .gif.")
    if not 0 <= chosen.at < float("inf") or not 16 <= chosen.size <= 4096:
        raise SettingsError("--at takes seconds from 0 on, --size pixels from 16 to 4096.", stage="settings",
                            remedy="Choose other numbers.")
    if target.exists() and not chosen.overwrite:
        raise TargetError(f"{target}: it is there already.", stage="target",
                          remedy="Add --overwrite, or choose another name with -o.")
    picture = Previewer(host).picture(PreviewRequest(source, chosen_settings(chosen), chosen.at, View.WIGGLE,
                                                     PictureFormat(kind), chosen.size))
    write_picture(target, picture.data)
    console.made(source, target)
    return DONE
