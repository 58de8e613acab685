"""The values that travel between stages.

Conventions, stated once:

- **Time**: integer `pts` in ticks of a rational `time_base` (seconds per tick). Never a float, never a frame rate.
- **Planes**: Y, U, V as C-contiguous arrays, uint8 for 8 bit, uint16 (value in the low bits) for more.
- **Nearness**: float32, 1 = near, 0 = far, normalised per shot. The one depth quantity inside the program.
- **Disparity**: float32 in pixels of the full-size picture, positive = in front of the screen.
  `disparity = (nearness − convergence) · strength/100 · width`, and a point at x in the left eye lies at
  x − disparity in the right eye.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]
"""uint8 or uint16 [H, W], C-contiguous."""
FloatMap = npt.NDArray[np.float32]
"""float32 [H, W]."""
Flow = npt.NDArray[np.float32]
"""float32 [H, W, 2]: x and y displacement in pixels of its own grid."""


class Eye(str, enum.Enum):
    """Which eye is synthesised; the other one stays the original, bit for bit."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Layout(str, enum.Enum):
    """How the two eyes share one frame."""

    FULL_SBS = "full-sbs"
    HALF_SBS = "half-sbs"
    FULL_TAB = "full-tab"
    HALF_TAB = "half-tab"
    ANAGLYPH_DUBOIS = "anaglyph-dubois"
    ANAGLYPH_HALF_COLOUR = "anaglyph-half-colour"
    ANAGLYPH_GREY = "anaglyph-grey"
    ANAGLYPH_GREEN_MAGENTA = "anaglyph-green-magenta"
    ANAGLYPH_AMBER_BLUE = "anaglyph-amber-blue"
    ROW_INTERLEAVED = "row-interleaved"
    COLUMN_INTERLEAVED = "column-interleaved"
    CHECKERBOARD = "checkerboard"
    RGBD = "rgbd"
    DEPTH = "depth"
    LEFT_ONLY = "left-only"
    RIGHT_ONLY = "right-only"
    SEPARATE = "separate"
    """Two files, one for each eye."""
    VR180 = "vr180"
    """A flat screen on a half-sphere for each eye, side by side."""


@dataclass(frozen=True)
class PixelFormat:
    """A planar YUV format: how its planes are sized and how deep its samples are."""

    bit_depth: int
    """8, 10 or 12."""
    chroma_shift_x: int
    """log2 of the horizontal subsampling: 1 for 4:2:0 and 4:2:2, 0 for 4:4:4."""
    chroma_shift_y: int
    """log2 of the vertical subsampling: 1 for 4:2:0."""

    @property
    def name(self) -> str:
        """ffmpeg's name, such as yuv420p10le."""
        chroma = {(1, 1): "420", (1, 0): "422", (0, 0): "444"}[self.chroma_shift_x, self.chroma_shift_y]
        return f"yuv{chroma}p" + ("" if self.bit_depth == 8 else f"{self.bit_depth}le")

    @classmethod
    def parse(cls, name: str) -> PixelFormat:
        """The format of ffmpeg's `name`; ValueError if it is not one of ours."""
        match = re.fullmatch(r"yuv(420|422|444)p(?:(10|12)le)?", name)
        if match is None:
            raise ValueError(f"{name} is not a planar YUV format of 8, 10 or 12 bit")
        shift_x, shift_y = {"420": (1, 1), "422": (1, 0), "444": (0, 0)}[match[1]]
        return cls(int(match[2] or 8), shift_x, shift_y)

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return np.dtype(np.uint8 if self.bit_depth == 8 else np.uint16)

    @property
    def peak(self) -> int:
        """The largest sample value."""
        return (1 << self.bit_depth) - 1

    def chroma_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a chroma plane; odd luma sizes round up."""
        return -(-width >> self.chroma_shift_x), -(-height >> self.chroma_shift_y)

    def plane_shapes(self, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """(rows, columns) of Y, U and V."""
        chroma_width, chroma_height = self.chroma_size(width, height)
        return (height, width), (chroma_height, chroma_width), (chroma_height, chroma_width)

    def frame_bytes(self, width: int, height: int) -> int:
        """Bytes of one frame, planes one after the other without padding."""
        return sum(rows * columns for rows, columns in self.plane_shapes(width, height)) * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture: planes Y, U, V of one `PixelFormat`, and when it is shown.

    Planes are shared, never changed in place.
    """

    planes: tuple[Plane, Plane, Plane]
    pts: int
    pixel_format: PixelFormat

    @property
    def width(self) -> int:
        """Luma columns."""
        return self.planes[0].shape[1]

    @property
    def height(self) -> int:
        """Luma rows."""
        return self.planes[0].shape[0]

    def __repr__(self) -> str:
        return f"Frame({self.width}x{self.height} {self.pixel_format.name}, pts={self.pts})"


@dataclass(frozen=True)
class Disocclusion:
    """How much an eye that was made sees that its source hides, whatever it was filled with."""

    share: float
    """0…1 of the picture; where both eyes were made, their mean."""
    widest: int
    """Pixels of the widest run in a row."""


@dataclass(frozen=True, eq=False)
class StereoFrame:
    """Both eyes of one moment. The eye that was not synthesised is the source frame as it was."""

    left: Frame
    right: Frame
    disocclusion: Disocclusion | None = None
    """None where nobody says."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Optical flow between two neighbouring small grey pictures, computed once per frame by `motion.py`.

    `to_previous[y, x]` leads from a pixel of this frame to where it was in the previous one (pixels of the small
    grid); `confidence` is 0…1, near 0 where the flow cannot be trusted.
    """

    to_previous: Flow
    to_next_from_previous: Flow
    """On the previous frame's grid: from a pixel of the previous frame to where it is in this one."""
    confidence: FloatMap


class PlateInpainter(Protocol):
    """Invents what no frame of a shot shows of its background: a network that the host has, asked once per shot."""

    def inpaint(self, colour: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """`colour` (RGB [H, W, 3], as large as the frame) continued where `mask` [H, W] is set; no more is looked at.

        The same question must get the same answer. Shots are made by several threads: two may ask at a time, and
        whoever needs a GPU for it takes its own turn.
        """
        ...


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts: `first` to `last` are frame numbers, both inside."""

    index: int
    first: int
    last: int


@dataclass(frozen=True)
class Unit:
    """8 to 28 s of work that owns all its state: frames `first` to `last`, both inside.

    `warm_up` frames before `first` are decoded and fed to the stages that remember, and are not written: it is not 0
    only where the unit begins inside a shot.
    """

    index: int
    first: int
    last: int
    cuts: tuple[int, ...]
    """Frame numbers inside the unit at which a new shot begins (without `first`)."""
    warm_up: int = 0

    @property
    def frame_count(self) -> int:
        """Frames written."""
        return self.last - self.first + 1
