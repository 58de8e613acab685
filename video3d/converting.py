"""One unit: decode → nearness → disparity → second eye → layout → encode."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from video3d.errors import Cancelled, WorkerError
from video3d.media.encoders import EncodeRequest
from video3d.media.encoding import SegmentEncoder
from video3d.media.ffmpeg import FFmpeg
from video3d.media.source import FrameReader
from video3d.motion import MotionEstimator, flow_size, small_grey
from video3d.nearness import NearnessStage, Taken
from video3d.prefetch import Prefetch
from video3d.reporting import Reporter
from video3d.settings import ConversionSettings, WindowTreatment
from video3d.shot_edits import ShotValues
from video3d.stereo import ShotSynthesizer
from video3d.stereo.comfort import FrameComfort, measure_comfort
from video3d.stereo.disparity import (
    ComfortBudget,
    DesignedFrame,
    DisparityDesigner,
    DisparitySettings,
    FloatingWindow,
)
from video3d.stereo.layouts import with_floating_window
from video3d.stereo.packer import Canvas, Packer, parted
from video3d.types import FloatMap, Frame, Layout, PixelFormat, PlateInpainter, StereoFrame
from video3d.unit_files import right_segment, write_comfort
from video3d.unit_frames import UnitFrames
from video3d.video_info import VideoInfo

FRAMES_AHEAD = 2
"""Between the threads: enough to keep them busy."""
DEPTH_LAYOUTS = (Layout.RGBD, Layout.DEPTH)
"""Layouts that show depth, and no second eye."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class UnitSettings:
    """What every unit of a conversion shares."""

    info: VideoInfo
    settings: ConversionSettings
    ffmpeg: FFmpeg
    encode: EncodeRequest
    eye_format: PixelFormat
    """Of the frames that are decoded, and of both eyes."""
    strength: float
    """Per cent of the width."""
    look_ahead: float
    """Seconds that the design of disparity looks ahead."""
    plate_frames: int
    """Frames that the background plate looks ahead; 0 where there is none."""
    workers: int
    canvas: Canvas | None = None
    """What VR180 draws onto."""
    inpainter: PlateInpainter | None = None
    """The host's, for what no frame of a shot shows."""


@dataclass(frozen=True, eq=False)
class Designed:
    """A frame with its depth, on its way to the second eye."""

    taken: Taken
    nearness: FloatMap
    disparity: FloatMap
    window: FloatingWindow
    starts_shot: bool


@dataclass(frozen=True, eq=False)
class _Rest:
    """What is needed of a frame when its eyes are made. Its own picture and motion are not, which take most memory."""

    is_written: bool
    seconds: float
    starts_shot: bool
    window: FloatingWindow
    nearness: FloatMap | None = None
    """For layouts that show depth."""
    disparity: FloatMap | None = None
    """For the comfort report."""

    @classmethod
    def of(cls, designed: Designed, *, shows_depth: bool, measures: bool) -> _Rest:
        return cls(designed.taken.is_written, designed.taken.seconds, designed.starts_shot, designed.window,
                   designed.nearness if shows_depth else None, designed.disparity if measures else None)


def disparity_settings(shared: UnitSettings) -> DisparitySettings:
    """What the disparity's design aims at."""
    stereo = shared.settings.stereo
    usual = ComfortBudget.for_strength(shared.strength)
    return DisparitySettings(
        strength_percent=shared.strength, convergence=stereo.convergence,
        budget=ComfortBudget(stereo.comfort_front or usual.front_percent,
                             stereo.comfort_behind or usual.behind_percent),
        window=stereo.window or WindowTreatment.TAPER, look_ahead_seconds=shared.look_ahead,
        subtitle_band=stereo.subtitle_band / 100,
    )


class UnitConverter:
    """Converts units one after the other; neighbours share the running decoder and the loaded depth model."""

    def __init__(self, shared: UnitSettings, nearness: NearnessStage, origin: int | None, reporter: Reporter) -> None:
        """`origin`: where frame numbers begin (see `Planner`)."""
        self._shared = shared
        self._reporter = reporter
        self._reader = FrameReader(shared.info, shared.eye_format, origin)
        self._nearness = nearness
        self._designer = DisparityDesigner(shared.info.width, disparity_settings(shared))
        self._eyes = _Eyes(shared)
        self._needs_motion = nearness.needs_motion or self._eyes.needs_motion
        self._ending = threading.Event()

    def close(self) -> None:
        """End the decoder, the model and the threads."""
        self._reader.close()
        self._nearness.close()
        self._eyes.close()

    def convert(self, unit: UnitFrames, target: Path, written: Callable[[Frame], None]) -> None:
        """Write the unit's segment to `target`: whole, or not at all. `written` is called with each packed frame."""
        writer = _Writer(self._shared, target, self._check)
        self._eyes.comfort.clear()
        self._ending.clear()
        try:
            with (Prefetch(self._taken(unit), FRAMES_AHEAD, "decoding") as taken,
                  Prefetch(self._designed(taken, unit), FRAMES_AHEAD, "depth") as designed,
                  self._ended_together()):
                for frame, time in self._timed(self._eyes.packed(self._checked(designed)), unit):
                    writer.write(frame, time)
                    written(frame)
                    self._check()
            if self._shared.settings.output.comfort_report:
                write_comfort(self._eyes.comfort, target)
            writer.finish()
        except BaseException:
            writer.abort()
            raise

    def nearness(self, unit: UnitFrames) -> Generator[tuple[Taken, FloatMap], None, None]:
        """The unit's own frames and their depth alone, float32 [h, w] in 0…1, before any second eye."""
        self._ending.clear()
        with Prefetch(self._taken(unit), FRAMES_AHEAD, "decoding") as taken, self._ended_together():
            for designed in self._designed(taken, unit):
                if designed.taken.is_written:
                    yield designed.taken, designed.nearness

    @contextmanager
    def _ended_together(self) -> Generator[None, None, None]:
        """When the last stage ends, be it by an error, those before it end at their next frame."""
        try:
            yield
        finally:
            self._ending.set()

    def _check(self) -> None:
        if self._reporter.is_cancelled():
            raise Cancelled("Stopped.", stage="convert")

    def _checked(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            self._check()
            if self._ending.is_set():
                raise Cancelled("A later stage has ended.", stage="convert")
            yield item

    def _taken(self, unit: UnitFrames) -> Iterator[Taken]:
        base = self._shared.info.time_base
        size = flow_size(self._shared.info.width, self._shared.info.height)
        estimator = MotionEstimator(size, rough=not self._nearness.needs_motion)
        before: npt.NDArray[np.uint8] | None = None
        for taken in self._checked(unit.frames(self._reader)):
            frame = taken.frame
            grey = small_grey(frame.planes[0], frame.pixel_format.bit_depth, size)
            motion = None
            if before is not None and not taken.starts_shot and self._needs_motion:
                motion = estimator.estimate(before, grey)
            yield Taken(frame, taken.number, float(frame.pts * base), grey, motion, taken.is_written,
                        taken.starts_shot)
            before = grey

    def _designed(self, frames: Iterator[Taken], unit: UnitFrames) -> Iterator[Designed]:
        """Nearness and disparity, shot by shot."""
        values = iter(unit.values)
        shot: _Shot | None = None
        for taken in self._checked(frames):
            if shot is None or taken.starts_shot:
                if shot is not None:
                    yield from shot.flush(at_cut=True)
                self._nearness.begin(unit.times_of_shot(taken.number))
                shot = _Shot(self._nearness, self._designer_for(next(values, None)), at_cut=taken.starts_shot)
            yield from shot.push(taken)
        if shot is not None:
            yield from shot.flush(at_cut=unit.planned.run_out == 0)

    def _designer_for(self, values: ShotValues | None) -> DisparityDesigner:
        """The usual one, or one with what a person set for the shot."""
        if values is None or values == ShotValues():
            return self._designer
        shared = self._shared
        stereo = shared.settings.stereo
        convergence = stereo.convergence if values.convergence is None else values.convergence
        settings = replace(shared.settings, stereo=replace(stereo, convergence=convergence))
        strength = shared.strength if values.strength is None else values.strength
        return DisparityDesigner(shared.info.width,
                                 disparity_settings(replace(shared, settings=settings, strength=strength)))

    def _timed(self, frames: Iterator[Frame], unit: UnitFrames) -> Iterator[tuple[Frame, Fraction]]:
        """Each frame with its time in the segment; the last one is held where the file ends before the plan does."""
        scale, base = self._shared.encode.time_scale, self._shared.info.time_base
        begin: int | None = None
        last: Frame | None = None
        done = 0
        for last in frames:
            time = round(last.pts * base * scale)
            begin = time if begin is None else begin
            yield last, Fraction(time - begin, scale)
            done += 1
        times = [round(int(time) * base * scale) for time in unit.planned.own_times]
        if last is None or begin is None:
            raise WorkerError(f"{self._shared.info.path}: no picture came where {len(times)} were planned.",
                              stage="decode", remedy="The file is damaged or has changed; try another copy.")
        if done < len(times):
            self._reporter.notice(f"{len(times) - done} pictures could not be decoded; the one before was repeated.")
        for time in times[done:]:
            yield last, Fraction(time - begin, scale)


class _Writer:
    """A unit's segment, or its two segments where each eye has a file of its own."""

    def __init__(self, shared: UnitSettings, target: Path, check: Callable[[], None]) -> None:
        self._layout = shared.settings.output.layout
        targets = (right_segment(target), target) if self._layout is Layout.SEPARATE else (target,)
        self._encoders: list[SegmentEncoder] = []
        try:
            for path in targets:
                self._encoders.append(SegmentEncoder(shared.ffmpeg, shared.encode, path, what=shared.info.path,
                                                     check=check))
        except BaseException:
            self.abort()
            raise

    def write(self, frame: Frame, time: Fraction) -> None:
        """A packed frame, `time` seconds after the unit's first."""
        for encoder, part in zip(self._encoders, reversed(parted(frame, self._layout)), strict=True):
            encoder.write(part, time)

    def finish(self) -> None:
        """All that was written is on the disk; the segment itself comes last."""
        for encoder in self._encoders:
            encoder.finish()

    def abort(self) -> None:
        """Nothing stays."""
        for encoder in self._encoders:
            encoder.abort()


class _Shot:
    """The stages that remember, for one shot inside one unit."""

    def __init__(self, nearness: NearnessStage, designer: DisparityDesigner, *, at_cut: bool) -> None:
        self._nearness = nearness
        self._designer = designer
        self._designer.reset(at_cut=at_cut)
        self._waiting: deque[Taken] = deque()
        self._near: deque[tuple[Taken, FloatMap]] = deque()
        self._begins = True

    def push(self, taken: Taken) -> Iterator[Designed]:
        self._waiting.append(taken)
        yield from self._design(self._nearness.push(taken))

    def flush(self, *, at_cut: bool) -> Iterator[Designed]:
        yield from self._design(self._nearness.flush())
        yield from self._paired(self._designer.flush(at_cut=at_cut))

    def _design(self, maps: list[FloatMap]) -> Iterator[Designed]:
        for nearness in maps:
            taken = self._waiting.popleft()
            self._near.append((taken, nearness))
            yield from self._paired(self._designer.push(nearness, seconds=taken.seconds, luma=taken.grey))

    def _paired(self, designs: list[DesignedFrame]) -> Iterator[Designed]:
        for design in designs:
            yield Designed(*self._near.popleft(), design.disparity, design.window, self._begins)
            self._begins = False


class _Eyes:
    """Both eyes of each frame, packed."""

    def __init__(self, shared: UnitSettings) -> None:
        info, stereo = shared.info, shared.settings.stereo
        self._layout = shared.settings.output.layout
        self._colour = info.colour
        self._packer = Packer(self._layout, info.width, info.height, shared.eye_format, swap_eyes=stereo.swap_eyes,
                              colour=info.colour, canvas=shared.canvas)
        self._measures = shared.settings.output.comfort_report
        self._eye = stereo.eye
        self.comfort: list[FrameComfort] = []
        """Of the frames written, where a report is asked for."""
        self._synthesizer = None if self._layout in DEPTH_LAYOUTS else ShotSynthesizer(
            info.width, info.height, shared.eye_format, stereo.eye, chroma_site=info.colour.chroma_site,
            edge_dilation=stereo.edge_dilation, background_plate=shared.plate_frames > 0, workers=shared.workers,
            look_ahead=shared.plate_frames, inpainter=shared.inpainter, colour=info.colour,
            lends=True,  # each pair is packed before the next is made
        )
        self.needs_motion = shared.plate_frames > 0 and self._synthesizer is not None

    def close(self) -> None:
        if self._synthesizer is not None:
            self._synthesizer.close()

    def packed(self, frames: Iterator[Designed]) -> Iterator[Frame]:
        """Frames that are written, in order."""
        synthesizer = self._synthesizer
        waiting: deque[_Rest] = deque()
        for designed in frames:
            taken = designed.taken
            if designed.starts_shot and synthesizer is not None:
                yield from self._emit(synthesizer.flush(), waiting)
            waiting.append(_Rest.of(designed, shows_depth=synthesizer is None, measures=self._measures))
            pairs = ([StereoFrame(taken.frame, taken.frame)] if synthesizer is None
                     else synthesizer.push(taken.frame, designed.disparity, taken.motion, taken.grey))
            yield from self._emit(pairs, waiting)
        if synthesizer is not None:
            yield from self._emit(synthesizer.flush(), waiting)

    def _emit(self, pairs: Iterable[StereoFrame], waiting: deque[_Rest]) -> Iterator[Frame]:
        for pair in pairs:
            rest = waiting.popleft()
            if rest.is_written:
                yield self._pack(pair, rest)

    def _pack(self, pair: StereoFrame, rest: _Rest) -> Frame:
        if rest.disparity is not None:
            self.comfort.append(measure_comfort(rest.disparity, pair.left.width, seconds=rest.seconds,
                                                starts_shot=rest.starts_shot, eye=self._eye, window=rest.window,
                                                disocclusion=pair.disocclusion))
        if self._layout not in DEPTH_LAYOUTS:
            pair = with_floating_window(pair, rest.window.left_pixels, rest.window.right_pixels, self._colour)
        return self._packer.pack(pair, rest.nearness)
