from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from video3d.errors import TargetError, ToolError
from video3d.sample import SampleClip, write_sample

SMALL = SampleClip(seconds=1.0, width=320, height=180)


def test_same_numbers_give_the_same_bytes_in_whatever_order_they_are_drawn() -> None:
    again = SampleClip(seconds=1.0, width=320, height=180)
    late = again.frame(20)
    for number, frame in enumerate(SMALL.frames()):
        if number in (3, 20):
            other = late if number == 20 else again.frame(number)
            assert np.array_equal(frame.rgb, other.rgb)
            assert np.array_equal(frame.inverse_depth, other.inverse_depth)
    assert not np.array_equal(SampleClip(1.0, 320, 180, seed=4).frame(20).rgb, late.rgb)


def test_frames_are_counted_and_cut_once() -> None:
    frames = list(SMALL.frames())
    assert len(frames) == SMALL.frame_count == 24
    small = [cv2.resize(frame.rgb, (64, 36), interpolation=cv2.INTER_AREA).astype(float) for frame in frames]
    change = [float(np.abs(after - before).mean()) for before, after in itertools.pairwise(small)]
    assert int(np.argmax(change)) + 1 == SMALL.cut
    others = [value for index, value in enumerate(change) if index + 1 != SMALL.cut]
    assert max(change) > 3 * max(others)
    assert min(others) > 0.3, "something moves in every frame"


@pytest.mark.parametrize("number", [5, 20])
def test_inverse_depth_foretells_the_other_eye(number: int) -> None:
    offset = 0.1
    here, there = SMALL.frame(number), SMALL.frame(number, eye_offset=offset)
    disparity = SMALL.focal_length * offset * here.inverse_depth
    assert disparity.max() > 4
    columns, rows = np.meshgrid(np.arange(SMALL.width, dtype=np.float32), np.arange(SMALL.height, dtype=np.float32))
    found = cv2.remap(there.rgb, columns - disparity, rows, cv2.INTER_LINEAR).astype(float)
    depth_found = cv2.remap(there.inverse_depth, columns - disparity, rows, cv2.INTER_NEAREST)
    seen_by_both = (columns - disparity >= 0) & (np.abs(depth_found - here.inverse_depth) < 0.05 * here.inverse_depth)
    assert seen_by_both.mean() > 0.5
    error = np.abs(found - here.rgb).mean(-1)[seen_by_both].mean()
    unmoved = np.abs(there.rgb.astype(float) - here.rgb).mean(-1)[seen_by_both].mean()
    assert error < 0.35 * unmoved


def test_the_sky_is_infinitely_far_and_the_ground_comes_nearer_downwards() -> None:
    inverse_depth = SMALL.frame(0).inverse_depth
    assert (inverse_depth[:20] == 0).mean() > 0.2
    assert np.all(inverse_depth[-1] >= inverse_depth[-60].min())
    assert inverse_depth.min() >= 0
    assert inverse_depth.max() < 1 / 0.4


@pytest.mark.parametrize("number", [-1, 24])
def test_frames_outside_the_clip_are_refused(number: int) -> None:
    with pytest.raises(IndexError, match="of 24"):
        SMALL.frame(number)


def test_an_early_end_stops_the_drawing() -> None:
    frames = SMALL.frames()
    next(frames)
    frames.close()  # the check for threads left behind does the rest


def test_the_file_holds_every_frame_and_the_sound(tmp_path: Path, ffmpeg: str) -> None:
    target = write_sample(tmp_path / "mein Ausflug é.mp4", clip=SMALL)
    assert [entry.name for entry in tmp_path.iterdir()] == [target.name]
    command = [ffmpeg, "-hide_banner", "-i", str(target), "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    words = done.stderr.decode()
    assert re.search(r"Video: h264.*yuv420p\(tv, bt709, .*320x180.*24 fps", words)
    assert re.search(r"Audio: aac.*48000 Hz, stereo", words)
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, 180, 320, 3)
    assert len(frames) == SMALL.frame_count
    error = (frames[20].astype(float) - SMALL.frame(20).rgb) ** 2
    assert 10 * np.log10(255**2 / error.mean()) > 30


def test_an_unwritable_target_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"nowhere.*Name a folder"):
        write_sample(tmp_path / "nowhere" / "sample.mp4", clip=SMALL)


def test_a_failing_ffmpeg_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    clip = SampleClip(seconds=0.1, width=321, height=180)  # x264 takes no odd width in 4:2:0
    with pytest.raises(ToolError, match="ffmpeg could not encode"):
        write_sample(tmp_path / "sample.mp4", clip=clip)
    assert not list(tmp_path.iterdir())
