"""The pipe's own format: read back by libav and by ffmpeg, frame for frame, tick for tick, tag for tag."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video3d.media.probing import _colour
from video3d.media.raw_matroska import frame_header, stream_header
from video3d.types import PixelFormat
from video3d.video_info import ColourTags, ContentLight, MasteringDisplay

LAYOUTS = [PixelFormat(depth, x, y) for depth in (8, 10, 12) for x, y in ((1, 1), (1, 0), (0, 0))]
NANOSECOND = Fraction(1, 10**9)
Planes = list[npt.NDArray[Any]]


def picture(layout: PixelFormat, width: int, height: int, seed: int) -> Planes:
    random = np.random.default_rng(seed)
    return [random.integers(0, layout.peak + 1, shape).astype(layout.dtype)
            for shape in layout.plane_shapes(width, height)]


def stream(layout: PixelFormat, size: tuple[int, int], times: Sequence[Fraction],
           colour: ColourTags = ColourTags()) -> tuple[bytes, list[Planes]]:  # noqa: B008 - frozen
    pictures = [picture(layout, *size, seed) for seed in range(len(times))]
    data = stream_header(*size, layout, colour)
    for time, planes in zip(times, pictures, strict=True):
        data += frame_header(time, layout.frame_bytes(*size)) + b"".join(plane.tobytes() for plane in planes)
    return data, pictures


def planes_of(frame: av.VideoFrame, layout: PixelFormat) -> Planes:
    planes: Planes = []
    for plane, (rows, columns) in zip(frame.planes, layout.plane_shapes(frame.width, frame.height), strict=True):
        whole = np.frombuffer(plane, layout.dtype).reshape(-1, plane.line_size // layout.dtype.itemsize)
        planes.append(whole[:rows, :columns])
    return planes


@pytest.mark.parametrize("size", [(16, 8), (2, 2), (130, 6)])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_sample_arrives(layout: PixelFormat, size: tuple[int, int]) -> None:
    data, pictures = stream(layout, size, [Fraction(index, 24) for index in range(3)])
    with av.open(io.BytesIO(data)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 3
    for frame, planes in zip(frames, pictures, strict=True):
        assert (frame.format.name, frame.width, frame.height) == (layout.name, *size)
        for got, sent in zip(planes_of(frame, layout), planes, strict=True):
            np.testing.assert_array_equal(got, sent)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_ffmpeg_reads_it_from_a_pipe(layout: PixelFormat, ffmpeg: str) -> None:
    data, pictures = stream(layout, (16, 8), [Fraction(index, 24) for index in range(3)])
    done = subprocess.run([ffmpeg, "-v", "error", "-f", "matroska", "-i", "pipe:0", "-f", "rawvideo", "-"], input=data,
                          capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout == b"".join(plane.tobytes() for planes in pictures for plane in planes)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(1, 10**6), min_size=1, max_size=8),
       scale=st.sampled_from([24, 24000, 30000, 90000, 12800, 600, 10**6]))
def test_times_are_exact_to_the_tick(steps: list[int], scale: int) -> None:
    ticks = [0, *accumulate(steps)]
    data, _ = stream(PixelFormat(8, 1, 1), (2, 2), [Fraction(tick, scale) for tick in ticks])
    with av.open(io.BytesIO(data)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        base = container.streams.video[0].time_base
    assert base == NANOSECOND
    assert [round(packet.pts * NANOSECOND * scale) for packet in packets if packet.pts is not None] == ticks


CODES = st.sampled_from([1, 2, 4, 5, 6, 7, 9])
COLOURS = st.builds(
    ColourTags, primaries=st.sampled_from([1, 2, 4, 5, 6, 7, 9, 11, 12]),
    transfer=st.sampled_from([1, 2, 4, 5, 6, 8, 13, 14, 15, 16, 18]), matrix=CODES,
    full_range=st.sampled_from([None, False, True]),
    content_light=st.none() | st.builds(ContentLight, st.integers(1, 10000), st.integers(1, 4000)))  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(colour=COLOURS)
def test_colour_tags_arrive(colour: ColourTags) -> None:
    data, _ = stream(PixelFormat(10, 1, 1), (16, 8), [Fraction(0), Fraction(1, 24)], colour)
    with av.open(io.BytesIO(data)) as container:
        frame = next(container.decode(video=0))
    assert _colour(frame, frame.format, 8) == colour


def test_mastering_metadata_arrive() -> None:
    display = MasteringDisplay((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), (0.3127, 0.329), 0.0001, 4000)
    data, _ = stream(PixelFormat(10, 1, 1), (16, 8), [Fraction(0)], ColourTags(9, 16, 9, mastering=display))
    with av.open(io.BytesIO(data)) as container:
        got = _colour(frame := next(container.decode(video=0)), frame.format, 8).mastering
    assert got is not None
    for name in ("red", "green", "blue", "white", "luminance_min", "luminance_max"):
        assert getattr(got, name) == pytest.approx(getattr(display, name), rel=1e-5)


def test_nothing_is_stated_that_is_not_known() -> None:
    header = stream_header(16, 8, PixelFormat(8, 1, 1), ColourTags())
    assert b"\x55\xb0\x01" + bytes(7) in header


def test_it_is_matroska_by_the_book(tool: Any, tmp_path: Any) -> None:
    colour = ColourTags(1, 1, 1, full_range=False)
    data, _ = stream(PixelFormat(8, 1, 1), (16, 8), [Fraction(0), Fraction(1, 24)], colour)
    file = tmp_path / "raw.mkv"
    file.write_bytes(data)
    done = subprocess.run([tool("mkvinfo"), "--all", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "V_UNCOMPRESSED" in done.stdout
    assert done.stdout.count("|+ Cluster") == 2
    assert "unknown element" not in done.stdout.lower()
