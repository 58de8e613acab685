"""The checker: reads what is there, warns of what players stumble over, and survives any damage."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.errors import SourceError
from video3d.media import boxes, faststart, inspect_file, labels
from video3d.media.boxes import Box
from video3d.media.inspect_file import claim_of_name, inspect
from video3d.types import Layout

Clips = Callable[..., Path]
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def warnings(path: Path) -> str:
    return " ".join(inspect(path).warnings)


def test_the_facts_are_read(small_clip: Path) -> None:
    report = inspect(small_clip)
    assert (report.container, report.codec, report.width, report.height) == ("MP4", "h264", 320, 180)
    assert report.duration is not None
    assert abs(report.duration - 2) < Fraction(1, 10)
    assert [track.kind for track in report.tracks] == ["video", "audio"]
    assert not report.labels
    assert "Neither the file nor its name says that it is 3D" in " ".join(report.sentences)
    assert "header is at the end" in warnings(small_clip)


def test_matroska_agrees_with_mp4(small_clip: Path, make_clip: Clips) -> None:
    other = inspect(make_clip("-i", str(small_clip), "-c", "copy", suffix=".mkv"))
    report = inspect(small_clip)
    assert (other.container, other.brand) == ("Matroska", "matroska")
    for name in ("codec", "width", "height", "profile", "sample_aspect"):
        assert getattr(other, name) == getattr(report, name)
    assert other.keyframe_distance is not None
    assert report.keyframe_distance is not None
    assert abs(other.keyframe_distance - report.keyframe_distance) < Fraction(1, 10)
    assert [track.kind for track in other.tracks] == ["video", "audio"]


@pytest.mark.parametrize(("interval", "seconds"), [(25, 1), (50, 2), (100, 4)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_longest_distance_between_keyframes_is_found(interval: int, seconds: int, suffix: str,
                                                         make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=6", *X264, "-g", str(interval),
                     "-keyint_min", str(interval), "-sc_threshold", "0", suffix=suffix)
    assert inspect(clip).keyframe_distance == seconds
    assert ("Keyframes are up to" in warnings(clip)) is (seconds > 2)


def test_hev1_is_warned_of_and_hvc1_is_not(make_clip: Clips) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=128x128:d=0.2", "-c:v", "libx265", "-x265-params", "log-level=none")
    assert "hvc1" in warnings(make_clip(*source, "-tag:v", "hev1"))
    assert "hev1" not in warnings(make_clip(*source, "-tag:v", "hvc1"))
    assert inspect(make_clip(*source, "-tag:v", "hvc1")).profile.startswith("Main level")


def test_wide_or_deep_h264_is_warned_of(make_clip: Clips) -> None:
    wide = make_clip("-f", "lavfi", "-i", "color=size=4224x32:d=0.1", *X264)
    assert "larger than 4096" in warnings(wide)
    deep = make_clip("-f", "lavfi", "-i", "color=size=64x64:d=0.1", "-c:v", "libx264", "-pix_fmt", "yuv420p10le")
    assert "10 bit" in warnings(deep)


def test_fragments_are_warned_of(make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "color=size=64x64:d=0.5", *X264, "-movflags", "frag_keyframe+empty_moov")
    assert "fragmented" in warnings(clip)


def test_a_label_in_both_places_is_warned_of(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.2", *X264, "-x264-params", "frame-packing=3")
    both = tmp_path / "both.mp4"
    labels.label_mp4(clip, both, Layout.HALF_SBS)
    assert "both in the container and in the stream" in warnings(both)
    assert "both in the container" not in warnings(clip)


def test_labels_that_disagree_are_warned_of(small_clip: Path, tmp_path: Path) -> None:
    wrong = tmp_path / ("film" + labels.name_suffix(Layout.HALF_TAB) + ".mp4")
    labels.label_mp4(small_clip, wrong, Layout.HALF_SBS)
    assert "contradict each other" in warnings(wrong)


def with_boxes(source: Path, target: Path, *stereo: Box) -> Path:
    faststart.copy_with_header(source, target, lambda moov: boxes.set_stereo_boxes(moov, stereo))
    return target


def test_boxes_in_the_wrong_order_or_incomplete_are_warned_of(small_clip: Path, tmp_path: Path) -> None:
    st3d, vexu, _ = labels.stereo_boxes(Layout.HALF_SBS)
    assert "before st3d" in warnings(with_boxes(small_clip, tmp_path / "order.mp4", vexu, st3d))
    assert "before st3d" not in warnings(with_boxes(small_clip, tmp_path / "right.mp4", st3d, vexu))
    unpacked = Box.make(b"vexu", boxes.parse(vexu.payload)[0][0].raw)
    assert "packing unsaid" in warnings(with_boxes(small_clip, tmp_path / "unsaid.mp4", st3d, unpacked))


def test_oblong_pixels_in_a_half_size_mp4_are_warned_of(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:d=0.2", "-vf", "setsar=2", *X264)
    labels.label_mp4(clip, tmp_path / "film_3D_HSBS_LR.mp4", Layout.HALF_SBS)
    assert "pixel aspect is 2" in warnings(tmp_path / "film_3D_HSBS_LR.mp4")


def test_full_size_matroska_is_warned_of_and_half_size_is_not(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=160x90:d=0.4", *X264, suffix=".mkv")
    labels.label(clip, tmp_path / "full.mkv", Layout.FULL_SBS)
    assert "read in two ways" in warnings(tmp_path / "full.mkv")
    labels.label(clip, tmp_path / "half.mkv", Layout.HALF_SBS)
    assert "read in two ways" not in warnings(tmp_path / "half.mkv")
    assert "right for both ways" in " ".join(inspect(tmp_path / "half.mkv").sentences)


def test_the_shape_of_an_eye_is_explained(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=320x90:d=0.2", *X264)
    labels.label_mp4(clip, tmp_path / "film.mp4", Layout.FULL_SBS)
    assert "Each eye is 160 × 90, in full size, and is shown as 160 × 90." in inspect(tmp_path / "film.mp4").sentences
    labels.label_mp4(clip, tmp_path / "film_3D_HSBS_LR.mp4", Layout.HALF_SBS)
    assert "Each eye is 160 × 90, squeezed to half, and is shown as 320 × 90." in inspect(
        tmp_path / "film_3D_HSBS_LR.mp4").sentences


def test_vr180_is_recognised(small_clip: Path, tmp_path: Path) -> None:
    labels.label_mp4(small_clip, tmp_path / "out.mp4", Layout.FULL_SBS, projection=labels.Projection.VR180)
    report = inspect(tmp_path / "out.mp4")
    assert (report.projection, report.field_of_view) == ("half equirectangular", 180.0)
    assert not any("squeezed" in sentence for sentence in report.sentences)


@pytest.mark.parametrize(("name", "packing", "half"), [
    ("Film.3D.HSBS", "side by side", True), ("film_LRF", "side by side", False), ("Film 3D SBS", "side by side", None),
    ("film-half-sbs", "side by side", True), ("film_TB", "top and bottom", True),
    ("film 3d tab", "top and bottom", None), ("film.full.ou", "top and bottom", False),
    ("film_180x180_LR", "side by side", None), ("film_anaglyph", "anaglyph", None),
])
def test_names_are_read_as_players_read_them(name: str, packing: str, half: bool | None) -> None:
    claim = claim_of_name(name)
    assert claim is not None
    assert (claim.packing, claim.is_half) == (packing, half)


@pytest.mark.parametrize("name", ["Film", "Sbsolute", "The Tab", "mellrose", "outbound", "BT Sport", "3D printing"])
def test_ordinary_names_say_nothing(name: str) -> None:
    assert claim_of_name(name) is None


@pytest.mark.parametrize(("arguments", "suffix", "kind"), [
    (("-c:v", "mpeg4"), ".avi", "AVI"), (X264, ".ts", "MPEG transport stream"), ((), ".gif", "GIF"),
])
def test_kinds_without_a_place_for_a_label_are_explained_by_their_name(
        arguments: tuple[str, ...], suffix: str, kind: str, make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:d=0.4", *arguments, suffix=suffix)
    report = inspect(clip)
    assert (report.container, report.width, report.height) == (kind, 64, 36)
    assert f"{kind} has no place to say that it is 3D" in " ".join(report.warnings)
    assert "every player shows it flat" in " ".join(report.sentences)
    named = tmp_path / f"film_3D_HSBS_LR{suffix}"
    named.write_bytes(clip.read_bytes())
    assert "Players that trust names take it for half-size side by side." in inspect(named).sentences


def test_full_colour_h264_is_warned_of(make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:d=0.2", "-c:v", "libx264", "-pix_fmt", "yuv444p")
    assert "4:4:4" in warnings(clip)


def test_the_checker_shares_no_code_with_what_writes() -> None:
    """Else it would find right what the writer got wrong."""
    media = Path(inspect_file.__file__).parent
    seen, waiting = set[str](), {"inspect_file"}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        text = (media / f"{name}.py").read_text(encoding="utf-8")
        names = re.findall(r"^from video3d\.media\.(\w+) import|^from video3d\.media import (.+)$", text, re.MULTILINE)
        waiting |= {word for pair in names for word in re.split(r", ", "".join(pair))} - seen
    assert {"mp4_reader", "matroska_reader", "frame_packing"} <= seen
    assert not seen & {"boxes", "elements", "faststart", "labels", "rewriting", "message_removal", "mp4_messages",
                       "matroska_messages"}


@pytest.mark.parametrize("content", [
    b"", b"not a video at all", b"\x1aE\xdf\xa3", b"\0\0\0\x08moov", b"\0\0\0\x10ftypisom\0\0\0\0"])
def test_what_is_no_video_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        inspect(path)
    with pytest.raises(SourceError, match="cannot be read"):
        inspect(tmp_path / "missing.mp4")


def test_sound_alone_is_refused(make_clip: Clips) -> None:
    with pytest.raises(SourceError, match="holds no video"):
        inspect(make_clip("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "aac"))


@settings(max_examples=200, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_gives_a_report_or_a_typed_error(data: st.DataObject, make_clip: Clips, tmp_path: Path) -> None:
    suffix = data.draw(st.sampled_from([".mp4", ".mkv"]))
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.4", *X264, suffix=suffix)
    content = bytearray(clip.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / ("file" + suffix)
    path.write_bytes(content)
    try:
        report = inspect(path)
    except SourceError:
        return
    assert report.sentences
