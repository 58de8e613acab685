"""`convert`: videos become 3D videos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from video3d.cli.arguments import (
    DONE,
    FAILED,
    VIDEO_SUFFIXES,
    Commands,
    add_command,
    add_settings,
    chosen_settings,
    container_suffix,
)
from video3d.console import STOPPED, Console, Stop
from video3d.errors import Cancelled, SettingsError, SourceError, TargetError, Video3DError
from video3d.host import Host
from video3d.jobs import JobRequest, folder_for, run_job
from video3d.settings import ConversionSettings
from video3d.types import Layout

MOST_WORKERS = 64


def add(commands: Commands) -> None:
    """The command and its flags."""
    convert = add_command(commands, "convert", _convert, "turn videos into 3D videos")
    convert.add_argument("sources", nargs="+", type=Path, metavar="IN", help="a video, or a folder of videos")
    convert.add_argument("-o", "--output", type=Path, metavar="OUT",
                         help="the result, or a folder for it (default: beside the source)")
    convert.add_argument("--overwrite", action="store_true", help="replace a result that is there already")
    convert.add_argument("--restart", action="store_true", help="throw away an unfinished conversion, do not resume it")
    convert.add_argument("--discard-on-failure", action="store_true", help="keep nothing to resume from")
    add_running(convert)
    add_settings(convert)


def add_running(parser: argparse.ArgumentParser) -> None:
    """Flags that change how fast a result comes, and not what it is."""
    parser.add_argument("--workers", type=_count, default=1, metavar="N",
                        help="parts of the video converted at once; each takes as much memory as one (default: 1)")
    parser.add_argument("--devices", type=_names, default=(), metavar="NAME,NAME",
                        help="depth networks run on these devices at once, such as cuda:0,cuda:1")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_WORKERS}")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names")
    return names


def _convert(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    settings = chosen_settings(chosen, chosen.output)
    sources = sources_of(chosen.sources)
    targets = targets_of(sources, chosen.output, settings)
    failed = 0
    taken: set[Path] = set()
    with Stop() as stop:
        for source, target in zip(sources, targets, strict=True):
            reporter = console.reporter(source, stop)
            try:
                _check_unique(target, taken)
                request = JobRequest(source, target, settings, chosen.overwrite, chosen.restart,
                                     chosen.discard_on_failure, chosen.workers, chosen.devices)
                console.done(source, run_job(request, host, reporter))
            except Cancelled:
                console.stopped(source, folder_for(target))
                return STOPPED
            except SettingsError:
                raise
            except Video3DError as problem:
                console.failed(source, problem, folder_for(target))
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


def sources_of(named: Sequence[Path]) -> list[Path]:
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


def targets_of(sources: Sequence[Path], output: Path | None, settings: ConversionSettings) -> list[Path]:
    """What each source becomes: beside it, in the folder `output`, or the file of that name."""
    from video3d.devices import target_container
    from video3d.pipeline import target_name

    if output is None:
        return [source.absolute().with_name(target_name(source, settings)) for source in sources]
    if output.is_dir():
        return [output / target_name(source, settings) for source in sources]
    if len(sources) > 1:
        raise SettingsError(f"-o {output} is not a folder, but there are {len(sources)} videos.", stage="settings",
                            remedy="Make that folder first.")
    if container_suffix(output) is None:
        output = output.with_name(f"{output.name}.{target_container(settings).value}")
    return [output]
