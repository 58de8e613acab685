"""What the readers of MP4 and Matroska files find, before anything is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

KEYFRAME_SECONDS = 60
"""What is said in the stream is looked for in so much of it."""
KEYFRAMES_AT_MOST = 128
KEYFRAME_HEAD = 16 * 1024
"""Bytes: what is said of a picture stands before the picture."""


@dataclass(frozen=True)
class StereoClaim:
    """One place that says how the eyes are packed."""

    where: str
    """"st3d", "vexu", "StereoMode", "frame-packing message" or "file name"."""
    packing: str
    """"side by side", "top and bottom", "row interleaved", …, "mono", or "stereo" where the packing is left unsaid."""
    swapped: bool = False
    """The right eye comes first."""
    is_half: bool | None = None
    """Each eye is squeezed to half; None where the place cannot say."""


@dataclass(frozen=True)
class TrackFacts:
    """One track."""

    kind: str
    """"video", "audio", "subtitle" or "other"."""
    codec: str
    """The container's own word: a sample entry's four letters, or Matroska's codec id."""
    language: str
    duration: Fraction | None
    """Seconds."""


@dataclass(frozen=True)
class VideoFacts:
    """The main video track."""

    codec: str
    """"h264", "hevc", "av1", or the container's own word."""
    entry: str
    """The container's own word: "hvc1", "hev1", "V_MPEGH/ISO/HEVC", …."""
    width: int
    height: int
    sample_aspect: Fraction | None
    """As the container says; None where it does not."""
    display: tuple[int, int] | None
    """Matroska's display size."""
    claims: tuple[StereoClaim, ...]
    projection: str
    """"flat", "half equirectangular" or "equirectangular" or "other"."""
    field_of_view: float | None
    """Degrees."""
    keyframe_distance: Fraction | None
    """Longest time between two neighbouring keyframes in seconds; None where no table says it."""
    configuration: bytes
    """Payload of avcC, hvcC or av1C."""
    first_sample: bytes
    """The first picture's bytes, or the first of them."""
    keyframes: tuple[bytes, ...] = ()
    """How the first keyframes begin: those of `KEYFRAME_SECONDS`, `KEYFRAMES_AT_MOST`, `KEYFRAME_HEAD` bytes of each;
    none where no table says where they are."""
    box_order: tuple[str, ...] = ()
    """Kinds of the sample entry's child boxes, in order."""


@dataclass(frozen=True)
class FileFacts:
    """One file."""

    container: str
    """"MP4", "MOV", "Matroska" or "WebM"."""
    brand: str
    header_first: bool
    """A player can begin before it has the whole file."""
    is_fragmented: bool
    duration: Fraction | None
    tracks: tuple[TrackFacts, ...]
    video: VideoFacts | None
    notes: tuple[str, ...] = ()
    """What is odd about the structure."""


class UnreadableError(ValueError):
    """The structure contradicts itself; the text says where."""
