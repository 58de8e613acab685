"""Conversions one after the other, as the command line runs them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from video3d.allocator import keep_freed_memory
from video3d.cli.arguments import DONE, FAILED
from video3d.console import STOPPED, Console, Stop
from video3d.errors import Cancelled, SettingsError, TargetError, Video3DError
from video3d.host import Host
from video3d.jobs import JobRequest, folder_for, run_job

MOST_WORKERS = 64


def add_running(parser: argparse.ArgumentParser) -> None:
    """Flags that change how fast a result comes, and not what it is."""
    parser.add_argument("--workers", type=_count, default=1, metavar="N",
                        help="parts of the video converted at once; each takes as much memory as one (default: 1)")
    parser.add_argument("--devices", type=_names, default=(), metavar="NAME,NAME",
                        help="depth networks run on these devices at once, such as cuda:0,cuda:1")


def run_all(requests: Sequence[JobRequest], host: Host, console: Console) -> int:
    """Run each, tell what became of it, and go on after a failure; returns the exit code."""
    keep_freed_memory()
    failed = 0
    taken: set[Path] = set()
    with Stop() as stop:
        for request in requests:
            reporter = console.reporter(request.source, stop)
            try:
                _check_unique(request.target, taken)
                console.done(request.source, run_job(request, host, reporter))
            except Cancelled:
                console.stopped(request.source, folder_for(request.target))
                return STOPPED
            except SettingsError:
                raise
            except Video3DError as problem:
                console.failed(request.source, problem, folder_for(request.target))
                failed += 1
    if len(requests) > 1:
        console.summary(len(requests) - failed, failed)
    return FAILED if failed else DONE


def _check_unique(target: Path, taken: set[Path]) -> None:
    """TargetError where two videos of one command would become the same file."""
    if target in taken:
        raise TargetError(f"{target}: another of these videos has a result of this name.", stage="target",
                          remedy="Convert this one by itself, with -o.")
    taken.add(target)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_WORKERS}")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names")
    return names
