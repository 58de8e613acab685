"""What is settled before the first frame: depth model, encoder, the clock of the result, and what the user is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from video3d.converting import DEPTH_LAYOUTS, UnitSettings
from video3d.depth.registry import available_models, choose_model
from video3d.depth_model import DepthModel, Role
from video3d.devices import canvas_of, for_device, limited, nominal, settled
from video3d.errors import DepthError, SettingsError, SourceError, WorkerError
from video3d.host import Host
from video3d.media import labels
from video3d.media.encoders import EncodeRequest, choose_encoder
from video3d.media.ffmpeg import FFmpeg, find_ffmpeg
from video3d.media.source import probe
from video3d.planning import PlannedRange
from video3d.presets import Applied, Preset
from video3d.settings import Chroma, Container, ConversionSettings, DepthBits
from video3d.shot_edits import ShotEdits
from video3d.stabilise import LOOK_AHEAD_SECONDS
from video3d.stereo.disparity import suggested_strength
from video3d.stereo.interleave import INTERLEAVED
from video3d.stereo.packer import Canvas, encoded_format, encoded_size
from video3d.types import Layout, PixelFormat
from video3d.video_info import ColourTags, VideoInfo

LARGEST_TIME_SCALE = 1_000_000
SMALLEST_TIME_SCALE = 10_000
WAITING_BYTES = 160 << 20
"""What the frames that wait for depth and its design may take; large pictures look less far ahead."""
DESIGN_LOOK_AHEAD = 0.5
PLATE_FRAMES = 8
PLATE_BYTES = 240 << 20
"""What the background plate may keep; it holds about ten bytes for each pixel of each frame it looks ahead."""


@dataclass(frozen=True)
class Conversion:
    """All that is decided before the first frame."""

    settings: ConversionSettings
    host: Host
    model: DepthModel
    shared: UnitSettings
    range: PlannedRange
    notices: tuple[str, ...]
    preset: Preset | None = None
    """The device that the settings name."""
    shots: ShotEdits | None = None
    """The cut list that a person edited; None takes the one that is found."""

    @property
    def info(self) -> VideoInfo:
        """The source."""
        return self.shared.info


def decide(source: Path, settings: ConversionSettings, host: Host, info: VideoInfo | None = None) -> Conversion:
    """Look at the source and settle everything; raises what is wrong with the source, the settings or the tools.

    `info` is what an earlier look at it found.
    """
    info = info or probe(source)
    _check_range(info, settings)
    settings, applied = settled(info, settings)
    info = limited(info, settings)
    given = settings.depth.depth_video
    choice = choose_model("file" if given else settings.depth.depth_model, available_models(host))
    if choice.model.role is Role.GIVEN and not given:
        raise DepthError("Depth from a file needs the file.", stage="depth",
                         remedy="Name a video or a folder of pictures with --depth-video.")
    ffmpeg = find_ffmpeg()
    canvas = canvas_of(info, settings, applied)
    encode, eye_format = _encoding(info, settings, ffmpeg, canvas, applied)
    notices = [*info.notices, *(applied.notices if applied else ()), choice.sentence]
    if settings.output.layout is Layout.VR180 and settings.output.container is Container.MKV:
        notices.append("Only the name of a Matroska file says VR180 here; MP4 says it in the file too.")
    if encode.pixel_format.bit_depth < (applied or info.pixel_format).bit_depth:
        notices.append(f"{encode.encoder} writes at most {encode.pixel_format.bit_depth} bit here; "
                       f"the source has {info.pixel_format.bit_depth}.")
    shared = UnitSettings(
        info, settings, ffmpeg, encode, eye_format,
        strength=_strength(settings, choice.model),
        look_ahead=DESIGN_LOOK_AHEAD * look_ahead_share(info, eye_format), plate_frames=_plate_frames(info, settings),
        workers=host.processors, canvas=canvas, inpainter=host.plate_inpainter(),
    )
    return Conversion(settings, host, choice.model, shared, PlannedRange.of(settings.range), tuple(notices),
                      applied.preset if applied else None)


def decide_picture(size: tuple[int, int], pixel_format: PixelFormat, colour: ColourTags, settings: ConversionSettings,
                   host: Host) -> Conversion:
    """The same for one picture of `size` (width, height), of which nothing is encoded."""
    settings = nominal(settings)
    choice = choose_model(settings.depth.depth_model, available_models(host))
    if choice.model.role is Role.GIVEN or settings.depth.depth_video is not None:
        raise DepthError("A single picture takes no depth from a file.", stage="depth", remedy="Choose a depth model.")
    width, height = size
    info = VideoInfo(
        path="", container="", video_index=0, codec="", width=width, height=height, pixel_format=pixel_format,
        source_pixel_format=pixel_format.name, colour=colour, time_base=Fraction(1, 25), frame_rate=Fraction(25),
        duration=None, start_time=Fraction(0), first_pts=0, coded_width=width, coded_height=height,
    )
    encode = EncodeRequest(
        encoder="", width=width, height=height, pixel_format=pixel_format, colour=colour, frame_rate=Fraction(25),
        time_scale=SMALLEST_TIME_SCALE, quality=settings.output.quality, bitrate=None, speed=settings.output.speed,
    )
    shared = UnitSettings(
        info, settings, find_ffmpeg(), encode, pixel_format,
        strength=_strength(settings, choice.model),
        look_ahead=DESIGN_LOOK_AHEAD, plate_frames=0, workers=host.processors, canvas=canvas_of(info, settings, None),
    )
    return Conversion(settings, host, choice.model, shared, PlannedRange(Fraction(0), None), (choice.sentence,))


def target_name(named: Path, settings: ConversionSettings, source: Path | None = None) -> str:
    """The result's name where the user gives none: players read the layout from it.

    `named` gives its beginning. With a preset, `source` (or else `named`) is looked at, because its size decides the
    layout; SettingsError as `settled` raises it.
    """
    if settings.output.preset is not None:
        try:
            settings = settled(probe(source or named), settings)[0]
        except (SourceError, WorkerError):  # said in full when the conversion is tried
            settings = nominal(settings)
    name = labels.named_for(named.stem, settings.output.layout, swapped=settings.stereo.swap_eyes)
    return f"{name}.{settings.output.container.value}"


def _check_range(info: VideoInfo, settings: ConversionSettings) -> None:
    start, end = settings.range.start, settings.range.end
    if end is not None and end <= start:
        raise SettingsError(f"--end ({end:g} s) is not after --start ({start:g} s).", stage="settings",
                            remedy="Choose a later end.")
    if info.duration is not None and start >= info.duration:
        raise SourceError(f"{info.path}: it ends ({float(info.duration):.1f} s) before --start ({start:g} s).",
                          stage="plan", remedy="Choose an earlier start.")


def _encoding(info: VideoInfo, settings: ConversionSettings, ffmpeg: FFmpeg, canvas: Canvas | None,
              applied: Applied | None) -> tuple[EncodeRequest, PixelFormat]:
    """How segments are encoded, and the format of both eyes."""
    output = settings.output
    eye = info.pixel_format
    if output.chroma is Chroma.C420:
        eye = PixelFormat(eye.bit_depth, 1, 1)
    if output.layout in DEPTH_LAYOUTS and output.depth_bits is DepthBits.TEN:
        eye = replace(eye, bit_depth=max(10, eye.bit_depth))
    width, height = encoded_size(output.layout, info.width, info.height, canvas)
    rate = min(max(info.frame_rate or Fraction(25), Fraction(1)), Fraction(240))
    wanted = EncodeRequest(
        encoder="", width=width, height=height, pixel_format=encoded_format(output.layout, eye), colour=info.colour,
        frame_rate=rate, time_scale=_time_scale(info.time_base), quality=output.quality, bitrate=output.bitrate,
        speed=output.speed,
    )
    if applied is not None:
        wanted = for_device(wanted, applied)
    chosen = choose_encoder(ffmpeg, wanted, output)
    if output.layout in INTERLEAVED:
        return chosen, replace(eye, bit_depth=chosen.pixel_format.bit_depth)
    return chosen, chosen.pixel_format


def _strength(settings: ConversionSettings, model: DepthModel) -> float:
    """What the settings say, or else what suits the model."""
    strength = settings.stereo.strength
    return suggested_strength(model.id) if strength is None else strength


def _time_scale(time_base: Fraction) -> int:
    """Ticks per second of the result: the source's own where that can be, so that times stay exact."""
    scale = time_base.denominator
    if scale > LARGEST_TIME_SCALE:
        return 90_000
    while scale < SMALLEST_TIME_SCALE:
        scale *= 2
    return scale


def look_ahead_share(info: VideoInfo, eye_format: PixelFormat) -> float:
    """1, or less where the frames that wait would take too much memory."""
    rate = float(info.frame_rate or 25)
    bytes_waiting = (LOOK_AHEAD_SECONDS + DESIGN_LOOK_AHEAD) * rate * eye_format.frame_bytes(info.width, info.height)
    return min(1.0, WAITING_BYTES / bytes_waiting)


def _plate_frames(info: VideoInfo, settings: ConversionSettings) -> int:
    """How far the background plate looks ahead: at most a second, and what memory allows."""
    if not settings.stereo.background_plate:
        return 0
    affordable = PLATE_BYTES // (10 * info.width * info.height)
    return max(1, min(PLATE_FRAMES, affordable, int(info.frame_rate or 25)))
