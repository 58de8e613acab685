"""`shots`: the cut list of a video, edited here or by hand, and given back with `convert --shots`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.console import STOPPED, Console, Stop
from video3d.errors import Cancelled, SettingsError, TargetError
from video3d.host import Host
from video3d.params import parameters
from video3d.settings import ConversionSettings, RangeSettings
from video3d.shot_edits import FORMAT, ShotEdits, json_schema, merged, read_shots, split, values_of, with_values
from video3d.shot_list import FoundShot, edits_of, find_shots

RANGE = ("start", "end", "preview")


def add(commands: Commands) -> None:
    """The command and its flags."""
    shots = add_command(commands, "shots", _shots,
                        "list the shots of a video; with --json, as `convert --shots` takes them")
    shots.add_argument("source", nargs="?", type=Path, metavar="IN")
    shots.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the list to a file (JSON)")
    shots.add_argument("--thumbnails", type=Path, metavar="FOLDER", help="put a small picture of each shot there")
    shots.add_argument("--schema", action="store_true", help="print the JSON Schema of such a list instead")
    add_shots(shots)
    for name, word, text in (
        ("merge", "N", "make shot N part of the one before it"), ("split", "SECONDS", "let a shot begin there"),
        ("set", "N:NAME=VALUE,…", "give shot N a strength and a convergence (screen plane) of its own"),
    ):
        shots.add_argument(f"--{name}", dest="changes", action=_Change, metavar=word, default=[],
                           help=f"{text}; changes are made in the order in which they stand")
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
    edits = chosen_shots(chosen)
    found: list[FoundShot] = []
    if edits is None:
        if chosen.source is None:
            raise SettingsError("Which video?", stage="settings", remedy="`video3d shots IN`.")
        try:
            found = _found(chosen, console)
        except Cancelled:
            return STOPPED
    if edits is None and not chosen.changes:
        entries = [_entry(shot, chosen.thumbnails) for shot in found]
    else:
        edits = edits or edits_of(found)
        for change in chosen.changes:
            edits = change(edits)
        entries = [{"index": index, "start": shot.start, **shot.values.to_json()}
                   for index, shot in enumerate(edits.shots)]
    _tell(entries, chosen, console)
    return DONE


def _found(chosen: argparse.Namespace, console: Console) -> list[FoundShot]:
    given = {name: value for name in RANGE if (value := getattr(chosen, name)) is not None}
    known = {parameter.name: parameter for parameter in parameters(ConversionSettings)}
    wanted = RangeSettings(**{name: known[name].parse(value) for name, value in given.items()})
    with Stop() as stop:
        reporter = console.reporter(chosen.source, stop)
        return list(find_shots(chosen.source, wanted, reporter, thumbnails=chosen.thumbnails is not None))


def _tell(entries: list[dict[str, Any]], chosen: argparse.Namespace, console: Console) -> None:
    source = {"source": chosen.source.name} if chosen.source is not None else {}
    text = json.dumps({"event": "shots", "format": FORMAT, **source, "shots": entries})
    if chosen.output is not None:
        _write(chosen.output, text.encode())
    elif chosen.json:
        console.write(text)
    if not chosen.json:
        for entry in entries:
            length = f"  {entry['end'] - entry['start']:8.3f} s long" if "end" in entry else ""
            own = "".join(f"  {name} {entry[name]}" for name in ("strength", "convergence") if entry[name] != "auto")
            console.write(f"{entry['index']:5}  {entry['start']:10.3f} s{length}{own}")


class _Change(argparse.Action):
    """Adds a change of the list, in the order of the command line."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        name = (option_string or "").lstrip("-")
        try:
            change = _change(name, str(values))
        except (ValueError, SettingsError) as problem:
            parser.error(f"argument {option_string}: {values!r} cannot be read ({problem})")
        namespace.changes = [*namespace.changes, change]


def _change(name: str, text: str) -> Callable[[ShotEdits], ShotEdits]:
    if name == "merge":
        number = int(text)
        return lambda edits: merged(edits, number)
    if name == "split":
        seconds = float(text)
        return lambda edits: split(edits, seconds)
    shot, _, values = text.partition(":")
    given = dict(word.split("=", 1) for word in values.split(","))
    if not given.keys() <= {"strength", "convergence"}:
        raise ValueError("strength and convergence can be set")
    index, own = int(shot), values_of(given, f"shot {shot}")
    return lambda edits: with_values(edits, index, own)


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
