from __future__ import annotations

import numpy as np
import pytest

from video3d.stereo.anaglyph import ANAGLYPHS, DUBOIS, electro_optical, rgb_from_yuv
from video3d.stereo.interleave import INTERLEAVED
from video3d.stereo.layouts import (
    allocate,
    depth_picture,
    pack,
    packed_format,
    packed_size,
    with_floating_window,
)
from video3d.types import Frame, Layout, PixelFormat, StereoFrame
from video3d.video_info import ChromaSite, ColourTags

FLAT = [layout for layout in Layout if layout is not Layout.VR180]
YUV420 = PixelFormat(8, 1, 1)
YUV420_10 = PixelFormat(10, 1, 1)
YUV444 = PixelFormat(8, 0, 0)
FULL_RANGE_709 = ColourTags(matrix=1, full_range=True)


def frame(luma, u, v, pixel_format=YUV420, pts=7):
    planes = tuple(np.array(plane, pixel_format.dtype) for plane in (luma, u, v))
    return Frame(planes, pts, pixel_format)


def noise(width, height, pixel_format=YUV420, seed=0):
    rng = np.random.default_rng(seed)
    planes = tuple(rng.integers(0, pixel_format.peak + 1, shape).astype(pixel_format.dtype)
                   for shape in pixel_format.plane_shapes(width, height))
    return Frame(planes, 7, pixel_format)


@pytest.fixture
def tiny():
    left = frame([[10, 20, 30, 40], [11, 21, 31, 41]], [[100, 110]], [[120, 130]])
    right = frame([[50, 60, 70, 80], [51, 61, 71, 81]], [[140, 150]], [[160, 170]])
    return StereoFrame(left, right)


def as_lists(packed):
    return [plane.tolist() for plane in packed.planes]


def test_full_side_by_side(tiny):
    assert as_lists(pack(tiny, Layout.FULL_SBS)) == [
        [[10, 20, 30, 40, 50, 60, 70, 80], [11, 21, 31, 41, 51, 61, 71, 81]],
        [[100, 110, 140, 150]], [[120, 130, 160, 170]]]


def test_swapped_eyes_are_exchanged(tiny):
    assert as_lists(pack(tiny, Layout.FULL_SBS, swap_eyes=True)) == [
        [[50, 60, 70, 80, 10, 20, 30, 40], [51, 61, 71, 81, 11, 21, 31, 41]],
        [[140, 150, 100, 110]], [[160, 170, 120, 130]]]


@pytest.mark.parametrize(("layout", "luma"), [
    (Layout.HALF_SBS, [[55, 75, 15, 35], [56, 76, 16, 36]]),
    (Layout.FULL_TAB, [[50, 60, 70, 80], [51, 61, 71, 81], [10, 20, 30, 40], [11, 21, 31, 41]]),
    (Layout.ROW_INTERLEAVED, [[50, 60, 70, 80], [11, 21, 31, 41]]),
    (Layout.COLUMN_INTERLEAVED, [[50, 20, 70, 40], [51, 21, 71, 41]]),
    (Layout.CHECKERBOARD, [[50, 20, 70, 40], [11, 61, 31, 81]]),
])
def test_every_layout_of_two_eyes_can_have_the_right_one_first(tiny, layout, luma):
    assert as_lists(pack(tiny, layout, swap_eyes=True))[0] == luma


def test_full_top_and_bottom(tiny):
    assert as_lists(pack(tiny, Layout.FULL_TAB)) == [
        [[10, 20, 30, 40], [11, 21, 31, 41], [50, 60, 70, 80], [51, 61, 71, 81]],
        [[100, 110], [140, 150]], [[120, 130], [160, 170]]]


def test_half_side_by_side_centred_chroma(tiny):
    assert as_lists(pack(tiny, Layout.HALF_SBS, colour=ColourTags(chroma_site=ChromaSite.CENTRE))) == [
        [[15, 35, 55, 75], [16, 36, 56, 76]], [[105, 145]], [[125, 165]]]


def test_half_side_by_side_left_chroma_is_weighted_1_4_3(tiny):
    # (100 + 4·100 + 3·110) / 8 = 103.75, (140 + 4·140 + 3·150) / 8 = 143.75
    assert as_lists(pack(tiny, Layout.HALF_SBS))[1] == [[104, 144]]


def test_half_side_by_side_rounds_a_cell_of_odd_width_up():
    left = frame([[10, 20, 30, 40, 50, 60]] * 2, [[100, 110, 120]], [[0, 0, 0]])
    packed = pack(StereoFrame(left, left), Layout.HALF_SBS, colour=ColourTags(chroma_site=ChromaSite.CENTRE))
    assert as_lists(packed)[:2] == [[[15, 35, 55, 55] * 2] * 2, [[105, 120, 105, 120]]]


def test_half_top_and_bottom():
    left = frame([[10, 12], [20, 22], [30, 32], [40, 42]], [[100], [110]], [[120], [130]])
    right = frame([[50, 52], [60, 62], [70, 72], [80, 82]], [[140], [150]], [[160], [170]])
    packed = pack(StereoFrame(left, right), Layout.HALF_TAB)
    assert as_lists(packed) == [[[15, 17], [35, 37], [55, 57], [75, 77]], [[105], [145]], [[125], [165]]]
    top_left = pack(StereoFrame(left, right), Layout.HALF_TAB, colour=ColourTags(chroma_site=ChromaSite.TOP_LEFT))
    assert as_lists(top_left)[1] == [[104], [144]]


def test_odd_sizes_repeat_the_last_column_and_row():
    left = frame([[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[10, 11], [12, 13]], [[20, 21], [22, 23]])
    right = frame([[31, 32, 33], [34, 35, 36], [37, 38, 39]], [[40, 41], [42, 43]], [[50, 51], [52, 53]])
    packed = pack(StereoFrame(left, right), Layout.FULL_SBS)
    assert packed_size(Layout.FULL_SBS, 3, 3) == (8, 4)
    assert as_lists(packed)[:2] == [
        [[1, 2, 3, 3, 31, 32, 33, 33], [4, 5, 6, 6, 34, 35, 36, 36], [7, 8, 9, 9, 37, 38, 39, 39],
         [7, 8, 9, 9, 37, 38, 39, 39]],
        [[10, 11, 40, 41], [12, 13, 42, 43]]]


@pytest.mark.parametrize(("layout", "luma", "u"), [
    (Layout.ROW_INTERLEAVED, [[10, 20, 30, 40], [51, 61, 71, 81]], [[100, 105, 110, 110], [140, 145, 150, 150]]),
    (Layout.COLUMN_INTERLEAVED, [[10, 60, 30, 80], [11, 61, 31, 81]], [[100, 145, 110, 150]] * 2),
    (Layout.CHECKERBOARD, [[10, 60, 30, 80], [51, 21, 71, 41]], [[100, 145, 110, 150], [140, 105, 150, 110]]),
])
def test_interleaved_layouts_take_turns_in_full_chroma(tiny, layout, luma, u):
    packed = pack(tiny, layout)
    assert packed.pixel_format == YUV444
    assert as_lists(packed)[:2] == [luma, u]


def test_interleaved_chroma_is_interpolated_between_its_rows():
    eye = frame([[0, 0]] * 4, [[100], [140]], [[0], [0]])
    assert as_lists(pack(StereoFrame(eye, eye), Layout.ROW_INTERLEAVED))[1] == [[100] * 2, [110] * 2, [130] * 2,
                                                                               [140] * 2]


def test_depth_alone_is_grey_in_the_range_of_the_tags(tiny):
    depth = np.array([[0, 0.25, 0.5, 1], [0, 0.25, 0.5, 2]], np.float32)
    limited = pack(tiny, Layout.DEPTH, depth=depth)
    assert as_lists(limited) == [[[16, 71, 126, 235]] * 2, [[128, 128]], [[128, 128]]]
    full = pack(tiny, Layout.DEPTH, depth=depth, colour=FULL_RANGE_709)
    assert as_lists(full)[0] == [[0, 64, 128, 255]] * 2


def test_depth_in_ten_bits():
    eye = noise(4, 2, YUV420_10)
    depth = np.array([[0, 0.25, 0.5, 1]] * 2, np.float32)
    packed = pack(StereoFrame(eye, eye), Layout.DEPTH, depth=depth)
    assert as_lists(packed) == [[[64, 283, 502, 940]] * 2, [[512, 512]], [[512, 512]]]


def test_colour_and_depth(tiny):
    depth = np.array([[0, 0, 1, 1]] * 2, np.float32)
    assert as_lists(pack(tiny, Layout.RGBD, depth=depth)) == [
        [[10, 20, 30, 40, 16, 16, 235, 235], [11, 21, 31, 41, 16, 16, 235, 235]],
        [[100, 110, 128, 128]], [[120, 130, 128, 128]]]


def test_depth_picture_keeps_sixteen_bits():
    depth = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    picture = depth_picture(depth, 64, 64)
    assert picture.dtype == np.uint16
    assert (picture.min(), picture.max(), np.unique(picture).size) == (0, 65535, 4096)


def test_depth_layouts_need_depth(tiny):
    with pytest.raises(ValueError, match="needs the depth map"):
        pack(tiny, Layout.RGBD)


def test_single_eyes(tiny):
    assert as_lists(pack(tiny, Layout.LEFT_ONLY)) == as_lists(tiny.left)
    assert as_lists(pack(tiny, Layout.RIGHT_ONLY)) == as_lists(tiny.right)
    assert as_lists(pack(tiny, Layout.LEFT_ONLY, swap_eyes=True)) == as_lists(tiny.right)


def yuv(red, green, blue, tags=FULL_RANGE_709, pixel_format=YUV444):
    to_rgb = rgb_from_yuv(tags, pixel_format, 1080)
    values = np.linalg.solve(to_rgb[:, :3], np.array([red, green, blue]) - to_rgb[:, 3])
    return frame(*([[round(value)] * 2] * 2 for value in values), pixel_format=pixel_format)


def rgb(packed, tags=FULL_RANGE_709):
    to_rgb = rgb_from_yuv(tags, packed.pixel_format, 1080)
    return to_rgb @ [*(float(plane[0, 0]) for plane in packed.planes), 1.0]


def test_known_matrix_values():
    # BT.709 8 bit limited: R = 1.164 (Y − 16) + 1.793 (V − 128), in 255ths
    limited = rgb_from_yuv(ColourTags(), YUV420, 1080) * 255
    expected = [[1.164, 0, 1.793], [1.164, -0.213, -0.533], [1.164, 2.112, 0]]
    np.testing.assert_allclose(limited[:, :3], expected, atol=1e-3)
    np.testing.assert_allclose(rgb_from_yuv(ColourTags(), YUV420, 480)[0, 2] * 255, 1.596, atol=1e-3)


@pytest.mark.parametrize("layout", ANAGLYPHS)
def test_anaglyph_of_a_flat_grey_picture_is_itself(layout):
    grey = yuv(0.5, 0.5, 0.5)
    np.testing.assert_allclose(rgb(pack(StereoFrame(grey, grey), layout, colour=FULL_RANGE_709)), 0.5, atol=0.012)


@pytest.mark.parametrize(("layout", "left", "right", "expected"), [
    (Layout.ANAGLYPH_GREY, (0.8, 0, 0), (0, 0.8, 0), (0.17, 0.572, 0.572)),
    (Layout.ANAGLYPH_HALF_COLOUR, (0, 0.8, 0), (0.3, 0.6, 0.2), (0.572, 0.6, 0.2)),
])
def test_gamma_coded_anaglyphs_by_hand(layout, left, right, expected):
    packed = pack(StereoFrame(yuv(*left), yuv(*right)), layout, colour=FULL_RANGE_709)
    np.testing.assert_allclose(rgb(packed), expected, atol=0.012)


@pytest.mark.parametrize("layout", DUBOIS)
@pytest.mark.parametrize("transfer", [1, 13])
def test_dubois_mixes_linear_light(layout, transfer):
    tags = ColourTags(matrix=1, full_range=True, transfer=transfer)
    left, right = (0.7, 0.5, 0.4), (0.3, 0.6, 0.5)
    gamma = 2.4

    def to_light(value):
        return ((value + 0.055) / 1.055) ** gamma if transfer == 13 else value ** gamma

    def from_light(value):
        return 1.055 * value ** (1 / gamma) - 0.055 if transfer == 13 else value ** (1 / gamma)

    light = sum(np.array(matrix) @ [to_light(v) for v in eye]
                for matrix, eye in zip(DUBOIS[layout], (left, right), strict=True))
    packed = pack(StereoFrame(yuv(*left), yuv(*right)), layout, colour=tags)
    np.testing.assert_allclose(rgb(packed), from_light(np.clip(light, 0, 1)), atol=0.015)


@pytest.mark.parametrize(("layout", "left", "green_or_red", "light"), [
    # The left eye's matrix as published: red-cyan R from R, green-magenta G from G, amber-blue G from G.
    (Layout.ANAGLYPH_DUBOIS, (0.9, 0, 0), 0, 0.437), (Layout.ANAGLYPH_GREEN_MAGENTA, (0, 0.9, 0), 1, 0.668),
    (Layout.ANAGLYPH_AMBER_BLUE, (0, 0.9, 0), 1, 0.908),
])
def test_dubois_by_hand(layout, left, green_or_red, light):
    packed = pack(StereoFrame(yuv(*left), yuv(0, 0, 0)), layout, colour=FULL_RANGE_709)
    assert rgb(packed)[green_or_red] == pytest.approx(0.9 * light ** (1 / 2.4), abs=0.02)


@pytest.mark.parametrize(("layout", "passes"), [
    (Layout.ANAGLYPH_DUBOIS, (1, 0, 0)), (Layout.ANAGLYPH_HALF_COLOUR, (1, 0, 0)), (Layout.ANAGLYPH_GREY, (1, 0, 0)),
    (Layout.ANAGLYPH_GREEN_MAGENTA, (0, 1, 0)), (Layout.ANAGLYPH_AMBER_BLUE, (1, 1, 0)),
])
def test_each_eyes_glass_passes_its_own_white(layout, passes):
    """Left: red, green, amber; right: what is left of white."""
    white, black = yuv(1, 1, 1), yuv(0, 0, 0)
    for stereo, lit in ((StereoFrame(white, black), passes), (StereoFrame(black, white), [1 - one for one in passes])):
        found = rgb(pack(stereo, layout, colour=FULL_RANGE_709))
        assert [value > 0.6 for value in found] == [bool(one) for one in lit], found
        assert all(value < 0.3 for value, one in zip(found, lit, strict=True) if not one), found


def test_dubois_matrices_keep_white():
    for left, right in DUBOIS.values():
        np.testing.assert_allclose(np.array(left).sum(1) + np.array(right).sum(1), 1, atol=0.005)


@pytest.mark.parametrize("transfer", [1, 4, 5, 8, 13, 16, 18])
def test_light_rises_from_dark_to_peak(transfer):
    light = electro_optical(transfer, np.linspace(0, 1, 200))
    assert light[0] == pytest.approx(0, abs=1e-6)
    assert light[-1] == pytest.approx(1, abs=1e-3)
    assert (np.diff(light) >= 0).all()


def test_pq_hundred_nits_sit_at_half():
    assert electro_optical(16, np.array([0.5081]))[0] * 10000 == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("pixel_format", [YUV420, YUV420_10, PixelFormat(12, 1, 0), YUV444])
@pytest.mark.parametrize("size", [(16, 8), (17, 9), (18, 10), (1, 1), (2, 3)])
@pytest.mark.parametrize("layout", FLAT)
def test_every_layout_takes_every_size_and_format(layout, size, pixel_format):
    left, right = noise(*size, pixel_format, 1), noise(*size, pixel_format, 2)
    before = [plane.copy() for plane in (*left.planes, *right.planes)]
    depth = np.full((3, 4), 0.5, np.float32)
    packed = pack(StereoFrame(left, right), layout, depth=depth)
    width, height = packed_size(layout, *size)
    assert packed.pixel_format == packed_format(layout, pixel_format)
    assert tuple(plane.shape for plane in packed.planes) == packed.pixel_format.plane_shapes(width, height)
    assert all(plane.flags.c_contiguous and plane.dtype == pixel_format.dtype for plane in packed.planes)
    assert max(int(plane.max()) for plane in packed.planes) <= pixel_format.peak
    assert packed.pts == 7
    assert layout in INTERLEAVED or (width % 2, height % 2) == (0, 0)
    assert all(np.array_equal(a, b) for a, b in zip(before, (*left.planes, *right.planes), strict=True))


@pytest.mark.parametrize("layout", FLAT)
def test_given_planes_are_filled_with_the_same_bytes(layout):
    stereo = StereoFrame(noise(18, 10, seed=1), noise(18, 10, seed=2))
    depth = np.full((3, 4), 0.5, np.float32)
    out = allocate(layout, YUV420, 18, 10)
    packed = pack(stereo, layout, depth=depth, out=out)
    assert packed.planes is out
    assert as_lists(packed) == as_lists(pack(stereo, layout, depth=depth))


def test_planes_that_do_not_fit_are_refused(tiny):
    with pytest.raises(ValueError, match="do not fit"):
        pack(tiny, Layout.FULL_SBS, out=allocate(Layout.FULL_TAB, YUV420, 4, 2))


def test_eyes_that_differ_are_refused(tiny):
    with pytest.raises(ValueError, match="differ"):
        pack(StereoFrame(tiny.left, noise(6, 2)), Layout.FULL_SBS)


@pytest.mark.parametrize("site", ChromaSite)
@pytest.mark.parametrize(("layout", "axis"), [(Layout.HALF_SBS, 1), (Layout.HALF_TAB, 0)])
def test_halved_chroma_stays_with_its_luma(site, layout, axis):
    """A ramp that luma and chroma share (in luma positions) is shared by the halves too."""
    cosited = site is ChromaSite.TOP_LEFT or (site is ChromaSite.LEFT and axis == 1)
    position = np.arange(64) * 3.0
    chroma = (np.arange(32) * 2 + (0 if cosited else 0.5)) * 3
    luma, u = np.tile(position, (64, 1)), np.tile(chroma, (32, 1))
    if axis == 0:
        luma, u = luma.T, u.T
    eye = frame(np.rint(luma), np.rint(u), np.rint(u), YUV420_10)
    packed = pack(StereoFrame(eye, eye), layout, colour=ColourTags(chroma_site=site))
    lines = [plane[0] if axis == 1 else plane[:, 0] for plane in packed.planes[:2]]
    half_luma, half_chroma = lines[0][:32].astype(float), lines[1][:16].astype(float)
    at = np.arange(16) * 2 + (0 if cosited else 0.5)
    expected = np.interp(at, np.arange(32), half_luma)
    np.testing.assert_allclose(half_chroma[2:-2], expected[2:-2], atol=1)


def test_floating_window_blackens_left_of_left_and_right_of_right(tiny):
    windowed = with_floating_window(tiny, 2, 1.5)
    assert as_lists(windowed.left) == [[[16, 16, 30, 40], [16, 16, 31, 41]], [[128, 110]], [[128, 130]]]
    # Last column black, half of the one before it mixed in: (70 + 16) / 2; chroma 0.75 of a sample.
    assert as_lists(windowed.right)[0] == [[50, 60, 43, 16], [51, 61, 44, 16]]
    assert as_lists(windowed.right)[1] == [[140, 134]]
    assert tiny.left.planes[0][0, 0] == 10


def test_no_floating_window_returns_the_same_frames(tiny):
    windowed = with_floating_window(tiny, 0, 0)
    assert windowed.left is tiny.left
    assert windowed.right is tiny.right
