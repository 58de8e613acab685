from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from video3d.types import Frame, PixelFormat, Unit

NAMES = [f"yuv{chroma}p{depth}" for chroma in ("420", "422", "444") for depth in ("", "10le", "12le")]


@pytest.mark.parametrize("name", NAMES)
def test_pixel_format_names_survive_the_round_trip(name: str) -> None:
    assert PixelFormat.parse(name).name == name


@pytest.mark.parametrize("name", ["rgb24", "yuv420p16le", "yuv411p", "yuva420p", "nv12", "yuv420p10be", ""])
def test_other_formats_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a planar YUV format"):
        PixelFormat.parse(name)


@given(st.sampled_from(NAMES), st.integers(1, 5000), st.integers(1, 5000))
def test_planes_cover_the_picture_and_no_more(name: str, width: int, height: int) -> None:
    pixel_format = PixelFormat.parse(name)
    luma, first, second = pixel_format.plane_shapes(width, height)
    assert luma == (height, width)
    assert first == second
    shifts = pixel_format.chroma_shift_y, pixel_format.chroma_shift_x
    for chroma, size, shift in zip(first, luma, shifts, strict=True):
        assert 0 <= (chroma << shift) - size < 1 << shift
    samples = luma[0] * luma[1] + 2 * first[0] * first[1]
    assert pixel_format.frame_bytes(width, height) == samples * (1 if pixel_format.bit_depth == 8 else 2)


@pytest.mark.parametrize(("name", "dtype", "peak"), [("yuv420p", np.uint8, 255), ("yuv444p12le", np.uint16, 4095)])
def test_samples(name: str, dtype: type, peak: int) -> None:
    pixel_format = PixelFormat.parse(name)
    assert pixel_format.dtype == dtype
    assert pixel_format.peak == peak


def test_a_frame_knows_its_size() -> None:
    pixel_format = PixelFormat.parse("yuv420p")
    planes = [np.zeros(shape, np.uint8) for shape in pixel_format.plane_shapes(7, 5)]
    frame = Frame((planes[0], planes[1], planes[2]), 3, pixel_format)
    assert (frame.width, frame.height) == (7, 5)
    assert repr(frame) == "Frame(7x5 yuv420p, pts=3)"


def test_a_unit_counts_both_its_ends() -> None:
    assert Unit(0, 10, 19, (), warm_up=4).frame_count == 10
