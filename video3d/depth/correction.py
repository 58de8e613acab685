"""What a small network adds to the fused cues: it sees a picture and the cues' maps, and corrects them.

It was trained on procedural scenes only (see `training/`). Where its file cannot be read the cues stand alone.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.types import FloatMap

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Array = npt.NDArray[Any]

WEIGHTS = Path(__file__).with_name("correction.onnx")
AREA = 80 * 48
"""Pixels of the picture that the network sees, about."""
SHARE = 0.65
"""Of what the network would add; the rest is caution: it has never seen a real picture."""

_log = logging.getLogger(__name__)


def shown(rgb: Array, maps: Array) -> tuple[FloatMap, FloatMap]:
    """The picture [H, W, 3] at the network's size, and its maps [H, W, n] at half of that; sides a multiple of 4."""
    height, width = rgb.shape[:2]
    scale = math.sqrt(AREA / (width * height))
    columns, rows = (max(8, 4 * round(side * scale / 8)) for side in (width, height))
    small: FloatMap = cv2.resize(rgb, (2 * columns, 2 * rows), interpolation=cv2.INTER_AREA)
    planes = [cv2.resize(np.ascontiguousarray(maps[..., n]), (columns, rows), interpolation=cv2.INTER_AREA)
              for n in range(maps.shape[2])]
    return small, np.stack(planes, -1)


def network_input(small: FloatMap, maps: FloatMap) -> FloatMap:
    """float32 [12 + n, h, w]: red, green and blue, less 0.5, of each two by two pixels, then the maps."""
    rows, columns = maps.shape[:2]
    blocks = (small - np.float32(0.5)).reshape(rows, 2, columns, 2, 3).transpose(4, 1, 3, 0, 2)
    return np.concatenate([blocks.reshape(12, rows, columns), maps.transpose(2, 0, 1)])


class Corrector:
    """The network. It remembers nothing: the cues do, and the stabiliser calms what comes of both."""

    def __init__(self, weights: Path = WEIGHTS, share: float = SHARE) -> None:
        self._network: Any = _network(weights) if share else None
        self._share = np.float32(share)

    def correction(self, rgb: Array, maps: Array) -> FloatMap:
        """float32 [h, w] to add to the fused map; `rgb` is [h, w, 3] in 0…1, `maps` [h, w, 8] (`builtin.cue_maps`)."""
        if self._network is None:
            return np.zeros(rgb.shape[:2], np.float32)
        found = self._share * self._seen(*shown(rgb, maps))
        enlarged: FloatMap = cv2.resize(found, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return enlarged

    def _seen(self, small: FloatMap, maps: FloatMap) -> FloatMap:
        self._network.setInput(network_input(small, maps)[None])
        seen: FloatMap = self._network.forward()[0, 0]
        return seen


def _network(weights: Path) -> Any:
    # Read as bytes: OpenCV cannot open a path with letters outside the system's code page.
    try:
        return cv2.dnn.readNetFromONNX(np.fromfile(weights, np.uint8))
    except (OSError, AttributeError, cv2.error) as error:
        _log.warning("The built-in depth works without its network: %s", error)
        return None
