"""Joining in a child process: progress, notices and errors come back."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from video3d.errors import SourceError, TargetError
from video3d.media.joining import MuxRequest, Segment, join, write_times
from video3d.settings import Container, Tracks

Clips = Callable[[str], Path]


def request_of(source: Path, target: Path, frames: int = 24) -> MuxRequest:
    """The source's own video as the only segment."""
    times = target.with_name("times")
    write_times(times, np.arange(frames, dtype=np.int64) * 1000)
    parts = (Segment(str(source), frames),)
    return MuxRequest(str(target), Container.MP4, parts, str(times), 24000, 1000, str(source), 0,
                      Tracks.ALL, Fraction(0), None, None, (), ())


def test_progress_and_the_file(clip_of: Clips, tmp_path: Path) -> None:
    heard: list[int] = []
    notices = join(request_of(clip_of("mp4"), tmp_path / "out.mp4"), heard.append)
    assert notices == []
    assert heard[-1] == 24
    assert heard == sorted(heard)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 24
        assert len(container.streams.audio) == 1


def test_notices_come_back(clip_of: Clips, tmp_path: Path) -> None:
    notices = join(request_of(clip_of("mov"), tmp_path / "out.mp4"), lambda _: None)
    assert len(notices) == 1
    assert "AAC" in notices[0]


def test_a_target_that_cannot_be_written_is_a_target_error(clip_of: Clips, tmp_path: Path) -> None:
    request = request_of(clip_of("mp4"), tmp_path / "out.mp4")
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(TargetError, match=r"out\.mp4") as caught:
        join(request, lambda _: None)
    assert caught.value.stage == "join"
    assert caught.value.remedy


def test_a_source_that_vanished_is_a_source_error(clip_of: Clips, tmp_path: Path) -> None:
    source = tmp_path / "gone.mp4"
    source.write_bytes(clip_of("mp4").read_bytes())
    request = request_of(clip_of("mp4"), tmp_path / "out.mp4")
    with pytest.raises(SourceError, match=r"nowhere\.mp4"):
        join(MuxRequest(**{**vars(request), "source": str(tmp_path / "nowhere.mp4")}), lambda _: None)


@pytest.mark.parametrize("times", [[0, 0], [5, 4], [0, 1, 2, 1]])
def test_times_that_do_not_rise_are_refused(times: list[int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rise"):
        write_times(tmp_path / "times", np.array(times, np.int64))
    assert not (tmp_path / "times").exists()


def test_times_are_written_as_they_are(tmp_path: Path) -> None:
    times = np.array([-5, 0, 2**40], np.int64)
    write_times(tmp_path / "times", times)
    assert (tmp_path / "times").stat().st_size == 24
    np.testing.assert_array_equal(np.fromfile(tmp_path / "times", "<i8"), times)
