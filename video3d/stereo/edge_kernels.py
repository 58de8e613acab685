"""Kernels that put the edges of a coarse disparity where the picture has them; `plain_edges` has them without numba."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from video3d.stereo.compiling import compiled

TONE_REACH = 3
"""Pixels of the coarse disparity to each side in which the tones of two surfaces are measured."""
TONE_NEAR = 0.6
TONE_FAR = 0.4
"""Between these shares of the way from the farther to the nearer surface a pixel counts for neither."""
TONE_TRUST = 0.35
"""How far along that way a clear difference in luma may move the edge."""
NO_TONE = 1e6

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


@compiled("void(f4[:,::1], f4[:,::1], f4[:,::1], u1[:,::1], f4[:,::1], f4[:,:,::1], i8, i8)")
def tone_rows(disparity: Any, high: Any, low: Any, marked: Any, luma: Any, tones: Any, first: int, last: int) -> None:
    """`tones` [h, w, 3] of marked pixels: mean luma of the nearer and of the farther surface around, and its spread.

    The spread is NO_TONE where one of the two is not to be seen. `high` and `low` are the disparities of the two
    surfaces; all maps have the size of the coarse disparity.
    """
    height, width = disparity.shape
    for y in range(first, last):
        for x in range(width):
            if not marked[y, x]:
                continue
            bottom, scale = low[y, x], _ONE / (high[y, x] - low[y, x])
            near, near_sum, near_square = _ZERO, _ZERO, _ZERO
            far, far_sum, far_square = _ZERO, _ZERO, _ZERO
            for j in range(max(0, y - TONE_REACH), min(height, y + TONE_REACH + 1)):
                for i in range(max(0, x - TONE_REACH), min(width, x + TONE_REACH + 1)):
                    place = (disparity[j, i] - bottom) * scale
                    value = luma[j, i]
                    if place > np.float32(TONE_NEAR):
                        weight = place - np.float32(TONE_NEAR)
                        near += weight
                        near_sum += weight * value
                        near_square += weight * value * value
                    elif place < np.float32(TONE_FAR):
                        weight = np.float32(TONE_FAR) - place
                        far += weight
                        far_sum += weight * value
                        far_square += weight * value * value
            if near > _ZERO and far > _ZERO:
                near_tone, far_tone = near_sum / near, far_sum / far
                variance = near_square / near - near_tone * near_tone + far_square / far - far_tone * far_tone
                tones[y, x, 0], tones[y, x, 1] = near_tone, far_tone
                tones[y, x, 2] = math.sqrt(max(_ZERO, _HALF * variance))
            else:
                tones[y, x, 2] = NO_TONE


def _snap(high: Any, low: Any, marked: Any, tones: Any, luma: Any, noise: float, out: Any, first: int, last: int
          ) -> None:
    rows, columns = marked.shape
    height, width = out.shape
    step_y, step_x = rows / height, columns / width
    for n in range(first, last):
        top, bottom = math.ceil(n / step_y - 0.5), min(height, math.ceil((n + 1) / step_y - 0.5))
        for m in range(columns):
            if not marked[n, m]:
                continue
            left, right = math.ceil(m / step_x - 0.5), min(width, math.ceil((m + 1) / step_x - 0.5))
            near, far, spread = tones[n, m, 0], tones[n, m, 1], tones[n, m, 2]
            contrast = abs(near - far)
            trust = TONE_TRUST * contrast / (contrast + spread + noise)
            for y in range(top, bottom):
                from_y = min(max((y + 0.5) * step_y - 0.5, 0.0), rows - 1.0)
                y0 = min(int(from_y), max(rows - 2, 0))
                y1, part_y = min(y0 + 1, rows - 1), from_y - y0
                for x in range(left, right):
                    from_x = min(max((x + 0.5) * step_x - 0.5, 0.0), columns - 1.0)
                    x0 = min(int(from_x), max(columns - 2, 0))
                    x1, part_x = min(x0 + 1, columns - 1), from_x - x0
                    a, b = (1.0 - part_y) * (1.0 - part_x), (1.0 - part_y) * part_x
                    c, d = part_y * (1.0 - part_x), part_y * part_x
                    over = a * high[y0, x0] + b * high[y0, x1] + c * high[y1, x0] + d * high[y1, x1]
                    under = a * low[y0, x0] + b * low[y0, x1] + c * low[y1, x0] + d * low[y1, x1]
                    place = (out[y, x] - under) / max(over - under, 1e-3)
                    if spread != NO_TONE:
                        from_near, from_far = abs(luma[y, x] - near), abs(luma[y, x] - far)
                        place += trust * (from_far - from_near) / (from_far + from_near + noise)
                    out[y, x] = over if place > 0.5 else under


_SNAP = "void(f4[:,::1], f4[:,::1], u1[:,::1], f4[:,:,::1], {}[:,:], f8, f4[:,::1], i8, i8)"
snap_rows = compiled(_SNAP.format("u1"), _SNAP.format("u2"))(_snap)
"""Moves each pixel of `out` [H, W], the enlarged disparity, in marked cells to the surface it belongs to.

That is the one whose disparity is nearer to its own, swayed by whose tone is nearer to its luma. `first` and `last` are
rows of the coarse grid.
"""
