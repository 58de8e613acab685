"""From nearness to disparity: strength, screen plane, comfort budget, the frame's sides, black bars.

`disparity = (nearness − convergence) · strength/100 · width` in pixels of the full-size frame. Strength and
convergence change slowly, and only they are bent to keep the budget: pixels are never clipped by it.

State lives for one shot. What happens at a cut does not depend on the neighbouring shot, so that shots can be made in
any order: near both ends of a shot the subject is drawn towards the screen plane, where the neighbour's subject is
drawn too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from video3d.settings import WindowTreatment
from video3d.stereo.framing import Bars, Box, FrameMeasure, LumaMap, detect_bars, measure
from video3d.types import FloatMap

Numbers = npt.NDArray[np.float64]

DEFAULT_STRENGTH = 2.5
BUILTIN_STRENGTH = 1.5
"""The built-in depth errs more: less of it stays comfortable."""
EXCURSION_FRONT = 2.5
EXCURSION_BEHIND = 4.0
"""Broadcast limits for short excursions, in % of the width (BSkyB delivery rules); they hold for a fixed plane."""

_SUBJECT_IN_FRONT = 0.05
_CONVERGENCE_RANGE = (0.3, 0.8)
_CONVERGENCE_RATE = 0.25
"""% of the width per second that the screen plane may move inside a shot."""
_PAST_SECONDS = 1.0
_KNEE = 0.95
_CUT_SUBJECT = 0.25
"""% of the width that the subject may be off the screen plane at a cut: two shots differ by at most twice as much."""
_CUT_SECONDS = 0.75
_TAPER_SLOPE = 0.5
"""Disparity pixels per pixel of distance from the frame's side; below 1 nothing folds over."""
_VIOLATION = 0.15
_WINDOW_STEP = 0.1
"""% of the width that a side of the floating window may move from frame to frame inside a shot."""
_BAND_RAMP = 0.03
_MOST_PENDING = 128
_SAME_TIME = 1e-6
"""Seconds: what is apart by less is rounding."""


@dataclass(frozen=True)
class ComfortBudget:
    """How far things may stand before and behind the screen, in % of the width."""

    front_percent: float = 1.0
    behind_percent: float = 1.75

    @classmethod
    def for_strength(cls, strength_percent: float) -> ComfortBudget:
        """The default budget; wider in proportion for those who ask for more than the default strength."""
        scale = max(1.0, strength_percent / DEFAULT_STRENGTH)
        return cls(cls.front_percent * scale, cls.behind_percent * scale)


@dataclass(frozen=True)
class DisparitySettings:
    """What the designer aims at."""

    strength_percent: float = DEFAULT_STRENGTH
    """Disparity between nearness 0 and 1 in % of the width, 0…5."""
    convergence: float | None = None
    """Nearness that lies on the screen, 0…1; None: from the picture."""
    budget: ComfortBudget | None = None
    """None: by the strength."""
    window: WindowTreatment = WindowTreatment.TAPER
    look_ahead_seconds: float = 0.5
    """0…1: how long a frame waits for those after it."""
    bars: Bars | None = None
    """Black bars where they are known; None: looked for in the luma given."""
    subtitle_band: float = 0.0
    """Part of the picture's height, from below, that stays on the screen plane for burnt-in subtitles."""


@dataclass(frozen=True)
class FloatingWindow:
    """Columns to blacken, in pixels of the full-size frame: left ones in the left eye, right ones in the right eye."""

    left_pixels: float = 0.0
    right_pixels: float = 0.0


@dataclass(frozen=True, eq=False)
class DesignedFrame:
    """One frame's disparity and how it came about."""

    disparity: FloatMap
    """float32 [h, w] of the nearness map's size, in pixels of the full-size frame."""
    strength_percent: float
    convergence: float
    window: FloatingWindow
    bars: Bars


@dataclass(frozen=True, eq=False)
class _Waiting:
    nearness: FloatMap
    seconds: float


def suggested_strength(depth_model: str) -> float:
    """The strength, in % of the width, for a depth model's id."""
    return BUILTIN_STRENGTH if depth_model in ("builtin", "constant") else DEFAULT_STRENGTH


class DisparityDesigner:
    """Push/flush stage for frames of `width` pixels: nearness maps in, as many disparity maps out, in order.

    A frame comes out once frames `look_ahead_seconds` later are in. `at_cut` says whether the shot begins at a cut of
    the picture; it does not where a unit begins inside a shot.
    """

    def __init__(self, width: int, settings: DisparitySettings | None = None, *, at_cut: bool = True) -> None:
        self._width = width
        self._settings = settings or DisparitySettings()
        self._budget = self._settings.budget or ComfortBudget.for_strength(self._settings.strength_percent)
        self._look_ahead = min(max(self._settings.look_ahead_seconds, 0.0), 1.0)
        self.reset(at_cut=at_cut)

    def reset(self, *, at_cut: bool = True) -> None:
        """Forgets everything; the next frame begins a shot."""
        self._waiting: deque[_Waiting] = deque()
        self._measures: deque[FrameMeasure] = deque()
        self._bars = self._settings.bars
        self._plane: float | None = None
        self._plane_seconds = 0.0
        self._begin: float | None = None
        self._begins_at_cut = at_cut
        self._floated: list[float] | None = None

    def push(self, nearness: FloatMap, *, seconds: float, luma: LumaMap | None = None,
             subjects: Sequence[Box] = ()) -> list[DesignedFrame]:
        """Takes the next frame: `nearness` float32 [h, w], 0…1, any small size, kept and not changed; `seconds` grow.

        `luma` is a small grey picture (any size) for black bars and sharpness; `subjects` are boxes of faces or
        persons where they are known. Returns the frames that are ready.
        """
        if self._begin is None:
            self._begin = seconds
        self._see_bars(luma)
        self._measures.append(measure(nearness, seconds=seconds, luma=luma, subjects=subjects, bars=self._bars))
        self._waiting.append(_Waiting(nearness, seconds))
        ready: list[DesignedFrame] = []
        while self._waiting[0].seconds + self._look_ahead + _SAME_TIME < seconds or len(self._waiting) > _MOST_PENDING:
            ready.append(self._design(end=None))
        return ready

    def flush(self, *, at_cut: bool = True) -> list[DesignedFrame]:
        """Ends the shot: the frames that still wait. `at_cut` is False where only the unit ends, not the shot."""
        end = self._waiting[-1].seconds if self._waiting and at_cut else None
        ready = [self._design(end) for _ in range(len(self._waiting))]
        self.reset()
        return ready

    def _see_bars(self, luma: LumaMap | None) -> None:
        if self._settings.bars is not None or luma is None:
            return
        seen = detect_bars(luma)
        if seen is not None:
            self._bars = seen if self._bars is None else self._bars.common(seen)

    def _design(self, end: float | None) -> DesignedFrame:
        frame = self._waiting.popleft()
        while self._measures[0].seconds < frame.seconds - _PAST_SECONDS - _SAME_TIME:
            self._measures.popleft()
        window = _Window.around(frame.seconds, self._look_ahead, self._measures)
        strength = self._strength(window)
        plane = self._convergence(window, strength, frame.seconds, end)
        floating = self._floating(window, strength, plane)
        disparity = self._map(frame.nearness, strength, plane)
        return DesignedFrame(disparity, strength, plane, floating, self._bars or Bars())

    def _strength(self, window: _Window) -> float:
        """The strength asked for, less where the range of nearness would leave the budget."""
        wanted, fixed = self._settings.strength_percent, self._settings.convergence
        if fixed is not None:
            in_front, behind = max(window.high - fixed, 0.0), max(fixed - window.low, 0.0)
            use = wanted * max(in_front / EXCURSION_FRONT, behind / EXCURSION_BEHIND)
        else:
            use = wanted * (window.high - window.low) / (self._budget.front_percent + self._budget.behind_percent)
        return wanted * soft_limit(use) / use if use > 0 else wanted

    def _convergence(self, window: _Window, strength: float, seconds: float, end: float | None) -> float:
        if self._settings.convergence is not None:
            return self._settings.convergence
        plane = self._follow(float(np.clip(window.subject - _SUBJECT_IN_FRONT, *_CONVERGENCE_RANGE)), seconds)
        if strength <= 0:
            return plane
        plane = soft_clamp(plane, window.high - self._budget.front_percent / strength,
                           window.low + self._budget.behind_percent / strength)
        reach = _CUT_SUBJECT / strength
        at_cut = min(max(plane, window.subject - reach), window.subject + reach)
        at_cut = soft_clamp(at_cut, window.high - EXCURSION_FRONT / strength, window.low + EXCURSION_BEHIND / strength)
        return at_cut + (plane - at_cut) * self._away_from_cuts(seconds, end)

    def _follow(self, target: float, seconds: float) -> float:
        """The screen plane on its way to `target`, no faster than the eyes follow without noticing."""
        strength = self._settings.strength_percent
        if self._plane is None or strength <= 0:
            self._plane = target
        else:
            step = _CONVERGENCE_RATE / strength * max(seconds - self._plane_seconds, 0.0)
            self._plane += min(max(target - self._plane, -step), step)
        self._plane_seconds = seconds
        return self._plane

    def _away_from_cuts(self, seconds: float, end: float | None) -> float:
        """0 at the shot's ends, 1 away from them, smooth between; 1 where an end is no cut or not yet in sight."""
        ends = [self._begin] if self._begins_at_cut else []
        apart = min((abs(seconds - cut) for cut in (*ends, end) if cut is not None), default=math.inf)
        ramp = min(_CUT_SECONDS, self._look_ahead)
        part = min(apart / ramp, 1.0) if ramp > 0 else float(apart > 0)
        return part * part * (3 - 2 * part)

    def _floating(self, window: _Window, strength: float, plane: float) -> FloatingWindow:
        if self._settings.window is not WindowTreatment.FLOATING:
            return FloatingWindow()
        bars = self._bars or Bars()
        sides = [_window_percent((side - plane) * strength) for side in (window.left_side, window.right_side)]
        if self._floated is not None:
            sides = [min(max(side, before - _WINDOW_STEP), before + _WINDOW_STEP)
                     for side, before in zip(sides, self._floated, strict=True)]
        self._floated = sides
        left, right = (self._width * (percent / 100 + bar) if percent > 0 else 0.0
                       for percent, bar in zip(sides, (bars.left, bars.right), strict=True))
        return FloatingWindow(left, right)

    def _map(self, nearness: FloatMap, strength: float, plane: float) -> FloatMap:
        if strength <= 0:
            return np.zeros(nearness.shape, np.float32)
        gain = strength / 100 * self._width
        disparity = nearness * np.float32(gain)
        disparity -= np.float32(plane * gain)
        rows, columns = (self._bars or Bars()).picture(nearness.shape[1], nearness.shape[0])
        if self._settings.window is WindowTreatment.TAPER:
            _taper(disparity[rows, columns], self._width / nearness.shape[1])
        if self._settings.subtitle_band > 0:
            _flatten_band(disparity[rows], self._settings.subtitle_band)
        _flatten_outside(disparity, rows, columns)
        return disparity


@dataclass(frozen=True)
class _Window:
    """The frames around one frame, in a few numbers that change smoothly from frame to frame.

    Extremes are bounded: `high` is never below the frame's own, `low` never above, the sides never below.
    """

    low: float
    high: float
    subject: float
    left_side: float
    right_side: float

    @classmethod
    def around(cls, seconds: float, look_ahead: float, measures: Iterable[FrameMeasure]) -> _Window:
        near = [m for m in measures if m.seconds <= seconds + look_ahead + _SAME_TIME]
        times = np.array([m.seconds for m in near])
        high, low, left, right = (_envelope(times, np.array(values), seconds, look_ahead / 2) for values in (
            [m.high for m in near], [-m.low for m in near], [m.left_side for m in near], [m.right_side for m in near]))
        return cls(-low, high, float(np.mean([m.subject for m in near])), left, right)


def soft_limit(use: float) -> float:
    """`use` up to 0.95, beyond that ever closer to 1, which it never passes (a tanh knee)."""
    return use if use <= _KNEE else _KNEE + (1 - _KNEE) * math.tanh((use - _KNEE) / (1 - _KNEE))


def soft_clamp(value: float, low: float, high: float) -> float:
    """`value` kept between `low` and `high` with knees inside; their middle where `low` is above `high`."""
    if low >= high:
        return (low + high) / 2
    knee = min(0.05, (high - low) / 4)
    if value > high - knee:
        return high - knee + knee * math.tanh((value - high + knee) / knee)
    if value < low + knee:
        return low + knee - knee * math.tanh((low + knee - value) / knee)
    return value


def _envelope(times: Numbers, values: Numbers, seconds: float, reach: float) -> float:
    """Mean, over the frames within `reach` seconds, of the largest value within `reach` of each: smooth, and never
    below the value at `seconds` (a look-ahead limiter)."""
    close = np.abs(times[:, None] - times[None]) <= reach + _SAME_TIME
    largest = np.where(close, values[None], -np.inf).max(1)
    return float(largest[np.abs(times - seconds) <= reach + _SAME_TIME].mean())


def _window_percent(percent: float) -> float:
    """Width of a floating window's side: nothing for a slight violation, all of it from twice that on."""
    part = min(max(percent / _VIOLATION - 1, 0.0), 1.0)
    return percent * part * part * (3 - 2 * part)


def _taper(picture: FloatMap, pixels_per_column: float) -> None:
    """Limits disparity in front of the screen by the distance from the picture's sides, in place."""
    columns = picture.shape[1]
    highest = float(picture.max()) if picture.size else 0.0
    count = min(math.ceil(max(highest, 0.0) / _TAPER_SLOPE / pixels_per_column), -(-columns // 2))
    if count == 0:
        return
    limit = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * np.float32(_TAPER_SLOPE * pixels_per_column)
    left, right = picture[:, :count], picture[:, columns - count:]
    np.minimum(left, limit, out=left)
    np.minimum(right, limit[::-1], out=right)


def _flatten_band(picture: FloatMap, part: float) -> None:
    """Draws the lowest `part` of the rows to the screen plane, with a short ramp above, in place."""
    rows = picture.shape[0]
    height = 1 - (np.arange(rows, dtype=np.float32) + np.float32(0.5)) / np.float32(rows)
    weight = np.clip((height - part) / _BAND_RAMP, 0, 1)
    picture *= (weight * weight * (3 - 2 * weight))[:, None].astype(np.float32)


def _flatten_outside(disparity: FloatMap, rows: slice, columns: slice) -> None:
    disparity[:rows.start] = 0
    disparity[rows.stop:] = 0
    disparity[:, :columns.start] = 0
    disparity[:, columns.stop:] = 0
