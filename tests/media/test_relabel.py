"""A finished file gets another label without re-encoding; a wrong one never passes its check."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from video3d.errors import SourceError, TargetError
from video3d.media import labels
from video3d.media.labels import Projection
from video3d.media.relabel import check_labels, relabel
from video3d.types import Layout

Clips = Callable[..., Path]
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture(params=[".mp4", ".mov", ".mkv"])
def clip(request: pytest.FixtureRequest, make_clip: Clips) -> Path:
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", *X264, suffix=request.param)


def picture_sums(path: Path, ffmpeg: str) -> bytes:
    done = subprocess.run([ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v", "-f", "framemd5", "-"],
                          capture_output=True, check=True)
    return b"".join(line.rsplit(b",", 1)[1] for line in done.stdout.splitlines() if not line.startswith(b"#"))


@pytest.mark.parametrize("layout", [Layout.HALF_SBS, Layout.FULL_TAB, Layout.ANAGLYPH_GREY])
def test_pictures_stay_and_the_label_changes(layout: Layout, clip: Path, tmp_path: Path, ffmpeg: str) -> None:
    first, second = tmp_path / ("first" + clip.suffix), tmp_path / ("second" + clip.suffix)
    relabel(clip, first, Layout.FULL_SBS)
    report = relabel(first, second, layout)
    assert report.path == str(second)
    check_labels(second, layout)
    assert picture_sums(clip, ffmpeg) == picture_sums(second, ffmpeg)
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_every_layout_passes_its_own_check_and_no_other(clip: Path, tmp_path: Path) -> None:
    halves = [Layout.HALF_SBS, Layout.HALF_TAB]
    for layout in halves:
        for swapped in (False, True):
            target = tmp_path / f"{layout.value}{swapped}{clip.suffix}"
            relabel(clip, target, layout, swapped=swapped)
            check_labels(target, layout, swapped=swapped)
            for other in [*halves, Layout.LEFT_ONLY]:
                if other is not layout:
                    with pytest.raises(TargetError, match="did not pass its check"):
                        check_labels(target, other, swapped=swapped)
            with pytest.raises(TargetError, match="did not pass its check"):
                check_labels(target, layout, swapped=not swapped)


def test_half_and_full_are_told_apart_in_matroska(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", *X264, suffix=".mkv")
    relabel(clip, tmp_path / "half.mkv", Layout.HALF_SBS)
    with pytest.raises(TargetError, match="display size"):
        check_labels(tmp_path / "half.mkv", Layout.FULL_SBS)


def test_the_projection_is_kept_unless_told(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", *X264)
    relabel(clip, tmp_path / "vr.mp4", Layout.FULL_SBS, projection=Projection.VR180)
    assert relabel(tmp_path / "vr.mp4", tmp_path / "kept.mp4", Layout.FULL_TAB).projection == "half equirectangular"
    flat = relabel(tmp_path / "vr.mp4", tmp_path / "flat.mp4", Layout.FULL_SBS, projection=Projection.FLAT)
    assert flat.projection == "flat"
    with pytest.raises(TargetError, match="half equirectangular"):
        check_labels(tmp_path / "vr.mp4", Layout.FULL_SBS)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_label_in_the_stream_is_not_doubled(suffix: str, make_clip: Clips, tmp_path: Path, ffmpeg: str) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:d=0.4", *X264, "-x264-params", "frame-packing=3",
                     suffix=suffix)
    with pytest.raises(SourceError, match="filter_units") as refusal:
        relabel(clip, tmp_path / ("out" + suffix), Layout.HALF_SBS)
    assert list(tmp_path.iterdir()) == []
    # The remedy works as it is written.
    command = refusal.value.remedy.split("ffmpeg ")[1].rstrip(".").split()
    cleaned = tmp_path / ("clean" + suffix)
    words = [{"IN": str(clip), "OUT": str(cleaned)}.get(word, word) for word in command]
    subprocess.run([ffmpeg, "-v", "error", *words], check=True, capture_output=True)
    relabel(cleaned, tmp_path / ("out" + suffix), Layout.HALF_SBS)


def test_a_label_meant_for_the_stream_is_checked_there(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:d=0.4", *X264, "-x264-params", "frame-packing=3")
    labels.faststart_mp4(clip, tmp_path / "out.mp4")
    check_labels(tmp_path / "out.mp4", Layout.HALF_SBS, in_stream=True)
    with pytest.raises(TargetError, match="did not pass"):
        check_labels(tmp_path / "out.mp4", Layout.HALF_TAB, in_stream=True)
    with pytest.raises(TargetError, match="did not pass"):
        check_labels(tmp_path / "out.mp4", Layout.HALF_SBS)


def test_a_header_at_the_end_does_not_pass(small_clip: Path) -> None:
    with pytest.raises(TargetError, match="not in front"):
        check_labels(small_clip, Layout.DEPTH)


def test_an_existing_target_is_not_touched(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(TargetError, match="exists already"):
        relabel(clip, target, Layout.HALF_SBS)
    assert target.read_bytes() == b"mine"


def test_a_missing_source_or_folder_is_named(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.mp4"):
        relabel(tmp_path / "missing.mp4", tmp_path / "out.mp4", Layout.HALF_SBS)
    with pytest.raises(TargetError, match="cannot be written"):
        relabel(clip, tmp_path / "no" / "out.mp4", Layout.HALF_SBS)
