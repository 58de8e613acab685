"""A finished file gets another label without re-encoding; a wrong one never passes its check."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.errors import SourceError, TargetError
from video3d.media import boxes, faststart, labels
from video3d.media.boxes import Box
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


def test_the_projection_is_kept_unless_told(clip: Path, tmp_path: Path) -> None:
    kept, flat, vr = (tmp_path / (name + clip.suffix) for name in ("kept", "flat", "vr"))
    relabel(clip, vr, Layout.FULL_SBS, projection=Projection.VR180)
    assert relabel(vr, kept, Layout.FULL_TAB).projection == "half equirectangular"
    assert relabel(vr, flat, Layout.FULL_SBS, projection=Projection.FLAT).projection == "flat"
    with pytest.raises(TargetError, match="half equirectangular"):
        check_labels(vr, Layout.FULL_SBS)
    with pytest.raises(TargetError, match="marked flat"):
        check_labels(flat, Layout.VR180)


def message_count(path: Path, ffmpeg: str) -> int:
    """How often ffmpeg finds the message in the whole stream."""
    command = [ffmpeg, "-i", str(path), "-map", "0:v", "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.count("frame_packing_arrangement_type") or done.stderr.count("Frame Packing Arrangement")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_message_in_the_stream_gives_way_to_the_label(suffix: str, make_clip: Clips, tmp_path: Path,
                                                        ffmpeg: str) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-f", "lavfi", "-i", "sine=d=1",
                     *X264, "-g", "10", "-x264-params", "frame-packing=4", "-c:a", "aac", suffix=suffix)
    assert message_count(clip, ffmpeg) >= 3
    out = tmp_path / ("out" + suffix)
    report = relabel(clip, out, Layout.HALF_SBS)
    assert {claim.where for claim in report.labels} == ({"StereoMode"} if suffix == ".mkv" else {"st3d", "vexu"})
    assert message_count(out, ffmpeg) == 0
    assert picture_sums(clip, ffmpeg) == picture_sums(out, ffmpeg)
    # Whatever else the encoder says in messages stays, and so does every other track.
    assert b"x264 - core" in out.read_bytes()
    sound = [[bytes(packet) for packet in demuxed(path, "audio")] for path in (clip, out)]
    assert sound[0] == sound[1]
    times = [[(packet.pts, packet.dts, packet.is_keyframe) for packet in demuxed(path, "video")]
             for path in (clip, out)]
    assert times[0] == times[1]
    assert sum(map(len, map(bytes, demuxed(out, "video")))) < sum(map(len, map(bytes, demuxed(clip, "video"))))


def demuxed(path: Path, kind: Literal["video", "audio"]) -> list[Any]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(container.streams.best(kind)) if packet.size]


def test_a_picture_all_around_the_viewer_keeps_its_label_by_being_refused(small_clip: Path, tmp_path: Path) -> None:
    bounds = Box.make(b"proj", Box.make_full(b"prhd", bytes(12)).raw + Box.make_full(b"equi", bytes(16)).raw)
    round_clip = tmp_path / "round.mp4"
    faststart.copy_with_header(small_clip, round_clip, lambda moov: boxes.set_stereo_boxes(
        moov, [Box.make(b"sv3d", Box.make_full(b"svhd", b"x\0").raw + bounds.raw)]))
    old = tmp_path / "old.mp4"
    marker = Box.make(b"uuid", boxes.SPHERICAL_V1 + b"<rdf:SphericalVideo/>")
    faststart.copy_with_header(small_clip, old, lambda moov: boxes.with_children(moov, lambda children: [
        boxes.with_children(child, lambda inside: [*inside, marker]) if child.kind == b"trak" else child
        for child in children]))
    for path in (round_clip, old):
        with pytest.raises(SourceError, match=r"all around the viewer \(equirectangular\).*360"):
            relabel(path, tmp_path / "out.mp4", Layout.FULL_TAB)
        assert relabel(path, tmp_path / "out.mp4", Layout.FULL_TAB, projection=Projection.FLAT).projection == "flat"
        (tmp_path / "out.mp4").unlink()


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


def test_one_that_may_be_replaced_is_replaced_when_the_new_one_is_whole(clip: Path, tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / ("film" + clip.suffix)
    target.write_bytes(b"mine")
    honest = labels.label
    with monkeypatch.context() as patch:
        patch.setattr(labels, "label", lambda source, target, _layout, **rest: honest(
            source, target, Layout.HALF_TAB, **rest))
        with pytest.raises(TargetError, match="did not pass its check"):
            relabel(clip, target, Layout.HALF_SBS, overwrite=True)
    assert target.read_bytes() == b"mine"
    relabel(clip, target, Layout.HALF_SBS, overwrite=True)
    check_labels(target, Layout.HALF_SBS)
    # Onto itself: by way of a file beside it.
    relabel(target, target, Layout.FULL_TAB, overwrite=True)
    check_labels(target, Layout.FULL_TAB)
    assert list(tmp_path.iterdir()) == [target]


@settings(max_examples=100, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_gives_a_checked_file_or_a_typed_error_and_leaves_nothing(data: st.DataObject, make_clip: Clips,
                                                                            tmp_path: Path) -> None:
    suffix = data.draw(st.sampled_from([".mp4", ".mov", ".mkv"]))
    whole = make_clip("-f", "lavfi", "-i", "testsrc2=size=32x32:d=0.2", *X264, "-x264-params", "frame-packing=3",
                      suffix=suffix)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at:at + data.draw(st.sampled_from([1, 4]))] = data.draw(st.binary(min_size=1, max_size=4))
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(content)
    try:
        relabel(source, target, Layout.HALF_SBS)
    except SourceError:
        assert list(tmp_path.iterdir()) == [source]
        return
    check_labels(target, Layout.HALF_SBS, square_pixels=False)
    assert source.read_bytes() == content
    target.unlink()


def test_a_missing_source_or_folder_is_named(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.mp4"):
        relabel(tmp_path / "missing.mp4", tmp_path / "out.mp4", Layout.HALF_SBS)
    with pytest.raises(TargetError, match="cannot be written"):
        relabel(clip, tmp_path / "no" / "out.mp4", Layout.HALF_SBS)
