"""The user's pattern for the names of results."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from video3d.api.names import safe_name

PATTERN = "[name]"
WORDS = {"date": "%Y-%m-%d", "time": "%H-%M-%S"}


def result_name(pattern: str, name: str, now: datetime) -> Path:
    """`pattern` with [name], [date] and [time] filled in; "/" makes folders. `name` is the video's, with its ending.

    Nothing in it leads out of the output folder, whatever the pattern or the name says.
    """
    video = Path(name)
    values = {"name": video.stem, **{word: now.strftime(form) for word, form in WORDS.items()}}
    filled = [re.sub(r"\[(\w+)\]", lambda found: values.get(found[1], found[0]), part)
              for part in re.split(r"[/\\]", pattern.strip() or PATTERN)]
    parts = [safe_name(part) for part in filled if part.strip(". ")] or [safe_name(video.stem)]
    return Path(*parts[:-1], parts[-1] + video.suffix)
