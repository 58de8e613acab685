"""Cut lists that users edited, each with the video that it is of."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from video3d.durable import write_text
from video3d.errors import SettingsError
from video3d.shot_edits import ShotEdits, shots_of


class SavedShots:
    """One JSON file a list, which `convert --shots` takes too. Every method may wait for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, owner: str, source: Path) -> ShotEdits | None:
        """None where nothing is saved of this video, or it is another one by now."""
        data = _read(self._file(owner, source))
        if data is None or data.get("source") != _facts(source):
            return None
        with suppress(SettingsError):  # of another version of the program
            return shots_of(data)
        return None

    def save(self, owner: str, source: Path, edits: ShotEdits) -> None:
        """In place of what was saved before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_text(self._file(owner, source), json.dumps({**edits.to_json(), "source": _facts(source)}, indent=1))

    def delete(self, owner: str, source: Path) -> None:
        """The shots are again those that are found."""
        self._file(owner, source).unlink(missing_ok=True)

    def clean(self) -> None:
        """Delete lists of videos that are gone, or are others by now."""
        for file in self._folder.glob("*.json"):
            source: Any = (_read(file) or {}).get("source")
            named = cast("list[Any]", source)[:1] if isinstance(source, list) else []
            if not named or source != _facts(Path(str(named[0]))):
                file.unlink(missing_ok=True)

    def _file(self, owner: str, source: Path) -> Path:
        return self._folder / (hashlib.sha256(f"{owner}\0{source}".encode(errors="replace")).hexdigest()[:32] + ".json")


def _facts(source: Path) -> list[Any]:
    """Others, once the file is another one."""
    with suppress(OSError):
        facts = source.stat()
        return [str(source), facts.st_size, facts.st_mtime_ns]
    return []


def _read(file: Path) -> dict[str, Any] | None:
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None
