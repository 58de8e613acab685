"""`shots`: the cut list of a video, to edit and to give back with `convert --shots`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.console import STOPPED, Console, Stop
from video3d.errors import Cancelled, SettingsError, TargetError
from video3d.host import Host
from video3d.params import parameters
from video3d.settings import ConversionSettings, RangeSettings
from video3d.shot_edits import FORMAT, ShotEdits, json_schema, read_shots
from video3d.shot_list import FoundShot, find_shots

RANGE = ("start", "end", "preview")


def add(commands: Commands) -> None:
    """The command and its flags."""
    shots = add_command(commands, "shots", _shots,
                        "list the shots of a video; with --json, as `convert --shots` takes them")
    shots.add_argument("source", nargs="?", type=Path, metavar="IN")
    shots.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the list to a file (JSON)")
    shots.add_argument("--thumbnails", type=Path, metavar="FOLDER", help="put a small picture of each shot there")
    shots.add_argument("--schema", action="store_true", help="print the JSON Schema of such a list instead")
    for parameter in parameters(ConversionSettings):
        if parameter.name in RANGE:
            shots.add_argument(parameter.flag, dest=parameter.name, default=None, metavar="N",
                               help=parameter.param.help)


def add_shots(parser: argparse.ArgumentParser) -> None:
    """`--shots FILE`, for commands that convert."""
    parser.add_argument("--shots", type=Path, metavar="FILE",
                        help="shots with strength and screen plane of their own, as `video3d shots` writes them")


def chosen_shots(chosen: argparse.Namespace) -> ShotEdits | None:
    """What `--shots` says."""
    if chosen.shots is None:
        return None
    try:
        return read_shots(chosen.shots.read_text(encoding="utf-8"), str(chosen.shots))
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{chosen.shots}: the shots cannot be read ({problem}).", stage="shots",
                            remedy="Name a file that `video3d shots IN -o FILE` wrote.") from None


def _shots(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    del host
    if chosen.schema:
        console.write(json.dumps(json_schema()))
        return DONE
    if chosen.source is None:
        raise SettingsError("Which video?", stage="settings", remedy="`video3d shots IN`.")
    given = {name: value for name in RANGE if (value := getattr(chosen, name)) is not None}
    known = {parameter.name: parameter for parameter in parameters(ConversionSettings)}
    wanted = RangeSettings(**{name: known[name].parse(value) for name, value in given.items()})
    try:
        with Stop() as stop:
            reporter = console.reporter(chosen.source, stop)
            found = list(find_shots(chosen.source, wanted, reporter, thumbnails=chosen.thumbnails is not None))
    except Cancelled:
        return STOPPED
    entries = [_entry(shot, chosen.thumbnails) for shot in found]
    text = json.dumps({"event": "shots", "format": FORMAT, "source": chosen.source.name, "shots": entries})
    if chosen.output is not None:
        _write(chosen.output, text.encode())
    elif chosen.json:
        console.write(text)
    if not chosen.json:
        for shot in found:
            console.write(f"{shot.index:5}  {shot.start:10.3f} s  {shot.end - shot.start:8.3f} s long")
    return DONE


def _entry(shot: FoundShot, thumbnails: Path | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": shot.index, "start": shot.start, "end": shot.end, "strength": "auto",
                             "convergence": "auto"}
    if thumbnails is not None and shot.thumbnail is not None:
        picture = thumbnails / f"shot-{shot.index:05d}.jpg"
        _write(picture, shot.thumbnail)
        entry["thumbnail"] = str(picture)
    return entry


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as problem:
        raise TargetError(f"{file}: it cannot be written ({problem.strerror or problem}).", stage="shots",
                          remedy="Choose another place.") from None
