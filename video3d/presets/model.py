"""What a preset states."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from video3d.settings import Codec, Container, WindowTreatment
from video3d.types import Layout


class LabelPlace(str, enum.Enum):
    """Where the file says that it is 3D; never in two places, because FFmpeg 9 stops decoding such a file."""

    CONTAINER = "container"
    """MP4 and MOV: st3d, vexu, hfov; Matroska: StereoMode and the display size."""
    STREAM = "stream"
    """The H.264 frame-packing message alone."""
    NONE = "none"
    """The picture is already what is to be seen."""


class Evidence(str, enum.Enum):
    """How a fact is known."""

    MAKER = "the maker's own documentation"
    STANDARD = "a standard"
    USERS = "reports of users or of a player's developers"
    MEASURED = "measured with the program's own tests"
    INFERRED = "inferred, not checked"


@dataclass(frozen=True)
class Reference:
    """One fact and where it comes from."""

    fact: str
    where: str
    evidence: Evidence


@dataclass(frozen=True)
class CodecLimit:
    """The largest frame that a device decodes in a codec."""

    codec: Codec
    max_width: int
    max_height: int
    max_level: str
    """Of the codec's own levels; bounds the frame's area and the rate."""
    bit_depth: int = 8
    """The deepest samples."""


@dataclass(frozen=True)
class AudioRule:
    """What becomes of the sound."""

    plays: tuple[str, ...]
    """FFmpeg's names of codecs that are copied; empty: all are."""
    otherwise: str = "aac"
    """What others are turned into."""
    kilobits_per_pair: int = 192
    """Bit rate of what is turned, for each pair of channels."""
    keep_original: bool = False
    """In Matroska, keep what was turned as a further track."""

    def copies(self, codec: str) -> bool:
        """Whether sound of this codec stays as it is."""
        return not self.plays or codec in self.plays


@dataclass(frozen=True)
class Preset:
    """One device or service."""

    id: str
    label: str
    layouts: tuple[Layout, ...]
    """The best first; the next ones are taken where the frame would be too large."""
    containers: tuple[Container, ...]
    """The first is written unless the user asks for another of them."""
    codecs: tuple[CodecLimit, ...]
    """The most compatible first; the next ones are taken where the frame needs them."""
    label_place: LabelPlace
    name_suffixes: tuple[str, ...]
    """One for each layout, as written between a file's name and its extension."""
    audio: AudioRule
    why: str
    references: tuple[Reference, ...]
    window: WindowTreatment = WindowTreatment.TAPER
    """What becomes of near things that the frame's sides cut off, unless the user says otherwise."""
    keyframe_seconds: float = 2.0
    """Longest distance between keyframes."""
    max_megabits: float | None = None
    """Highest bit rate in Mbit/s; None where none is known."""
    frame_aspect: tuple[int, int] | None = None
    """The frame's shape, where a service takes no other."""
    eye_limit: tuple[int, int] | None = None
    """Width and height of the largest picture that is taken; a larger one is made smaller. None refuses it where it
    does not fit."""
    canvas_side: int | None = None
    """VR180: each eye's picture is drawn onto a canvas of so many pixels that covers half a sphere, and `sv3d` says so;
    None for flat pictures."""
    hint: str = ""
    """What the user must do on the device."""

    @property
    def container(self) -> Container:
        """The kind of file written unless the user asks for another."""
        return self.containers[0]

    def suffix(self, layout: Layout) -> str:
        """What goes between the file's name and its extension; ValueError for a layout that is not the preset's."""
        return self.name_suffixes[self.layouts.index(layout)]
