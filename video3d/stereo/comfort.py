"""The comfort report: how deep a conversion is over time, in % of the width and in arc minutes on a chosen screen.

`measure_comfort` gives a frame's numbers, small enough to keep for every frame of a film; `comfort_report` joins them,
in order of time, wherever they were measured.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.stereo.disparity import FloatingWindow
from video3d.types import Disocclusion, Eye, FloatMap

EYE_SEPARATION = 0.063
"""Metres between the eyes of a grown-up, on average."""
PERCENTILES = (0.5, 5.0, 50.0, 95.0, 99.5)
COMFORTABLE_ARC_MINUTES = 60.0
"""Sustained disparity beyond one degree tires (M. Lambooij et al., "Visual discomfort and visual fatigue of
stereoscopic displays", 2009)."""
CUT_JUMP = 0.5
"""% of the width that the middle of the picture may jump in depth at a cut."""
VIOLATION = 0.15
"""% of the width in front of the screen that counts at the frame's sides."""
VIOLATION_FRAMES = 4

_SIDE_STRIP = 0.015
_TORN = 0.25
"""Disparity lost per pixel beyond which neighbours are taken for different surfaces, on maps coarser than the frame."""


@dataclass(frozen=True)
class Screen:
    """What the result is watched on."""

    name: str
    width: float
    """Metres, of the picture."""
    distance: float
    """Metres from the eyes."""

    def arc_minutes(self, percent: float) -> float:
        """How much the eyes turn for a disparity in % of the width, against looking at the screen.

        Positive in front of the screen. The lines of sight through a point with crossed parallax p leave the eyes,
        separated by e, as if through the screen at distance z with separation e + p: 2·atan((e + p) / 2z).
        """
        parallax = percent / 100 * self.width
        turned = math.atan((EYE_SEPARATION + parallax) / (2 * self.distance))
        return math.degrees(2 * (turned - math.atan(EYE_SEPARATION / (2 * self.distance)))) * 60

    @property
    def parallel_percent(self) -> float:
        """Disparity (negative, in % of the width) at which the eyes look straight ahead; beyond it they would have to
        look apart."""
        return -EYE_SEPARATION / self.width * 100


MONITOR = Screen("monitor", 0.6, 0.7)
TELEVISION = Screen("television", 1.2, 2.5)
HEADSET = Screen("headset", 2.6, 2.0)
"""A virtual screen 66° wide."""
CINEMA = Screen("cinema", 10.0, 12.0)
SCREENS = (MONITOR, TELEVISION, HEADSET, CINEMA)


@dataclass(frozen=True)
class FrameComfort:
    """One frame's numbers; disparities in % of the frame's width, positive in front of the screen."""

    seconds: float
    starts_shot: bool
    farthest: float
    """Percentile 0.5."""
    far: float
    """Percentile 5."""
    middle: float
    """Median."""
    near: float
    """Percentile 95."""
    nearest: float
    """Percentile 99.5."""
    left_side: float
    """Percentile 90 in the strip at the left side, as far as it stands before the floating window's side."""
    right_side: float
    """The same at the right side."""
    hole_share: float
    """Disoccluded part of the frame, in %."""
    hole_width: float
    """Width of the widest disocclusion, in % of the width."""

    def to_row(self) -> list[float]:
        """Numbers in the order of the fields."""
        return [float(value) for value in astuple(self)]

    @classmethod
    def from_row(cls, row: Sequence[float]) -> FrameComfort:
        """The frame of `to_row`'s numbers."""
        seconds, starts_shot, *rest = row
        return cls(float(seconds), bool(starts_shot), *(float(value) for value in rest))


@dataclass(frozen=True)
class CutJump:
    """A cut at which the middle of the picture jumps in depth."""

    seconds: float
    percent: float
    """Change of the median disparity, in % of the width."""


@dataclass(frozen=True)
class WindowViolation:
    """A span of time in which the frame's side cuts off something in front of the screen."""

    side: str
    """"left" or "right"."""
    start: float
    end: float
    percent: float
    """The most, in % of the width."""


@dataclass(frozen=True)
class ComfortReport:
    """A whole conversion's comfort. Disparities in % of the width, positive in front of the screen."""

    screen: Screen
    frames: tuple[FrameComfort, ...]
    nearest: float
    """The most in front of the screen, of 99.5 % of the picture."""
    farthest: float
    nearest_arc_minutes: float
    farthest_arc_minutes: float
    sustained_percent: float
    """% of the frames that reach beyond one degree."""
    apart_percent: float
    """% of the frames with points for which the eyes would have to look apart."""
    cuts: int
    jumps: tuple[CutJump, ...]
    violations: tuple[WindowViolation, ...]
    hole_share: float
    """Mean disoccluded part of the frame, in %."""
    hole_share_most: float
    hole_width_most: float

    @property
    def findings(self) -> tuple[str, ...]:
        """What a user should know, in plain sentences; one that says so where nothing is wrong."""
        return tuple(_findings(self)) or (f"Comfortable on the {self.screen.name}.",)

    def to_json(self) -> str:
        """The report as JSON text; the frames as columns, rounded to 4 digits."""
        body: dict[str, Any] = {key: value for key, value in asdict(self).items() if key != "frames"}
        body["findings"] = list(self.findings)
        body["unit"] = "percent of the picture's width; positive in front of the screen"
        columns = list(zip(*(astuple(frame) for frame in self.frames), strict=True)) or [()] * len(fields(FrameComfort))
        body["frames"] = {field.name: list(column) for field, column in zip(fields(FrameComfort), columns, strict=True)}
        for name in ("farthest", "far", "middle", "near", "nearest"):
            body["frames"][f"{name}_arc_minutes"] = [self.screen.arc_minutes(getattr(frame, name))
                                                     for frame in self.frames]
        return json.dumps(_rounded(body), allow_nan=False)

    def picture(self, width: int = 1280, height: int = 720) -> npt.NDArray[np.uint8]:
        """The report as one picture, uint8 RGB [height, width, 3]."""
        from video3d.stereo.comfort_picture import draw

        return draw(self, width, height)


def measure_comfort(disparity: FloatMap, frame_width: int, *, seconds: float, starts_shot: bool = False,
                    eye: Eye = Eye.LEFT, window: FloatingWindow | None = None,
                    disocclusion: Disocclusion | None = None) -> FrameComfort:
    """The numbers of one disparity map float32 [h, w], any size, in pixels of a frame `frame_width` wide.

    `disocclusion` is the synthesis' own word; without it (layouts that show depth and no second eye) what the `eye`
    would see behind things is estimated from the map.
    """
    to_percent = 100 / frame_width
    stride = max(1, disparity.shape[1] // 320)
    sample = np.sort(disparity[stride // 2::stride, stride // 2::stride] if stride > 1 else disparity, axis=None)
    farthest, far, middle, near, nearest = (
        float(sample[min(int(level / 100 * sample.size), sample.size - 1)]) * to_percent for level in PERCENTILES)
    strip = max(1, round(_SIDE_STRIP * disparity.shape[1]))
    floats = window or FloatingWindow()
    left_side, right_side = (
        (float(np.quantile(part, 0.9)) - before) * to_percent
        for part, before in ((disparity[:, :strip], floats.left_pixels), (disparity[:, -strip:], floats.right_pixels)))
    share, widest = _holes(disparity, frame_width, eye) if disocclusion is None else (
        disocclusion.share, float(disocclusion.widest))
    return FrameComfort(seconds, starts_shot, farthest, far, middle, near, nearest, left_side, right_side,
                        share * 100, widest * to_percent)


def comfort_report(frames: Iterable[FrameComfort], screen: Screen = TELEVISION) -> ComfortReport:
    """The report over `frames` in order of time, for one screen."""
    kept = tuple(frames)
    nearest = max((frame.nearest for frame in kept), default=0.0)
    farthest = min((frame.farthest for frame in kept), default=0.0)
    pairs = [(a, b) for a, b in itertools.pairwise(kept) if b.starts_shot]
    jumps = [CutJump(after.seconds, after.middle - before.middle) for before, after in pairs]
    strained = [max(abs(screen.arc_minutes(f.near)), abs(screen.arc_minutes(f.far))) > COMFORTABLE_ARC_MINUTES
                for f in kept]
    apart = [frame.farthest < screen.parallel_percent for frame in kept]
    return ComfortReport(
        screen, kept, nearest, farthest, screen.arc_minutes(nearest), screen.arc_minutes(farthest),
        _share(strained), _share(apart), len(pairs),
        tuple(jump for jump in jumps if abs(jump.percent) > CUT_JUMP),
        tuple(sorted((*_violations(kept, "left"), *_violations(kept, "right")), key=lambda v: (v.start, v.side))),
        float(np.mean([frame.hole_share for frame in kept])) if kept else 0.0,
        max((frame.hole_share for frame in kept), default=0.0),
        max((frame.hole_width for frame in kept), default=0.0))


class ComfortCollector:
    """Keeps one number row per frame; `report` joins them."""

    def __init__(self, frame_width: int, *, eye: Eye = Eye.LEFT) -> None:
        self._frame_width = frame_width
        self._eye = eye
        self._frames: list[FrameComfort] = []

    @property
    def frames(self) -> tuple[FrameComfort, ...]:
        """All so far."""
        return tuple(self._frames)

    def push(self, disparity: FloatMap, *, seconds: float, starts_shot: bool = False,
             window: FloatingWindow | None = None, disocclusion: Disocclusion | None = None) -> None:
        """Takes the next frame; see `measure_comfort`."""
        self._frames.append(measure_comfort(disparity, self._frame_width, seconds=seconds, starts_shot=starts_shot,
                                            eye=self._eye, window=window, disocclusion=disocclusion))

    def report(self, screen: Screen = TELEVISION) -> ComfortReport:
        """The report so far."""
        return comfort_report(self._frames, screen)


def _holes(disparity: FloatMap, frame_width: int, eye: Eye) -> tuple[float, float]:
    """(share of the frame, widest in pixels of the frame) of what the other eye sees and this view does not.

    Where disparity falls from one pixel to the next in reading direction (right eye; the other way round for the
    left), the surfaces part by as many pixels.
    """
    if eye is Eye.BOTH:
        shares = [_holes(disparity * np.float32(0.5), frame_width, one) for one in (Eye.LEFT, Eye.RIGHT)]
        return (shares[0][0] + shares[1][0]) / 2, max(shares[0][1], shares[1][1])
    parted = disparity[:, 1:] - disparity[:, :-1] if eye is Eye.LEFT else disparity[:, :-1] - disparity[:, 1:]
    torn = parted > _TORN * frame_width / disparity.shape[1]
    gaps = np.where(torn, parted, 0).astype(np.float64)
    total = np.cumsum(gaps, axis=1)
    # A run of torn neighbours is one edge blurred by the map's size: its gaps belong together.
    before = np.maximum.accumulate(np.where(torn, 0, total), axis=1)
    widest = float((total - before).max()) if total.size else 0.0
    return float(gaps.sum()) / (disparity.shape[0] * frame_width), widest


def _violations(frames: Sequence[FrameComfort], side: str) -> list[WindowViolation]:
    found: list[WindowViolation] = []
    run: list[FrameComfort] = []
    for frame in (*frames, None):
        level = 0.0 if frame is None else _side(frame, side)
        if frame is not None and level > VIOLATION and not (run and frame.starts_shot):
            run.append(frame)
            continue
        if len(run) >= VIOLATION_FRAMES:
            found.append(WindowViolation(side, run[0].seconds, run[-1].seconds, max(_side(f, side) for f in run)))
        run = [frame] if frame is not None and level > VIOLATION else []
    return found


def _side(frame: FrameComfort, side: str) -> float:
    return frame.left_side if side == "left" else frame.right_side


def _share(flags: Sequence[bool]) -> float:
    return 100 * sum(flags) / len(flags) if flags else 0.0


def _findings(report: ComfortReport) -> Iterable[str]:
    if report.sustained_percent > 1:
        yield (f"{report.sustained_percent:.0f} % of the frames reach beyond one degree on the {report.screen.name}: "
               "less strength is easier on the eyes.")
    if report.apart_percent > 0:
        yield (f"In {report.apart_percent:.0f} % of the frames the eyes would have to look apart on the "
               f"{report.screen.name}: less strength, or a nearer screen plane.")
    if report.jumps:
        yield (f"At {len(report.jumps)} of {report.cuts} cuts the picture jumps in depth by more than "
               f"{CUT_JUMP:g} % of the width.")
    if report.violations:
        often = "once" if len(report.violations) == 1 else f"{len(report.violations)} times"
        yield f"The frame's sides cut off something in front of the screen {often}."


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
