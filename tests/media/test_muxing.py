"""Joined segments: every frame once, in order, exactly at the plan's times."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.errors import TargetError
from video3d.media.encoders import EncodeRequest
from video3d.media.encoding import SegmentEncoder
from video3d.media.ffmpeg import find_ffmpeg
from video3d.media.joining import MuxRequest, Segment, write_times
from video3d.media.muxing import mux
from video3d.settings import Container, Speed, Tracks
from video3d.types import Frame, PixelFormat
from video3d.video_info import Chapter, ColourTags

Clips = Callable[[str], Path]
LAYOUT = PixelFormat(8, 1, 1)
REQUEST = EncodeRequest("libx264", 64, 48, LAYOUT, ColourTags(1, 1, 1, full_range=False), Fraction(24), 24000,
                        quality=20, bitrate=None, speed=Speed.MEDIUM)
COUNTS = (10, 7, 5)
FRAMES = sum(COUNTS)
SCALE = 24000
ALL_CONTAINERS = list(Container)


def frame_of(number: int) -> Frame:
    luma = np.full((48, 64), 30 + 8 * number, np.uint8)
    grey = np.full((24, 32), 128, np.uint8)
    return Frame((luma, grey, grey), number, LAYOUT)


def encoded(target: Path, first: int, count: int, request: EncodeRequest = REQUEST) -> Segment:
    encoder = SegmentEncoder(find_ffmpeg(), request, target)
    for number in range(count):
        encoder.write(frame_of(first + number), Fraction(number, 24))
    encoder.finish()
    return Segment(str(target), count)


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> tuple[Segment, ...]:
    folder = tmp_path_factory.mktemp("segments")
    firsts = [0, *accumulate(COUNTS)][:-1]
    return tuple(encoded(folder / f"{first}.mp4", first, count)
                 for first, count in zip(firsts, COUNTS, strict=True))


def request_of(segments: tuple[Segment, ...], folder: Path, container: Container = Container.MP4,
               times: list[int] | None = None, **changes: Any) -> MuxRequest:
    count = sum(segment.frame_count for segment in segments)
    write_times(folder / "times", np.array(times or [1000 * number for number in range(count)], np.int64))
    request = MuxRequest(
        target=str(folder / f"out.{container.value}"), container=container, segments=segments,
        times=str(folder / "times"), time_scale=SCALE, last_duration=1000, source="no source is needed", video_index=0,
        tracks=Tracks.NONE, zero=Fraction(0), start=None, end=None, chapters=(), tags=())
    return replace(request, **changes)


def joined(request: MuxRequest) -> list[str]:
    return mux(request, lambda _: None)


def shown(path: str) -> list[tuple[Fraction, int]]:
    """(seconds, number) of every frame, in the order shown."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        base = Fraction(stream.time_base or 0)
    return [((frame.pts or 0) * base, round((float(np.frombuffer(frame.planes[0], np.uint8)[0]) - 30) / 8))
            for frame in frames]


@pytest.mark.parametrize("container", ALL_CONTAINERS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.sampled_from([0, 1, 500, 36000]), steps=st.lists(st.integers(1, 5000), min_size=FRAMES - 1,
                                                                  max_size=FRAMES - 1))
def test_every_frame_at_its_time(container: Container, first: int, steps: list[int], segments: tuple[Segment, ...],
                                 tmp_path: Path) -> None:
    # Matroska counts milliseconds: frames nearer than that cannot be told apart.
    steps = [max(step, 60) for step in steps] if container is Container.MKV else steps
    times = list(accumulate(steps, initial=first))
    request = request_of(segments, tmp_path, container, times)
    joined(request)
    found = shown(request.target)
    assert [number for _, number in found] == list(range(FRAMES))
    tolerance = Fraction(1, 1000) if container is Container.MKV else Fraction(0)
    for (seconds, _), time in zip(found, times, strict=True):
        assert abs(seconds - Fraction(time, SCALE)) <= tolerance


def test_the_segments_do_reorder(segments: tuple[Segment, ...]) -> None:
    """Or the test above would say nothing about it."""
    with av.open(segments[0].path) as container:
        times = [packet.pts or 0 for packet in container.demux(video=0) if packet.size]
    assert times != sorted(times)


@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_decode_times_rise_and_never_lie_after_the_shown_ones(container: Container, segments: tuple[Segment, ...],
                                                              tmp_path: Path) -> None:
    times = list(accumulate([1, 3000, 2, 40, 1000] * 5, initial=700))[:FRAMES]
    request = request_of(segments, tmp_path, container, times)
    joined(request)
    with av.open(request.target) as result:
        packets = [packet for packet in result.demux(video=0) if packet.size]
    decode_times = [packet.dts for packet in packets if packet.dts is not None]
    assert len(packets) == FRAMES
    if container is not Container.MKV:  # it stores none
        assert all(earlier < later for earlier, later in pairwise(decode_times))
    for packet in packets:
        assert packet.pts is not None
        assert packet.dts is None or packet.dts <= packet.pts


@pytest.mark.parametrize("container", [Container.MP4, Container.MOV])
def test_the_last_frame_lasts_as_long_as_planned(container: Container, segments: tuple[Segment, ...],
                                                 tmp_path: Path) -> None:
    request = request_of(segments, tmp_path, container, last_duration=5000)
    joined(request)
    data = Path(request.target).read_bytes()
    # ISO/IEC 14496-12, movie header of version 0: two dates, then these.
    scale, duration = struct.unpack_from(">II", data, data.index(b"mvhd") + 16)
    assert Fraction(duration, scale) == Fraction(1000 * (FRAMES - 1) + 5000, SCALE)


@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_packets_are_those_of_the_segments(container: Container, segments: tuple[Segment, ...],
                                           tmp_path: Path) -> None:
    request = request_of(segments, tmp_path, container)
    joined(request)

    def packets(path: str) -> list[bytes]:
        with av.open(path) as opened:
            return [bytes(packet) for packet in opened.demux(video=0) if packet.size]

    assert packets(request.target) == [packet for segment in segments for packet in packets(segment.path)]


@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_tags_of_colour_are_kept(container: Container, segments: tuple[Segment, ...], tmp_path: Path) -> None:
    request = request_of(segments, tmp_path, container)
    joined(request)
    with av.open(request.target) as result:
        frame = next(result.decode(video=0))
    assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_short_segments_join(container: Container, count: int, tmp_path: Path) -> None:
    """A unit may be as short as a frame."""
    parts = tuple(encoded(tmp_path / f"part{index}.mp4", index * count, count) for index in range(2))
    request = request_of(parts, tmp_path, container)
    joined(request)
    found = shown(request.target)
    assert [number for _, number in found] == list(range(2 * count))
    assert [round(seconds * 24) for seconds, _ in found] == list(range(2 * count))


def test_a_short_last_segment_fits_the_others(segments: tuple[Segment, ...], tmp_path: Path) -> None:
    last = encoded(tmp_path / "last.mp4", FRAMES, 1)
    request = request_of((*segments, last), tmp_path)
    joined(request)
    assert [number for _, number in shown(request.target)] == list(range(FRAMES + 1))


def test_hevc_too(tmp_path: Path) -> None:
    if "libx265" not in find_ffmpeg().encoders:
        pytest.skip("libx265 is missing")
    request = replace(REQUEST, encoder="libx265")
    parts = (encoded(tmp_path / "a.mp4", 0, 9, request), encoded(tmp_path / "b.mp4", 9, 9, request))
    times = list(accumulate([700, 1300] * 9, initial=50))[:18]
    for container in ALL_CONTAINERS:
        wanted = request_of(parts, tmp_path, container, times)
        joined(wanted)
        found = shown(wanted.target)
        assert [number for _, number in found] == list(range(18))
        for (seconds, _), time in zip(found, times, strict=True):
            assert abs(seconds - Fraction(time, SCALE)) <= Fraction(container is Container.MKV, 1000)


@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_the_same_parts_make_the_same_bytes(container: Container, segments: tuple[Segment, ...],
                                            tmp_path: Path) -> None:
    request = request_of(segments, tmp_path, container)
    joined(request)
    first = Path(request.target).read_bytes()
    joined(request)
    assert Path(request.target).read_bytes() == first


def test_progress_counts_joined_frames(segments: tuple[Segment, ...], tmp_path: Path) -> None:
    heard: list[int] = []
    mux(request_of(segments, tmp_path), heard.append)
    assert [done for done in heard if done] == [10, 17, 22]
    assert heard == sorted(heard)


# --- tags and chapters


@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_tags_are_kept_but_not_those_of_the_old_file(container: Container, segments: tuple[Segment, ...],
                                                     tmp_path: Path) -> None:
    tags = (("title", "Ein Titel 日本"), ("artist", "A"), ("encoder", "old"), ("major_brand", "old"),
            ("minor_version", "7"), ("compatible_brands", "old"))
    request = request_of(segments, tmp_path, container, tags=tags)
    joined(request)
    with av.open(request.target) as result:
        metadata = {key.lower(): value for key, value in result.metadata.items()}
    assert metadata["title"] == "Ein Titel 日本"
    assert metadata["artist"] == "A"
    assert "old" not in metadata.values()


@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_chapters_move_with_the_zero_and_end_with_the_range(container: Container, segments: tuple[Segment, ...],
                                                            tmp_path: Path) -> None:
    chapters = (Chapter(Fraction(0), Fraction(1), "before"), Chapter(Fraction(1), Fraction(9, 4), "Eins é"),
                Chapter(Fraction(9, 4), Fraction(9), "two"), Chapter(Fraction(9), Fraction(10), "after"))
    request = request_of(segments, tmp_path, container, chapters=chapters, zero=Fraction(2), end=Fraction(11, 4))
    joined(request)
    with av.open(request.target) as result:
        found = [(chapter["start"] * chapter["time_base"], chapter["end"] * chapter["time_base"],
                  chapter["metadata"]["title"]) for chapter in result.chapters()]
    assert found == [(0, Fraction(1, 4), "Eins é"), (Fraction(1, 4), Fraction(3, 4), "two")]


def test_no_chapters_make_none(segments: tuple[Segment, ...], tmp_path: Path) -> None:
    for container in ALL_CONTAINERS:
        request = request_of(segments, tmp_path, container)
        joined(request)
        with av.open(request.target) as result:
            assert list(result.chapters()) == []


# --- what is refused


@pytest.mark.parametrize("stated", [9, 11])
def test_a_segment_with_a_wrong_count_is_refused(stated: int, segments: tuple[Segment, ...], tmp_path: Path) -> None:
    wrong = (replace(segments[0], frame_count=stated), *segments[1:])
    with pytest.raises(TargetError, match=f"10 frames instead of {stated}") as caught:
        joined(request_of(wrong, tmp_path))
    assert segments[0].path in caught.value.message
    assert caught.value.remedy


def test_a_segment_encoded_differently_is_refused(segments: tuple[Segment, ...], tmp_path: Path) -> None:
    other = encoded(tmp_path / "other.mp4", 0, 5, replace(REQUEST, width=64, speed=Speed.FASTEST))
    with pytest.raises(TargetError, match="differently") as caught:
        joined(request_of((*segments, other), tmp_path))
    assert other.path in caught.value.message
    assert caught.value.remedy


def test_a_segment_that_is_cut_off_is_refused(segments: tuple[Segment, ...], tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(Path(segments[0].path).read_bytes()[:-200])
    with pytest.raises(TargetError, match=r"cut\.mp4"):
        joined(request_of((Segment(str(cut), 10),), tmp_path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_a_full_disk_is_a_target_error(container: Container, segments: tuple[Segment, ...], tmp_path: Path) -> None:
    request = request_of(segments, tmp_path, container)
    Path(request.target).symlink_to("/dev/full")
    with pytest.raises(TargetError, match="cannot be written") as caught:
        joined(request)
    assert request.target in caught.value.message
    assert "space" in caught.value.remedy


def test_a_folder_that_is_not_there_is_a_target_error(segments: tuple[Segment, ...], tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="nowhere"):
        joined(request_of(segments, tmp_path, target=str(tmp_path / "nowhere" / "out.mp4")))
