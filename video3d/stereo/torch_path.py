"""The other eye of one picture with torch, on any of its devices: the same steps as `kernels`, on whole pictures.

Nothing here waits for the device: shapes never depend on content, and no value is read back, so calls may be queued.
What is decided run by run in `kernels` is decided here pixel by pixel: each pixel that the source does not show knows
the column of its row that shows the surface behind (its anchor) and how far it is from it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from video3d.stereo.backend import load_kernels
from video3d.stereo.edges import at_frame_size
from video3d.stereo.kernels import (
    BORDER_DETAIL,
    BORDER_SPREAD,
    HOLE_DETAIL,
    HOLE_SPREAD,
    SEAM_SHARE,
    SPREAD_LEAST,
    SPREAD_MOST,
    SPREAD_TAPS,
    STRIP_LONGEST,
    STRIP_SHARE,
    SURFACE_JUMP,
)
from video3d.stereo.rows import RowWorkers
from video3d.types import Eye, FloatMap

Tensor = Any
STRIP_REACH = 256
"""Columns of the surface behind that a fill looks at, at most; wider ones than any disparity allowed here need."""
_LONGEST_LANDING = 4
"""A segment between two neighbouring pixels of one surface lands on at most so many columns."""


@dataclass(frozen=True, eq=False)
class TorchWarp:
    """Where the pixels of the new eye look; all tensors [H, W], in the orientation of the right eye."""

    shift: Tensor
    seen: Tensor
    inside: Tensor
    """Disoccluded, not beyond the picture's edges."""
    anchor: Tensor
    """Column that shows the surface behind; a border's nothing is W."""
    run: Tensor
    """Length of the run of unseen pixels."""
    seam: Tensor


def synthesize_torch(image: npt.NDArray[np.uint8], disparity: FloatMap, eye: str | Eye = "right", *,
                     edge_dilation: int = 2, device: str = "cpu") -> npt.NDArray[np.uint8]:
    """`synthesize` with torch on `device`; results differ from it by rounding. ValueError as there.

    Soft disparity is given its edges on the processor first.
    """
    torch = importlib.import_module("torch")
    import cv2

    if Eye(eye) is Eye.BOTH:
        raise ValueError("synthesize_torch makes one eye: left or right")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or disparity.ndim != 2:
        raise ValueError("synthesize_torch takes a uint8 [H, W, 3] picture and a float32 [H, W] disparity")
    with RowWorkers(1) as rows:
        luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        sharp = at_frame_size(disparity, luma, 255, load_kernels(), rows)
    with torch.inference_mode():
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).to(device, torch.float32)
        made = other_eye(planes, torch.from_numpy(sharp).to(device), left_eye=Eye(eye) is Eye.LEFT,
                         edge_dilation=edge_dilation, peak=255)
        return np.ascontiguousarray(made.to(torch.uint8).cpu().numpy().transpose(1, 2, 0))


def other_eye(planes: Tensor, disparity: Tensor, *, left_eye: bool, edge_dilation: int, peak: int) -> Tensor:
    """Float planes [C, H, W] (whole numbers 0…peak) of one eye and their disparity [H, W] become the other eye's."""
    if left_eye:
        planes, disparity = planes.flip(-1), disparity.flip(-1)
    # In this orientation the new eye always sees behind things on the same side.
    warp = warp_map(_widened(disparity, edge_dilation))
    made = _filled(_gathered(planes, warp.shift, peak), warp, peak)
    made = _softened(made, warp.seam)
    return made.flip(-1) if left_eye else made


def warp_map(disparity: Tensor) -> TorchWarp:
    """Where each pixel of the right eye looks, from the left eye's disparity [H, W]; see `kernels.project_rows`."""
    torch = importlib.import_module("torch")
    width = disparity.shape[1]
    column = torch.arange(width, device=disparity.device)
    winner = _landed(disparity, column)
    is_set = winner >= 0
    shift = _shift_of(disparity, winner.clamp(min=0), column)
    before = torch.where(is_set, column, -1).cummax(1).values
    after = torch.where(is_set, column, width).flip(1).cummin(1).values.flip(1)
    shift_before = shift.gather(1, before.clamp(min=0))
    shift_after = shift.gather(1, after.clamp(max=width - 1))
    inside = ~is_set & (before >= 0) & (after < width)
    takes_before = (before >= 0) & ((after >= width) | (shift_before < shift_after))
    anchor = torch.where(takes_before, before, after)
    behind = torch.where(anchor < width, torch.where(takes_before, shift_before, shift_after), 0.0)
    shift = torch.where(is_set, shift, behind)
    step = (shift[:, 1:] - shift[:, :-1]).abs() > SURFACE_JUMP
    seam = torch.zeros_like(is_set)
    seam[:, 1:] |= step
    seam[:, :-1] |= step
    return TorchWarp(shift, is_set, inside, anchor, after - before - 1, seam)


def _widened(disparity: Tensor, pixels: int) -> Tensor:
    """See `edges.widened`."""
    torch = importlib.import_module("torch")
    if pixels <= 0:
        return disparity
    left = pixels - pixels // 2
    padded = torch.nn.functional.pad(disparity[None], (left, pixels - left), value=-1e9)
    return torch.nn.functional.max_pool1d(padded, pixels + 1, stride=1)[0]


def _segments(disparity: Tensor, column: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each source pixel: last column at or left of its landing, the first column that the segment to the next pixel
    covers, the change of disparity per column on it, and whether it is torn there."""
    torch = importlib.import_module("torch")
    end = column + torch.floor(-disparity).to(torch.int64)
    fall = torch.zeros_like(disparity)
    fall[:, :-1] = disparity[:, :-1] - disparity[:, 1:]
    torn = (fall <= -1) | (fall > SURFACE_JUMP)
    torn[:, -1] = True
    slope = torch.where(torn, 0.0, -fall / (1 + fall))
    was_torn = torch.ones_like(torn)
    was_torn[:, 1:] = torn[:, :-1]
    lands_on_column = (end - column).to(disparity.dtype) + disparity == 0
    first = torch.where(was_torn & lands_on_column, end, end + 1)
    return end, first, slope, torn


def _landed(disparity: Tensor, column: Tensor) -> Tensor:
    """The source column that each pixel of the new eye shows, −1 where nothing lands: of several the rightmost, which
    is the nearest."""
    torch = importlib.import_module("torch")
    height, width = disparity.shape
    end, first, _, torn = _segments(disparity, column)
    source = column.expand(height, width)
    # The last column takes what lands outside.
    winner = torch.full((height, width + 1), -1, dtype=torch.int64, device=disparity.device)

    def land(place: Tensor, where: Tensor) -> None:
        inside = where & (place >= 0) & (place < width)
        winner.scatter_reduce_(1, torch.where(inside, place, width), torch.where(inside, source, -1), "amax")

    was_torn = torch.ones_like(torn)
    was_torn[:, 1:] = torn[:, :-1]
    away = (end - column).to(disparity.dtype) + disparity
    land(end, was_torn & (away < 0) & (away >= -0.5))
    last = torch.full_like(end, -1)
    last[:, :-1] = end[:, 1:]
    for n in range(_LONGEST_LANDING):
        land(first + n, ~torn & (first + n <= last))
    land(first, torn & ((first - column).to(disparity.dtype) + disparity <= 0.5))
    return winner[:, :width]


def _shift_of(disparity: Tensor, winner: Tensor, column: Tensor) -> Tensor:
    """Source x minus own x for the pixels that show the source column `winner`."""
    torch = importlib.import_module("torch")
    _, first, slope, torn = _segments(disparity, column)
    rim = torn.gather(1, winner) | (column < first.gather(1, winner))
    here = disparity.gather(1, winner)
    own = (column - winner).to(disparity.dtype)
    return torch.where(rim, -own, here + (own + here) * slope.gather(1, winner))


def _gathered(planes: Tensor, shift: Tensor, peak: int) -> Tensor:
    """Catmull-Rom along the row, rounded; see `kernels.gather_rows`."""
    torch = importlib.import_module("torch")
    width = shift.shape[1]
    whole = torch.floor(shift)
    t = shift - whole
    x = (torch.arange(width, device=shift.device) + whole.to(torch.int64)).clamp(-1, width)
    p0, p1, p2, p3 = (_at(planes, (x + offset).clamp(0, width - 1)) for offset in (-1, 0, 1, 2))
    value = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return torch.floor((value + 0.5).clamp(0, peak))


def _at(planes: Tensor, column: Tensor) -> Tensor:
    return planes.gather(2, column.expand(planes.shape[0], *column.shape))


def _strip_lengths(warp: TorchWarp) -> Tensor:
    """How many columns of the surface behind follow each unseen pixel's anchor, away from the hole."""
    torch = importlib.import_module("torch")
    height, width = warp.shift.shape
    column = torch.arange(width, device=warp.shift.device)
    step = torch.where(warp.anchor > column, 1, -1)
    anchor = warp.anchor.clamp(0, width - 1)
    base = warp.shift.gather(1, anchor)
    going = ~warp.seen & (warp.anchor < width)
    length = torch.zeros((height, width), dtype=torch.int64, device=warp.shift.device)
    for n in range(min(STRIP_REACH, width)):
        x = anchor + step * n
        held = x.clamp(0, width - 1)
        near = (warp.shift.gather(1, held) - base).abs() <= SURFACE_JUMP + 0.25 * n
        going = going & (x == held) & warp.seen.gather(1, held) & near & (n <= 2 * warp.run)
        if going.device.type == "cpu" and not going.any():  # asking a GPU would mean waiting for it
            break
        length = length + going.to(torch.int64)
    return length.clamp(min=1)


def _ground(planes: Tensor, warp: TorchWarp, distance: Tensor) -> tuple[Tensor, Tensor]:
    """Tone and detail [C, H, W] of unseen pixels; see `kernels.ground_rows`."""
    torch = importlib.import_module("torch")
    width = warp.shift.shape[1]
    column = torch.arange(width, device=warp.shift.device)
    step = torch.where(warp.anchor > column, 1, -1)
    anchor = warp.anchor.clamp(0, width - 1)
    length = _strip_lengths(warp)
    # Sums of whole numbers stay exact.
    sums = torch.nn.functional.pad(planes.to(torch.float64).cumsum(2), (1, 0))

    def mean(low: Tensor, high: Tensor) -> Tensor:
        """Of the strip's pixels number `low` to `high` − 1."""
        first = torch.where(step > 0, anchor + low, anchor - high + 1).clamp(0, width)
        last = torch.where(step > 0, anchor + high, anchor - low + 1).clamp(0, width)
        return (_at(sums, last) - _at(sums, first)) / (high - low).clamp(min=1)

    count = torch.minimum(((STRIP_SHARE * distance).to(torch.int64) + 1).clamp(max=STRIP_LONGEST), length)
    turn = (distance - 1).clamp(min=0) % (2 * length)
    turn = torch.minimum(turn, 2 * length - 1 - turn)
    around = mean((turn - 2).clamp(min=0), torch.minimum(length, turn + 3))
    texture = _at(planes, (anchor + step * turn).clamp(0, width - 1)).to(torch.float64)
    known = warp.anchor < width
    return torch.where(known, mean(torch.zeros_like(count), count), 0.0), torch.where(known, texture - around, 0.0)


def _filled(planes: Tensor, warp: TorchWarp, peak: int) -> Tensor:
    """Unseen pixels from the tones of the rows around them on the same surface; see `kernels.fill_rows`."""
    torch = importlib.import_module("torch")
    height, width = warp.shift.shape
    column = torch.arange(width, device=warp.shift.device)
    row = torch.arange(height, device=warp.shift.device)[:, None]
    distance = torch.where(warp.seen, 1, (warp.anchor - column).abs())
    tone, detail = _ground(planes, warp, distance)
    known = torch.where(warp.seen, planes.to(torch.float64), tone)
    growth = torch.where(warp.inside, HOLE_SPREAD, BORDER_SPREAD).to(torch.float64)
    span = (2.2 * (SPREAD_LEAST + growth * distance).clamp(max=SPREAD_MOST) + 0.5).to(torch.int64)
    falloff = 1.0 / ((span + 1).to(torch.float64) ** 2)
    stride = 1 + span // SPREAD_TAPS
    total, weights = tone, torch.ones_like(falloff)
    for n in range(1, SPREAD_TAPS + 1):
        dy = n * stride
        weight = torch.where(n <= span // stride, 1.0 - dy * dy * falloff, 0.0)
        for signed in (-dy, dy):
            other = (row + signed).clamp(0, height - 1)
            near = (warp.shift.gather(0, other) - warp.shift).abs() <= SURFACE_JUMP + 0.1 * dy
            share = torch.where((other == row + signed) & near, weight, 0.0)
            total = total + share * known.gather(1, other.expand(planes.shape[0], height, width))
            weights = weights + share
    strength = torch.where(warp.inside, HOLE_DETAIL, BORDER_DETAIL) * (0.5 * (distance - 1)).clamp(max=1.0)
    value = torch.floor((total / weights + strength * detail + 0.5).clamp(0, peak)).to(planes.dtype)
    return torch.where(warp.seen, planes, value)


def _softened(planes: Tensor, seam: Tensor) -> Tensor:
    """See `kernels.seam_rows`."""
    torch = importlib.import_module("torch")
    mixed = planes.clone()
    value = (1 - 2 * SEAM_SHARE) * planes[:, :, 1:-1] + SEAM_SHARE * (planes[:, :, :-2] + planes[:, :, 2:])
    mixed[:, :, 1:-1] = torch.where(seam[:, 1:-1], torch.floor(value + 0.5), planes[:, :, 1:-1])
    return mixed
