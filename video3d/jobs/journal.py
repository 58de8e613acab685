"""Lines of a job's journal: what a finished unit is, and what its files hold."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from video3d.planning import PlannedUnit
from video3d.shot_edits import ShotValues

JOURNAL = "journal.jsonl"
SEGMENTS = "segments"
"""Names in a job's folder, and in what is set aside of one."""
_CHUNK = 1 << 20


def journal_line(planned: PlannedUnit, files: Sequence[Path]) -> dict[str, Any]:
    """A unit, and the files that it became: all that its pictures depend on, but for what the whole job shares."""
    unit = planned.unit
    values = planned.values if any(one != ShotValues() for one in planned.values) else ()
    return {
        "index": unit.index, "first": unit.first, "last": unit.last, "cuts": list(unit.cuts), "warm_up": unit.warm_up,
        "run_out": planned.run_out, "times": hashlib.sha256(planned.times.tobytes()).hexdigest()[:16],
        "values": [[one.strength, one.convergence] for one in values],
        "files": {file.name: content(file) for file in files},
    }


def read_journal(file: Path) -> dict[int, dict[str, Any]]:
    """The lines by the units' numbers; empty where there is no journal. What was cut off is left out."""
    lines: dict[int, dict[str, Any]] = {}
    if not file.exists():
        return lines
    for text in file.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(KeyError, TypeError, ValueError):
            line = json.loads(text)
            lines[line["index"]] = {**line, "files": dict(line["files"])}
    return lines


def is_same_unit(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two lines are of the same pictures, whatever their units' numbers."""
    told = one.keys() - {"index", "files"}
    return told == other.keys() - {"index", "files"} and all(one[name] == other[name] for name in told)


def is_whole(line: Mapping[str, Any], segment: Path) -> bool:
    """Whether the unit's files are there, the segment and what lies beside it, and still what they were."""
    sizes = {name: file.get("bytes") for name, file in line["files"].items()}
    found = files_of(segment)
    if segment not in found or sizes != {file.name: file.stat().st_size for file in found}:
        return False
    return line["files"] == {file.name: content(file) for file in found}


def files_of(segment: Path) -> list[Path]:
    """The segment, and what its unit left beside it."""
    return sorted(segment.parent.glob(f"{segment.stem}.*"))


def content(file: Path) -> dict[str, int]:
    """A file's size, and its CRC-32: a power cut may leave the right length and the wrong content."""
    found = 0
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    return {"bytes": file.stat().st_size, "crc32": found}
