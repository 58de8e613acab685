"""Copies of results that any browser plays: made when somebody wants to watch, deleted with their job.

A result is HEVC or AV1, deeper than 8 bit, wider than browsers decode, or in a container that they do not open: then a
smaller H.264 copy of it is made. The result itself is never touched.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from video3d.errors import TargetError, ToolError, Video3DError
from video3d.media.ffmpeg import find_ffmpeg
from video3d.media.process import CREATION_FLAGS, OWN_SESSION, StreamTail
from video3d.media.source import probe
from video3d.video_info import VideoInfo

WIDEST = 3840
"""Pixels across that browsers decode everywhere."""
LARGEST_COPY = 2560
"""Pixels across of a copy: a screen shows one eye of it."""
QUALITY = 23
"""Constant quality of the copy (x264's CRF)."""
TONE_MAP = ("zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
            "zscale=t=bt709:m=bt709:r=tv")
"""HDR as a browser's page can show it."""


@dataclass(frozen=True)
class Rendition:
    """Something to play, or how far it is from being there."""

    file: Path | None
    """The result itself or a copy; None while the copy is being made."""
    share: float = 0.0
    """0…1 of the copy."""


def plays_in_browsers(info: VideoInfo) -> bool:
    """Whether every browser of today plays the file as it is."""
    return (info.codec == "h264" and info.source_pixel_format in ("yuv420p", "yuvj420p") and info.width <= WIDEST
            and "mp4" in info.container.split(",") and not info.colour.is_hdr)


class Renditions:
    """Makes copies, one at a time for each result, in threads. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._copying: dict[str, _Copy] = {}

    def rendition(self, name: str, result: Path) -> Rendition:
        """What can be played of `result`, which is called `name` (a job's id); raises why there is nothing."""
        with self._lock:
            copy = self._copying.get(name)
            if copy is not None and copy.is_alive():
                return Rendition(None, copy.share)
            if copy is not None:
                self._copying.pop(name).join()
                if copy.problem is not None:
                    raise copy.problem
        if self.file(name).is_file():
            return Rendition(self.file(name))
        info = probe(result)
        if plays_in_browsers(info):
            return Rendition(result)
        with self._lock:
            if name not in self._copying:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._copying[name] = _Copy(result, self.file(name), info)
                self._copying[name].start()
        return Rendition(None)

    def file(self, name: str) -> Path:
        """Where the copy lies, once it is made."""
        return self._folder / f"{name}.mp4"

    def keep_only(self, names: Collection[str]) -> None:
        """Delete the copies of all others."""
        with self._lock:
            for name in [name for name in self._copying if name not in names]:
                self._copying.pop(name).stop()
        for file in self._folder.glob("*.mp4") if self._folder.is_dir() else ():
            if file.name.removesuffix(".mp4").removesuffix(".part") not in names:
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop what is being made."""
        with self._lock:
            copies = list(self._copying.values())
            self._copying.clear()
        for copy in copies:
            copy.stop()


class _Copy(threading.Thread):
    def __init__(self, result: Path, target: Path, info: VideoInfo) -> None:
        super().__init__(name="video3d copy for browsers", daemon=True)
        self.share = 0.0
        self.problem: Video3DError | None = None
        self._result = result
        self._target = target
        self._info = info
        self._part = target.with_name(f"{target.stem}.part.mp4")
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self) -> None:
        """Encode; the copy has its name only when it is whole."""
        try:
            self._encode()
            if not self._stopped:
                self._part.replace(self._target)
        except Video3DError as problem:
            self.problem = problem
        except OSError as problem:
            self.problem = TargetError(f"{self._target}: it cannot be written ({problem.strerror or problem}).",
                                       stage="playback", remedy="Free some space and try again.")
        finally:
            self._part.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it, and leave nothing."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()
        self.join()

    def _encode(self) -> None:
        command = [find_ffmpeg().path, *copy_arguments(self._info, self._result, self._part)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              start_new_session=OWN_SESSION, creationflags=CREATION_FLAGS) as process:
            self._process = process
            told = StreamTail(cast("IO[bytes]", process.stderr))
            for line in cast("IO[bytes]", process.stdout):
                self._take(line.decode(errors="replace"))
            code = process.wait()
            told.close()
        if code and not self._stopped:
            raise ToolError(f"{self._result.name}: no copy for browsers could be made ({told.text.strip()[-200:]}).",
                            stage="playback", remedy="Download the file and open it in a video player.")

    def _take(self, line: str) -> None:
        name, _, value = line.strip().partition("=")
        if name == "out_time_us" and self._info.duration:
            with suppress(ValueError):  # N/A at the start
                self.share = min(1.0, int(value) / 1e6 / float(self._info.duration))


def copy_arguments(info: VideoInfo, result: Path, target: Path) -> list[str]:
    """ffmpeg's arguments for a copy of `result`."""
    filters = [f"scale={LARGEST_COPY}:-2"] if info.width > LARGEST_COPY else []
    filters += [TONE_MAP] if info.colour.is_hdr else []
    return [
        "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-progress", "pipe:1",
        "-protocol_whitelist", "file,pipe",
        "-i", str(result), "-map", "0:v:0", "-map", "0:a:0?", "-vf", ",".join([*filters, "format=yuv420p"]),
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", str(QUALITY), "-g", "48", "-c:a", "aac", "-ac", "2",
        "-b:a", "160k", "-movflags", "+faststart", str(target),
    ]  # fmt: skip
