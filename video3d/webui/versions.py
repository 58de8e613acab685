"""Whether the program that runs is still the one on the disk: after an update the webui keeps the old one in memory."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Sources:
    """The package's files as they were when it was loaded."""

    root: Path
    digest: str

    @classmethod
    def of(cls, root: Path) -> Sources:
        """As they are now."""
        return cls(root, _digest(root))

    def have_changed(self) -> bool:
        """True after an update, until the webui is started anew."""
        return _digest(self.root) != self.digest


@functools.cache
def loaded_sources() -> Sources:
    """Those of the running program: asked for when the webui first runs the script, and kept when it does so again."""
    return Sources.of(PACKAGE)


def _digest(root: Path) -> str:
    """Of names, sizes and times: the files themselves need not be read."""
    told = hashlib.sha256()
    for entry in sorted(_modules(str(root)), key=lambda entry: entry.path):
        status = entry.stat()
        told.update(f"{entry.path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return told.hexdigest()


def _modules(folder: str) -> Iterator[os.DirEntry[str]]:
    """The package's files, below a folder; `pathlib` takes six times as long, and a webui's start waits for this."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _modules(entry.path)
            elif entry.name.endswith(".py"):
                yield entry
