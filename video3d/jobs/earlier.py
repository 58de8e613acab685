"""What an unfinished conversion had finished before a person edited its shots.

Units end at cuts, so an edit changes those around it and no others: from the next cut on at which a unit of the old
plan and one of the new plan end together, they are the same, and so are their segments to the byte. What was finished
is set aside in folders `earlier-1`, `earlier-2` …, each like the job's folder itself, until all units are finished.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from video3d.durable import sync_folder
from video3d.jobs.journal import JOURNAL, SEGMENTS, is_same_unit, is_whole, read_journal


class EarlierWork:
    """Of the job in the folder `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_there(self) -> bool:
        """Whether anything was set aside."""
        return bool(self._places())

    def set_aside(self) -> None:
        """Take the journal, the segments and what lies beside them out of the job's folder.

        The journal comes last: without it nothing was finished, and `tidy` throws the rest away.
        """
        number = max((int(place.name.partition("-")[2]) for place in self._places()), default=0) + 1
        place = self._path / f"earlier-{number}"
        place.mkdir()
        if (self._path / SEGMENTS).is_dir():
            (self._path / SEGMENTS).replace(place / SEGMENTS)
        for file in self._path.glob("[0-9][0-9][0-9][0-9][0-9].*"):
            file.replace(place / file.name)
        sync_folder(place)
        (self._path / JOURNAL).replace(place / JOURNAL)
        sync_folder(place)
        sync_folder(self._path)

    def tidy(self) -> None:
        """Throw away what was not set aside to the end."""
        for place in self._places():
            if not (place / JOURNAL).is_file():
                shutil.rmtree(place, ignore_errors=True)

    def find(self, wanted: Mapping[str, Any]) -> Path | None:
        """The segment of the same unit as in the line `wanted`, with all its files whole; None where there is none."""
        for place in reversed(self._places()):
            for line in read_journal(place / JOURNAL).values():
                segment = place / SEGMENTS / f"{line['index']:05d}.mp4"
                if is_same_unit(line, wanted) and is_whole(line, segment):
                    return segment
        return None

    def beside(self, segment: Path) -> list[Path]:
        """What the unit of a segment that was found left in the job's folder itself."""
        return sorted(segment.parent.parent.glob(f"{segment.stem}.*"))

    def files(self) -> list[Path]:
        """All that takes room."""
        return [file for place in self._places() for file in place.rglob("*") if file.is_file()]

    def clear(self) -> None:
        """Throw all away."""
        for place in self._places():
            (place / JOURNAL).unlink(missing_ok=True)
            shutil.rmtree(place, ignore_errors=True)

    def _places(self) -> list[Path]:
        """Oldest first."""
        names = [entry.name for entry in os.scandir(self._path)] if self._path.is_dir() else []
        numbers = [int(name[8:]) for name in names if name.startswith("earlier-") and name[8:].isdecimal()]
        return [self._path / f"earlier-{number}" for number in sorted(numbers)]
