"""What an unfinished conversion is, as its folder says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from video3d.errors import JobError
from video3d.serial import from_json


@dataclass(frozen=True)
class JobDescription:
    """What is needed to go on with a conversion, and to notice that it would no longer be the same one."""

    source: str
    settings: Mapping[str, Any]
    """Flat, by name, as they were asked for; with the depth model that "auto" came to."""
    fingerprint: Mapping[str, Any]
    shots: Mapping[str, Any] | None = None
    """The cut list that a person edited, as its file holds it."""


def read_description(folder: Path) -> JobDescription:
    """What an unfinished conversion is; JobError where the folder holds none."""
    try:
        data = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        return JobDescription(**from_json(_AsWritten, data).__dict__)
    except (OSError, ValueError, KeyError, TypeError):
        raise JobError(f"{folder}: there is no unfinished conversion that could be read.", stage="resume",
                       remedy="Start it again with `video3d convert`.") from None


@dataclass(frozen=True)
class _AsWritten:
    source: str
    settings: Any
    fingerprint: Any
    shots: Any = None
