"""`convert`: videos become 3D videos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from video3d.cli.arguments import (
    VIDEO_SUFFIXES,
    Commands,
    add_command,
    add_settings,
    chosen_settings,
    container_suffix,
)
from video3d.cli.running import add_running, run_all
from video3d.cli.shots import add_shots, chosen_shots
from video3d.console import Console
from video3d.errors import SettingsError, SourceError
from video3d.host import Host
from video3d.jobs import JobRequest
from video3d.settings import ConversionSettings
from video3d.types import Layout


def add(commands: Commands) -> None:
    """The command and its flags."""
    convert = add_command(commands, "convert", _convert, "turn videos into 3D videos")
    convert.add_argument("sources", nargs="+", type=Path, metavar="IN", help="a video, or a folder of videos")
    convert.add_argument("-o", "--output", type=Path, metavar="OUT",
                         help="the result, or a folder for it (default: beside the source)")
    convert.add_argument("--overwrite", action="store_true", help="replace a result that is there already")
    convert.add_argument("--restart", action="store_true", help="throw away an unfinished conversion, do not resume it")
    convert.add_argument("--discard-on-failure", action="store_true", help="keep nothing to resume from")
    convert.add_argument("--log", type=Path, metavar="FILE", help="write what happens to this file, with times")
    add_shots(convert)
    add_running(convert)
    add_settings(convert)


def _convert(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    settings = chosen_settings(chosen, chosen.output)
    sources = sources_of(chosen.sources)
    targets = targets_of(sources, chosen.output, settings)
    shots = chosen_shots(chosen)
    return run_all([
        JobRequest(source, target, settings, chosen.overwrite, chosen.restart, chosen.discard_on_failure,
                   chosen.workers, chosen.devices, shots, chosen.log, new_shots=shots is not None)
        for source, target in zip(sources, targets, strict=True)
    ], host, console)


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
