"""The comfort report as one picture: depth over time above, disocclusions below, findings in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.comfort import COMFORTABLE_ARC_MINUTES, ComfortReport, FrameComfort

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Numbers = npt.NDArray[np.float64]

PAPER: Colour = (255, 255, 255)
INK: Colour = (40, 40, 40)
FAINT: Colour = (222, 222, 222)
WIDE_BAND: Colour = (200, 219, 240)
NARROW_BAND: Colour = (120, 165, 216)
MIDDLE: Colour = (24, 64, 128)
SCREEN_PLANE: Colour = (110, 110, 110)
WARNING: Colour = (200, 40, 40)
STRAIN: Colour = (253, 232, 228)
HOLES: Colour = (214, 140, 40)

_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class _Panel:
    """A rectangle of the picture with its own axes."""

    left: int
    top: int
    right: int
    bottom: int
    first: float
    last: float
    low: float
    high: float

    def x(self, seconds: float) -> int:
        """Column of a time."""
        return self.left + round((seconds - self.first) / (self.last - self.first) * (self.right - self.left))

    def y(self, value: float) -> int:
        """Row of a value, kept inside."""
        part = (value - self.low) / (self.high - self.low)
        return self.bottom - round(min(max(part, 0.0), 1.0) * (self.bottom - self.top))


def draw(report: ComfortReport, width: int, height: int) -> Picture:
    """uint8 RGB [height, width, 3]."""
    picture = np.full((height, width, 3), PAPER, np.uint8)
    frames = report.frames or (FrameComfort(0, False, 0, 0, 0, 0, 0, 0, 0, 0, 0),)
    first, last = frames[0].seconds, max(frames[-1].seconds, frames[0].seconds + 1e-3)
    reach = 1.15 * max(1.0, *(max(abs(f.nearest), abs(f.farthest)) for f in frames))
    findings = report.findings
    top = 50 + 20 * len(findings)
    split = top + round((height - top - 60) * 0.72)
    depth = _Panel(70, top, width - 80, split, first, last, -reach, reach)
    most = max(1.0, 1.1 * report.hole_share_most)
    holes = _Panel(70, split + 52, width - 80, height - 36, first, last, 0.0, most)
    _text(picture, f"Depth over time, screen: {report.screen.name}, {report.screen.width:g} m wide, "
                   f"{report.screen.distance:g} m away", 70, 26, 0.55)
    for index, finding in enumerate(findings):
        _text(picture, finding, 70, 48 + 20 * index, 0.45)
    _draw_depth(picture, depth, report, frames)
    _draw_holes(picture, holes, report, frames)
    return picture


def _draw_depth(picture: Picture, panel: _Panel, report: ComfortReport, frames: Sequence[FrameComfort]) -> None:
    times = np.array([frame.seconds for frame in frames])
    _shade_strain(picture, panel, report)
    _grid(picture, panel, "%", report)
    for low, high, colour in (("farthest", "nearest", WIDE_BAND), ("far", "near", NARROW_BAND)):
        _band(picture, panel, times, np.array([getattr(f, low) for f in frames]),
              np.array([getattr(f, high) for f in frames]), colour)
    _line(picture, panel, times, np.array([frame.middle for frame in frames]), MIDDLE)
    cv2.line(picture, (panel.left, panel.y(0)), (panel.right, panel.y(0)), SCREEN_PLANE, 1)
    _marks(picture, panel, report, frames)
    _text(picture, "in front", 8, panel.top + 12, 0.38)
    _text(picture, "behind", 8, panel.bottom, 0.38)
    _text(picture, "bands: 99 % and 90 % of the picture, line: its middle; red: jump at a cut (tick), window violation "
                   "(bar), beyond one degree (ground)", panel.left, panel.bottom + 18, 0.4)


def _draw_holes(picture: Picture, panel: _Panel, report: ComfortReport, frames: Sequence[FrameComfort]) -> None:
    times = np.array([frame.seconds for frame in frames])
    shares = np.array([frame.hole_share for frame in frames])
    _grid(picture, panel, "%", None)
    _band(picture, panel, times, np.zeros_like(shares), shares, HOLES)
    _text(picture, f"disoccluded part of the picture: mean {report.hole_share:.1f} %, most "
                   f"{report.hole_share_most:.1f} %, widest hole {report.hole_width_most:.1f} % of the width",
          panel.left, panel.top - 8, 0.4)
    for seconds in _steps(panel.first, panel.last, 8):
        _text(picture, _clock(seconds), panel.x(seconds) - 14, panel.bottom + 18, 0.4)


def _shade_strain(picture: Picture, panel: _Panel, report: ComfortReport) -> None:
    """The ground beyond one degree, in front and behind."""
    levels = np.linspace(panel.low, panel.high, 1001)
    strained = [level for level in levels if abs(report.screen.arc_minutes(level)) > COMFORTABLE_ARC_MINUTES]
    for part in ([level for level in strained if level > 0], [level for level in strained if level < 0]):
        if part:
            picture[panel.y(max(part)):panel.y(min(part)) + 1, panel.left:panel.right] = STRAIN


def _grid(picture: Picture, panel: _Panel, unit: str, report: ComfortReport | None) -> None:
    for value in _steps(panel.low, panel.high, 6):
        row = panel.y(value)
        cv2.line(picture, (panel.left, row), (panel.right, row), FAINT, 1)
        _text(picture, f"{value:g} {unit}", 22, row + 4, 0.4)
        if report is not None:
            _text(picture, f"{report.screen.arc_minutes(value):.0f}'", panel.right + 8, row + 4, 0.4)
    cv2.rectangle(picture, (panel.left, panel.top), (panel.right, panel.bottom), FAINT, 1)


def _marks(picture: Picture, panel: _Panel, report: ComfortReport, frames: Sequence[FrameComfort]) -> None:
    bottom, bar = panel.bottom, panel.top + 4
    for x in [panel.x(frame.seconds) for frame in frames[1:] if frame.starts_shot]:
        cv2.line(picture, (x, bottom - 6), (x, bottom), INK, 1)
    for x in [panel.x(jump.seconds) for jump in report.jumps]:
        cv2.line(picture, (x, bottom - 22), (x, bottom), WARNING, 2)
    for violation in report.violations:
        cv2.line(picture, (panel.x(violation.start), bar), (panel.x(violation.end), bar), WARNING, 3)


def _band(picture: Picture, panel: _Panel, times: Numbers, low: Numbers, high: Numbers, colour: Colour) -> None:
    """Fills between two curves; of all the frames in one column the widest span counts."""
    columns = np.array([panel.x(seconds) for seconds in times])
    if np.unique(columns).size < 2:
        columns, low, high = np.array([panel.left, panel.right]), low[[0, 0]], high[[0, 0]]
    across = np.unique(columns)
    lows = np.array([low[columns == column].min() for column in across])
    highs = np.array([high[columns == column].max() for column in across])
    every = np.arange(across[0], across[-1] + 1)
    lows, highs = np.interp(every, across, lows), np.interp(every, across, highs)
    for column, below, above in zip(every, lows, highs, strict=True):
        picture[panel.y(above):panel.y(below) + 1, column] = colour


def _line(picture: Picture, panel: _Panel, times: Numbers, values: Numbers, colour: Colour) -> None:
    points = np.array([[panel.x(t), panel.y(value)] for t, value in zip(times, values, strict=True)], np.int32)
    cv2.polylines(picture, [points], False, colour, 1, cv2.LINE_AA)


def _steps(low: float, high: float, count: int) -> list[float]:
    """Round values between `low` and `high`, about `count` of them."""
    rough = (high - low) / count
    scale = 10.0 ** math.floor(math.log10(rough))
    step = scale * next(nice for nice in (1, 2, 5, 10) if nice * scale >= rough)
    return [round(index * step, 9) for index in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:02.0f}" if seconds >= 60 else f"{seconds:g} s"


def _text(picture: Picture, words: str, x: int, y: int, size: float) -> None:
    cv2.putText(picture, words, (x, y), _FONT, size, INK, 1, cv2.LINE_AA)
