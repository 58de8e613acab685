"""`resume`: unfinished conversions go on."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from video3d.cli.arguments import Commands, add_command
from video3d.cli.jobs import add_queue, finish, open_queue
from video3d.cli.running import add_running, run_all
from video3d.console import Console
from video3d.errors import JobError, SettingsError
from video3d.host import Host
from video3d.jobs import FOLDER_SUFFIX, JobRequest, folder_for, read_description
from video3d.params import from_values
from video3d.queue import JobState
from video3d.settings import ConversionSettings
from video3d.shot_edits import shots_of


def add(commands: Commands) -> None:
    """The command and its flags."""
    resume = add_command(commands, "resume", _resume, "go on with conversions that were stopped")
    resume.add_argument("what", nargs="*", metavar="FOLDER|ID",
                        help=f"a folder *{FOLDER_SUFFIX}, the result it is for, a folder that holds some, or the id of "
                        "a job in the queue (default: the current folder)")
    resume.add_argument("--overwrite", action="store_true", help="replace a result that is there already")
    resume.add_argument("--restart", action="store_true", help="throw away what is finished, and start anew")
    add_queue(resume)
    add_running(resume)


def _resume(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    requests: list[JobRequest] = []
    queued: list[str] = []
    for word in chosen.what or ["."]:
        folders = _folders(Path(word))
        if folders is None:
            queued.append(word)
        else:
            requests += [_request(folder, chosen) for folder in folders]
    if queued:
        return _resume_queued(queued, chosen, host, console)
    return run_all(requests, host, console)


def _resume_queued(words: list[str], chosen: argparse.Namespace, host: Host, console: Console) -> int:
    queue = open_queue(chosen, host)
    for word in words:
        view = queue.find(word)
        if view.state is JobState.FAILED:
            queue.retry(view.id, restart=chosen.restart)
        else:
            queue.resume(view.id)
    return finish(queue, [queue.find(word).id for word in words], console)


def _folders(place: Path) -> list[Path] | None:
    """The unfinished conversions that are meant; None where the word names no place."""
    if place.name.endswith(FOLDER_SUFFIX) and place.is_dir():
        return [place]
    if place.name and folder_for(place).is_dir():
        return [folder_for(place)]
    if not place.is_dir():
        return None
    found = sorted(folder for folder in place.glob(f"*{FOLDER_SUFFIX}") if (folder / "job.json").is_file())
    if not found:
        raise JobError(f"{place}: the folder holds no unfinished conversion.", stage="resume",
                       remedy=f"Name the folder that holds one (its name ends in {FOLDER_SUFFIX}), or a job's id.")
    return found


def _request(folder: Path, chosen: argparse.Namespace) -> JobRequest:
    job = read_description(folder)
    target = folder.absolute().with_name(folder.absolute().name.removesuffix(FOLDER_SUFFIX))
    try:
        settings = from_values(ConversionSettings, job.settings)
    except SettingsError as problem:
        raise JobError(f"{folder}: its settings are of another version of the program ({problem.message}).",
                       stage="resume", remedy="Start it again with `video3d convert --restart`.") from None
    shots = None if job.shots is None else shots_of(job.shots, str(folder))
    request = JobRequest(Path(job.source), target, settings, shots=shots)
    return replace(request, overwrite=chosen.overwrite, restart=chosen.restart, workers=chosen.workers,
                   devices=chosen.devices)
