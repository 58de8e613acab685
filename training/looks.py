"""From linear light to what cameras and codecs make of it."""

from __future__ import annotations

from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

cv2: Any = opencv
Array = npt.NDArray[Any]

LAMPS = 0.5
"""Share of pictures in which light and shade lie unevenly over the picture."""


def exposed(linear: Array, rng: np.random.Generator) -> Array:
    """float32 [h, w, 3] in 0…1, gamma-coded: exposure, white balance and contrast as a camera might choose them."""
    if rng.random() < LAMPS:
        coarse = rng.normal(0, 0.5, (3, 4)).astype(np.float32)
        size = linear.shape[1::-1]
        linear = linear * np.exp(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))[..., None]
    level = float(np.percentile(linear, rng.uniform(85, 99))) + 1e-3
    balanced = linear * (rng.uniform(0.6, 1.0) / level) * np.exp(rng.normal(0, 0.06, 3))
    coded = np.clip(balanced, 0, 1) ** (1 / rng.uniform(1.8, 2.6))
    contrast = rng.uniform(0.75, 1.5)
    return np.clip((coded - 0.5) * contrast + 0.5 + rng.normal(-0.03, 0.07), 0, 1).astype(np.float32)


def focused(picture: Array, nearness: Array, rng: np.random.Generator) -> Array:
    """Blurred with the distance from a plane in focus (three layers, mixed by depth)."""
    low, high = np.percentile(nearness, (2, 98))
    position = np.clip((nearness - low) / (high - low + 1e-9), 0, 1)
    plane, strength = rng.uniform(0.3, 1.0), rng.uniform(0.8, 4.0)
    amount = cv2.GaussianBlur(np.abs(position - plane).astype(np.float32) * np.float32(strength), (0, 0), 1.0)
    blurred = [picture, cv2.GaussianBlur(picture, (0, 0), 0.9), cv2.GaussianBlur(picture, (0, 0), 2.4)]
    share = np.clip(amount, 0, 2)[..., None]
    first = blurred[0] + np.clip(share, 0, 1) * (blurred[1] - blurred[0])
    return first + np.clip(share - 1, 0, 1) * (blurred[2] - first)


def recorded(picture: Array, look: np.random.Generator, rng: np.random.Generator) -> Array:
    """uint8: a soft lens or a sharpened picture (`look`: the same for a shot), noise, and block compression."""
    soft = look.random()
    if soft < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), float(look.uniform(0.3, 0.8)))
    elif soft < 0.6:
        picture = picture + look.uniform(0.2, 0.8) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.0))
    noise = np.float32(look.uniform(0, 0.012)) * rng.standard_normal(picture.shape, np.float32)
    coded = np.clip((picture + noise) * 255, 0, 255).astype(np.uint8)
    if look.random() < 0.3:
        _, data = cv2.imencode(".jpg", coded, [cv2.IMWRITE_JPEG_QUALITY, int(look.integers(70, 97))])
        coded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return coded
