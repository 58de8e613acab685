"""What is written for a layout, and that the checker reads it back as meant. Other readers: test_label_readers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from video3d.errors import SourceError
from video3d.media import boxes, labels
from video3d.media.elements import VideoSize
from video3d.media.inspect_file import claim_of_name, inspect
from video3d.media.labels import MatroskaStereoMode, Packing, Projection
from video3d.types import Layout

HALVES = (Layout.FULL_SBS, Layout.HALF_SBS, Layout.FULL_TAB, Layout.HALF_TAB)
KODI_3D = re.compile(r"[-. _]3d[-. _]", re.IGNORECASE)
KODI_SBS = re.compile(r"[-. _]h?sbs[-. _]", re.IGNORECASE)
KODI_TAB = re.compile(r"[-. _]h?tab[-. _]", re.IGNORECASE)
SKYBOX_SBS = re.compile(r"[-. _](3dh|lr|sbs|hsbs|half.?sbs|full.?sbs)[-. _]", re.IGNORECASE)
SKYBOX_TAB = re.compile(r"[-. _](3dv|tb|ou|hou|tab)[-. _]", re.IGNORECASE)
Clips = Callable[..., Path]


def test_every_layout_has_a_suffix() -> None:
    for layout, swapped in itertools.product(Layout, (False, True)):
        suffix = labels.name_suffix(layout, swapped=swapped)
        assert suffix.startswith("_")
        assert suffix == labels.safe_name(suffix)


@pytest.mark.parametrize("layout", HALVES)
def test_names_satisfy_each_players_rule(layout: Layout) -> None:
    name = "A film" + labels.name_suffix(layout) + ".mp4"
    side_by_side = labels.packing(layout) is Packing.SIDE_BY_SIDE
    assert bool(SKYBOX_SBS.search(name)) is side_by_side
    assert bool(SKYBOX_TAB.search(name)) is not side_by_side
    assert KODI_3D.search(name)
    # Jellyfin: a word for the layout right after 3D.
    token = {"full": "F", "half": "H"}[layout.value[:4]] + ("SBS" if side_by_side else "TAB")
    assert f"_3D_{token}_" in name


@pytest.mark.parametrize("layout", [Layout.HALF_SBS, Layout.FULL_SBS, Layout.HALF_TAB, Layout.FULL_TAB])
def test_kodi_takes_them_for_the_right_packing(layout: Layout) -> None:
    name = "A film" + labels.name_suffix(layout) + ".mkv"
    is_side = labels.packing(layout) is Packing.SIDE_BY_SIDE
    assert (bool(KODI_SBS.search(name)), bool(KODI_TAB.search(name))) == (is_side, not is_side)


@pytest.mark.parametrize("layout", [layout for layout in Layout if layout not in (*HALVES, Layout.VR180)])
@pytest.mark.parametrize("swapped", [False, True])
def test_other_names_are_not_taken_for_halves(layout: Layout, swapped: bool) -> None:
    name = "A film" + labels.name_suffix(layout, swapped=swapped) + ".mp4"
    assert not SKYBOX_SBS.search(name)
    assert not SKYBOX_TAB.search(name)
    assert not KODI_SBS.search(name)


@pytest.mark.parametrize("layout", HALVES)
def test_exchanged_eyes_are_not_named_like_ordinary_3d(layout: Layout) -> None:
    name = "A film" + labels.name_suffix(layout, swapped=True) + ".mp4"
    for rule in (SKYBOX_SBS, SKYBOX_TAB, KODI_SBS, KODI_TAB):
        assert not rule.search(name)


@pytest.mark.parametrize("layout", HALVES)
def test_our_own_reader_reads_our_names_back(layout: Layout) -> None:
    for swapped in (False, True):
        claim = claim_of_name("A film" + labels.name_suffix(layout, swapped=swapped))
        packing = labels.packing(layout)
        assert claim is not None
        assert packing is not None
        assert (claim.packing, claim.swapped) == (packing.value, swapped)
        assert claim.is_half is (layout in (Layout.HALF_SBS, Layout.HALF_TAB))


def test_vr180_names_win_over_halves() -> None:
    assert labels.name_suffix(Layout.FULL_SBS, projection=Projection.VR180) == "_3D_180x180_LR"
    assert labels.name_suffix(Layout.DEPTH, projection=Projection.VR180) == "_depth"


def test_forbidden_characters_leave_the_name() -> None:
    assert labels.safe_name('a\\b/c:d*e?f"g<h>i|j\n') == "a_b_c_d_e_f_g_h_i_j_"


@pytest.mark.parametrize("old", list(Layout))
@pytest.mark.parametrize("swapped", [False, True])
def test_a_new_name_replaces_the_old_ones_suffix(old: Layout, swapped: bool) -> None:
    stem = "A film" + labels.name_suffix(old, swapped=swapped)
    assert labels.named_for(stem, Layout.HALF_SBS) == "A film_3D_HSBS_LR"
    assert labels.named_for("A film_3D_180x180_TB", old) == "A film" + labels.name_suffix(old)


def kinds(layout: Layout, **options: bool) -> list[bytes]:
    return [box.kind for box in labels.stereo_boxes(layout, **options)]


def test_boxes_come_in_the_order_that_every_reader_accepts() -> None:
    for layout in HALVES:
        assert kinds(layout) == [b"st3d", b"vexu", b"hfov"]
    for vr in (labels.stereo_boxes(Layout.FULL_SBS, projection=Projection.VR180), labels.stereo_boxes(Layout.VR180)):
        assert [box.kind for box in vr] == [b"st3d", b"sv3d", b"vexu", b"hfov"]


def test_layouts_without_halves_have_no_boxes() -> None:
    for layout in Layout:
        assert bool(kinds(layout)) is (layout in (*HALVES, Layout.VR180))


def test_the_lower_left_eye_is_only_in_vexu() -> None:
    assert kinds(Layout.HALF_TAB, swapped=True) == [b"vexu", b"hfov"]
    st3d = labels.stereo_boxes(Layout.HALF_SBS, swapped=True)[0]
    assert st3d.payload == b"\0\0\0\0\4"


def test_the_bytes_are_those_of_the_standards() -> None:
    st3d, vexu, hfov = labels.stereo_boxes(Layout.FULL_TAB, horizontal_field_of_view=63.5)
    assert st3d.raw == bytes.fromhex("0000000d") + b"st3d" + bytes.fromhex("0000000001")
    assert hfov.raw == bytes.fromhex("0000000c") + b"hfov" + (63500).to_bytes(4, "big")
    assert [(box.kind, boxes.parse(box.payload)[0][0].raw[4:]) for box in boxes.parse(vexu.payload)[0]] == [
        (b"eyes", b"stri\0\0\0\0\3"), (b"pack", b"pkin\0\0\0\0over")]
    vr = labels.stereo_boxes(Layout.FULL_SBS, projection=Projection.VR180)[2]
    assert [(box.kind, boxes.parse(box.payload)[0][0].raw[4:]) for box in boxes.parse(vr.payload)[0]] == [
        (b"eyes", b"stri\0\0\0\0\3"), (b"proj", b"prji\0\0\0\0hequ"), (b"pack", b"pkin\0\0\0\0side")]


def test_the_field_of_view_has_a_sensible_default() -> None:
    assert labels.stereo_boxes(Layout.HALF_SBS)[-1].payload == (60000).to_bytes(4, "big")
    vr = labels.stereo_boxes(Layout.FULL_SBS, projection=Projection.VR180)
    assert vr[-1].payload == (180000).to_bytes(4, "big")


def test_matroska_modes_are_the_standards_numbers() -> None:
    numbers = {"left_right": 1, "bottom_top": 2, "top_bottom": 3, "right_left": 11, "row_interleaved_lr": 7,
               "col_interleaved_lr": 9, "checkerboard_lr": 5, "anaglyph_cyan_red": 10, "anaglyph_green_magenta": 12}
    assert {mode.ffmpeg_name: int(mode) for mode in MatroskaStereoMode if mode.ffmpeg_name in numbers} == numbers


def test_exchanged_eyes_exchange_matroskas_mode() -> None:
    assert labels.matroska_stereo_mode(Layout.FULL_SBS, swapped=True) is MatroskaStereoMode.RIGHT_LEFT
    assert labels.matroska_stereo_mode(Layout.HALF_TAB, swapped=True) is MatroskaStereoMode.BOTTOM_TOP
    assert labels.matroska_stereo_mode(Layout.ANAGLYPH_DUBOIS, swapped=True) is None
    assert labels.matroska_stereo_mode(Layout.DEPTH) is None


@pytest.mark.parametrize(("layout", "pixels", "display"), [
    (Layout.HALF_SBS, (1920, 1080), (1920, 1080)),
    (Layout.FULL_SBS, (3840, 1080), (1920, 1080)),
    (Layout.HALF_TAB, (1920, 1080), (1920, 1080)),
    (Layout.FULL_TAB, (1920, 2160), (1920, 1080)),
    (Layout.ROW_INTERLEAVED, (1920, 1080), (1920, 1080)),
    (Layout.LEFT_ONLY, (1920, 1080), (1920, 1080)),
])
def test_matroskas_display_size_is_one_eye(layout: Layout, pixels: tuple[int, int], display: tuple[int, int]) -> None:
    assert labels.matroska_display(layout, VideoSize(pixels, None, 0)) == display
    # A label that was there before says nothing about the shape; a display size without one does.
    assert labels.matroska_display(layout, VideoSize(pixels, (7, 9), 1)) == display
    assert labels.matroska_display(Layout.HALF_SBS, VideoSize((1440, 1080), (1920, 1080), 0)) == (1920, 1080)


def test_the_message_has_the_standards_numbers_and_no_exchanged_eyes() -> None:
    assert labels.frame_packing_message(Layout.HALF_SBS) == 3
    assert labels.frame_packing_message(Layout.HALF_TAB) == 4
    assert labels.frame_packing_message(Layout.HALF_SBS, swapped=True) is None
    assert labels.frame_packing_message(Layout.ANAGLYPH_GREY) is None


@pytest.mark.parametrize(("layout", "swapped"), list(itertools.product(Layout, (False, True))))
def test_a_labelled_mp4_says_what_was_meant(layout: Layout, swapped: bool, small_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    labels.label(small_clip, target, layout, swapped=swapped)
    report = inspect(target)
    packing = labels.packing(layout)
    said = {(claim.packing, claim.swapped) for claim in report.labels}
    assert said == ({(packing.value, swapped)} if packing else set())
    assert report.header_first
    assert report.sample_aspect == 1


def test_the_field_of_view_is_written(small_clip: Path, tmp_path: Path) -> None:
    labels.label_mp4(small_clip, tmp_path / "out.mp4", Layout.HALF_SBS, horizontal_field_of_view=72.25)
    assert inspect(tmp_path / "out.mp4").field_of_view == 72.25


@pytest.mark.parametrize(("layout", "aspect"), [
    (Layout.HALF_SBS, Fraction(2)), (Layout.HALF_TAB, Fraction(1, 2)), (Layout.FULL_SBS, Fraction(1)),
    (Layout.FULL_TAB, Fraction(1)), (Layout.ROW_INTERLEAVED, Fraction(1, 2)), (Layout.COLUMN_INTERLEAVED, Fraction(2)),
    (Layout.DEPTH, Fraction(1)),
])
def test_a_labelled_mkv_says_what_was_meant(layout: Layout, aspect: Fraction, make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:d=0.4", "-c:v", "libx264", suffix=".mkv")
    for swapped in (False, True):
        target = tmp_path / f"out{swapped}.mkv"
        labels.label(clip, target, layout, swapped=swapped)
        report = inspect(target)
        assert report.sample_aspect == aspect
        mode = labels.matroska_stereo_mode(layout, swapped=swapped)
        assert [claim.swapped for claim in report.labels] == ([swapped] if mode else [])


def test_faststart_adds_no_label(small_clip: Path, tmp_path: Path) -> None:
    labels.faststart_mp4(small_clip, tmp_path / "out.mp4")
    report = inspect(tmp_path / "out.mp4")
    assert report.header_first
    assert not report.labels


def test_other_containers_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "film.avi"
    source.write_bytes(b"RIFF\0\0\0\0AVI LIST")
    with pytest.raises(SourceError, match="neither MP4, MOV nor Matroska"):
        labels.label(source, tmp_path / "out.avi", Layout.HALF_SBS)
    with pytest.raises(SourceError, match="cannot be read"):
        labels.label(tmp_path / "missing.mp4", tmp_path / "out.mp4", Layout.HALF_SBS)
