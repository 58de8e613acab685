"""What stands still although its flow is confused.

A dark or even picture gives flow of several pixels that the way back contradicts. Where that is so, and the picture at
rest is the same but for noise, the place is taken to stand still, and that is trusted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.order_statistics import percentiles
from video3d.stabilise.lines import robust_line
from video3d.types import FloatMap, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Grey = npt.NDArray[np.uint8]

_LEAST_LEVELS, _MOST_LEVELS = 3.0, 6.0
"""Grey levels of local difference at which trust in rest falls to 1/e: at least so many, whatever the noise; at most,
whatever looks like noise."""
_LEVELS_OF_NOISE = 4.0
_WINDOW = 9
_LEAST_ERROR = 0.3
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_NOISE_QUARTILE = 6 * 0.3186
"""Lower quartile of what the kernel leaves of normal noise with a deviation of 1."""


def with_rest(motion: Motion, previous_grey: Grey, grey: Grey) -> Motion:
    """`motion` between the two uint8 [H, W] pictures; nought where rest is trusted more than its own flow."""
    if previous_grey.shape != grey.shape or grey.shape != motion.confidence.shape:
        return motion
    rest = _rest(previous_grey, grey)
    moves: Any = cv2.compare(rest, motion.confidence, cv2.CMP_LE)
    return replace(motion, to_previous=cv2.copyTo(motion.to_previous, moves),
                   to_next_from_previous=cv2.copyTo(motion.to_next_from_previous, moves),
                   confidence=cv2.max(rest, motion.confidence))


def _rest(previous_grey: Grey, grey: Grey) -> FloatMap:
    """float32 [H, W], 0…1: how far each place can be taken to stand still.

    A fade or a change of exposure, which takes all pixels along one line, is no motion.
    """
    x, y = (picture[::6, ::6].ravel().astype(np.float64) for picture in (previous_grey, grey))
    scale, shift, _ = robust_line(x, y, np.ones_like(x), _LEAST_ERROR)
    difference: Any = previous_grey * np.float32(scale)
    difference += np.float32(shift)
    np.subtract(grey, difference, out=difference)
    levels = min(max(_LEAST_LEVELS, _LEVELS_OF_NOISE * _noise(grey)), _MOST_LEVELS)
    energy: Any = cv2.blur(np.square(difference, out=difference), (_WINDOW, _WINDOW))
    rest: FloatMap = cv2.exp(energy * np.float32(-1 / levels ** 2))
    return rest


def _noise(grey: Grey) -> float:
    """Deviation of the picture's noise in grey levels, from its evener half (after Immerkaer, "Fast Noise Variance
    Estimation", CVIU 1996, with a quartile for the mean)."""
    left: Any = np.abs(cv2.filter2D(grey, cv2.CV_32F, _NOISE_KERNEL)[::3, ::3])
    return percentiles(left, 25)[0] / _NOISE_QUARTILE
