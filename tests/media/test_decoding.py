"""Frames out are the frames in the file, as they are shown: counted, timed and compared with ffmpeg's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import av
import av.error
import numpy as np
import numpy.typing as npt
import pytest

from video3d.errors import SourceError
from video3d.media import decoding
from video3d.media.decoding import THUMBNAIL_SIZE, DecodedPicture, DecodeRequest, decode
from video3d.media.probing import probe
from video3d.media.protocol import Delivery
from video3d.types import PixelFormat
from video3d.video_info import VideoInfo

Clips = Callable[[str], Path]
Make = Callable[..., Path]
Planes = tuple[npt.NDArray[Any], ...]
ALL = ("mp4", "mkv", "mov", "webm", "avi", "ts", "gif", "variable rate", "two video tracks", "with cover")
OURS = [f"yuv{chroma}p{depth}" for chroma in ("420", "422", "444") for depth in ("", "10le", "12le")]


def decoded(path: Path, pixel_format: str = "", **request: Any) -> tuple[VideoInfo, list[DecodedPicture], list[str]]:
    """All pictures (their planes copied), and the notices."""
    info = probe(str(path))
    notices: list[str] = []
    wanted = DecodeRequest(info, pixel_format or info.pixel_format.name, **request)
    pictures = [replace(picture, **{name: tuple(plane.copy() for plane in getattr(picture, name))
                                    for name in ("small", "planes")})
                for picture in decode(wanted, notices)]
    return info, pictures, notices


def directly(path: Path) -> Iterator[tuple[int | None, str, Planes]]:
    """(time, format, planes) of the real video track, by PyAV alone."""
    with av.open(str(path)) as container:
        index = probe(str(path)).video_index
        for frame in container.decode(container.streams[index]):
            assert isinstance(frame, av.VideoFrame)
            planes: list[npt.NDArray[Any]] = []
            for plane, component in zip(frame.planes, frame.format.components, strict=False):
                kind = np.dtype(np.uint8 if component.bits == 8 else np.uint16)
                rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
                planes.append(rows[: component.height, : component.width].copy())
            yield frame.pts, frame.format.name, tuple(planes)


def by_ffmpeg(ffmpeg: str, path: Path, layout: PixelFormat, size: tuple[int, int], *filters: str) -> list[Planes]:
    """What the command line shows: turned upright by itself, then `filters`."""
    command = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v:0", *(("-vf", *filters) if filters else ()),
               "-fps_mode", "passthrough", "-pix_fmt", layout.name, "-f", "rawvideo", "-"]
    data = np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout, layout.dtype)
    shapes = layout.plane_shapes(*size)
    edges = np.cumsum([0, *(rows * columns for rows, columns in shapes)])
    return [tuple(frame[a:b].reshape(shape) for (a, b), shape in zip(pairwise(edges), shapes, strict=True))
            for frame in data.reshape(-1, int(edges[-1]))]


def assert_equal(ours: Planes, theirs: Planes) -> None:
    assert len(ours) == len(theirs) == 3
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("name", ALL)
def test_every_frame_comes_once_with_its_own_time(name: str, clip_of: Clips) -> None:
    _, pictures, notices = decoded(clip_of(name))
    assert [picture.pts for picture in pictures] == [pts for pts, _, _ in directly(clip_of(name))]
    assert len(pictures) > 5
    assert notices == []
    assert not any(picture.clock_moved or picture.interlaced for picture in pictures)


@pytest.mark.parametrize("name", [*ALL[:6], *(f"pixels {ours}" for ours in OURS)])
def test_samples_are_those_of_the_decoder(name: str, clip_of: Clips) -> None:
    info, pictures, _ = decoded(clip_of(name))
    for picture, (_, pixels, planes) in zip(pictures, directly(clip_of(name)), strict=True):
        assert pixels == info.pixel_format.name
        assert_equal(picture.planes, planes)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_nothing(threads: int, clip_of: Clips) -> None:
    _, one, _ = decoded(clip_of("mp4"), threads=threads)
    _, two, _ = decoded(clip_of("mp4"))
    for mine, other in zip(one, two, strict=True):
        assert mine.pts == other.pts
        assert_equal(mine.planes, other.planes)


# --- shown upright, with square samples, of even size


@pytest.mark.parametrize("turn", ["0", "90", "180", "270"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_pictures_are_shown_upright(turn: str, mirrored: bool, clip_of: Clips, ffmpeg: str) -> None:
    clip = clip_of(f"rotated {turn}" + " mirrored" * mirrored)
    info, pictures, _ = decoded(clip)
    shown = by_ffmpeg(ffmpeg, clip, info.pixel_format, (info.width, info.height))
    assert len(pictures) == len(shown) == 24
    for picture, planes in zip(pictures, shown, strict=True):
        assert_equal(picture.planes, planes)


def test_the_orientations_are_eight_different_ones(clip_of: Clips) -> None:
    """Or the comparison above could be between pictures that nobody turned."""
    seen: set[bytes] = set()
    for turn in ("0", "90", "180", "270"):
        for mirrored in ("", " mirrored"):
            _, pictures, _ = decoded(clip_of(f"rotated {turn}{mirrored}"))
            seen.add(str(pictures[0].planes[0].shape).encode() + pictures[0].planes[0].tobytes())
    assert len(seen) == 8


@pytest.mark.parametrize("name", ["wide samples", "tall samples"])
def test_samples_become_square(name: str, clip_of: Clips, ffmpeg: str) -> None:
    info, pictures, _ = decoded(clip_of(name))
    size = (info.width, info.height)
    shown = by_ffmpeg(ffmpeg, clip_of(name), info.pixel_format, size, f"scale={size[0]}:{size[1]}:flags=bicubic")
    for picture, planes in zip(pictures, shown, strict=True):
        assert_equal(picture.planes, planes)


def test_turned_pictures_with_wide_samples(clip_of: Clips, make_clip: Make) -> None:
    clip = make_clip("-display_rotation:v:0", "90", "-i", str(clip_of("wide samples")), "-c", "copy")
    info, pictures, _ = decoded(clip)
    assert (info.width, info.height) == (72, 186)
    assert {picture.planes[0].shape for picture in pictures} == {(186, 72)}


@pytest.mark.parametrize("name", ["odd", "odd 444"])
def test_odd_sizes_are_cut_without_resampling(name: str, clip_of: Clips) -> None:
    info, pictures, _ = decoded(clip_of(name))
    layout = info.pixel_format
    for picture, (_, _, planes) in zip(pictures, directly(clip_of(name)), strict=True):
        shapes = layout.plane_shapes(128, 72)
        assert_equal(picture.planes, tuple(plane[:rows, :columns]
                                           for plane, (rows, columns) in zip(planes, shapes, strict=True)))


@pytest.mark.parametrize("turn", ["90", "180"])
def test_odd_sizes_that_are_turned_too(turn: str, clip_of: Clips, make_clip: Make) -> None:
    odd = make_clip("-i", str(clip_of("odd 444")), "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")
    clip = make_clip("-display_rotation:v:0", turn, "-i", str(odd), "-c", "copy")
    info, pictures, _ = decoded(clip)
    assert (info.width, info.height) == ((72, 128) if turn == "90" else (128, 72))
    for picture in pictures:
        assert tuple(plane.shape for plane in picture.planes) == info.pixel_format.plane_shapes(info.width, info.height)


# --- fields


def test_fields_become_whole_pictures_one_for_one(clip_of: Clips, ffmpeg: str) -> None:
    clip = clip_of("interlaced")
    info, woven, _ = decoded(clip)
    _, pictures, _ = decoded(clip, interlaced=True)
    assert all(picture.interlaced for picture in pictures)
    assert [picture.pts for picture in pictures] == [picture.pts for picture in woven]
    assert len(pictures) == 25
    shown = by_ffmpeg(ffmpeg, clip, info.pixel_format, (info.width, info.height),
                      "bwdif=mode=send_frame:parity=auto:deint=interlaced")
    assert len(shown) == 25
    # At the rims of the first picture, which has none before it, libavfilter's builds differ.
    for picture, planes in zip(pictures[1:], shown[1:], strict=True):
        assert_equal(picture.planes, planes)
    assert_equal(tuple(plane[4:-4] for plane in pictures[0].planes), tuple(plane[4:-4] for plane in shown[0]))
    assert any((picture.planes[0] != other.planes[0]).any() for picture, other in zip(pictures, woven, strict=True))


def test_whole_pictures_pass_the_deinterlacer_unchanged(clip_of: Clips) -> None:
    _, plain, _ = decoded(clip_of("mp4"))
    _, filtered, _ = decoded(clip_of("mp4"), interlaced=True)
    for mine, other in zip(filtered, plain, strict=True):
        assert (mine.pts, mine.interlaced) == (other.pts, False)
        assert_equal(mine.planes, other.planes)


# --- pixels


def test_full_range_values_are_kept(clip_of: Clips) -> None:
    info, pictures, _ = decoded(clip_of("full range"))
    assert info.colour.full_range is True
    for picture, (_, _, planes) in zip(pictures, directly(clip_of("full range")), strict=True):
        assert_equal(picture.planes, planes)
    assert max(int(picture.planes[0].max()) for picture in pictures) > 240


def test_full_range_stays_so_when_the_format_changes(clip_of: Clips) -> None:
    _, deep, _ = decoded(clip_of("full range"), "yuv420p10le")
    for picture, (_, _, planes) in zip(deep, directly(clip_of("full range")), strict=True):
        spread = picture.planes[0].astype(int) - np.round(planes[0] * (1023 / 255)).astype(int)
        assert np.abs(spread).max() <= 3


def test_alpha_is_dropped_and_the_colours_kept(clip_of: Clips) -> None:
    _, pictures, _ = decoded(clip_of("transparent"))
    for picture, (_, pixels, planes) in zip(pictures, directly(clip_of("transparent")), strict=True):
        assert pixels == "yuva420p"
        assert_equal(picture.planes, planes[:3])


@pytest.mark.parametrize("wanted", ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p12le"])
def test_another_format_can_be_asked_for(wanted: str, clip_of: Clips) -> None:
    info, pictures, _ = decoded(clip_of("pixels yuv444p10le"), wanted)
    layout = PixelFormat.parse(wanted)
    scale = 2.0 ** (layout.bit_depth - 10)
    assert len(pictures) == 5
    for picture, (_, _, planes) in zip(pictures, directly(clip_of("pixels yuv444p10le")), strict=True):
        assert tuple(plane.shape for plane in picture.planes) == layout.plane_shapes(info.width, info.height)
        assert picture.planes[0].dtype == layout.dtype
        # Luma is not resampled: only its depth changes.
        assert np.abs(picture.planes[0] - planes[0] * scale).max() <= 1


@pytest.mark.parametrize("size", ["64x48", "64x720"])
@pytest.mark.parametrize("pixels", ["gbrp", "bgra"])
def test_rgb_becomes_yuv_by_the_stated_matrix(size: str, pixels: str, make_clip: Make) -> None:
    clip = make_clip("-f", "lavfi", "-i", f"color=0x40C020:size={size}:duration=0.1", "-pix_fmt", pixels,
                     "-c:v", "ffv1", suffix=".mkv")
    info, pictures, _ = decoded(clip)
    kr, kb = {1: (0.2126, 0.0722), 6: (0.299, 0.114)}[info.colour.matrix]
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
        red, green, blue = (int(value) / 255 for value in frame.to_ndarray(format="rgb24")[0, 0])
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    expected = (16 + 219 * luma, 128 + 224 * (blue - luma) / (2 * (1 - kb)), 128 + 224 * (red - luma) / (2 * (1 - kr)))
    assert pictures
    for picture in pictures:
        for plane, value in zip(picture.planes, expected, strict=True):
            assert np.abs(plane - value).max() <= 1


def test_grey_gets_neutral_chroma(make_clip: Make) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.1", "-pix_fmt", "gray", "-c:v", "ffv1",
                     suffix=".mkv")
    _, pictures, _ = decoded(clip)
    for picture, (_, _, planes) in zip(pictures, directly(clip), strict=True):
        spread = int(picture.planes[0].max()) - int(picture.planes[0].min())
        assert spread > 50
        assert np.abs(np.diff(picture.planes[0].astype(int) - planes[0])).max() <= 40
        assert {int(value) for plane in picture.planes[1:] for value in np.unique(plane)} == {128}


def test_a_size_that_changes_midway_is_brought_back(make_clip: Make, tmp_path: Path) -> None:
    parts = [make_clip("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=24:duration=0.25", "-c:v", "libx264", "-preset",
                       "ultrafast", "-pix_fmt", "yuv420p", "-output_ts_offset", offset, suffix=".ts")
             for size, offset in (("128x72", "0"), ("64x36", "0.25"), ("128x72", "0.5"))]
    file = tmp_path / "changing.ts"
    file.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, pictures, _ = decoded(file)
    assert len(pictures) == 18
    assert {picture.planes[0].shape for picture in pictures} == {(72, 128)}
    times = [picture.pts for picture in pictures]
    assert times == [pts for pts, _, _ in directly(file)]


# --- seeking, broken files, thumbnails


@pytest.mark.parametrize("name", ["mp4", "mkv", "mov", "webm", "avi"])
@pytest.mark.parametrize("place", [0, 7, 8, 13, 23])
def test_seeking_begins_at_a_key_frame_before(name: str, place: int, clip_of: Clips) -> None:
    _, whole, _ = decoded(clip_of(name))
    target = whole[place].pts
    assert target is not None
    _, part, _ = decoded(clip_of(name), seek_to=target)
    times = [picture.pts for picture in part]
    assert target in times
    assert times == [picture.pts for picture in whole][-len(times):]
    offset = len(whole) - len(part)
    assert offset <= place
    for mine, other in zip(part, whole[offset:], strict=True):
        assert_equal(mine.planes, other.planes)
    if place >= 16:
        assert offset > 0


def test_a_clock_that_restarts_goes_on(clip_of: Clips) -> None:
    _, pictures, notices = decoded(clip_of("clock restarts"))
    times = [picture.pts for picture in pictures]
    assert None not in times
    assert all(earlier < later for earlier, later in pairwise(time or 0 for time in times))
    assert len(pictures) == 3 * 36
    assert [picture.clock_moved for picture in pictures[:20]] == [False] * 20
    assert all(picture.clock_moved for picture in pictures[-20:])
    assert any("restarts" in notice for notice in notices)


def test_damaged_packets_are_skipped_and_said(clip_of: Clips, tmp_path: Path) -> None:
    with av.open(str(clip_of("webm"))) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = clip_of("webm").read_bytes()
    for damaged in (packets[10], packets[12]):
        data = data.replace(damaged, b"\0" * len(damaged))
    file = tmp_path / "damaged.webm"
    file.write_bytes(data)
    _, pictures, notices = decoded(file)
    assert 0 < len(pictures) < 24
    assert len(notices) == 1
    assert notices[0].startswith(f"{24 - len(pictures)} damaged packets")


class _Exhausted:
    """A track, or a file, whose decoder finds no memory."""

    index = 0
    time_base = Fraction(1, 24)
    codec_context: Any = None

    def __init__(self) -> None:
        self.codec_context = self

    def decode(self, _packet: object = None) -> list[object]:
        raise av.error.MemoryError(12, "Cannot allocate memory")


def test_want_of_memory_is_not_damage(clip_of: Clips) -> None:
    """Pictures that there was no memory for must not go missing: the job has to end."""
    with av.open(str(clip_of("no sound"))) as container, pytest.raises(MemoryError):
        list(decoding._frames(container, cast("Any", _Exhausted()), decoding._Clock(), []))


def test_want_of_memory_does_not_make_a_file_unreadable(clip_of: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_arguments: object, **_options: object) -> None:
        raise av.error.MemoryError(12, "Cannot allocate memory")

    monkeypatch.setattr(av, "open", exhausted)
    with pytest.raises(MemoryError):
        probe(str(clip_of("no sound")))


def test_a_file_cut_off_gives_what_it_has(clip_of: Clips, tmp_path: Path) -> None:
    for name in ("mkv", "webm", "avi", "ts"):
        whole = clip_of(name)
        cut = tmp_path / f"cut{whole.suffix}"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
        _, pictures, _ = decoded(cut)
        _, full, _ = decoded(whole)
        assert 0 < len(pictures) < len(full)
        assert [picture.pts for picture in pictures] == [picture.pts for picture in full][: len(pictures)]


def test_a_track_that_is_no_longer_video_is_said(clip_of: Clips) -> None:
    info = replace(probe(str(clip_of("mp4"))), video_index=1)
    with pytest.raises(SourceError, match="no longer video") as caught:
        list(decode(DecodeRequest(info, "yuv420p"), []))
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["mp4", "gif", "interlaced", "rotated 90", "odd", "pixels yuv444p12le", "transparent",
                                  "full range"])
def test_thumbnails_are_small_and_one_for_one(name: str, clip_of: Clips) -> None:
    _, whole, _ = decoded(clip_of(name))
    _, small, _ = decoded(clip_of(name), delivery=Delivery.SMALL)
    width, height = THUMBNAIL_SIZE
    assert [picture.pts for picture in small] == [picture.pts for picture in whole]
    for picture in small:
        assert picture.planes == ()
        assert [plane.shape for plane in picture.small] == [(height, width), (height // 2, width // 2),
                                                            (height // 2, width // 2)]
        assert {plane.dtype for plane in picture.small} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("name", ["mp4", "interlaced", "rotated 90", "odd", "pixels yuv422p12le"])
def test_both_are_the_same_as_each_alone(name: str, clip_of: Clips) -> None:
    (_, whole, _), (_, small, _), (_, both, _) = (decoded(clip_of(name), delivery=each) for each in
                                                  (Delivery.WHOLE, Delivery.SMALL, Delivery.BOTH))
    for picture, large, little in zip(both, whole, small, strict=True):
        assert picture.pts == large.pts == little.pts
        assert_equal(picture.planes, large.planes)
        assert_equal(picture.small, little.small)


@pytest.mark.parametrize("name", ["mp4", "gif", "pixels yuv420p", "pixels yuv444p10le", "pixels yuv422p12le"])
def test_thumbnails_show_the_same_picture(name: str, clip_of: Clips) -> None:
    info, whole, _ = decoded(clip_of(name))
    _, small, _ = decoded(clip_of(name), delivery=Delivery.SMALL)
    shift = info.pixel_format.bit_depth - 8
    for picture, other in zip(small, whole, strict=True):
        for mine, full in zip(picture.small, other.planes, strict=True):
            assert abs(float(mine.mean()) - float(full.mean()) / 2**shift) < 3
