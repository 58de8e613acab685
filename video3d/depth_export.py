"""Depth alone, without loss: made once, perhaps edited, and given back with `--depth-video`.

A folder of 16-bit PNG pictures, or a Matroska file of 16-bit grey FFV1. White is near, one picture for each frame, in
the size that depth is made in, which is what a conversion uses: given back unchanged it makes the same 3D video. (A
video's depth is read with 12 bit, a picture's with all 16.)
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

import cv2 as opencv
import numpy as np

from video3d import pipeline
from video3d.errors import Cancelled, SettingsError, TargetError, ToolError
from video3d.host import Host
from video3d.media.ffmpeg import FFmpeg
from video3d.media.process import CREATION_FLAGS, OWN_SESSION, StreamTail
from video3d.reporting import Progress, Reporter
from video3d.settings import ConversionSettings
from video3d.stereo.layouts import depth_picture
from video3d.types import FloatMap, Plane
from video3d.unit_frames import PlannedFrames

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

VIDEO_SUFFIX = ".mkv"
_PART = ".part"


def export_depth(source: Path, target: Path, settings: ConversionSettings, host: Host, reporter: Reporter) -> int:
    """Write the depth of `source`, to a video if `target` ends in .mkv, else to a folder; returns the number of frames.

    All of it, or nothing: the work is done beside the target. TargetError where the target is there already.
    """
    _check(target)
    conversion = pipeline.decide(source, settings, host)
    for notice in conversion.notices:
        reporter.notice(notice)
    planner = pipeline.plan(conversion, reporter)
    part = target.with_name(target.name + _PART)
    rate = conversion.shared.encode.frame_rate
    writer: Writer = (_Video(conversion.shared.ffmpeg, part, f"{rate.numerator}/{rate.denominator}")
                      if target.suffix.lower() == VIDEO_SUFFIX else _Pictures(part))
    converter = pipeline.open_converter(conversion, planner.origin, reporter)
    done = 0
    try:
        for planned in planner:
            for _, nearness in converter.nearness(PlannedFrames(planned)):
                if reporter.is_cancelled():
                    raise Cancelled("Stopped.", stage="depth")
                writer.write(depth_picture(nearness, nearness.shape[1], nearness.shape[0]))
                done += 1
                reporter.progress(Progress("depth", done, planner.planned_frames if planner.is_complete else None))
        writer.finish()
        part.replace(target)
    except OSError as problem:
        raise TargetError(f"{target}: it cannot be written ({problem.strerror or problem}).", stage="target",
                          remedy="Free some space, or choose another place with -o.") from None
    finally:
        converter.close()
        writer.close()
    return done


def _check(target: Path) -> None:
    if target.exists():
        raise TargetError(f"{target}: it is there already.", stage="target",
                          remedy="Choose another name with -o, or remove it.")
    if not target.absolute().parent.is_dir():
        raise TargetError(f"{target.parent}: there is no such folder.", stage="target", remedy="Make it first.")
    if target.suffix and target.suffix.lower() != VIDEO_SUFFIX:
        raise SettingsError(f"-o {target}: such files are not written.", stage="settings",
                            remedy=f"Name a folder, or a file that ends in {VIDEO_SUFFIX}.")


class Writer(Protocol):
    """Takes the pictures, uint16 [h, w], in order."""

    def write(self, picture: Plane) -> None:
        """One more."""
        ...

    def finish(self) -> None:
        """That was the last."""
        ...

    def close(self) -> None:
        """Leave nothing half-written, and no process."""
        ...


class _Pictures:
    """000000.png, 000001.png and so on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def write(self, picture: Plane) -> None:
        is_fine, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        if not is_fine:
            raise ToolError("OpenCV cannot write PNG here.", stage="depth", remedy="Reinstall the program.")
        (self._folder / f"{self._count:06d}.png").write_bytes(data.tobytes())
        self._count += 1

    def finish(self) -> None:
        pass

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class _Video:
    """FFV1 in Matroska, by ffmpeg; pictures at the source's average rate."""

    def __init__(self, ffmpeg: FFmpeg, part: Path, rate: str) -> None:
        self._part = part
        self._open: Callable[[Plane], subprocess.Popen[bytes]] = lambda first: _start(ffmpeg, part, rate, first)
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: StreamTail | None = None
        self._shape: tuple[int, ...] = ()

    def write(self, picture: Plane) -> None:
        if self._process is None:
            self._process = self._open(picture)
            self._errors = StreamTail(cast("IO[bytes]", self._process.stderr))
            self._shape = picture.shape
        if picture.shape != self._shape:  # another shot, filtered on another grid
            picture = cv2.resize(picture, self._shape[::-1], interpolation=cv2.INTER_LINEAR)
        with suppress(BrokenPipeError):  # finish() says why
            cast("IO[bytes]", self._process.stdin).write(np.ascontiguousarray(picture, "<u2").tobytes())

    def finish(self) -> None:
        process = self._process
        if process is None:
            return
        with suppress(BrokenPipeError):
            cast("IO[bytes]", process.stdin).close()
        if process.wait() != 0:
            if self._errors is not None:
                self._errors.close()
            last = self._errors.text.strip().splitlines()[-1:] if self._errors is not None else []
            raise ToolError(f"{self._part}: ffmpeg could not write it ({''.join(last)}).", stage="encode",
                            remedy="Check the disk's free space, or write a folder of pictures.")

    def close(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            with suppress(OSError):
                cast("IO[bytes]", self._process.stdin).close()
            self._process.wait()
        if self._errors is not None:
            self._errors.close()
        self._part.unlink(missing_ok=True)


def _start(ffmpeg: FFmpeg, part: Path, rate: str, first: FloatMap | Plane) -> subprocess.Popen[bytes]:
    rows, columns = first.shape
    command = [ffmpeg.path, "-hide_banner", "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray16le",
               "-s", f"{columns}x{rows}", "-r", rate, "-i", "pipe:0", "-c:v", "ffv1", "-level", "3", "-g", "1",
               "-color_range", "pc", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "matroska", f"file:{part}"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            start_new_session=OWN_SESSION, creationflags=CREATION_FLAGS)
