"""The other eye of one picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from video3d.stereo.backend import load_kernels
from video3d.stereo.edges import at_frame_size
from video3d.stereo.rows import RowWorkers
from video3d.stereo.warp import Picture, Warper, Widening
from video3d.types import Eye, FloatMap


def synthesize(
    image: npt.NDArray[np.uint8],
    disparity: FloatMap,
    eye: str | Eye = "right",
    *,
    edge_dilation: int = 2,
    workers: int = 2,
    compiled: bool | None = None,
) -> npt.NDArray[np.uint8]:
    """The `eye` ("left" or "right") of a picture that is the other eye.

    `image` uint8 [H, W, 3] RGB; `disparity` float32 [H, W], or smaller, in pixels of the full-size input view, positive
    = nearer. A point at x in the left eye lies at x − disparity in the right eye. Near things are widened by
    `edge_dilation` pixels. The result does not depend on `workers`. `compiled` False takes the plain numpy path.

    Raises ValueError for pictures of another shape or an eye that is neither left nor right.
    """
    wanted = Eye(eye)
    if wanted is Eye.BOTH:
        raise ValueError("synthesize makes one eye: left or right")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or disparity.ndim != 2:
        raise ValueError("synthesize takes a uint8 [H, W, 3] picture and a float32 [H, W] disparity")
    left_eye = wanted is Eye.LEFT
    kernels = load_kernels(compiled)
    with RowWorkers(workers) as rows:
        luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        full = at_frame_size(disparity, luma, 255, kernels, rows)
        warper = Warper(kernels, rows)
        warp = warper.map(full, left_eye, widening=Widening.of(edge_dilation, left_eye))
        made: npt.NDArray[np.uint8] = np.empty(image.shape, np.uint8)
        # One after the other in the same memory: fresh pages for all three at once cost a fifth of the time.
        plane = np.empty_like(luma)
        for channel in range(3):
            source = cv2.extractChannel(image, channel)
            warper.make([Picture(np.asarray(source), warp, plane)], left_eye, 255)
            cv2.insertChannel(plane, made, channel)
    return made
