"""What the commands have in common: exit codes, `--json`, and the flags that settings are given by."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from video3d.console import Console
from video3d.errors import SettingsError
from video3d.host import Host
from video3d.params import Parameter, from_values, parameters
from video3d.settings import Container, ConversionSettings

DONE, FAILED, WRONG_USAGE = 0, 1, 2
TRUTHS = ("true", "false", "yes", "no", "on", "off")
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob", ".wmv", ".flv",
    ".3gp", ".ogv", ".gif", ".mxf", ".rm", ".rmvb", ".divx", ".asf", ".dv",
})
Commands = Any
"""What argparse's `add_subparsers` gives: the place for commands."""
Run = Callable[[argparse.Namespace, Host, Console], int]


def with_truths(arguments: Sequence[str]) -> list[str]:
    """`--flag` alone, of a setting that is true or false, as `--flag=true`: what follows may be a file's name."""
    flags = {parameter.flag for parameter in parameters(ConversionSettings) if parameter.type is bool}
    given: list[str] = []
    for word in arguments:
        if given and given[-1] in flags:
            given[-1] += f"={word if word in TRUTHS else 'true'}"
            if word in TRUTHS:
                continue
        given.append(word)
    return given


def add_command(commands: Commands, name: str, run: Run, text: str, *,
                is_inner: bool = False) -> argparse.ArgumentParser:
    """A command that `run` does; `text` says in a few words what that is. `is_inner`: a command of a command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON object per line, for programs",
                        default=argparse.SUPPRESS if is_inner else False)  # or it would undo the outer one's
    parser.set_defaults(run=run)
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """`--settings FILE`, and a flag for each setting."""
    parser.add_argument("--settings", type=Path, metavar="FILE", help="settings as JSON, as `video3d settings` prints "
                        "them; flags go over them")
    groups: dict[str, Any] = {}
    for parameter in parameters(ConversionSettings):
        if parameter.group not in groups:
            groups[parameter.group] = parser.add_argument_group(f"{parameter.group} settings")
        text = f"{parameter.param.help} Allowed: {parameter.allowed}. Default: {parameter.to_json(parameter.default)}."
        extra: dict[str, Any] = {"nargs": "?", "const": "true"} if parameter.type is bool else {}
        groups[parameter.group].add_argument(
            parameter.flag, dest=f"setting_{parameter.name}", default=None, help=text.replace("%", "%%"),
            metavar=_metavar(parameter), **extra)


def _metavar(parameter: Parameter) -> str:
    kinds = {bool: "true|false", int: "N", float: "N"}
    return "|".join(parameter.choices) if 0 < len(parameter.choices) <= 4 else kinds.get(parameter.type, "WORD")


def chosen_settings(chosen: argparse.Namespace, output: Path | None = None) -> ConversionSettings:
    """The settings of a command line with `add_settings`; a result's name may choose the container."""
    values: dict[str, Any] = {}
    if chosen.settings is not None:
        try:
            read: Any = json.loads(chosen.settings.read_text(encoding="utf-8"))
            if not isinstance(read, dict):
                raise ValueError("an object with names and values is expected")
            values = {**read}
        except (OSError, ValueError) as problem:
            raise SettingsError(f"{chosen.settings}: not settings that can be read ({problem}).", stage="settings",
                                remedy="`video3d settings` shows what they look like.") from None
    for parameter in parameters(ConversionSettings):
        value = getattr(chosen, f"setting_{parameter.name}")
        if value is not None:
            values[parameter.name] = value
    suffix = container_suffix(output)
    if suffix is not None and values.setdefault("container", suffix) != suffix:
        raise SettingsError(f"-o {output} and --container {values['container']} contradict each other.",
                            stage="settings", remedy="Leave one of them out.")
    return from_values(ConversionSettings, values)


def container_suffix(output: Path | None) -> str | None:
    """The container that the result's name asks for, if it does."""
    if output is None or output.is_dir():
        return None
    allowed = [container.value for container in Container]
    if output.suffix.lower() in VIDEO_SUFFIXES and output.suffix.lower().lstrip(".") not in allowed:
        raise SettingsError(f"-o {output}: such files are not written.", stage="settings",
                            remedy=f"Allowed: {', '.join(allowed)}.")
    suffix = output.suffix.lower().lstrip(".")
    return suffix if suffix in allowed else None
