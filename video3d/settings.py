"""The one declaration of every setting. Flags, schema, tables and controls are derived from here."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated

from video3d.params import Param
from video3d.types import Eye, Layout


class Stabilisation(str, enum.Enum):
    """How much depth is steadied over time."""

    OFF = "off"
    NORMAL = "normal"
    TALKING_HEAD = "talking-head"


class Container(str, enum.Enum):
    """The kind of file written."""

    MP4 = "mp4"
    MKV = "mkv"
    MOV = "mov"


class Codec(str, enum.Enum):
    """The video codec written."""

    AUTO = "auto"
    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"


class Target(str, enum.Enum):
    """A device or service that `presets` knows."""

    QUEST_2 = "quest-2"
    QUEST_3 = "quest-3"
    VISION_PRO = "vision-pro"
    TV_3D = "tv-3d"
    YOUTUBE = "youtube"
    PC = "pc"
    KODI_JELLYFIN = "kodi-jellyfin"
    PHONE_ANAGLYPH = "phone-anaglyph"
    VR180 = "vr180"


class WindowTreatment(str, enum.Enum):
    """What is done where the frame's side cuts off something in front of the screen."""

    OFF = "off"
    TAPER = "taper"
    """Disparity in front of the screen falls to 0 at the sides: for headsets."""
    FLOATING = "floating"
    """The sides of the window come forward, as black columns in one eye: for screens."""


class ViewingScreen(str, enum.Enum):
    """What the comfort report takes the result to be watched on."""

    MONITOR = "monitor"
    TELEVISION = "television"
    HEADSET = "headset"
    CINEMA = "cinema"


class Speed(str, enum.Enum):
    """How hard the encoder works for a smaller file."""

    FASTEST = "fastest"
    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"


class Chroma(str, enum.Enum):
    """Colour resolution of the result."""

    C420 = "420"
    SOURCE = "source"


class DepthBits(str, enum.Enum):
    """How finely depth is written as a picture."""

    SOURCE = "source"
    TEN = "10"


class Tracks(str, enum.Enum):
    """Which other tracks of the source are kept."""

    ALL = "all"
    AUDIO = "audio"
    NONE = "none"


@dataclass(frozen=True)
class RangeSettings:
    """Which part of the source is converted."""

    start: Annotated[float, Param("Where to begin, from the start of the video.", minimum=0, unit="s")] = 0.0
    end: Annotated[float | None, Param("Where to stop, from the start of the video.", minimum=0, unit="s",
                                       none_means="end")] = None
    preview: Annotated[float | None, Param("Convert only so many seconds, from the start point.", minimum=0.1,
                                           unit="s", none_means="off")] = None


@dataclass(frozen=True)
class DepthSettings:
    """Where depth comes from, and how it is steadied."""

    depth_model: Annotated[str, Param("Depth model: auto, builtin, constant, a model's id "
                                      "(`video3d models` lists them), or an .onnx file.")] = "auto"
    depth_video: Annotated[str | None, Param("A video or a folder of pictures with depth made elsewhere "
                                             "(white = near), used instead of a model.",
                                             none_means="none")] = None
    depth_size: Annotated[int | None, Param("Short side of the picture that the depth model sees; more is finer and "
                                            "slower.", minimum=64, maximum=1036, unit="pixels", none_means="auto",
                                            advanced=True)] = None
    device: Annotated[str, Param("Where a depth network runs: auto, cpu, cuda:0 … (torch's names).",
                                 advanced=True)] = "auto"
    compile_depth: Annotated[bool, Param("Compile the depth network: a minute's wait at the start, faster after it.",
                                         advanced=True)] = False
    depth_every: Annotated[int | None, Param("Estimate depth on every so many frames, and carry it to those between by "
                                             "their motion: faster, a little less exact.", minimum=1, maximum=4,
                                             none_means="auto", advanced=True)] = None
    depth_cache: Annotated[float | None, Param("Disk space for depth that is kept, so that other settings of the same "
                                               "video take no second estimate; what was not used for longest goes "
                                               "first.", minimum=0.1, maximum=1000, unit="GB", none_means="off",
                                               advanced=True)] = 4.0
    stabilise: Annotated[Stabilisation, Param("Steady the depth over time; talking-head also locks a still "
                                              "background.")] = Stabilisation.NORMAL


@dataclass(frozen=True)
class StereoSettings:
    """How deep the picture is, and which eye is made."""

    strength: Annotated[float | None, Param("How deep: distance from the nearest to the farthest point, in per cent "
                                            "of the picture's width.", minimum=0, maximum=5, step=0.1, unit="%",
                                            none_means="auto")] = None
    convergence: Annotated[float | None, Param("What lies on the screen: 0 = the farthest point, 1 = the nearest.",
                                               minimum=0, maximum=1, step=0.01, none_means="auto",
                                               label="Screen plane")] = None
    eye: Annotated[Eye, Param("The eye that is made; the other one stays the original. Take the eye you do not aim "
                              "with.")] = Eye.LEFT
    window: Annotated[WindowTreatment | None, Param(
        "What becomes of near things that the frame's sides cut off: taper flattens them (headsets), floating brings "
        "the frame's sides forward (screens); auto is taper, or what the preset says.", none_means="auto",
        advanced=True)] = None
    comfort_front: Annotated[float | None, Param("How far things may come out of the screen; auto grows with "
                                                 "strength.", minimum=0.1, maximum=5, unit="%", none_means="auto",
                                                 advanced=True)] = None
    comfort_behind: Annotated[float | None, Param("How far things may lie behind the screen; auto grows with "
                                                  "strength.", minimum=0.1, maximum=5, unit="%", none_means="auto",
                                                  advanced=True)] = None
    subtitle_band: Annotated[float, Param("Keep so much of the picture's height, from below, flat on the screen, for "
                                          "subtitles that are part of the picture.", minimum=0, maximum=40, unit="%",
                                          advanced=True)] = 0.0
    swap_eyes: Annotated[bool, Param("Exchange left and right, for cross-eyed viewing.", advanced=True)] = False
    background_plate: Annotated[bool, Param("Fill what the other eye sees behind things with what other frames "
                                            "showed there.", advanced=True)] = True
    edge_dilation: Annotated[int, Param("Widen near things by so many pixels before they move, so that their rims "
                                        "move along.", minimum=0, maximum=8, unit="pixels", advanced=True)] = 2


@dataclass(frozen=True)
class OutputSettings:
    """What kind of file is written."""

    preset: Annotated[Target | None, Param("Device or service that the result is for (`video3d presets` lists them): "
                                           "it sets layout, file kind, codec and its limits, labels, sound and name.",
                                           none_means="none")] = None
    layout: Annotated[Layout, Param("How the two eyes share a frame.")] = Layout.FULL_SBS
    max_width: Annotated[int | None, Param("Make a wider video smaller, before all else: an eye is at most so wide.",
                                           minimum=64, maximum=8192, unit="pixels", none_means="off",
                                           advanced=True)] = None
    max_height: Annotated[int | None, Param("Make a higher video smaller, before all else: an eye is at most so high.",
                                            minimum=64, maximum=8192, unit="pixels", none_means="off",
                                            advanced=True)] = None
    container: Annotated[Container, Param("Kind of file.")] = Container.MP4
    codec: Annotated[Codec, Param("Video codec; auto takes H.264, and HEVC when the frame is wider than 4096 or "
                                  "deeper than 8 bit.")] = Codec.AUTO
    encoder: Annotated[str, Param("ffmpeg's name of the encoder; auto takes the best one that works here.",
                                  advanced=True)] = "auto"
    quality: Annotated[float, Param("Constant quality (CRF): lower is better and larger.", minimum=0, maximum=51,
                                    step=1)] = 20
    bitrate: Annotated[float | None, Param("Average bit rate instead of constant quality.", minimum=0.05,
                                           maximum=1000, unit="Mbit/s", none_means="off", advanced=True)] = None
    speed: Annotated[Speed, Param("Encoder speed: slower makes smaller files.")] = Speed.FAST
    chroma: Annotated[Chroma, Param("Colour resolution: 420 plays everywhere, source keeps the original's.",
                                    advanced=True)] = Chroma.C420
    depth_bits: Annotated[DepthBits, Param("Bits of the depth in the layouts depth and rgbd: as many as the source "
                                           "has, or at least 10.", advanced=True)] = DepthBits.SOURCE
    tracks: Annotated[Tracks, Param("Which other tracks are kept: all (audio, subtitles, chapters, attachments), "
                                    "audio, or none.")] = Tracks.ALL
    vr_screen_width: Annotated[float, Param("VR180: width of the flat screen in front of the viewer.", minimum=0.2,
                                            maximum=50, unit="m", advanced=True)] = 2.6
    vr_screen_distance: Annotated[float, Param("VR180: how far away that screen stands.", minimum=0.3, maximum=50,
                                               unit="m", advanced=True)] = 2.0
    comfort_report: Annotated[bool, Param("Write a report on how easy the result is on the eyes beside it: NAME."
                                          "comfort.json and NAME.comfort.png.")] = False
    comfort_screen: Annotated[ViewingScreen, Param("What the comfort report takes it to be watched on.",
                                                   advanced=True)] = ViewingScreen.TELEVISION

    def limited(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a video of that size within `max_width` and `max_height`: even, and of the same shape."""
        share = min(Fraction(1), Fraction(self.max_width or width, width), Fraction(self.max_height or height, height))
        if share == 1:
            return width, height
        return max(2, int(width * share) // 2 * 2), max(2, int(height * share) // 2 * 2)


@dataclass(frozen=True)
class ConversionSettings:
    """All of a conversion's settings. Names are unique across the groups."""

    range: RangeSettings = field(default_factory=RangeSettings)
    depth: DepthSettings = field(default_factory=DepthSettings)
    stereo: StereoSettings = field(default_factory=StereoSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
