"""Presets: complete data, settings that the device can decode, clear words where it cannot."""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction

import pytest

from video3d.errors import SettingsError
from video3d.media import labels
from video3d.params import from_values, to_values
from video3d.presets import LabelPlace, Preset, apply, preset, presets
from video3d.presets.apply import frame_size
from video3d.presets.levels import lowest_level
from video3d.settings import (
    Chroma,
    Codec,
    Container,
    ConversionSettings,
    OutputSettings,
    Target,
    WindowTreatment,
)
from video3d.stereo.layouts import packed_size
from video3d.types import Layout

SOURCES = [(16, 8), (321, 181), (1080, 2400), (2160, 3840), (7680, 4320),
           (320, 180), (720, 576), (1280, 720), (1920, 800), (1920, 1080), (1080, 1920), (3840, 2160), (4096, 2160),
           (1921, 1081)]
EVERY = pytest.mark.parametrize("each", presets(), ids=lambda each: each.id)


def settings(**values: object) -> ConversionSettings:
    return from_values(ConversionSettings, values)


def test_the_devices_of_the_plan_are_there() -> None:
    assert {each.id for each in presets()} == {
        "quest-2", "quest-3", "vision-pro", "tv-3d", "youtube", "pc", "kodi-jellyfin", "phone-anaglyph", "vr180"}
    assert [each.id for each in presets()] == [target.value for target in Target]
    for each in presets():
        assert preset(each.id) is each


def test_an_unknown_device_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'quest-9'.*quest-2, quest-3"):
        preset("quest-9")


@EVERY
def test_each_says_why_and_where_from(each: Preset) -> None:
    assert each.why
    assert each.references
    assert all(reference.fact and reference.where for reference in each.references)
    assert len(each.name_suffixes) == len(each.layouts)


@EVERY
def test_names_are_those_that_are_written(each: Preset) -> None:
    assert each.name_suffixes == tuple(labels.name_suffix(layout) for layout in each.layouts)
    assert [each.suffix(layout) for layout in each.layouts] == list(each.name_suffixes)
    assert (each.canvas_side is not None) is (Layout.VR180 in each.layouts)


@EVERY
def test_the_label_fits_layout_and_codec(each: Preset) -> None:
    for layout in each.layouts:
        has_halves = labels.packing(layout) is not None
        assert (each.label_place is LabelPlace.NONE) is not has_halves
        if each.label_place is LabelPlace.STREAM:
            assert labels.frame_packing_message(layout) is not None
    if each.label_place is LabelPlace.STREAM:
        # Only libx264 writes the message.
        assert {limit.codec for limit in each.codecs} == {Codec.H264}


@EVERY
def test_keyframes_and_depth_are_what_hardware_takes(each: Preset) -> None:
    assert each.keyframe_seconds <= 2
    for limit in each.codecs:
        assert limit.codec is not Codec.AUTO
        assert limit.codec is not Codec.H264 or limit.bit_depth == 8
    if Container.MKV in each.containers:
        # Nothing of the original's sound is lost where the container can hold it.
        assert each.audio.copies("flac") or each.audio.keep_original


@EVERY
@pytest.mark.parametrize(("width", "height"), SOURCES)
@pytest.mark.parametrize(("rate", "depth"), [(Fraction(24), 8), (Fraction(60), 10)])
def test_what_comes_out_can_be_decoded_or_is_refused(each: Preset, width: int, height: int, rate: Fraction,
                                                     depth: int) -> None:
    bound = each.eye_limit or (width, height)
    eye = OutputSettings(max_width=bound[0], max_height=bound[1]).limited(width, height)
    sizes = [frame_size(layout, *eye) for layout in each.layouts]
    if each.canvas_side:
        sizes = [(2 * each.canvas_side, each.canvas_side)]
    if not any(across <= limit.max_width and down <= limit.max_height
               and float(lowest_level(limit.codec, across, down, rate) or 9) <= float(limit.max_level)
               for limit in each.codecs for across, down in sizes):
        with pytest.raises(SettingsError, match=rf"{re.escape(each.label)} cannot play .* smaller") as refusal:
            apply(each, settings(), width, height, frame_rate=rate, bit_depth=depth)
        slower = re.search(r"Lower its frame rate to (\d+)", str(refusal.value))
        if slower:
            assert apply(each, settings(), width, height, frame_rate=Fraction(slower[1]), bit_depth=depth)
        return
    applied = apply(each, settings(), width, height, frame_rate=rate, bit_depth=depth)
    assert (applied.frame_width, applied.frame_height) in sizes
    output = applied.settings.output
    limit = next(limit for limit in each.codecs if limit.codec is output.codec)
    assert applied.frame_width <= limit.max_width
    assert applied.frame_height <= limit.max_height
    assert float(applied.level) <= float(limit.max_level)
    assert applied.bit_depth <= limit.bit_depth
    assert output.layout in each.layouts
    assert (output.container, output.chroma) == (each.container, Chroma.C420)
    assert from_values(ConversionSettings, to_values(applied.settings)) == applied.settings


@pytest.mark.parametrize("layout", [Layout.FULL_SBS, Layout.HALF_SBS, Layout.FULL_TAB, Layout.HALF_TAB,
                                    Layout.ANAGLYPH_DUBOIS])
@pytest.mark.parametrize(("width", "height"), [*SOURCES, (321, 181), (322, 182)])
def test_the_frame_is_as_large_as_the_packer_makes_it(layout: Layout, width: int, height: int) -> None:
    assert frame_size(layout, width, height) == packed_size(layout, width, height)


def test_a_full_hd_source_gets_each_devices_first_choice() -> None:
    for each in presets():
        applied = apply(each, settings(), 1920, 1080)
        assert applied.settings.output.layout is each.layouts[0]
    assert apply(preset("quest-2"), settings(), 1920, 1080).settings.output.codec is Codec.H264
    assert apply(preset("vision-pro"), settings(), 1920, 1080).settings.output.codec is Codec.HEVC
    assert not apply(preset("quest-2"), settings(), 1920, 1080).notices


def test_a_wide_frame_turns_to_hevc() -> None:
    applied = apply(preset("quest-3"), settings(), 3840, 2160)
    assert (applied.settings.output.codec, applied.frame_width) == (Codec.HEVC, 7680)
    assert any("HEVC is written instead of H.264" in notice for notice in applied.notices)


def test_ten_bit_turns_to_hevc_where_the_device_has_it_and_is_reduced_where_not() -> None:
    applied = apply(preset("quest-2"), settings(), 1280, 720, bit_depth=10)
    assert (applied.settings.output.codec, applied.bit_depth) == (Codec.HEVC, 10)
    television = apply(preset("tv-3d"), settings(), 1280, 720, bit_depth=10)
    assert (television.settings.output.codec, television.bit_depth) == (Codec.H264, 8)
    assert any("reduced" in notice for notice in television.notices)


def test_too_wide_turns_to_top_and_bottom() -> None:
    # 5120 wide: 10240 is beyond HEVC's hardware, 5120 × 4320 is not.
    applied = apply(preset("pc"), settings(), 5120, 2160)
    assert applied.settings.output.layout is Layout.FULL_TAB
    assert any("top and bottom is written instead" in notice for notice in applied.notices)


def test_too_many_pixels_turn_to_half_size() -> None:
    applied = apply(preset("quest-2"), settings(), 3840, 2160, frame_rate=Fraction(90))
    assert applied.settings.output.layout is Layout.HALF_SBS
    assert (applied.frame_width, applied.frame_height) == (3840, 2160)


def test_a_refusal_names_what_would_play() -> None:
    with pytest.raises(SettingsError, match=r"Phone.* cannot play a frame of 7680 × 4320.*up to 4096 × 4096"):
        apply(preset("phone-anaglyph"), settings(), 7680, 4320)


@pytest.mark.parametrize(("size", "becomes"), [((3840, 2160), (1920, 1080)), ((2160, 3840), (606, 1080)),
                                               ((4096, 1716), (1920, 804)), ((1920, 1080), (1920, 1080))])
def test_a_television_gets_larger_videos_made_smaller(size: tuple[int, int], becomes: tuple[int, int]) -> None:
    applied = apply(preset("tv-3d"), settings(), *size)
    assert applied.settings.output.limited(*size) == becomes
    assert (applied.frame_width, applied.frame_height) == frame_size(Layout.HALF_SBS, *becomes)
    assert apply(preset("tv-3d"), applied.settings, *size).settings == applied.settings
    smaller = apply(preset("tv-3d"), settings(max_width=1280), *size).settings.output
    assert smaller.limited(*size)[0] == min(1280, becomes[0])


def test_a_refusal_for_the_frame_rate_names_one_that_plays() -> None:
    with pytest.raises(SettingsError, match=r"1920 × 1080 at 60 frames/s.*Lower its frame rate to 30"):
        apply(preset("tv-3d"), settings(), 1920, 1080, frame_rate=Fraction(60))


def test_a_frame_rate_that_is_too_high_is_refused_whatever_the_size() -> None:
    with pytest.raises(SettingsError, match=r"1920 × 1080 at 60 frames/s.*Lower its frame rate to 30"):
        apply(preset("tv-3d"), settings(), 3840, 2160, frame_rate=Fraction(60))


def test_a_phone_plays_what_it_films_upright() -> None:
    for size, rate, codec in (((1080, 2400), 30, Codec.H264), ((2160, 3840), 60, Codec.HEVC)):
        applied = apply(preset("phone-anaglyph"), settings(), *size, frame_rate=Fraction(rate))
        assert (applied.frame_width, applied.frame_height) == size
        assert applied.settings.output.codec is codec


def test_a_codec_that_the_user_names_is_kept_where_the_device_has_it() -> None:
    kept = apply(preset("quest-3"), settings(codec="av1"), 1920, 1080)
    assert kept.settings.output.codec is Codec.AV1
    assert not kept.notices
    other = apply(preset("quest-2"), settings(codec="av1"), 1920, 1080)
    assert other.settings.output.codec is Codec.H264
    assert any("instead of AV1" in notice for notice in other.notices)


def test_other_settings_are_kept() -> None:
    before = settings(strength=2.5, quality=17, start=3.0, speed="slow", depth_model="constant")
    after = apply(preset("quest-3"), before, 1920, 1080).settings
    assert (after.range, after.depth) == (before.range, before.depth)
    assert after.stereo == dataclasses.replace(before.stereo, window=WindowTreatment.TAPER)
    assert (after.output.quality, after.output.speed) == (17, before.output.speed)


def test_screens_get_a_floating_window_and_headsets_a_taper_unless_told() -> None:
    windows = {each.id: apply(each, settings(), 1280, 720).settings.stereo.window for each in presets()}
    assert windows["tv-3d"] is windows["kodi-jellyfin"] is WindowTreatment.FLOATING
    assert windows["quest-3"] is windows["vision-pro"] is windows["vr180"] is WindowTreatment.TAPER
    told = apply(preset("tv-3d"), settings(window="off"), 1280, 720).settings
    assert told.stereo.window is WindowTreatment.OFF


def test_what_the_user_names_is_taken_or_refused() -> None:
    half = apply(preset("quest-3"), settings(layout="half-sbs"), 1280, 720)
    assert half.settings.output.layout is Layout.HALF_SBS
    assert not half.notices
    for values in ({"layout": "anaglyph-grey"}, {"container": "mov"}):
        with pytest.raises(SettingsError, match=r"--preset quest-3 and .* contradict each other"):
            apply(preset("quest-3"), settings(**values), 1280, 720)
    with pytest.raises(SettingsError, match="--preset tv-3d and --encoder h264_nvenc contradict"):
        apply(preset("tv-3d"), settings(encoder="h264_nvenc"), 1280, 720)


def test_matroska_for_a_headset_is_half_size() -> None:
    applied = apply(preset("quest-3"), settings(container="mkv"), 1280, 720)
    assert (applied.settings.output.container, applied.settings.output.layout) == (Container.MKV, Layout.HALF_SBS)
    assert any("In Matroska" in notice for notice in applied.notices)
    assert apply(preset("kodi-jellyfin"), settings(), 1280, 720).settings.output.container is Container.MKV


def test_the_message_in_the_stream_has_the_encoder_that_writes_it() -> None:
    for each in presets():
        encoder = apply(each, settings(), 1280, 720).settings.output.encoder
        assert encoder == ("libx264" if each.label_place is LabelPlace.STREAM else "auto")


def test_applying_twice_changes_nothing() -> None:
    for each in presets():
        once = apply(each, settings(), 1280, 720).settings
        assert apply(each, once, 1280, 720).settings == once


def test_devices_get_the_left_eye_first() -> None:
    applied = apply(preset("quest-3"), settings(swap_eyes=True), 1920, 1080)
    assert not applied.settings.stereo.swap_eyes
    assert any("left eye first" in notice for notice in applied.notices)


def test_a_bit_rate_beyond_the_devices_is_lowered() -> None:
    assert apply(preset("tv-3d"), settings(bitrate=50), 1280, 720).settings.output.bitrate == 20
    assert apply(preset("tv-3d"), settings(bitrate=8), 1280, 720).settings.output.bitrate == 8
    assert apply(preset("tv-3d"), settings(), 1280, 720).settings.output.bitrate is None


def test_youtube_warns_of_other_shapes() -> None:
    assert not any("16:9" in notice for notice in apply(preset("youtube"), settings(), 1920, 1080).notices)
    assert any("16:9" in notice for notice in apply(preset("youtube"), settings(), 1920, 800).notices)


def test_vr180_is_a_canvas_of_its_own_size() -> None:
    for size in ((640, 360), (3840, 2160)):
        applied = apply(preset("vr180"), settings(), *size)
        assert (applied.frame_width, applied.frame_height) == (5760, 2880)
        assert applied.settings.output.codec is Codec.HEVC


def test_presets_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("pc").label = "other"  # type: ignore[misc]
