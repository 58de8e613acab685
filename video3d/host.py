"""What the program needs of the place it runs in. The entry point says which host it is; nothing is guessed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Host(Protocol):
    """A place to run in: a command line, or a webui."""

    @property
    def name(self) -> str:
        """Such as "stand-alone" or "AUTOMATIC1111 1.10.1"."""
        ...

    @property
    def processors(self) -> int:
        """Threads that the program's own stages may use."""
        ...

    def models_folders(self) -> tuple[Path, ...]:
        """Where depth models may lie, best first."""
        ...


class StandaloneHost:
    """The command line, the tests, the stand-alone server."""

    name = "stand-alone"

    @property
    def processors(self) -> int:
        """As many as this process may run on, at most four: the encoder needs the others."""
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(4, count))

    def models_folders(self) -> tuple[Path, ...]:
        """A folder of the user's, in the place that the system has for such things."""
        base = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
        return ((Path(base) if base else Path.home() / ".local" / "share") / "video3d" / "models",)
