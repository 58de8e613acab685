"""What a source is: its size, colours, clock and tracks, as probing finds them and every stage reads them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction

from video3d.types import PixelFormat


class ChromaSite(str, enum.Enum):
    """Where a chroma sample sits among its luma samples (ITU-T H.273 figure 1)."""

    LEFT = "left"
    CENTRE = "center"
    TOP_LEFT = "topleft"


@dataclass(frozen=True)
class MasteringDisplay:
    """SMPTE ST 2086: chromaticities x, y (red, green, blue, white point) and luminance in cd/m²."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]
    luminance_min: float
    luminance_max: float


@dataclass(frozen=True)
class ContentLight:
    """CTA-861.3: maximum content and frame-average light level in cd/m²."""

    max_content: int
    max_average: int


@dataclass(frozen=True)
class ColourTags:
    """Code points of ITU-T H.273; 2 means unspecified and is left so."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool | None = None
    chroma_site: ChromaSite | None = None
    mastering: MasteringDisplay | None = None
    content_light: ContentLight | None = None

    @property
    def is_hdr(self) -> bool:
        """PQ (16) or HLG (18) transfer."""
        return self.transfer in (16, 18)


class TrackKind(str, enum.Enum):
    """What a stream of the source is."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLE = "subtitle"
    ATTACHMENT = "attachment"
    DATA = "data"


@dataclass(frozen=True)
class Track:
    """One stream of the source."""

    index: int
    kind: TrackKind
    codec: str
    language: str = ""
    title: str = ""
    is_cover: bool = False
    """A picture that stands for the file, not a video track."""
    details: str = ""
    """Such as "48000 Hz, 5.1"."""


@dataclass(frozen=True)
class Chapter:
    """A titled span of time, in seconds of the source's own clock."""

    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True)
class VideoInfo:
    """What the source is, as shown on a screen: rotated, with square pixels, deinterlaced, even-sized chroma."""

    path: str
    container: str
    video_index: int
    """Stream index of the video track taken."""
    codec: str
    width: int
    height: int
    pixel_format: PixelFormat
    """What the decoder is asked for: a planar YUV format at the source's bit depth and subsampling."""
    source_pixel_format: str
    colour: ColourTags
    time_base: Fraction
    frame_rate: Fraction | None
    """The rate the container states; exact times come with the plan."""
    duration: Fraction | None
    """Seconds, as the container states; None where it does not."""
    start_time: Fraction
    """Earliest time in the file, in seconds: the zero of the result's clock."""
    first_pts: int
    """Time of the first picture, in ticks."""
    coded_width: int
    coded_height: int
    rotation: int = 0
    """Degrees counter-clockwise that the picture is turned by: 0, 90, 180 or 270."""
    mirrored: bool = False
    sample_aspect: Fraction = Fraction(1)
    interlaced: bool = False
    has_alpha: bool = False
    tracks: tuple[Track, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()
    """What a user should know: alpha ignored, a cover picture skipped, …"""
