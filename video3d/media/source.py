"""A source video, as the rest of the program sees it: what it is, its small pictures for the plan, its frames.

All work on the file is done in a child process; a crash or hang there is a `WorkerError` here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.errors import SourceError, WorkerError
from video3d.media.process import MEMORY_LIMIT, SILENCE_LIMIT, WorkerProcess
from video3d.media.protocol import read_into
from video3d.serial import from_json, to_json
from video3d.types import Frame, PixelFormat, Plane, VideoInfo

THUMBNAIL_SHAPES = ((90, 160), (45, 80), (45, 80))


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A frame made small for the plan: planes uint8 [90, 160], [45, 80], [45, 80]."""

    planes: tuple[Plane, Plane, Plane]
    pts: int | None
    """As the file states it, in ticks of the video track; not yet repaired."""
    duration: int
    interlaced: bool


def probe(path: Path) -> VideoInfo:
    """What the file at `path` is; SourceError names what is wrong with it."""
    _check_file(path)
    with WorkerProcess("probe", {"path": str(path)}, what=str(path)) as worker:
        return from_json(VideoInfo, worker.next_message()["info"])


class ThumbnailReader:
    """All frames of a source, small. Iterate once; `notices` is filled at the end."""

    def __init__(self, info: VideoInfo, *, silence_limit: float = SILENCE_LIMIT) -> None:
        self.notices: list[str] = []
        self._info = info
        self._silence_limit = silence_limit

    def __iter__(self) -> Iterator[Thumbnail]:
        request = _request(self._info, "yuv420p", thumbnails=True)
        with WorkerProcess("decode", request, what=self._info.path, silence_limit=self._silence_limit) as worker:
            for header, planes in _pictures(worker, THUMBNAIL_SHAPES, np.dtype(np.uint8), self.notices):
                yield Thumbnail(planes, header["pts"], header["duration"], header["interlaced"])


class FrameReader:
    """Frames of a source from a given one on, as planes, with the plan's times.

    Neighbouring units share one reader as long as they are read in order: `read(first, last)` starts a new decoder only
    where it must go back or leap ahead.
    """

    def __init__(self, info: VideoInfo, times: npt.NDArray[np.int64], stated: npt.NDArray[np.int64], *,
                 pixel_format: PixelFormat, interlaced: bool, seekable: bool,
                 silence_limit: float = SILENCE_LIMIT) -> None:
        """`times` are the plan's repaired times of all frames, `stated` those the file states, in ticks.

        With `seekable` false (broken times) the file is read from its start, and frames are counted.
        """
        self.notices: list[str] = []
        self._info = info
        self._times = times
        self._stated = stated
        self._pixel_format = pixel_format
        self._interlaced = interlaced
        self._seekable = seekable
        self._silence_limit = silence_limit
        self._worker: WorkerProcess | None = None
        self._next = 0

    def read(self, first: int, last: int) -> Iterator[Frame]:
        """Frames number `first` to `last` (both inside), fewer where the file ends before the plan said."""
        if self._worker is None or not self._next <= first <= self._next + 64:
            self._start(first)
        assert self._worker is not None
        shapes = self._pixel_format.plane_shapes(self._info.width, self._info.height)
        if self._next > last:
            return
        for _header, planes in _pictures(self._worker, shapes, self._pixel_format.dtype, self.notices):
            number = self._next
            self._next += 1
            if first <= number <= last:
                yield Frame(planes, int(self._times[number]), self._pixel_format)
            if number >= last:
                return
        self.close()

    def close(self) -> None:
        """End the decoder."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _start(self, first: int) -> None:
        self.close()
        if first > 0 and self._seekable and self._seek(first):
            return
        self._worker = self._open(None)
        self._next = 0

    def _seek(self, first: int) -> bool:
        """Start at a key frame before `first`; false where the file does not land on a frame of the plan."""
        self._worker = self._open(int(self._stated[first - 1]))
        shapes = self._pixel_format.plane_shapes(self._info.width, self._info.height)
        for header, _planes in _pictures(self._worker, shapes, self._pixel_format.dtype, self.notices):
            number = first if header["pts"] is None else int(np.searchsorted(self._stated, header["pts"]))
            if number >= first or self._stated[number] != header["pts"]:
                break
            if number == first - 1:
                self._next = first
                return True
        self.close()
        return False

    def _open(self, seek_to: int | None) -> WorkerProcess:
        request = _request(self._info, self._pixel_format.name, interlaced=self._interlaced, seek_to=seek_to)
        return WorkerProcess("decode", request, what=self._info.path, silence_limit=self._silence_limit,
                             memory_limit=_memory_limit(self._info))


def _memory_limit(info: VideoInfo) -> int:
    """A decoder holds a few dozen pictures: reference frames, and one or two per thread."""
    return MEMORY_LIMIT + 48 * info.pixel_format.frame_bytes(info.coded_width, info.coded_height)


def _request(info: VideoInfo, pixel_format: str, *, interlaced: bool = False, seek_to: int | None = None,
             thumbnails: bool = False) -> dict[str, Any]:
    return {"info": to_json(info), "pixel_format": pixel_format, "interlaced": interlaced, "seek_to": seek_to,
            "thumbnails": thumbnails, "threads": 0}


def _pictures(worker: WorkerProcess, shapes: tuple[tuple[int, int], ...], dtype: np.dtype[Any],
              notices: list[str]) -> Iterator[tuple[dict[str, Any], tuple[Plane, Plane, Plane]]]:
    for header in worker.messages():
        if header["kind"] == "end":
            notices.extend(notice for notice in header["notices"] if notice not in notices)
            return
        planes: list[Plane] = []
        with worker.reading():
            for shape in shapes:
                plane = np.empty(shape, dtype)
                if not read_into(worker.payload, plane.data.cast("B")):
                    raise WorkerError("The decoder ended in the middle of a picture.", stage="decode")
                planes.append(plane)
        yield header, (planes[0], planes[1], planes[2])


def _check_file(path: Path) -> None:
    if not path.exists():
        raise SourceError(f"{path}: there is no such file.", stage="probe", remedy="Check the name.")
    if path.is_dir():
        raise SourceError(f"{path}: this is a folder.", stage="probe", remedy="Name a video file.")
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty (zero bytes).", stage="probe", remedy="Get the file again.")
