"""Depth estimators: what they see and give, and what is known about a model without loading it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from video3d.types import FloatMap, Motion


class DepthKind(str, enum.Enum):
    """What the numbers of a raw depth map mean."""

    RELATIVE_INVERSE = "relative inverse depth"
    """Larger is nearer, affine in 1/z (MiDaS, Depth Anything)."""
    RELATIVE_DEPTH = "relative depth"
    """Larger is farther, affine in z."""
    METRIC_DEPTH = "metric depth"
    """Metres, larger is farther."""


@dataclass(frozen=True, eq=False)
class DepthInput:
    """What a depth estimator may look at."""

    rgb: npt.NDArray[np.float32]
    """float32 [h, w, 3], gamma-coded sRGB-like, 0…1, small."""
    motion: Motion | None
    """None at the first frame of a shot."""
    starts_shot: bool
    seconds: float
    """Time of the frame, for filters with time constants."""


class DepthEstimator(Protocol):
    """Small pictures in, raw depth maps out; what the numbers mean is the descriptor's word (`DepthKind`)."""

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """One float32 map [h', w'] per input, any size of about the same aspect."""
        ...

    def close(self) -> None:
        """Give back what was loaded."""
        ...


class Availability(str, enum.Enum):
    """Whether a model can be used at once."""

    READY = "ready"
    """Comes with the program, or is loaded already."""
    ON_DISK = "on disk"
    TO_DOWNLOAD = "to download"
    """Only when the user asks."""


class Role(str, enum.Enum):
    """What a model is for."""

    ESTIMATES = "estimates"
    """Makes depth from pictures."""
    CONSTANT = "constant"
    """Everything at one distance: for tests, and for watching flat."""
    GIVEN = "given"
    """Depth made elsewhere; never loaded, the maps come from `file.py`."""


@dataclass(frozen=True)
class InputSize:
    """Which pictures a model wants."""

    short_side: int
    """Pixels, unless the user says otherwise: a good exchange between speed and detail."""
    multiple: int = 1
    """Both sides are rounded to multiples of this."""
    follows_setting: bool = True
    """False where the size is fixed whatever `depth_size` says."""
    native: int = 0
    """Short side that the network was trained at, in pixels; 0 where that is `short_side`."""

    def fit(self, width: int, height: int, short_side: int | None = None) -> tuple[int, int]:
        """(width, height) of the picture a model is shown for a source of `width` x `height`.

        Never enlarged, but for rounding.
        """
        wanted = short_side if short_side is not None and self.follows_setting else self.short_side
        scale = min(1.0, wanted / min(width, height))
        columns, rows = (max(self.multiple, round(side * scale / self.multiple) * self.multiple)
                         for side in (width, height))
        return columns, rows


@dataclass(frozen=True)
class Weights:
    """A file a model needs."""

    file_name: str
    url: str
    sha256: str
    """Hexadecimal: the whole digest, or its first digits where the publisher states no more; empty where none is."""
    size: int
    """Bytes, about: publishers round."""


@dataclass(frozen=True)
class LoadOptions:
    """What a loader may need to know."""

    device: str = "auto"
    """torch's name of where a network runs; auto takes the best that torch finds."""
    half: bool | None = None
    """Half precision; None takes it where it is fast."""
    compiled: bool = False
    """Compile the network: a slow start, faster after it."""
    notice: Callable[[str], None] | None = None
    """Told in a sentence what the user should know, such as a change of device."""


@dataclass(frozen=True)
class DepthModel:
    """All that is known about a model without loading it."""

    id: str
    label: str
    kind: DepthKind
    licence: str
    input_size: InputSize
    quality: int
    """Rank among the models: higher is better; `auto` takes the highest usable one."""
    loader: Callable[[LoadOptions], DepthEstimator]
    role: Role = Role.ESTIMATES
    availability: Availability = Availability.READY
    weights: tuple[Weights, ...] = ()
    non_commercial: bool = False
    """Marked for the user, and never chosen by `auto`."""
    needs_gpu_turn: bool = False
    is_borrowed: bool = False
    """Somebody else's network: its turn is needed wherever it runs, on the processor too."""
    memory: int = 0
    """Bytes while it works, about; 0 where it does not matter."""
    lacks: str = ""
    """A package that is not installed here, without which it cannot be loaded."""
    location: str = ""
    """Where it was found, for the user: a file, or whose network it is."""
    batch: int = 1
    """Pictures that are best estimated at once."""
    remembers: bool = False
    """Its maps depend on the frames before, so that it must see every frame of a shot in order."""
    is_cheap: bool = False
    """Estimating costs no more than keeping its maps, or carrying them from frame to frame."""
    files: tuple[Path, ...] = ()
    """What its numbers come from, where known: the depth cache looks at these."""

    @property
    def is_usable(self) -> bool:
        """Whether it can be loaded now, without the network."""
        return self.availability is not Availability.TO_DOWNLOAD and not self.lacks

    def load(self, options: LoadOptions | None = None) -> DepthEstimator:
        """The model, ready to estimate; DepthError says what is missing or broken."""
        return self.loader(options or LoadOptions())
