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

from video3d.errors import SourceError
from video3d.media.process import MEMORY_LIMIT, WorkerProcess
from video3d.media.protocol import Delivery
from video3d.serial import from_json, to_json
from video3d.types import Frame, PixelFormat, Plane
from video3d.video_info import VideoInfo

THUMBNAIL_SHAPES = ((90, 160), (45, 80), (45, 80))
Planes = tuple[Plane, Plane, Plane]
"""Y, U and V."""


@dataclass(frozen=True, eq=False)
class SmallPicture:
    """A frame made small for the plan: planes uint8 [90, 160], [45, 80], [45, 80]."""

    planes: Planes
    pts: int | None
    """As the file states it, in ticks of the video track; not yet repaired."""
    duration: int
    """Ticks, as the file states it; 0 where it does not."""
    interlaced: bool
    clock_moved: bool
    """Whether restarts of the file's clock were joined before this frame."""


def probe(path: Path) -> VideoInfo:
    """What the file at `path` is; SourceError names what is wrong with it."""
    _check_file(path)
    with WorkerProcess("probe", {"path": str(path)}, what=str(path)) as worker:
        return from_json(VideoInfo, worker.next_message()["info"])


class ThumbnailReader:
    """All frames of a source, small. Iterate once; `notices` is filled at the end."""

    def __init__(self, info: VideoInfo, origin: int | None = None) -> None:
        """`origin`: begin at the key frame before this time (ticks), not at the start."""
        self.notices: list[str] = []
        self._info = info
        self._origin = origin

    def __iter__(self) -> Iterator[SmallPicture]:
        request = _request(self._info, "yuv420p", Delivery.SMALL, seek_to=self._origin)
        with WorkerProcess("decode", request, what=self._info.path,
                           memory_limit=_memory_limit(self._info)) as worker:
            for header in _headers(worker, self.notices):
                yield _small_picture(worker, header)


@dataclass(frozen=True, eq=False)
class PictureAndSmall:
    """A frame, and what the plan sees of it."""

    small: SmallPicture
    """Without a picture (all grey) where the frame was to be skipped."""
    planes: Planes | None
    """None where it was to be skipped."""


class BothReader:
    """All frames of a source, whole and small. Iterate once; `notices` is filled at the end."""

    def __init__(self, info: VideoInfo, pixel_format: PixelFormat, origin: int | None, skip_before: int | None = None
                 ) -> None:
        """`origin` as in `ThumbnailReader`; frames that the file itself puts before `skip_before` (ticks) are
        skipped."""
        self.notices: list[str] = []
        self._info = info
        self._pixel_format = pixel_format
        self._origin = origin
        self._skip_before = skip_before

    def __iter__(self) -> Iterator[PictureAndSmall]:
        request = _request(self._info, self._pixel_format.name, Delivery.BOTH, seek_to=self._origin,
                           skip_before=self._skip_before)
        shapes = self._pixel_format.plane_shapes(self._info.width, self._info.height)
        with WorkerProcess("decode", request, what=self._info.path,
                           memory_limit=_memory_limit(self._info)) as worker:
            for header in _headers(worker, self.notices):
                small = _small_picture(worker, header)
                yield PictureAndSmall(small, _planes(worker, shapes, self._pixel_format.dtype)
                                      if header["has_planes"] else None)


class FrameReader:
    """Frames of a source, as planes. Readers of neighbouring parts share one decoder as long as they go forward."""

    def __init__(self, info: VideoInfo, pixel_format: PixelFormat, origin: int | None = None,
                 size: tuple[int, int] | None = None) -> None:
        """Frame 0 is the first one after `origin` (see `ThumbnailReader`).

        `size`: (width, height) that frames are reduced to, by area averaging, before they come here.
        """
        self.notices: list[str] = []
        self._info = info
        self._pixel_format = pixel_format
        self._origin = origin
        self._size = size
        self._worker: WorkerProcess | None = None
        self._interlaced = False
        self._next = 0
        self._held: Planes | None = None

    def read(self, first: int, times: npt.NDArray[np.int64], stated: npt.NDArray[np.int64] | None = None, *,
             interlaced: bool = False) -> Iterator[Frame]:
        """Frames number `first` and on, as many as `times`, with these as their times.

        `stated` are the times that the file itself gives them, where they lead to the frames; without, frames are
        counted from the origin. Fewer frames come where the file ends early.
        """
        if self._worker is None or interlaced != self._interlaced or not self._next <= first <= self._next + 64:
            self._start(first, stated, interlaced)
        last = first + len(times) - 1
        for planes in self._numbered():
            number = self._next - 1
            if number >= first:
                yield Frame(planes, int(times[number - first]), self._pixel_format)
            if number >= last:
                return

    def close(self) -> None:
        """End the decoder."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self._held = None

    def _numbered(self) -> Iterator[Planes]:
        if self._held is not None:
            planes, self._held = self._held, None
            self._next += 1
            yield planes
        if self._worker is None:
            return
        for _header, planes in self._decoded(self._worker):
            self._next += 1
            yield planes
        self.close()

    def _start(self, first: int, stated: npt.NDArray[np.int64] | None, interlaced: bool) -> None:
        self.close()
        self._interlaced = interlaced
        if first > 0 and stated is not None and self._seek(first, int(stated[0])):
            return
        self.close()
        self._worker = self._open(self._origin)
        self._next = 0

    def _seek(self, first: int, pts: int) -> bool:
        """Start at the frame with this time; false where the file does not lead to it."""
        self._worker = self._open(pts)
        for header, planes in self._decoded(self._worker):
            found = header["pts"]
            if found is None or found > pts:
                return False
            if found == pts:
                self._held, self._next = planes, first
                return True
        return False

    def _decoded(self, worker: WorkerProcess) -> Iterator[tuple[dict[str, Any], Planes]]:
        shapes = self._pixel_format.plane_shapes(*(self._size or (self._info.width, self._info.height)))
        return _pictures(worker, shapes, self._pixel_format.dtype, self.notices)

    def _open(self, seek_to: int | None) -> WorkerProcess:
        request = _request(self._info, self._pixel_format.name, Delivery.WHOLE, interlaced=self._interlaced,
                           seek_to=seek_to, size=self._size)
        return WorkerProcess("decode", request, what=self._info.path, memory_limit=_memory_limit(self._info))


def _memory_limit(info: VideoInfo) -> int:
    """A decoder holds a few dozen pictures: reference frames, and one or two per thread."""
    return MEMORY_LIMIT + 48 * info.pixel_format.frame_bytes(info.coded_width, info.coded_height)


def _request(info: VideoInfo, pixel_format: str, delivery: Delivery, *, interlaced: bool = False,
             seek_to: int | None = None, skip_before: int | None = None,
             size: tuple[int, int] | None = None) -> dict[str, Any]:
    return {"info": to_json(info), "pixel_format": pixel_format, "interlaced": interlaced, "seek_to": seek_to,
            "delivery": delivery.value, "skip_before": skip_before, "threads": 0, "size": size}


def _small_picture(worker: WorkerProcess, header: dict[str, Any]) -> SmallPicture:
    planes = _planes(worker, THUMBNAIL_SHAPES, np.dtype(np.uint8)) if header["has_small"] else _grey()
    return SmallPicture(planes, header["pts"], header["duration"], header["interlaced"], header["clock_moved"])


def _grey() -> Planes:
    y, u, v = (np.full(shape, 128, np.uint8) for shape in THUMBNAIL_SHAPES)
    return y, u, v


def _pictures(worker: WorkerProcess, shapes: tuple[tuple[int, int], ...], dtype: np.dtype[Any],
              notices: list[str]) -> Iterator[tuple[dict[str, Any], Planes]]:
    for header in _headers(worker, notices):
        yield header, _planes(worker, shapes, dtype)


def _headers(worker: WorkerProcess, notices: list[str]) -> Iterator[dict[str, Any]]:
    """One for each picture, whose planes must be read before the next."""
    for header in worker.messages():
        if header["kind"] == "end":
            notices.extend(notice for notice in header["notices"] if notice not in notices)
            return
        yield header


def _planes(worker: WorkerProcess, shapes: tuple[tuple[int, int], ...], dtype: np.dtype[Any]) -> Planes:
    planes: list[Plane] = []
    for shape in shapes:
        plane = np.empty(shape, dtype)
        worker.read_payload(plane.data.cast("B"))
        planes.append(plane)
    return planes[0], planes[1], planes[2]


def _check_file(path: Path) -> None:
    if not path.exists():
        raise SourceError(f"{path}: there is no such file.", stage="probe", remedy="Check the name.")
    if path.is_dir():
        raise SourceError(f"{path}: this is a folder.", stage="probe", remedy="Name a video file.")
    if not path.is_file():
        raise SourceError(f"{path}: this is a device or a pipe.", stage="probe", remedy="Name a video file.")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty (zero bytes).", stage="probe", remedy="Get the file again.")
