"""Frames of any part are those of the whole, whoever reads them and wherever reading begins."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video3d.errors import SourceError, Video3DError, WorkerError
from video3d.media import source
from video3d.media.decoding import DecodeRequest, decode
from video3d.media.probing import probe as probe_here
from video3d.media.protocol import Delivery
from video3d.media.source import THUMBNAIL_SHAPES, BothReader, FrameReader, ThumbnailReader, probe
from video3d.reducing import reduced
from video3d.types import Frame, PixelFormat
from video3d.video_info import VideoInfo

Clips = Callable[[str], Path]


@pytest.fixture
def reader_of() -> Iterator[Callable[..., FrameReader]]:
    readers: list[FrameReader] = []

    def make(info: VideoInfo, **options: Any) -> FrameReader:
        readers.append(FrameReader(info, info.pixel_format, **options))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


Readers = Callable[..., FrameReader]


def whole(info: VideoInfo, **options: Any) -> tuple[list[int], list[list[bytes]]]:
    """Times and planes of all frames, decoded here and now."""
    times: list[int] = []
    planes: list[list[bytes]] = []
    for picture in decode(DecodeRequest(info, info.pixel_format.name, **options), []):
        times.append(picture.pts or 0)
        planes.append([np.ascontiguousarray(plane).tobytes() for plane in picture.planes or picture.small])
    return times, planes


def bytes_of(frames: Iterator[Frame]) -> list[list[bytes]]:
    return [[plane.tobytes() for plane in frame.planes] for frame in frames]


def worker_of(reader: FrameReader) -> int | None:
    return reader._worker._process.pid if reader._worker else None


def test_probing_in_a_child_gives_the_same(clip_of: Clips) -> None:
    for name in ("mp4", "two video tracks"):
        assert probe(clip_of(name)) == probe_here(str(clip_of(name)))


# --- what cannot be read


def test_refusals_name_the_file_and_a_remedy(clip_of: Clips, make_clip: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video")
    movie = clip_of("mp4").read_bytes()
    (tmp_path / "no_index.mp4").write_bytes(movie[: movie.index(b"moov") - 100])
    picture = make_clip("-f", "lavfi", "-i", "color=blue:size=50x50", "-frames:v", "1", suffix=".jpg")
    (tmp_path / "picture.mp4").write_bytes(picture.read_bytes())
    refused = {tmp_path / "nowhere.mp4": "no such file", tmp_path: "folder", tmp_path / "empty.mp4": "zero bytes",
               tmp_path / "text.mp4": "", tmp_path / "no_index.mp4": "index is missing", tmp_path / "picture.mp4": "",
               clip_of("only sound"): "only sound"}  # fmt: skip
    for path, words in refused.items():
        with pytest.raises(SourceError) as caught:
            probe(path)
        assert str(path) in caught.value.message
        assert words in caught.value.message
        assert caught.value.remedy, path
        assert caught.value.stage == "probe"


@pytest.mark.parametrize("name", [" leading, 'quote' % 100%d é 日本 #1.mp4", "-dash.mp4", "no_extension", "a:b|c.mp4",
                                  "file:x.mp4", "line\nbreak.mp4", "pipe:0", "x" * 200 + ".mp4", b"not \xe9 utf-8.mp4"])
def test_any_file_name_is_read(name: str | bytes, clip_of: Clips, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("Windows forbids such names")
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(clip_of("no sound").read_bytes())
    info = probe(path)
    assert info.width == 128
    assert info.path == str(path)
    monkeypatch.chdir(tmp_path)
    assert replace(probe_here(os.fsdecode(name)), path=info.path) == info
    assert sum(1 for _ in ThumbnailReader(replace(info, path=os.fsdecode(name)))) == 24


# --- thumbnails


def test_thumbnails_are_those_of_the_decoder(clip_of: Clips) -> None:
    info = probe_here(str(clip_of("mp4")))
    reader = ThumbnailReader(info)
    pictures = list(reader)
    times, planes = whole(info, delivery=Delivery.SMALL)
    assert [picture.pts for picture in pictures] == times
    assert [[plane.tobytes() for plane in picture.planes] for picture in pictures] == planes
    for picture in pictures:
        assert tuple(plane.shape for plane in picture.planes) == THUMBNAIL_SHAPES
        assert picture.duration > 0
        assert not picture.interlaced
        assert not picture.clock_moved
    assert reader.notices == []


def test_thumbnails_may_begin_later(clip_of: Clips) -> None:
    info = probe_here(str(clip_of("mp4")))
    times, planes = whole(info, delivery=Delivery.SMALL)
    pictures = list(ThumbnailReader(info, origin=times[18]))
    assert [picture.pts for picture in pictures] == times[16:]
    assert [[plane.tobytes() for plane in picture.planes] for picture in pictures] == planes[16:]


def test_notices_of_the_decoder_arrive(clip_of: Clips) -> None:
    reader = ThumbnailReader(probe_here(str(clip_of("clock restarts"))))
    pictures = list(reader)
    assert any("restarts" in notice for notice in reader.notices)
    assert pictures[-1].clock_moved


@pytest.mark.parametrize("skipped", [0, 5])
def test_frames_with_their_thumbnails_are_those_of_the_decoder(skipped: int, clip_of: Clips) -> None:
    info = probe_here(str(clip_of("mp4")))
    times, planes = whole(info)
    _, small = whole(info, delivery=Delivery.SMALL)
    pictures = list(BothReader(info, info.pixel_format, None, times[skipped] if skipped else None))
    assert [picture.small.pts for picture in pictures] == times
    assert [picture.planes is None for picture in pictures] == [number < skipped for number in range(len(times))]
    delivered = [[plane.tobytes() for plane in picture.planes] for picture in pictures if picture.planes is not None]
    assert delivered == planes[skipped:]
    assert [[plane.tobytes() for plane in picture.small.planes] for picture in pictures[skipped:]] == small[skipped:]


def test_leaving_thumbnails_early_leaves_nothing(clip_of: Clips) -> None:
    iterator = iter(ThumbnailReader(probe_here(str(clip_of("mp4")))))
    next(iterator)
    assert isinstance(iterator, Iterator)
    iterator.close()  # type: ignore[attr-defined]


# --- frames


@pytest.mark.parametrize("name", ["mp4", "interlaced", "rotated 90", "odd", "pixels yuv422p10le"])
def test_frames_are_those_of_the_decoder(name: str, clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of(name)))
    times, planes = whole(info)
    reader = reader_of(info)
    frames = list(reader.read(0, np.array(times, np.int64)))
    assert [frame.pts for frame in frames] == times
    assert bytes_of(iter(frames)) == planes
    for frame in frames:
        assert frame.pixel_format == info.pixel_format
        assert (frame.width, frame.height) == (info.width, info.height)
        assert all(plane.flags.c_contiguous for plane in frame.planes)


def test_frames_carry_the_times_of_the_plan(clip_of: Clips, reader_of: Readers) -> None:
    planned = np.arange(24, dtype=np.int64) * 7 - 3
    frames = reader_of(probe_here(str(clip_of("mp4")))).read(0, planned)
    assert [frame.pts for frame in frames] == planned.tolist()


@pytest.mark.parametrize("name", ["mp4", "mkv", "mov", "webm", "avi"])
@pytest.mark.parametrize("first", [8, 13])
def test_beginning_in_the_middle_gives_the_same_frames(name: str, first: int, clip_of: Clips,
                                                       reader_of: Readers) -> None:
    info = probe_here(str(clip_of(name)))
    times, planes = whole(info)
    part = np.array(times[first:first + 6], np.int64)
    frames = list(reader_of(info).read(first, part, part))
    assert [frame.pts for frame in frames] == part.tolist()
    assert bytes_of(iter(frames)) == planes[first:first + 6]


def test_seeking_skips_what_lies_before(clip_of: Clips, monkeypatch: pytest.MonkeyPatch, reader_of: Readers) -> None:
    """Reading late in a file does not decode all of it."""
    info = probe_here(str(clip_of("mp4")))
    times, _ = whole(info)
    counted: list[int] = []
    original = source._pictures

    def counting(*arguments: Any) -> Iterator[Any]:
        for item in original(*arguments):
            counted.append(1)
            yield item

    monkeypatch.setattr(source, "_pictures", counting)
    part = np.array(times[18:20], np.int64)
    assert len(list(reader_of(info).read(18, part, part))) == 2
    assert len(counted) <= 4


def test_going_forward_shares_one_decoder_and_going_back_does_not(clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of("mp4")))
    times, planes = whole(info)
    stated = np.array(times, np.int64)
    reader = reader_of(info)

    def read(first: int, last: int) -> None:
        part = stated[first:last + 1]
        assert bytes_of(reader.read(first, part, part)) == planes[first:last + 1]

    read(2, 5)
    begun = worker_of(reader)
    assert begun is not None
    read(6, 9)
    assert worker_of(reader) == begun
    read(12, 13)  # over a gap
    assert worker_of(reader) == begun
    read(11, 14)  # a warm-up reaches back
    again = worker_of(reader)
    assert again is not None
    assert again != begun
    read(15, 23)
    assert worker_of(reader) == again


def test_a_far_leap_forward_seeks(make_clip: Callable[..., Path], reader_of: Readers) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=100:duration=2", "-c:v", "libx264", "-preset",
                     "ultrafast", "-g", "20", "-pix_fmt", "yuv420p")
    info = probe_here(str(clip))
    times, planes = whole(info)
    stated = np.array(times, np.int64)
    reader = reader_of(info)
    list(reader.read(0, stated[:2], stated[:2]))
    begun = worker_of(reader)
    assert bytes_of(reader.read(150, stated[150:152], stated[150:152])) == planes[150:152]
    assert worker_of(reader) != begun


def test_frames_are_counted_where_times_do_not_lead_to_them(clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of("clock restarts")))
    _, planes = whole(info)
    planned = np.arange(5, dtype=np.int64) * 3750
    assert bytes_of(reader_of(info).read(60, planned)) == planes[60:65]


def test_a_wrong_statement_is_found_out_and_counting_begins(clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of("mp4")))
    times, planes = whole(info)
    wrong = np.array(times[10:14], np.int64) + 1
    assert bytes_of(reader_of(info).read(10, wrong, wrong)) == planes[10:14]


def test_numbers_count_from_the_origin(clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of("mp4")))
    times, planes = whole(info)
    stated = np.array(times, np.int64)
    reader = reader_of(info, origin=times[10])  # its key frame is number 8
    assert bytes_of(reader.read(0, stated[8:11])) == planes[8:11]
    reader.close()
    assert bytes_of(reader.read(4, stated[12:14])) == planes[12:14]


def test_fields_are_made_whole_where_asked(clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of("interlaced")))
    times, planes = whole(info, interlaced=True)
    reader = reader_of(info)
    stated = np.array(times, np.int64)
    assert bytes_of(reader.read(0, stated[:5], stated[:5], interlaced=True)) == planes[:5]
    _, woven = whole(info)
    assert bytes_of(reader.read(5, stated[5:8], None, interlaced=False)) == woven[5:8]


def test_a_file_that_ends_early_gives_fewer_frames(clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of("mp4")))
    reader = reader_of(info)
    assert len(list(reader.read(20, np.arange(20, 40, dtype=np.int64)))) == 4
    assert len(list(reader.read(2, np.arange(2, dtype=np.int64)))) == 2


def test_another_format_is_delivered(clip_of: Clips) -> None:
    info = probe_here(str(clip_of("pixels yuv444p10le")))
    layout = PixelFormat(10, 1, 1)
    reader = FrameReader(info, layout)
    try:
        (frame,) = reader.read(0, np.zeros(1, np.int64))
        assert tuple(plane.shape for plane in frame.planes) == layout.plane_shapes(64, 48)
        assert frame.planes[0].dtype == np.uint16
    finally:
        reader.close()


@pytest.mark.parametrize("kind", ["mp4", "pixels yuv444p10le"])
def test_frames_come_reduced_as_they_would_be_here(kind: str, clip_of: Clips, reader_of: Readers) -> None:
    info = probe_here(str(clip_of(kind)))
    size = (info.width // 2, info.height // 3)
    times = np.arange(2, dtype=np.int64)
    whole_frames, small = (list(reader_of(info, **options).read(0, times)) for options in ({}, {"size": size}))
    shapes = info.pixel_format.plane_shapes(*size)
    for one, other in zip(whole_frames, small, strict=True):
        assert (other.width, other.height) == size
        for plane, little, (rows, columns) in zip(one.planes, other.planes, shapes, strict=True):
            assert np.array_equal(little, reduced(plane, (columns, rows)))


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_crash_in_the_middle_is_an_error_and_the_next_read_works(make_clip: Callable[..., Path],
                                                                   reader_of: Readers) -> None:
    # Larger than what is on its way in pipes and buffers.
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=24:duration=1", "-c:v", "libx264", "-preset",
                     "ultrafast", "-pix_fmt", "yuv420p")
    info = probe_here(str(clip))
    reader = reader_of(info)
    times = np.arange(24, dtype=np.int64)
    frames = reader.read(0, times)
    next(frames)
    pid = worker_of(reader)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerError):
        list(frames)
    reader.close()
    assert len(list(reader.read(0, times))) == 24


def test_a_file_that_vanished_is_a_source_error(clip_of: Clips, tmp_path: Path, reader_of: Readers) -> None:
    path = tmp_path / "gone.mp4"
    path.write_bytes(clip_of("mp4").read_bytes())
    info = probe_here(str(path))
    path.unlink()
    for attempt in (lambda: list(ThumbnailReader(info)),
                    lambda: list(reader_of(info).read(0, np.zeros(1, np.int64)))):
        with pytest.raises(SourceError, match=r"gone\.mp4") as caught:
            attempt()
        assert isinstance(caught.value, Video3DError)


def test_closing_twice_is_fine(clip_of: Clips) -> None:
    reader = FrameReader(probe_here(str(clip_of("mp4"))), PixelFormat(8, 1, 1))
    reader.close()
    next(reader.read(0, np.zeros(3, np.int64)))
    reader.close()
    reader.close()
