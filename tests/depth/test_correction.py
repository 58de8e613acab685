"""The network that corrects the fused cues: small, the same for the same, and not missed where it is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from video3d.depth.builtin import BuiltinDepth
from video3d.depth.correction import AREA, WEIGHTS, Corrector, network_input, shown
from video3d.depth_model import DepthInput

MEBIBYTE = 1 << 20
Array = npt.NDArray[Any]


def picture_and_maps(width: int = 128, height: int = 72, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    rgb = cv2.GaussianBlur(rng.random((height, width, 3)).astype(np.float32), (0, 0), 3)
    maps = cv2.GaussianBlur(rng.random((height, width, 8)).astype(np.float32), (0, 0), 9)
    return rgb, maps


def test_the_network_is_small() -> None:
    assert WEIGHTS.stat().st_size <= 3 * MEBIBYTE


def test_no_layer_that_opencv_4_8_computes_wrongly() -> None:
    """Means along an axis are infinite or off there for tall pictures; they are poolings instead."""
    assert b"ReduceMean" not in WEIGHTS.read_bytes()


@pytest.mark.parametrize(("width", "height"), [(128, 72), (72, 128), (96, 96), (111, 83), (200, 46), (16, 16), (8, 16)])
def test_the_correction_has_the_maps_size(width: int, height: int) -> None:
    found = Corrector().correction(*picture_and_maps(width, height))
    assert found.shape == (height, width)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.std() > 0, "the network was read and says something"


@pytest.mark.parametrize(("width", "height"), [(128, 72), (72, 128), (111, 83), (200, 46)])
def test_the_network_sees_about_as_many_pixels_of_any_shape(width: int, height: int) -> None:
    small, maps = shown(*picture_and_maps(width, height))
    assert 0.7 * AREA < small.shape[0] * small.shape[1] < 1.4 * AREA
    assert small.shape[:2] == (2 * maps.shape[0], 2 * maps.shape[1])
    assert all(side % 4 == 0 for side in maps.shape[:2]), "it halves the maps twice"
    assert network_input(small, maps).shape == (20, *maps.shape[:2])


def test_blocks_of_pixels_become_channels() -> None:
    small = np.arange(4 * 4 * 3, dtype=np.float32).reshape(4, 4, 3)
    blocks = network_input(small, np.zeros((2, 2, 8), np.float32))[:12] + 0.5
    np.testing.assert_array_equal(blocks[:4, 0, 0], [small[0, 0, 0], small[0, 1, 0], small[1, 0, 0], small[1, 1, 0]])
    np.testing.assert_array_equal(blocks[8:, 1, 1], small[2:, 2:, 2].reshape(-1))


def test_the_same_picture_gets_the_same_correction() -> None:
    one, other = Corrector(), Corrector()
    seen = picture_and_maps()
    first = one.correction(*seen)
    one.correction(*picture_and_maps(seed=1))
    np.testing.assert_array_equal(one.correction(*seen), first)
    np.testing.assert_array_equal(other.correction(*seen), first)


@pytest.mark.parametrize("damage", ["missing", "empty", "not a network"])
def test_without_its_file_the_cues_stand_alone(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "ünreadable.onnx"
    if damage != "missing":
        file.write_bytes(b"" if damage == "empty" else b"something else" * 100)
    rgb = np.random.default_rng(0).random((108, 192, 3)).astype(np.float32)
    (alone,) = BuiltinDepth(Corrector(file)).estimate([DepthInput(rgb, None, True, 0.0)])
    (cues,) = BuiltinDepth(Corrector(share=0)).estimate([DepthInput(rgb, None, True, 0.0)])
    np.testing.assert_array_equal(alone, cues)


def test_a_folder_with_letters_of_any_alphabet_holds_it(tmp_path: Path) -> None:
    file = tmp_path / "深度.onnx"
    file.write_bytes(WEIGHTS.read_bytes())
    seen = picture_and_maps()
    elsewhere, here = Corrector(file), Corrector()
    np.testing.assert_array_equal(elsewhere.correction(*seen), here.correction(*seen))
