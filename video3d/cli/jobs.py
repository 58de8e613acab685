"""`jobs`: the queue that the webui, the server and the command line share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from video3d.cli.arguments import DONE, FAILED, Commands, add_command, add_settings, chosen_settings
from video3d.cli.convert import sources_of, targets_of
from video3d.cli.preview import write_picture
from video3d.cli.running import add_running
from video3d.cli.shots import add_shots, chosen_shots
from video3d.console import STOPPED, Console, Stop
from video3d.errors import MissingError
from video3d.host import Host
from video3d.queue import JobOrder, JobQueue, JobState, JobView, queue_folder

LOOK_SECONDS = 0.5
Steer = Callable[[JobQueue, str, argparse.Namespace], JobView | None]


def add(commands: Commands) -> None:
    """The command, its own commands, and their flags."""
    jobs = add_command(commands, "jobs", _list, "list, add and steer the jobs of the queue")
    add_queue(jobs)
    inner = jobs.add_subparsers(metavar="COMMAND", required=False)
    _inner(inner, "list", _list, "list all jobs (also without a command)")
    adding = _inner(inner, "add", _add, "add videos to the queue; `jobs run`, the server or the webui converts them")
    adding.add_argument("sources", nargs="+", type=Path, metavar="IN", help="a video, or a folder of videos")
    adding.add_argument("-o", "--output", type=Path, metavar="OUT",
                        help="the result, or a folder for it (default: beside the source)")
    adding.add_argument("--overwrite", action="store_true", help="replace a result that is there already")
    adding.add_argument("--priority", type=int, default=0, metavar="N", help="higher ones go first (default: 0)")
    add_shots(adding)
    add_settings(adding)
    add_running(_inner(inner, "run", _run, "convert what waits in the queue, until nothing does"))
    log = _inner(inner, "log", _log, "print what happened to a job")
    log.add_argument("id", metavar="ID", help="a job's id, or how it begins")
    preview = _inner(inner, "preview", _preview, "write the newest picture that a job made to a file")
    preview.add_argument("id", metavar="ID", help="a job's id, or how it begins")
    preview.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="a .jpg file")
    add_shots(_steering(inner, "shots", lambda queue, job, chosen: queue.set_shots(job, chosen_shots(chosen)),
                        "give unfinished jobs an edited list of shots; without --shots, those that are found"))
    pause = _steering(inner, "pause", lambda queue, job, chosen: queue.pause(job, at_once=chosen.now),
                      "stop jobs until they are resumed")
    pause.add_argument("--now", action="store_true", help="do not wait for the end of the part in work, which is lost")
    _steering(inner, "resume", lambda queue, job, _: queue.resume(job), "let paused jobs go on")
    _steering(inner, "cancel", lambda queue, job, _: queue.cancel(job), "end jobs and throw away what is unfinished")
    retry = _steering(inner, "retry", lambda queue, job, chosen: queue.retry(job, restart=chosen.restart),
                      "run failed or cancelled jobs again")
    retry.add_argument("--restart", action="store_true", help="throw away what was finished before")
    _steering(inner, "delete", lambda queue, job, _: queue.delete(job), "forget jobs; their results stay")
    priority = _steering(inner, "priority", lambda queue, job, chosen: queue.set_priority(job, chosen.priority),
                         "say how urgent jobs are")
    priority.add_argument("--to", dest="priority", type=int, required=True, metavar="N", help="higher ones go first")


def add_queue(parser: argparse.ArgumentParser, *, is_inner: bool = False) -> None:
    """`--queue FOLDER`."""
    parser.add_argument("--queue", type=Path, metavar="FOLDER", default=argparse.SUPPRESS if is_inner else None,
                        help="the queue's folder, such as a webui's (default: the user's own)")


def open_queue(chosen: argparse.Namespace, host: Host) -> JobQueue:
    """The queue that a command line means."""
    return JobQueue(host, chosen.queue or queue_folder(host), workers=getattr(chosen, "workers", 1),
                    devices=getattr(chosen, "devices", ()))


def finish(queue: JobQueue, jobs: list[str] | None, console: Console) -> int:
    """Convert (or, where another process does, look on) until these jobs are over, or nothing waits; the exit code."""
    told: dict[str, JobState] = {}
    version = 0
    with Stop() as stop:
        queue.start()
        try:
            while not stop():
                meant = [view for view in queue.jobs() if jobs is None or view.id in jobs]
                for view in meant:
                    if told.get(view.id) is not view.state or view.state is JobState.RUNNING:
                        told[view.id] = view.state
                        console.job(view)
                if not any(view.state in (JobState.WAITING, JobState.RUNNING) for view in meant):
                    return FAILED if any(view.state is JobState.FAILED for view in meant) else DONE
                version = queue.wait(version, LOOK_SECONDS)
        finally:
            queue.close()
    return STOPPED


def _inner(commands: Commands, name: str, run: Callable[[argparse.Namespace, Host, Console], int],
           text: str) -> argparse.ArgumentParser:
    parser = add_command(commands, name, run, text, is_inner=True)
    add_queue(parser, is_inner=True)
    return parser


def _steering(commands: Commands, name: str, steer: Steer, text: str) -> argparse.ArgumentParser:
    def run(chosen: argparse.Namespace, host: Host, console: Console) -> int:
        queue = open_queue(chosen, host)
        for word in chosen.ids:
            view = steer(queue, queue.find(word).id, chosen)
            if view is not None:
                console.job(view)
        return DONE

    parser = _inner(commands, name, run, text)
    parser.add_argument("ids", nargs="+", metavar="ID", help="a job's id, or how it begins")
    return parser


def _list(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    for view in open_queue(chosen, host).jobs():
        console.job(view)
    return DONE


def _add(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    settings = chosen_settings(chosen, chosen.output)
    sources = [source.absolute() for source in sources_of(chosen.sources)]
    targets = targets_of(sources, chosen.output, settings)
    queue = open_queue(chosen, host)
    for source, target in zip(sources, targets, strict=True):
        console.job(queue.submit(JobOrder(source, target, settings, priority=chosen.priority,
                                          shots=chosen_shots(chosen),
                                          overwrite=chosen.overwrite)))
    return DONE


def _log(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    queue = open_queue(chosen, host)
    text = queue.log(queue.find(chosen.id).id)
    console.write(json.dumps({"event": "log", "text": text}) if chosen.json else text)
    return DONE


def _preview(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    queue = open_queue(chosen, host)
    view = queue.find(chosen.id)
    picture = queue.preview(view.id)
    if picture is None:
        raise MissingError("There is no picture of this job yet.", stage="queue", remedy="Ask again when it runs.")
    write_picture(chosen.output, picture)
    console.made(view.source, chosen.output)
    return DONE


def _run(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    return finish(open_queue(chosen, host), None, console)
