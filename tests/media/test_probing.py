"""What a file is, compared with what it was made to be."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.format import VideoFormat
from hypothesis import given
from hypothesis import strategies as st

from video3d.errors import SourceError
from video3d.media.probing import LARGEST_SIDE, planar_format, probe, shown_size
from video3d.types import PixelFormat
from video3d.video_info import TrackKind

Clips = Callable[[str], Path]
Make = Callable[..., Path]
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=24:duration=0.3")
SOUND = ("-f", "lavfi", "-i", "sine=duration=0.3")
QUICK = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
SIDES = st.integers(2, 5000)


@pytest.mark.parametrize(("name", "container", "codec"), [
    ("mp4", "mov,mp4", "h264"), ("mkv", "matroska", "h264"), ("mov", "mov,mp4", "h264"), ("webm", "webm", "vp9"),
    ("avi", "avi", "mpeg4"), ("ts", "mpegts", "h264"),
])
def test_the_plain_facts(name: str, container: str, codec: str, clip_of: Clips) -> None:
    info = probe(str(clip_of(name)))
    assert container in info.container
    assert info.codec == codec
    assert (info.width, info.height, info.coded_width, info.coded_height) == (128, 72, 128, 72)
    assert (info.rotation, info.mirrored, info.sample_aspect, info.interlaced) == (0, False, 1, False)
    assert info.pixel_format == PixelFormat(8, 1, 1)
    assert not info.has_alpha
    assert info.frame_rate is not None
    assert abs(info.frame_rate - 24) < Fraction(1, 100)
    assert info.duration is not None
    assert abs(info.duration - 1) < Fraction(1, 10)
    assert [track.kind for track in info.tracks] == [TrackKind.VIDEO, TrackKind.AUDIO]
    assert info.tracks[1].details.startswith("4")
    assert info.notices == ()


@pytest.mark.parametrize("name", ["mp4", "mkv", "mov", "webm", "avi", "ts", "gif", "variable rate"])
def test_times_are_those_of_the_first_picture(name: str, clip_of: Clips) -> None:
    path = str(clip_of(name))
    info = probe(path)
    with av.open(path) as direct:
        stream = direct.streams.video[0]
        assert info.first_pts == next(direct.decode(stream)).pts
        assert info.time_base == stream.time_base
        assert info.start_time == Fraction(direct.start_time, av.time_base)


def test_the_zero_is_the_earliest_track(make_clip: Make) -> None:
    late = make_clip("-itsoffset", "0.5", *PICTURE, *SOUND, *QUICK, "-c:a", "aac", "-map", "0:v", "-map", "1:a",
                     suffix=".mkv")
    info = probe(str(late))
    assert abs(info.first_pts * info.time_base - info.start_time - Fraction(1, 2)) < Fraction(1, 20)


# --- geometry


@pytest.mark.parametrize(("turn", "size"), [("0", (128, 72)), ("90", (72, 128)), ("180", (128, 72)),
                                            ("270", (72, 128))])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_pictures(turn: str, size: tuple[int, int], mirrored: bool, clip_of: Clips) -> None:
    info = probe(str(clip_of(f"rotated {turn}" + " mirrored" * mirrored)))
    assert (info.width, info.height) == size
    assert info.mirrored is mirrored
    assert info.rotation % 180 == int(turn) % 180
    assert info.rotation == int(turn) or mirrored
    assert (info.coded_width, info.coded_height) == (128, 72)


@pytest.mark.parametrize(("name", "size"), [("wide samples", (186, 72)), ("tall samples", (128, 96))])
def test_samples_become_square_without_loss(name: str, size: tuple[int, int], clip_of: Clips) -> None:
    info = probe(str(clip_of(name)))
    assert (info.width, info.height) == size
    assert info.sample_aspect != 1


def test_an_aspect_that_is_only_rounding_is_left_alone(make_clip: Make) -> None:
    info = probe(str(make_clip(*PICTURE, "-vf", "setsar=1000/1001", *QUICK)))
    assert (info.width, info.height, info.sample_aspect) == (64, 48, 1)


@pytest.mark.parametrize("name", ["odd", "odd 444"])
def test_odd_sizes_are_cut_and_said(name: str, clip_of: Clips) -> None:
    info = probe(str(clip_of(name)))
    assert (info.width, info.height) == (128, 72)
    assert any("129x73" in notice and "128x72" in notice for notice in info.notices)


@given(width=SIDES, height=SIDES, aspect=st.fractions(Fraction(1, 4), 4, max_denominator=200),
       rotation=st.sampled_from([0, 90, 180, 270]))
def test_shown_size(width: int, height: int, aspect: Fraction, rotation: int) -> None:
    shown = shown_size(width, height, aspect, rotation)
    assert shown[0] % 2 == shown[1] % 2 == 0
    wide, high = reversed(shown) if rotation in (90, 270) else shown
    # Never shrunk, but for the odd row or column.
    assert wide >= width - 1
    assert high >= height - 1
    stretched = (wide, width * aspect) if aspect > 1 else (high, height / aspect)
    assert -2 < stretched[0] - stretched[1] <= Fraction(1, 2)


@pytest.mark.parametrize(("size", "words"), [("1x9", "too small"), (f"{LARGEST_SIDE + 2}x2", "too large")])
def test_impossible_sizes_are_refused(size: str, words: str, make_clip: Make) -> None:
    clip = make_clip("-f", "lavfi", "-i", f"color=size={size}:rate=5:duration=0.2,format=yuv444p", "-c:v", "rawvideo",
                     suffix=".nut")
    with pytest.raises(SourceError, match=words) as caught:
        probe(str(clip))
    assert caught.value.remedy


# --- pixels and colour


@pytest.mark.parametrize("name", sorted(av.video.format.names))
def test_every_pixel_format_has_a_planar_one_of_no_less_depth(name: str) -> None:
    source = VideoFormat(name)
    target = planar_format(source)
    assert PixelFormat.parse(target.name) == target
    bits = max((component.bits for component in source.components), default=8)
    assert target.bit_depth >= min(bits, 12)
    if len(source.components) >= 3 and not source.is_rgb and not source.has_palette:
        assert target.chroma_size(16, 16) >= (source.chroma_width(16), source.chroma_height(16))


@pytest.mark.parametrize("name", [f"yuv{chroma}p{depth}" for chroma in ("420", "422", "444")
                                  for depth in ("", "10le", "12le")])
def test_our_own_formats_stay_what_they_are(name: str, clip_of: Clips) -> None:
    assert planar_format(VideoFormat(name)).name == name
    info = probe(str(clip_of(f"pixels {name}")))
    assert (info.pixel_format.name, info.source_pixel_format) == (name, name)


@pytest.mark.parametrize(("source", "target"), [
    ("yuvj420p", "yuv420p"), ("yuvj444p", "yuv444p"), ("nv12", "yuv420p"), ("p010le", "yuv420p10le"),
    ("yuv440p", "yuv444p"), ("yuv411p", "yuv422p"), ("yuyv422", "yuv422p"), ("gray", "yuv420p"),
    ("gray10le", "yuv420p10le"), ("rgb24", "yuv444p"), ("gbrp10le", "yuv444p10le"), ("gbrp12le", "yuv444p12le"),
    ("rgb48le", "yuv444p12le"), ("yuv420p16le", "yuv420p12le"), ("yuva444p10le", "yuv444p10le"),
    ("yuv420p9le", "yuv420p10le"), ("bgra", "yuv444p"),
])
def test_the_planar_format_of(source: str, target: str) -> None:
    assert planar_format(VideoFormat(source)).name == target


def tagged(make: Make, **tags: str) -> Path:
    filters = "setparams=" + ":".join(f"{name}={value}" for name, value in tags.items())
    return make(*PICTURE, "-vf", filters, *QUICK)


@pytest.mark.parametrize(("primaries", "transfer", "matrix", "span", "expected"), [
    ("bt709", "bt709", "bt709", "tv", (1, 1, 1, False)), ("bt470bg", "smpte170m", "smpte170m", "pc", (5, 6, 6, True)),
    ("bt2020", "arib-std-b67", "bt2020nc", "tv", (9, 18, 9, False)),
    ("smpte432", "iec61966-2-1", "bt470bg", "tv", (12, 13, 5, False)),
])
def test_colour_is_read_by_its_code_points(primaries: str, transfer: str, matrix: str, span: str,
                                           expected: tuple[int, int, int, bool], make_clip: Make) -> None:
    clip = tagged(make_clip, color_primaries=primaries, color_trc=transfer, colorspace=matrix, range=span)
    colour = probe(str(clip)).colour
    assert (colour.primaries, colour.transfer, colour.matrix, colour.full_range) == expected


def test_colour_that_is_not_stated_stays_so(make_clip: Make) -> None:
    colour = probe(str(make_clip(*PICTURE, *QUICK))).colour
    assert (colour.primaries, colour.transfer, colour.matrix) == (2, 2, 2)
    assert colour.mastering is None
    assert colour.content_light is None


def test_full_range_is_seen(clip_of: Clips) -> None:
    assert probe(str(clip_of("full range"))).colour.full_range is True


def test_rgb_becomes_yuv_with_a_stated_matrix(make_clip: Make) -> None:
    for size, matrix in (("64x48", 6), ("64x720", 1)):
        clip = make_clip("-f", "lavfi", "-i", f"testsrc2=size={size}:duration=0.1", "-pix_fmt", "gbrp", "-c:v", "ffv1",
                         suffix=".mkv")
        info = probe(str(clip))
        assert (info.colour.matrix, info.colour.full_range) == (matrix, False)
        assert info.pixel_format.name == "yuv444p"


def test_hdr10_metadata(make_clip: Make) -> None:
    clip = make_clip(
        *PICTURE, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
        "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:master-display="
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)")  # fmt: skip
    colour = probe(str(clip)).colour
    assert (colour.primaries, colour.transfer, colour.matrix) == (9, 16, 9)
    assert colour.is_hdr
    assert colour.content_light is not None
    assert (colour.content_light.max_content, colour.content_light.max_average) == (1000, 400)
    display = colour.mastering
    assert display is not None
    assert display.red == pytest.approx((0.68, 0.32))
    assert display.green == pytest.approx((0.265, 0.69))
    assert display.blue == pytest.approx((0.15, 0.06))
    assert display.white == pytest.approx((0.3127, 0.329))
    assert (display.luminance_min, display.luminance_max) == pytest.approx((0.005, 1000))


# --- fields, alpha, tracks


def test_fields_are_seen(clip_of: Clips) -> None:
    assert probe(str(clip_of("interlaced"))).interlaced
    assert not probe(str(clip_of("ts"))).interlaced


def test_alpha_is_said(clip_of: Clips, make_clip: Make) -> None:
    webm = make_clip(*PICTURE, "-vf", "format=yuva420p", "-c:v", "libvpx-vp9", "-auto-alt-ref", "0", "-cpu-used", "8",
                     suffix=".webm")
    for clip in (clip_of("transparent"), webm):
        info = probe(str(clip))
        assert info.has_alpha
        assert any("transparency" in notice for notice in info.notices)


def test_a_cover_picture_is_not_the_video(clip_of: Clips) -> None:
    info = probe(str(clip_of("with cover")))
    assert (info.width, info.height, info.codec) == (128, 72, "h264")
    assert [track.index for track in info.tracks if track.is_cover] != [info.video_index]
    assert sum(track.is_cover for track in info.tracks) == 1


def test_the_first_of_two_video_tracks_is_taken_and_said(clip_of: Clips) -> None:
    info = probe(str(clip_of("two video tracks")))
    assert (info.video_index, info.width) == (0, 128)
    assert any("2 video tracks" in notice for notice in info.notices)


def test_tracks_chapters_and_tags(make_clip: Make, tmp_path: Path) -> None:
    marks = tmp_path / "marks.txt"
    marks.write_text(";FFMETADATA1\ntitle=Ein Titel\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=100\ntitle=One\n"
                     "[CHAPTER]\nTIMEBASE=1/1000\nSTART=100\nEND=300\ntitle=Zwei 日本\n", encoding="utf-8")
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,050 --> 00:00:00,200\nHello\n", encoding="utf-8")
    clip = make_clip(
        *PICTURE, *SOUND, "-i", str(words), "-i", str(marks), "-map_metadata", "3", "-map_chapters", "3",
        "-map", "0:v", "-map", "1:a", "-map", "2:s", *QUICK, "-c:a", "flac", "-c:s", "srt",
        "-metadata:s:a:0", "language=deu", "-metadata:s:a:0", "title=Ton", "-attach", str(words),
        "-metadata:s:t", "mimetype=text/plain", suffix=".mkv")  # fmt: skip
    info = probe(str(clip))
    assert [(track.kind, track.codec) for track in info.tracks[:3]] == [
        (TrackKind.VIDEO, "h264"), (TrackKind.AUDIO, "flac"), (TrackKind.SUBTITLE, "subrip")]
    assert info.tracks[3].kind is TrackKind.ATTACHMENT
    assert info.tracks[3].title == "words.srt"
    assert (info.tracks[1].language, info.tracks[1].title, info.tracks[1].details) == ("deu", "Ton", "44100 Hz, mono")
    assert [(chapter.start, chapter.end, chapter.title) for chapter in info.chapters] == [
        (0, Fraction(1, 10), "One"), (Fraction(1, 10), Fraction(3, 10), "Zwei 日本")]
    assert ("title", "Ein Titel") in info.tags


# --- what holds no video


def test_sound_alone_is_refused(clip_of: Clips) -> None:
    with pytest.raises(SourceError, match="only sound") as caught:
        probe(str(clip_of("only sound")))
    assert caught.value.remedy


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
def test_a_picture_is_refused(suffix: str, make_clip: Make) -> None:
    with pytest.raises(SourceError) as caught:
        probe(str(make_clip("-f", "lavfi", "-i", "color=blue:size=50x50", "-frames:v", "1", suffix=suffix)))
    assert caught.value.remedy


def test_pictures_that_cannot_be_decoded_are_refused(clip_of: Clips, tmp_path: Path) -> None:
    whole = bytearray(clip_of("no sound").read_bytes())
    begin = whole.index(b"mdat") + 4
    end = whole.index(b"moov") - 4
    whole[begin:end] = bytes(end - begin)
    file = tmp_path / "empty.mp4"
    file.write_bytes(whole)
    with pytest.raises(SourceError, match="not one picture") as caught:
        probe(str(file))
    assert caught.value.remedy
