"""Which ffmpeg there is, and what it can really do."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from video3d.errors import ToolError
from video3d.media.process import CREATION_FLAGS, OWN_SESSION

PROBE_SECONDS = 30


@dataclass(frozen=True)
class FFmpeg:
    """An ffmpeg program. Its answers are asked for once, by `find_ffmpeg`."""

    path: str
    version: str
    """As it states it, such as 7.0.2-static: part of a job's fingerprint."""
    release: tuple[int, int]
    """(major, minor); builds from git count as the newest."""
    encoders: frozenset[str]
    """Names that it lists. Listed is not usable: see `encoders.usable_encoder`."""

    @property
    def passthrough_arguments(self) -> list[str]:
        """Keep every frame's own time: the option was renamed in 5.1."""
        return ["-fps_mode", "passthrough"] if self.release >= (5, 1) else ["-vsync", "0"]

    @property
    def tells_pictures(self) -> bool:
        """Whether it can tell, while it works, which pictures its encoder has: `pacing.STATISTICS`."""
        return self.release >= (6, 0)


def find_ffmpeg() -> FFmpeg:
    """The ffmpeg of IMAGEIO_FFMPEG_EXE, else the one that imageio-ffmpeg brings, else the system's."""
    import imageio_ffmpeg

    try:
        path = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise ToolError("ffmpeg was not found.", stage="encode",
                        remedy="Install the package imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to an ffmpeg.") from None
    version = next(iter(_ask(path, "-version").splitlines()), "")
    if not version:
        raise ToolError(f"{Path(path)}: this ffmpeg says nothing.", stage="encode",
                        remedy="Reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to an ffmpeg that works.")
    stated = re.match(r"ffmpeg version n?(\S+)", version)
    numbers = re.match(r"(\d+)\.(\d+)", stated[1]) if stated else None
    listed = re.findall(r"^ V\S{5} (\w\S*)", _ask(path, "-encoders"), re.MULTILINE)
    return FFmpeg(path, stated[1] if stated else version, (int(numbers[1]), int(numbers[2])) if numbers else (99, 0),
                  frozenset(listed))


def _ask(path: str, question: str) -> str:
    try:
        answer = subprocess.run([path, "-hide_banner", question], capture_output=True, timeout=PROBE_SECONDS,
                                stdin=subprocess.DEVNULL, check=True, start_new_session=OWN_SESSION,
                                creationflags=CREATION_FLAGS)
    except (OSError, subprocess.SubprocessError) as problem:
        raise ToolError(f"{Path(path)}: this ffmpeg does not run ({problem}).", stage="encode",
                        remedy="Reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to an ffmpeg that works.") from None
    return answer.stdout.decode(errors="replace")
