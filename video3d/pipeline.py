"""A clip goes in, a 3D video comes out: the whole story on one page.

    decide   probe the source; choose the depth model, the encoder, the clock of the result
    plan     find the shots and hand out units of work (`planning.py`)
    convert  each unit becomes a segment: decode, depth, disparity, second eye, layout, encode (`converting.py`)
    join     segments and the source's other tracks become one file, labelled as 3D
    check    read it back; only then does it take its name

Whoever runs this (`jobs/`) keeps the segments in a folder and can do the units in any order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from video3d import __version__
from video3d.converting import DEPTH_LAYOUTS, UnitConverter, UnitSettings
from video3d.depth.registry import available_models, choose_model
from video3d.depth_model import DepthModel, Role
from video3d.depth_stage import DepthOrder, open_depth
from video3d.devices import canvas_of, for_device, limited, nominal, settled
from video3d.errors import Cancelled, DepthError, SettingsError, SourceError, WorkerError
from video3d.host import Host
from video3d.media import labels
from video3d.media.encoders import EncodeRequest, choose_encoder
from video3d.media.ffmpeg import FFmpeg, find_ffmpeg
from video3d.media.joining import MuxRequest, Segment, join, write_times
from video3d.media.relabel import check_labels
from video3d.media.source import probe
from video3d.nearness import NearnessStage
from video3d.params import to_values
from video3d.planning import PlannedRange, PlannedUnit, Planner
from video3d.preparing import prepare
from video3d.presets import Applied, LabelPlace, Preset
from video3d.settings import Chroma, Container, ConversionSettings, DepthBits
from video3d.shot_edits import ShotEdits
from video3d.stabilise import LOOK_AHEAD_SECONDS
from video3d.stereo.disparity import suggested_strength
from video3d.stereo.interleave import INTERLEAVED
from video3d.stereo.packer import Canvas, encoded_format, encoded_size
from video3d.types import ColourTags, Layout, PixelFormat, Reporter, VideoInfo
from video3d.unit_files import right_segment, write_report

SETTINGS_TAG = "VIDEO3D_SETTINGS"
"""Of the file as a whole; `settings_text` says what it holds."""
LARGEST_TIME_SCALE = 1_000_000
SMALLEST_TIME_SCALE = 10_000
WAITING_BYTES = 160 << 20
"""What the frames that wait for depth and its design may take; large pictures look less far ahead."""
DESIGN_LOOK_AHEAD = 0.5
PLATE_FRAMES = 8
PLATE_BYTES = 240 << 20
"""What the background plate may keep; it holds about ten bytes for each pixel of each frame it looks ahead."""
_OF_THIS_MACHINE = frozenset({"depth_video", "depth_cache", "device", "compile_depth"})
"""Settings that say where and with what the work was done: the result is the same, and does not tell."""


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
    strength = settings.stereo.strength
    shared = UnitSettings(
        info, settings, ffmpeg, encode, eye_format,
        strength=suggested_strength(choice.model.id) if strength is None else strength,
        look_ahead=DESIGN_LOOK_AHEAD * _look_ahead_share(info, eye_format), plate_frames=_plate_frames(info, settings),
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
    strength = settings.stereo.strength
    shared = UnitSettings(
        info, settings, find_ffmpeg(), encode, pixel_format,
        strength=suggested_strength(choice.model.id) if strength is None else strength,
        look_ahead=DESIGN_LOOK_AHEAD, plate_frames=0, workers=host.processors, canvas=canvas_of(info, settings, None),
    )
    return Conversion(settings, host, choice.model, shared, PlannedRange(Fraction(0), None), (choice.sentence,))


def plan(conversion: Conversion, reporter: Reporter) -> Planner:
    """Iterate it for the units of work."""
    return Planner(conversion.info, conversion.range, reporter, conversion.shots)


def open_converter(conversion: Conversion, origin: int | None, reporter: Reporter) -> UnitConverter:
    """What converts units, with the depth model loaded; Cancelled where the user stops the wait for that."""
    if conversion.settings.output.layout not in DEPTH_LAYOUTS:
        prepare(reporter)
    return UnitConverter(conversion.shared, open_nearness(conversion, reporter), origin, reporter)


class Keeper(Protocol):
    """Where the joined file is kept while it is labelled, so that the segments need not be there any more."""

    @property
    def joined(self) -> Path | None:
        """The file, where all was joined before."""
        ...

    def keep_joined(self, joined: Path) -> Path:
        """Take it; returns where it lies now."""
        ...


def join_units(conversion: Conversion, units: Sequence[PlannedUnit], segments: Sequence[Path], folder: Path,
               reporter: Reporter, keeper: Keeper | None = None) -> Path:
    """Join the segments of all `units` in `folder`; returns the finished file, checked, still in the folder.

    What `unit_files.files_beside` names lies there too. With a `keeper` the segments go when they are joined, and what
    it has is not joined again; two files of separate eyes are joined from their segments whatever it has.
    """
    output = conversion.settings.output
    if output.layout is Layout.SEPARATE:
        keeper = None
    joined = keeper.joined if keeper is not None else None
    if joined is None:
        joined = _join(conversion, units, segments, folder, reporter)
        joined = joined if keeper is None else keeper.keep_joined(joined)
    finished = _labelled(conversion, joined, folder, reporter)
    if keeper is None:
        joined.unlink()
    if output.layout is Layout.SEPARATE:
        left = finished.rename(folder / f"left.{output.container.value}")
        joined = _join(conversion, units, [right_segment(segment) for segment in segments], folder, reporter)
        _labelled(conversion, joined, folder, reporter).rename(folder / f"right.{output.container.value}")
        joined.unlink()
        finished = left
    if output.comfort_report:
        write_report(segments, folder, conversion.settings)
    return finished


def _join(conversion: Conversion, units: Sequence[PlannedUnit], segments: Sequence[Path], folder: Path,
          reporter: Reporter) -> Path:
    info, output = conversion.info, conversion.settings.output
    base, scale = info.time_base, conversion.shared.encode.time_scale
    shown = np.concatenate([unit.own_times for unit in units])
    is_cut_out = conversion.range.start > 0
    zero = int(shown[0]) * base if is_cut_out else info.start_time
    times = folder / "times.bin"
    write_times(times, np.array([round((int(time) * base - zero) * scale) for time in shown], np.int64))
    joined = folder / f"joined.{output.container.value}"
    request = MuxRequest(
        target=str(joined), container=output.container, times=str(times), time_scale=scale,
        segments=tuple(Segment(str(path), unit.unit.frame_count) for path, unit in zip(segments, units, strict=True)),
        last_duration=max(1, round((units[-1].end - int(shown[-1])) * base * scale)),
        source=info.path, video_index=info.video_index, tracks=output.tracks, zero=zero,
        start=zero if is_cut_out else None, end=None if conversion.range.end is None else units[-1].end * base,
        chapters=info.chapters, tags=(*info.tags, (SETTINGS_TAG, settings_text(conversion.settings))),
        audio=conversion.preset.audio if conversion.preset else None,
    )
    def check(_done: int) -> None:
        if reporter.is_cancelled():
            raise Cancelled("Stopped.", stage="join")

    for notice in join(request, check):
        reporter.notice(notice)
    return joined


def settings_text(settings: ConversionSettings) -> str:
    """What a result says of how it was made: JSON with what differs from the defaults, and nothing of this machine."""
    ordinary = to_values(ConversionSettings())
    chosen = {name: value for name, value in to_values(settings).items()
              if value != ordinary[name] and name not in _OF_THIS_MACHINE and not str(value).lower().endswith(".onnx")}
    return json.dumps({"video3d": __version__, "settings": chosen}, separators=(",", ":"))


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


def _labelled(conversion: Conversion, joined: Path, folder: Path, reporter: Reporter) -> Path:
    """A copy that says that it is 3D, where the preset wants it said, and is read back."""
    labelled = folder / f"labelled{joined.suffix}"
    layout, swapped = conversion.settings.output.layout, conversion.settings.stereo.swap_eyes
    in_stream = conversion.preset is not None and conversion.preset.label_place is LabelPlace.STREAM

    def check() -> None:
        if reporter.is_cancelled():
            raise Cancelled("Stopped.", stage="label")

    if in_stream:
        labels.faststart_mp4(joined, labelled, check)
    else:
        labels.label(joined, labelled, layout, swapped=swapped, check=check)
    report = check_labels(labelled, layout, swapped=swapped, in_stream=in_stream)
    longest = conversion.shared.encode.key_frame_seconds
    if report.keyframe_distance is not None and report.keyframe_distance > longest + 0.1:
        reporter.notice(f"The encoder put keyframes up to {float(report.keyframe_distance):.1f} s apart instead of "
                        f"{longest:g} s: jumping to a place is slow.")
    asked, written = conversion.shared.encode.level, report.profile.rpartition(" ")[2]
    if asked and written and float(written) > float(asked):
        reporter.notice(f"The encoder wrote level {written} instead of {asked}: the device may refuse the file.")
    return labelled


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


def _time_scale(time_base: Fraction) -> int:
    """Ticks per second of the result: the source's own where that can be, so that times stay exact."""
    scale = time_base.denominator
    if scale > LARGEST_TIME_SCALE:
        return 90_000
    while scale < SMALLEST_TIME_SCALE:
        scale *= 2
    return scale


def _look_ahead_share(info: VideoInfo, eye_format: PixelFormat) -> float:
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


def open_nearness(conversion: Conversion, reporter: Reporter) -> NearnessStage:
    """Where the depth of every frame comes from; close it."""
    info, shared = conversion.info, conversion.shared
    look_ahead = LOOK_AHEAD_SECONDS * _look_ahead_share(info, shared.eye_format)
    order = DepthOrder(conversion.model, conversion.settings.depth, info, shared.eye_format, look_ahead)
    return open_depth(order, conversion.host, reporter)
