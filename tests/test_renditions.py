from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from video3d.errors import Video3DError
from video3d.media.source import probe
from video3d.renditions import LARGEST_COPY, Rendition, Renditions, copy_arguments, plays_in_browsers


@pytest.fixture
def renditions(tmp_path: Path) -> Iterator[Renditions]:
    made = Renditions(tmp_path / "copies")
    yield made
    made.close()


@pytest.fixture(scope="module")
def deep_clip(make_clip: Callable[..., Path]) -> Path:
    """HEVC, 10 bit, in Matroska: three reasons why browsers do not play it."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=1", "-f", "lavfi", "-i",
                     "sine=duration=1", "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
                     "-x265-params", "log-level=error", suffix=".mkv")  # fmt: skip


def wait(renditions: Renditions, name: str, result: Path) -> Rendition:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = renditions.rendition(name, result)
        if found.file is not None:
            return found
        time.sleep(0.02)
    raise AssertionError("the copy is never made")


def test_what_browsers_play_is_played_itself(renditions: Renditions, small_clip: Path) -> None:
    assert renditions.rendition("a", small_clip) == Rendition(small_clip)


def test_a_copy_is_made_and_the_result_is_not_touched(renditions: Renditions, deep_clip: Path) -> None:
    before = hashlib.sha256(deep_clip.read_bytes()).digest()
    copy = wait(renditions, "a", deep_clip).file
    assert copy == renditions.file("a")
    info = probe(copy)
    assert plays_in_browsers(info)
    assert (info.width, info.height) == (320, 180)
    assert any(track.codec == "aac" for track in info.tracks)
    assert hashlib.sha256(deep_clip.read_bytes()).digest() == before
    renditions.keep_only({"b"})
    assert list(copy.parent.iterdir()) == [], "it goes with its job"


def test_a_copy_that_fails_says_so_and_leaves_nothing(renditions: Renditions, deep_clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(deep_clip.read_bytes())
    renditions.rendition("a", cut)
    cut.unlink()
    with pytest.raises(Video3DError, match=r"cut\.mkv"):
        wait(renditions, "a", cut)
    renditions.close()
    assert [file for file in (tmp_path / "copies").iterdir() if ".part" in file.name] == []


def test_wide_frames_become_narrower(deep_clip: Path) -> None:
    from dataclasses import replace

    wide = replace(probe(deep_clip), width=7680, height=2160)
    assert f"scale={LARGEST_COPY}:-2" in copy_arguments(wide, deep_clip, Path("out.mp4"))[
        copy_arguments(wide, deep_clip, Path("out.mp4")).index("-vf") + 1]
