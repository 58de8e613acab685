"""The torch path makes the same picture as the compiled one, on the processor."""

from __future__ import annotations

import numpy as np
import pytest

from video3d.stereo import synthesize
from video3d.stereo.torch_path import synthesize_torch

pytestmark = pytest.mark.needs("torch")


def scene(seed: int, height: int = 48, width: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """A textured picture, and a sloping wall with cards and poles before it."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    disparity = np.tile(np.linspace(-3, 2, width, dtype=np.float32), (height, 1))
    for _ in range(5):
        y, x = rng.integers(0, height - 8), rng.integers(0, width - 10)
        disparity[y:y + rng.integers(4, 30), x:x + rng.integers(1, 24)] = rng.uniform(-6, 12)
    return image, disparity


@pytest.mark.parametrize("eye", ["left", "right"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dilation", [0, 2, 3])
def test_it_differs_by_rounding_alone(eye: str, seed: int, dilation: int) -> None:
    image, disparity = scene(seed)
    expected = synthesize(image, disparity, eye, edge_dilation=dilation).astype(int)
    made = synthesize_torch(image, disparity, eye, edge_dilation=dilation).astype(int)
    apart = np.abs(made - expected)
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01


def test_soft_disparity_gets_the_same_edges() -> None:
    image, disparity = scene(7, 96, 160)
    coarse = disparity[::2, ::2].copy()
    assert np.abs(synthesize_torch(image, coarse).astype(int) - synthesize(image, coarse)).max() <= 1


def test_nothing_seen_and_nothing_moved() -> None:
    image, disparity = scene(1)
    assert np.array_equal(synthesize_torch(image, np.zeros_like(disparity)), image)
    away = np.full_like(disparity, 500)
    assert np.array_equal(synthesize_torch(image, away), synthesize(image, away))


def test_a_mirrored_picture_gives_the_mirrored_eye() -> None:
    image, disparity = scene(2)
    mirrored = synthesize_torch(image[:, ::-1].copy(), disparity[:, ::-1].copy(), "left")
    assert np.array_equal(mirrored[:, ::-1], synthesize_torch(image, disparity, "right"))


@pytest.mark.parametrize(("image", "eye"), [(np.zeros((4, 4), np.uint8), "right"),
                                            (np.zeros((4, 4, 3), np.uint8), "both")])
def test_other_pictures_and_eyes_are_refused(image: np.ndarray, eye: str) -> None:
    with pytest.raises(ValueError, match="synthesize_torch"):
        synthesize_torch(image, np.zeros((4, 4), np.float32), eye)
