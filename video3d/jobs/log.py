"""A job's log: what happened, when, and how long it took, in plain text."""

from __future__ import annotations

import platform
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from video3d import __version__
from video3d.errors import Video3DError
from video3d.params import parameters
from video3d.pipeline import Conversion
from video3d.planning import PlannedUnit
from video3d.settings import ConversionSettings

LOG_NAME = "log.txt"


class JobLog:
    """Lines with their time (UTC). They are kept until it is known where they go. A log never stops the work."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._waiting: list[str] = []
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """One entry; further lines are indented."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        with self._lock:
            self._waiting.append(f"{now} {text.strip()}".replace("\n", "\n    ") + "\n")
            self._flush()

    def go_to(self, path: Path) -> None:
        """Write there, if nowhere else; what was kept comes first."""
        with self._lock:
            self._path = self._path or path
            self._flush()

    def begin(self, source: Path, target: Path) -> None:
        """Who does what to what."""
        self.write(f"video3d {__version__}, Python {platform.python_version()} on {platform.platform()}")
        self.write(f"{source} → {target}")

    def decided(self, conversion: Conversion, seconds: float) -> None:
        """What was settled before the first frame."""
        info, encode = conversion.info, conversion.shared.encode
        self.write(f"source: {info.container}, {info.codec}, {info.width}x{info.height} {info.source_pixel_format}, "
                   f"{info.frame_rate} frames/s, {float(info.duration or 0):.1f} s")
        self.write(f"depth: {conversion.model.id}; encoder: {encode.encoder}, {encode.width}x{encode.height} "
                   f"{encode.pixel_format.name}; ffmpeg {conversion.shared.ffmpeg.version}")
        self.write(f"settings: {_changed(conversion.settings) or 'all as they are'}")
        self.write(f"decided in {seconds:.2f} s")

    def unit(self, planned: PlannedUnit, segment: Path, seconds: float) -> None:
        """A unit that was converted."""
        unit = planned.unit
        rate = unit.frame_count / seconds if seconds > 0 else 0.0
        self.write(f"unit {unit.index}: frames {unit.first} to {unit.last}, {len(unit.cuts)} cuts inside, "
                   f"{seconds:.2f} s ({rate:.1f} frames/s), {segment.stat().st_size} bytes")

    def problem(self, problem: BaseException) -> None:
        """Why it ended."""
        if isinstance(problem, Video3DError):
            self.write(f"{type(problem).__name__} in {problem.stage or 'the program'}: {problem}")
            if problem.details:
                self.write(f"what the program that failed said last:\n{problem.details}")
        else:
            self.write(f"{type(problem).__name__}: {problem}")

    def _flush(self) -> None:
        if self._path is None:
            return
        with suppress(OSError):
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.writelines(self._waiting)
            self._waiting.clear()


class Clock:
    """Seconds since it was made, or asked last."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = time.monotonic()
        self._since, before = now, self._since
        return now - before


def _changed(settings: ConversionSettings) -> str:
    """The settings that are not at their default, as flags."""
    values = ((parameter, getattr(getattr(settings, parameter.group), parameter.name))
              for parameter in parameters(ConversionSettings))
    return " ".join(f"{parameter.flag} {parameter.to_json(value)}" for parameter, value in values
                    if value != parameter.default)
