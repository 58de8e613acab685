"""`diagnostics`: what to attach to a bug report."""

from __future__ import annotations

import argparse
from pathlib import Path

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.cli.jobs import add_queue, open_queue
from video3d.console import Console
from video3d.host import Host

DEFAULT_NAME = "video3d-diagnostics.zip"


def add(commands: Commands) -> None:
    """The command and its flags."""
    parser = add_command(commands, "diagnostics", _diagnostics,
                         "pack versions, settings and a job's log for a bug report, without private paths")
    parser.add_argument("job", nargs="?", metavar="JOB",
                        help="the folder of an unfinished conversion, its result's name, or a job's id in the queue")
    parser.add_argument("-o", "--output", type=Path, default=Path(DEFAULT_NAME), metavar="FILE",
                        help="default: %(default)s")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    add_queue(parser)


def _diagnostics(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.diagnostics import evidence_of, write_bundle

    evidence = evidence_of(chosen.job, host, open_queue(chosen, host)) if chosen.job else None
    write_bundle(chosen.output, host, evidence, overwrite=chosen.overwrite)
    console.written(chosen.output, "Look into it before you send it: it should hold nothing that is private.")
    return DONE
