"""Nearness of every frame of a shot: what the stage is that gives it, and the one for maps made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.depth.file import map_from_picture
from video3d.errors import DepthError
from video3d.media.source import FrameReader, probe
from video3d.reducing import reduced
from video3d.types import FloatMap, Frame, Motion, PixelFormat

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

DEPTH_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
_NO_TIMES = np.broadcast_to(np.int64(0), (1 << 40,))
"""Times of a depth video's frames: nobody asks for them, and there is no end to them."""
GIVEN_SHORT_SIDE = 540
"""Given maps are reduced to this: finer ones bring nothing that the edges of the picture do not."""


@dataclass(frozen=True, eq=False)
class Taken:
    """A frame on its way through a unit."""

    frame: Frame
    number: int
    """In the source."""
    seconds: float
    grey: npt.NDArray[np.uint8]
    """Its luma, small: what motion, bars and blank pictures are seen on."""
    motion: Motion | None
    """From the frame before; None at the first frame of a shot, and where nobody needs it."""
    is_written: bool
    """False in a warm-up and a run-out."""
    starts_shot: bool = False


class NearnessStage(Protocol):
    """Push the frames of a shot, flush at its end: as many maps come out, in order, float32 [h, w] in 0…1."""

    @property
    def needs_motion(self) -> bool:
        """Whether frames must come with their motion."""
        ...

    def begin(self, times: Sequence[int]) -> None:
        """Before a shot: the times of its frames, in ticks of the source, as far as they will come; none where the
        file's own times do not lead to its frames. May be left out."""
        ...

    def push(self, taken: Taken) -> list[FloatMap]:
        """The next frame; maps that are now certain."""
        ...

    def flush(self) -> list[FloatMap]:
        """The shot has ended: its last maps."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...


class GivenNearness:
    """Maps made elsewhere, taken as they are: frame number n of the source has map number n."""

    needs_motion = False

    def __init__(self, maps: Callable[[int], Iterator[FloatMap]], close: Callable[[], None]) -> None:
        """`maps(n)` gives the maps from number n on."""
        self._maps = maps
        self._close = close
        self._open: Iterator[FloatMap] | None = None
        self._next = -1

    def begin(self, times: Sequence[int]) -> None:
        """See `NearnessStage`."""

    def push(self, taken: Taken) -> list[FloatMap]:
        """See `NearnessStage`; DepthError where there is no map for this frame."""
        if self._open is None or taken.number != self._next:
            self._open = self._maps(taken.number)
        nearness = next(self._open, None)
        if nearness is None:
            raise DepthError(f"The given depth has no map for frame {taken.number + 1}.", stage="depth",
                             remedy="Give one depth picture for every frame of the video.")
        self._next = taken.number + 1
        return [nearness]

    def flush(self) -> list[FloatMap]:
        """See `NearnessStage`."""
        return []

    def close(self) -> None:
        """See `NearnessStage`."""
        self._close()


def given_nearness(path: Path) -> GivenNearness:
    """Depth from a video or from a folder of pictures in the order of their names, white = near."""
    if path.is_dir():
        pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in DEPTH_PICTURES)
        if not pictures:
            raise DepthError(f"{path}: the folder holds no pictures.", stage="depth",
                             remedy=f"Depth pictures end in {', '.join(DEPTH_PICTURES)}.")
        return GivenNearness(lambda first: (_from_picture(file) for file in pictures[first:]), lambda: None)
    info = probe(path)
    pixel_format = PixelFormat(info.pixel_format.bit_depth, 1, 1)
    reader = FrameReader(info, pixel_format, size=_given_size(info.width, info.height))
    full_range = bool(info.colour.full_range)

    def maps(first: int) -> Iterator[FloatMap]:
        for frame in reader.read(first, _NO_TIMES):
            yield map_from_picture(frame.planes[0], pixel_format.bit_depth, full_range)

    return GivenNearness(maps, reader.close)


def _from_picture(file: Path) -> FloatMap:
    data = np.fromfile(file, np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    if picture is None:
        raise DepthError(f"{file}: not a picture that can be read.", stage="depth", remedy="Make it again.")
    size = _given_size(picture.shape[1], picture.shape[0])
    return map_from_picture(picture if size is None else reduced(picture, size),
                            16 if picture.dtype == np.uint16 else 8)


def _given_size(width: int, height: int) -> tuple[int, int] | None:
    """(width, height) that given maps are reduced to; None where they are small enough."""
    scale = GIVEN_SHORT_SIDE / min(height, width)
    return None if scale >= 1 else (round(width * scale), round(height * scale))
