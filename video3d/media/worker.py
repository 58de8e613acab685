"""The child process that touches untrusted media (`process.py` starts it).

It reads one request (a JSON line) from standard input and answers with messages (`protocol.py`) on standard output.
Standard input stays open as its life line: when the parent dies, it ends, and so does this process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import IO, Any

from video3d.errors import LimitError, SourceError, TargetError, Video3DError
from video3d.lifeline import end_with_parent
from video3d.media.protocol import write_message
from video3d.serial import from_json, to_json


def main() -> int:
    """Serve one request; 0 when it was answered, be it by an error message."""
    request = json.loads(sys.stdin.buffer.readline())
    _limit_memory(request["memory_limit"])
    answers = _take_stdout()
    end_with_parent()  # nothing is half-written here
    try:
        _TASKS[request["task"]](request["arguments"], answers)
    except BrokenPipeError:
        return 1
    except (SourceError, TargetError, LimitError) as problem:
        _send_error(answers, type(problem).__name__, problem)
    except MemoryError:
        _send_error(answers, "WorkerError", Video3DError("The file needs more memory than is allowed.", stage="decode"))
    return 0


def _probe(arguments: dict[str, Any], answers: IO[bytes]) -> None:
    from video3d.media.probing import probe

    write_message(answers, {"kind": "info", "info": to_json(probe(arguments["path"]))})


def _decode(arguments: dict[str, Any], answers: IO[bytes]) -> None:
    import numpy as np

    from video3d.media.decoding import DecodeRequest, decode

    notices: list[str] = []
    for picture in decode(from_json(DecodeRequest, arguments), notices):
        header = {"kind": "picture", "pts": picture.pts, "duration": picture.duration,
                  "interlaced": picture.interlaced, "clock_moved": picture.clock_moved,
                  "has_small": bool(picture.small), "has_planes": bool(picture.planes)}
        planes = [np.ascontiguousarray(plane).data.cast("B") for plane in (*picture.small, *picture.planes)]
        write_message(answers, header, planes)
    write_message(answers, {"kind": "end", "notices": notices})


def _mux(arguments: dict[str, Any], answers: IO[bytes]) -> None:
    from video3d.media.joining import MuxRequest
    from video3d.media.muxing import mux

    def report(done: int) -> None:
        write_message(answers, {"kind": "progress", "done": done})

    notices = mux(from_json(MuxRequest, arguments), report)
    write_message(answers, {"kind": "end", "notices": notices})


def _fragment(arguments: dict[str, Any], answers: IO[bytes]) -> None:
    from video3d.media.fragment import FragmentRequest
    from video3d.media.fragmenting import fragment

    write_message(answers, {"kind": "info", "made": to_json(fragment(from_json(FragmentRequest, arguments)))})


def _picture(arguments: dict[str, Any], answers: IO[bytes]) -> None:
    import numpy as np

    from video3d.media.pictures import decode_picture

    picture = np.ascontiguousarray(decode_picture(arguments["path"], arguments["most_pixels"]))
    header = {"kind": "info", "height": picture.shape[0], "width": picture.shape[1]}
    write_message(answers, header, [picture.data.cast("B")])


_TASKS: dict[str, Callable[[dict[str, Any], IO[bytes]], None]] = {
    "probe": _probe, "decode": _decode, "mux": _mux, "fragment": _fragment, "picture": _picture}


def _send_error(answers: IO[bytes], kind: str, problem: Video3DError) -> None:
    write_message(answers, {"kind": "error", "type": kind, "message": problem.message, "stage": problem.stage,
                            "remedy": problem.remedy})


def _take_stdout() -> IO[bytes]:
    """Standard output for messages alone: what a library prints goes to standard error instead."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 20)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _limit_memory(limit: int) -> None:
    if sys.platform == "win32":
        return  # Windows has no such limit for a process that is not in a job object
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    raise SystemExit(main())
