"""The command line: `python -m video3d convert IN [-o OUT]`, `probe IN`, `models`, `settings`, `check`, `label`.

Exit codes: 0 all done · 1 something could not be converted · 2 the command line is wrong · 130 stopped by the user.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from video3d import __version__
from video3d.console import STOPPED, Console, JsonConsole, Stop, TextConsole
from video3d.errors import Cancelled, SettingsError, SourceError, TargetError, Video3DError
from video3d.host import Host, StandaloneHost
from video3d.jobs import FOLDER_SUFFIX, JobRequest, run_job
from video3d.params import Parameter, from_values, json_schema, parameters, to_values
from video3d.settings import Container, ConversionSettings
from video3d.types import Layout

DONE, FAILED, WRONG_USAGE = 0, 1, 2
TRUTHS = ("true", "false", "yes", "no", "on", "off")
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob", ".wmv", ".flv",
    ".3gp", ".ogv", ".gif", ".mxf", ".rm", ".rmvb", ".divx", ".asf", ".dv",
})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    _speak_unicode()
    logging.getLogger("video3d").addHandler(logging.NullHandler())  # what users should read is said by the console
    chosen = build_parser().parse_args(_with_truths(sys.argv[1:] if arguments is None else arguments))
    console: Console = JsonConsole() if chosen.json else TextConsole()
    try:
        return chosen.run(chosen, StandaloneHost(), console)
    except KeyboardInterrupt:
        return STOPPED
    except SettingsError as problem:
        console.error(problem)
        return WRONG_USAGE
    except Video3DError as problem:
        console.error(problem)
        return FAILED
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
        return FAILED


def _with_truths(arguments: Sequence[str]) -> list[str]:
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


def build_parser() -> argparse.ArgumentParser:
    """All commands and flags; those of settings come from their declaration."""
    parser = argparse.ArgumentParser(prog="video3d", description="Turns 2D video into 3D (stereo) video.",
                                     epilog=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--version", action="version", version=f"video3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    convert = _command(commands, "convert", _convert, "turn videos into 3D videos")
    convert.add_argument("sources", nargs="+", type=Path, metavar="IN", help="a video, or a folder of videos")
    convert.add_argument("-o", "--output", type=Path, metavar="OUT",
                         help="the result, or a folder for it (default: beside the source)")
    convert.add_argument("--overwrite", action="store_true", help="replace a result that is there already")
    convert.add_argument("--restart", action="store_true", help="throw away an unfinished conversion, do not resume it")
    convert.add_argument("--discard-on-failure", action="store_true", help="keep nothing to resume from")
    convert.add_argument("--settings", type=Path, metavar="FILE", help="settings as JSON, as `video3d settings` prints "
                         "them; flags go over them")
    _add_settings(convert)

    probe = _command(commands, "probe", _probe, "say what a video is")
    probe.add_argument("source", type=Path, metavar="IN")
    _command(commands, "models", _models, "list the depth models")
    _command(commands, "settings", _settings, "list all settings; with --json, their schema")
    check = _command(commands, "check", _check, "say what players will make of a 3D file")
    check.add_argument("source", type=Path, metavar="FILE")
    label = _command(commands, "label", _label, "mark a file as 3D without encoding it again")
    label.add_argument("source", type=Path, metavar="FILE")
    label.add_argument("--layout", required=True, help="such as full-sbs or half-sbs")
    label.add_argument("--swap-eyes", action="store_true", help="the right eye comes first")
    label.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: a name that says the layout")
    label.add_argument("--overwrite", action="store_true", help="replace a result that is there already")
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON object per line, for programs")
    parser.set_defaults(run=run)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
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


def _chosen_settings(chosen: argparse.Namespace) -> ConversionSettings:
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
    suffix = _container_suffix(chosen.output)
    if suffix is not None and values.setdefault("container", suffix) != suffix:
        raise SettingsError(f"-o {chosen.output} and --container {values['container']} contradict each other.",
                            stage="settings", remedy="Leave one of them out.")
    return from_values(ConversionSettings, values)


def _container_suffix(output: Path | None) -> str | None:
    """The container that the result's name asks for, if it does."""
    if output is None or output.is_dir():
        return None
    allowed = [container.value for container in Container]
    if output.suffix.lower() in VIDEO_SUFFIXES and output.suffix.lower().lstrip(".") not in allowed:
        raise SettingsError(f"-o {output}: such files are not written.", stage="settings",
                            remedy=f"Allowed: {', '.join(allowed)}.")
    suffix = output.suffix.lower().lstrip(".")
    return suffix if suffix in allowed else None


def _convert(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    settings = _chosen_settings(chosen)
    sources = _sources(chosen.sources)
    targets = _targets(sources, chosen.output, settings)
    failed = 0
    taken: set[Path] = set()
    with Stop() as stop:
        for source, target in zip(sources, targets, strict=True):
            reporter = console.reporter(source, stop)
            try:
                _check_unique(target, taken)
                request = JobRequest(source, target, settings, chosen.overwrite, chosen.restart,
                                     chosen.discard_on_failure)
                console.done(source, run_job(request, host, reporter), settings)
            except Cancelled:
                console.stopped(source, target.with_name(target.name + FOLDER_SUFFIX))
                return STOPPED
            except SettingsError:
                raise
            except Video3DError as problem:
                console.failed(source, problem, target.with_name(target.name + FOLDER_SUFFIX))
                failed += 1
    if len(sources) > 1:
        console.summary(len(sources) - failed, failed)
    return FAILED if failed else DONE


def _check_unique(target: Path, taken: set[Path]) -> None:
    """TargetError where two videos of one command would become the same file."""
    if target in taken:
        raise TargetError(f"{target}: another of these videos has a result of this name.", stage="target",
                          remedy="Convert this one by itself, with -o.")
    taken.add(target)


def _sources(named: Sequence[Path]) -> list[Path]:
    """The videos named, and those in the folders named; results of ours are no sources."""
    sources: list[Path] = []
    for path in named:
        if not path.is_dir():
            sources.append(path)
            continue
        try:
            files = sorted(path.iterdir())
        except OSError as problem:
            raise SourceError(f"{path}: the folder cannot be read ({problem.strerror}).", stage="probe",
                              remedy="Check its permissions.") from None
        found = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
                 and not _is_ours(file)]
        if not found:
            raise SourceError(f"{path}: the folder holds no videos.", stage="probe", remedy="Name a video file.")
        sources += found
    return sources


def _is_ours(file: Path) -> bool:
    from video3d.media.labels import name_suffix

    return any(file.stem.endswith(name_suffix(layout)) for layout in Layout if name_suffix(layout))


def _targets(sources: Sequence[Path], output: Path | None, settings: ConversionSettings) -> list[Path]:
    from video3d.pipeline import target_name

    if output is None:
        return [source.absolute().with_name(target_name(source, settings)) for source in sources]
    if output.is_dir():
        return [output / target_name(source, settings) for source in sources]
    if len(sources) > 1:
        raise SettingsError(f"-o {output} is not a folder, but there are {len(sources)} videos.", stage="settings",
                            remedy="Make that folder first.")
    if _container_suffix(output) is None:
        output = output.with_name(f"{output.name}.{settings.output.container.value}")
    return [output]


def _probe(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.media.source import probe

    del host
    console.info(probe(chosen.source))
    return DONE


def _models(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.depth.registry import available_models, choose_model

    del chosen
    models = available_models(host)
    console.models(models, choose_model("auto", models))
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
    if chosen.overwrite and target.exists() and target.resolve() != source.resolve():
        target.unlink()
    console.report(relabel(source, target, layout, swapped=chosen.swap_eyes))
    return DONE


def _speak_unicode() -> None:
    """File names of any script on consoles that are set to less."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
