"""The command line: `python -m video3d COMMAND`. Each module here is a command, or a few that belong together.

Exit codes: 0 all done · 1 something could not be converted · 2 the command line is wrong · 130 stopped by the user.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from video3d import __version__
from video3d.cli import (
    cache,
    convert,
    depth,
    describe,
    diagnostics,
    jobs,
    label,
    models,
    preview,
    resume,
    serve,
    shots,
    ui,
    wiggle,
)
from video3d.cli.arguments import FAILED, WRONG_USAGE, with_truths
from video3d.console import STOPPED, Console, JsonConsole, TextConsole
from video3d.errors import SettingsError, Video3DError
from video3d.host import StandaloneHost

COMMANDS = (
    convert,
    shots,
    resume,
    jobs,
    ui,
    serve,
    preview,
    wiggle,
    depth,
    describe,
    models,
    cache,
    label,
    diagnostics,
)
"""Each adds its commands with `add`, in the order that help lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    _speak_unicode()
    logging.getLogger("video3d").addHandler(logging.NullHandler())  # what users should read is said by the console
    chosen = build_parser().parse_args(with_truths(sys.argv[1:] if arguments is None else arguments))
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


def build_parser() -> argparse.ArgumentParser:
    """All commands and flags; those of settings come from their declaration."""
    parser = argparse.ArgumentParser(prog="video3d", description="Turns 2D video into 3D (stereo) video.",
                                     epilog=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--version", action="version", version=f"video3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    return parser


def _speak_unicode() -> None:
    """File names of any script on consoles that are set to less."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
