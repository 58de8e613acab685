"""Planes become the RGB that a screen would show, small."""

from __future__ import annotations

import subprocess
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video3d.depth.picture import small_rgb
from video3d.reducing import reduced
from video3d.types import Frame, PixelFormat
from video3d.video_info import ColourTags

LAYOUTS = [PixelFormat(depth, x, y) for depth in (8, 10, 12) for x, y in ((1, 1), (1, 0), (0, 0))]
YUV444 = PixelFormat(8, 0, 0)
MATRICES = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Kr and Kb of ITU-T H.273 table 4."""


def flat(luma: float, blue: float, red: float, layout: PixelFormat = YUV444, size: tuple[int, int] = (16, 8)) -> Frame:
    """A frame of one colour, its values as in 8 bit."""
    scale = 1 << (layout.bit_depth - 8)
    planes = [np.full(shape, round(value * scale), layout.dtype)
              for shape, value in zip(layout.plane_shapes(*size), (luma, blue, red), strict=True)]
    return Frame((planes[0], planes[1], planes[2]), 0, layout)


def colour_of(frame: Frame, colour: ColourTags, size: tuple[int, int] = (8, 4)) -> npt.NDArray[np.float32]:
    rgb = small_rgb(frame, size, colour)
    assert rgb.shape == (size[1], size[0], 3)
    assert rgb.dtype == np.float32
    assert np.isfinite(rgb).all()
    assert 0 <= rgb.min() <= rgb.max() <= 1
    assert np.ptp(rgb, axis=(0, 1)).max() < 1e-5
    return rgb[0, 0]


def encoded(rgb: tuple[float, float, float], matrix: int, *, full: bool) -> tuple[float, float, float]:
    """Y, Cb, Cr by ITU-T H.273 equations 38 to 40, in 8-bit values."""
    kr, kb = MATRICES[matrix]
    luma = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2]
    blue, red = (rgb[2] - luma) / (2 * (1 - kb)), (rgb[0] - luma) / (2 * (1 - kr))
    if full:
        return 255 * luma, 128 + 255 * blue, 128 + 255 * red
    return 16 + 219 * luma, 128 + 224 * blue, 128 + 224 * red


CHANNEL = st.floats(0, 1)


@settings(deadline=None)
@given(rgb=st.tuples(CHANNEL, CHANNEL, CHANNEL), matrix=st.sampled_from(sorted(MATRICES)), full=st.booleans(),
       layout=st.sampled_from(LAYOUTS))
def test_colours_come_back(rgb: tuple[float, float, float], matrix: int, full: bool, layout: PixelFormat) -> None:
    """As near as 8 bit can tell."""
    values = [min(255.0, value) for value in encoded(rgb, matrix, full=full)]
    got = colour_of(flat(values[0], values[1], values[2], layout), ColourTags(matrix=matrix, full_range=full))
    np.testing.assert_allclose(got, rgb, atol=0.016)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_black_and_white(layout: PixelFormat) -> None:
    for colour in (ColourTags(1, 1, 1, full_range=False), ColourTags(), ColourTags(matrix=9)):
        np.testing.assert_allclose(colour_of(flat(16, 128, 128, layout), colour), 0, atol=1e-6)
        np.testing.assert_allclose(colour_of(flat(235, 128, 128, layout), colour), 1, atol=1e-6)
    full = ColourTags(full_range=True)
    np.testing.assert_allclose(colour_of(flat(0, 128, 128, layout), full), 0, atol=1e-6)
    np.testing.assert_allclose(colour_of(flat(255, 128, 128, layout), full), 1, atol=1e-6)


def test_an_unknown_matrix_is_guessed_by_the_height() -> None:
    small, large = (64, 576), (64, 720)
    for size, matrix in ((small, 6), (large, 1)):
        frame = flat(*encoded((0.8, 0.3, 0.1), matrix, full=False), size=size)
        np.testing.assert_allclose(colour_of(frame, ColourTags()), (0.8, 0.3, 0.1), atol=0.016)


@pytest.mark.parametrize(("tags", "matrix", "full", "pixels"), [
    ("bt709", 1, False, "yuv420p"), ("bt601", 6, False, "yuv420p"), ("bt709", 1, True, "yuv420p"),
    ("bt709", 1, False, "yuv444p10le"), ("bt2020", 9, False, "yuv422p10le"),
])
def test_it_agrees_with_ffmpeg(tags: str, matrix: int, full: bool, pixels: str, ffmpeg: str) -> None:
    """A real conversion of a test picture, both ways at the same size."""
    layout = PixelFormat.parse(pixels)
    span = "pc" if full else "tv"

    def run(source: list[str], filters: str, form: str, data: bytes | None = None) -> bytes:
        return subprocess.run([ffmpeg, "-v", "error", *source, "-vf", filters, "-frames:v", "1", "-pix_fmt", form, "-f",
                               "rawvideo", "-"], input=data, capture_output=True, check=True).stdout

    # Blocks as large as the small picture's pixels, so that chroma's place does not matter.
    shown = run(["-f", "lavfi", "-i", "testsrc=size=40x24"], "scale=160:96:flags=neighbor", "rgb24")
    raw = ["-f", "rawvideo", "-s", "160x96", "-pix_fmt"]
    planes = run([*raw, "rgb24", "-i", "-"], f"scale=out_color_matrix={tags}:out_range={span}:flags=accurate_rnd",
                 pixels, shown)
    samples = np.frombuffer(planes, layout.dtype)
    frames: list[npt.NDArray[Any]] = []
    begin = 0
    for rows, columns in layout.plane_shapes(160, 96):
        frames.append(samples[begin:begin + rows * columns].reshape(rows, columns))
        begin += rows * columns
    got = small_rgb(Frame((frames[0], frames[1], frames[2]), 0, layout), (40, 24),
                    ColourTags(matrix=matrix, full_range=full))
    expected = np.frombuffer(shown, np.uint8).reshape(24, 4, 40, 4, 3).mean(axis=(1, 3)) / 255
    difference = np.abs(got - expected)
    assert difference.mean() < 0.01
    assert np.quantile(difference, 0.99) < 0.05


def test_the_picture_is_made_small_by_its_area() -> None:
    luma = np.tile(np.array([[16, 235]], np.uint8), (32, 32))
    grey = np.full((16, 32), 128, np.uint8)
    rgb = small_rgb(Frame((luma, grey, grey), 0, PixelFormat(8, 1, 1)), (16, 8), ColourTags())
    np.testing.assert_allclose(rgb, 0.5, atol=0.003)


def test_up_stays_up_and_left_stays_left() -> None:
    luma = np.full((32, 64), 16, np.uint8)
    luma[:16, :32] = 235
    grey = np.full((16, 32), 128, np.uint8)
    rgb = small_rgb(Frame((luma, grey, grey), 0, PixelFormat(8, 1, 1)), (16, 8), ColourTags())
    np.testing.assert_allclose(rgb[:4, :8], 1, atol=1e-6)
    np.testing.assert_allclose(rgb[4:], 0, atol=1e-6)
    np.testing.assert_allclose(rgb[:, 8:], 0, atol=1e-6)


def test_the_frame_is_not_changed() -> None:
    frame = flat(100, 90, 160, PixelFormat(10, 1, 1))
    before = [plane.copy() for plane in frame.planes]
    for plane in frame.planes:
        plane.flags.writeable = False
    small_rgb(frame, (8, 4), ColourTags(9, 16, 9))
    for plane, old in zip(frame.planes, before, strict=True):
        np.testing.assert_array_equal(plane, old)


# --- high dynamic range


PQ, HLG = ColourTags(9, 16, 9, full_range=False), ColourTags(9, 18, 9, full_range=False)
TEN = PixelFormat(10, 0, 0)


def pq(light: float) -> float:
    """SMPTE ST 2084 equation 5.2: cd/m² to the signal."""
    power = (light / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def test_diffuse_white_lands_on_white() -> None:
    for colour, signal in ((PQ, pq(203)), (HLG, 0.75)):
        np.testing.assert_allclose(colour_of(flat(16 + 219 * signal, 128, 128, TEN), colour), 1, atol=0.01)
        np.testing.assert_allclose(colour_of(flat(16, 128, 128, TEN), colour), 0, atol=1e-3)


@pytest.mark.parametrize("colour", [PQ, HLG], ids=["pq", "hlg"])
def test_brighter_is_never_darker_and_grey_stays_grey(colour: ColourTags) -> None:
    greys = [colour_of(flat(16 + 219 * signal, 128, 128, TEN), colour) for signal in np.linspace(0, 1, 40)]
    for grey in greys:
        assert np.ptp(grey) < 0.003
    levels = [float(grey[1]) for grey in greys]
    assert levels == sorted(levels)
    assert sum(level < 0.999 for level in levels) > 15
    # Half of diffuse white's light is well visible.
    assert colour_of(flat(16 + 219 * pq(100), 128, 128, TEN), PQ)[1] > 0.5


def test_hues_stay() -> None:
    """Red, green and blue of BT.2020 stay the brightest channel."""
    for channel in range(3):
        rgb = [0.1, 0.1, 0.1]
        rgb[channel] = 0.5
        got = colour_of(flat(*encoded((rgb[0], rgb[1], rgb[2]), 9, full=False), TEN), PQ)
        assert int(np.argmax(got)) == channel


def test_standard_range_is_not_tone_mapped() -> None:
    frame = flat(16 + 219 * 0.5, 128, 128)
    for transfer in (1, 2, 6, 13, 14):
        np.testing.assert_allclose(colour_of(frame, ColourTags(transfer=transfer)), 0.5, atol=0.003)


def test_a_luma_that_is_there_already_serves() -> None:
    rng = np.random.default_rng(1)
    planes = [rng.integers(16, 236, shape).astype(np.uint8) for shape in ((90, 160), (45, 80), (45, 80))]
    frame = Frame((planes[0], planes[1], planes[2]), 0, PixelFormat(8, 1, 1))
    luma = reduced(planes[0], (80, 45))
    own = small_rgb(frame, (80, 45), ColourTags())
    np.testing.assert_array_equal(small_rgb(frame, (80, 45), ColourTags(), luma), own)
    assert small_rgb(frame, (80, 45), ColourTags(), luma // 2).mean() < own.mean() - 0.1
