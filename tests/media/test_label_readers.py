"""Other programs read our labelled files: three generations of ffmpeg, PyAV, MediaInfo, mkvinfo, MP4Box.js.

Each device's own files are read by them too: `tests/test_devices.py`.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from video3d.media import labels
from video3d.media.labels import Projection
from video3d.types import Layout

Clips = Callable[..., Path]
SOURCE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1",
          "-f", "lavfi", "-i", "sine=frequency=330:duration=1", "-map", "0:v", "-map", "1:a", "-c:a", "aac",
          "-metadata:s:a:0", "language=deu")
CODECS = {"h264": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
          "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p")}


@dataclass(frozen=True)
class Case:
    """A file of ours and what readers should make of it."""

    suffix: str
    layout: Layout
    swapped: bool = False
    projection: Projection = Projection.FLAT
    codec: str = "h264"

    @property
    def packing(self) -> str:
        return {"sbs": "side by side", "tab": "top and bottom"}[self.layout.value[-3:]]

    @property
    def aspect(self) -> Fraction:
        half = self.suffix == ".mkv" and self.layout in (Layout.HALF_SBS, Layout.HALF_TAB)
        return Fraction(1) if not half else Fraction(2) if self.layout is Layout.HALF_SBS else Fraction(1, 2)

    def __str__(self) -> str:
        swapped = "-swapped" if self.swapped else ""
        return f"{self.codec}-{self.layout.value}{swapped}-{self.projection.value}{self.suffix}"


HALVES = (Layout.HALF_SBS, Layout.FULL_SBS, Layout.HALF_TAB, Layout.FULL_TAB)
VR180 = Case(".mp4", Layout.FULL_SBS, projection=Projection.VR180)
VR180_MKV = Case(".mkv", Layout.FULL_SBS, projection=Projection.VR180)
FEW = [*(Case(suffix, Layout.HALF_SBS, codec=codec) for suffix in (".mp4", ".mov", ".mkv") for codec in CODECS), VR180,
       VR180_MKV]
CASES = [*(Case(suffix, layout, swapped) for suffix in (".mp4", ".mov", ".mkv") for layout in HALVES
           for swapped in (False, True) if suffix != ".mov" or layout is Layout.FULL_TAB), *FEW]


@pytest.fixture(scope="session", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture(scope="session")
def plain(case: Case, make_clip: Clips) -> Path:
    # All three from one encoding, so that readers' answers can be compared.
    encoded = make_clip(*SOURCE, *CODECS[case.codec], suffix=".mkv")
    tag = ("-tag:v", "hvc1") if case.codec == "hevc" and case.suffix != ".mkv" else ()
    return make_clip("-i", str(encoded), "-c", "copy", *tag, suffix=case.suffix)


@pytest.fixture(scope="session")
def labelled(case: Case, plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("labelled") / f"file{case.suffix}"
    labels.label(plain, target, case.layout, swapped=case.swapped, projection=case.projection)
    return target


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=60)


@functools.cache
def summary(reader: str, path: Path) -> str:
    """What ffmpeg says of a file's streams."""
    return run(reader, "-hide_banner", "-i", path).stderr


@functools.cache
def sums(reader: str, path: Path) -> list[str]:
    """Time and checksum of each decoded picture and each sound frame."""
    done = run(reader, "-v", "error", "-xerror", "-i", path, "-map", "0:v", "-map", "0:a", "-f", "framemd5", "-")
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


def test_ffmpeg_reads_the_label(reader: str, case: Case, labelled: Path) -> None:
    text = summary(reader, labelled)
    stereo = next((line for line in text.splitlines() if re.search(r"stereo3d:|Stereo 3D:", line)), "")
    is_old = re.search(r"4\.2\.2|7\.0\.2", Path(reader).name) is not None
    if case.suffix != ".mkv" and case.swapped and is_old:
        # Neither st3d's right-first nor vexu is known there: shown without a label, not with the wrong eyes.
        assert not stereo
    else:
        assert case.packing in stereo
        assert ("(inverted)" in stereo) is case.swapped
    assert ("spherical" in text.lower()) is (case.projection is Projection.VR180)


def test_ffmpeg_reads_size_aspect_duration_and_tracks(reader: str, case: Case, plain: Path, labelled: Path) -> None:
    before, after = (summary(reader, path) for path in (plain, labelled))
    # The stream's own aspect comes in brackets, the container's after it where it differs: that one counts.
    aspects = re.findall(r"SAR (\d+):(\d+)", next(line for line in after.splitlines() if "320x180" in line))
    assert (Fraction(int(aspects[-1][0]), int(aspects[-1][1])) if aspects else Fraction(1)) == case.aspect
    assert re.findall(r"Duration: \S+,", before) == re.findall(r"Duration: \S+,", after) != []
    tracks = [re.findall(r"Stream #(\S+): (Video|Audio): (\w+)", text) for text in (before, after)]
    assert tracks[0] == tracks[1]
    assert len(tracks[1]) == 2


@pytest.mark.parametrize("case", FEW, ids=str, indirect=True)
def test_ffmpeg_decodes_the_same_pictures_and_sound(reader: str, plain: Path, labelled: Path) -> None:
    assert len(sums(reader, plain)) > 40
    assert sums(reader, labelled) == sums(reader, plain)


@pytest.mark.parametrize("case", FEW, ids=str, indirect=True)
def test_pyav_reads_and_decodes_the_same(case: Case, plain: Path, labelled: Path) -> None:
    found: list[tuple[list[object], list[bytes]]] = []
    for path in (plain, labelled):
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            shape = video.sample_aspect_ratio or Fraction(1)
            if path == labelled:
                assert Fraction(shape) == case.aspect
            facts: list[object] = [container.duration, len(container.streams), video.codec.name, video.time_base]
            pictures = [bytes(plane) for frame in container.decode(video) for plane in frame.planes]
            found.append((facts, pictures))
    assert found[0] == found[1]
    assert len(found[0][1]) == 75


@pytest.mark.needs("mediainfo")
def test_mediainfo_agrees(case: Case, plain: Path, labelled: Path, tool: Callable[[str], str]) -> None:
    before, after = (json.loads(run(tool("mediainfo"), "--Output=JSON", path).stdout)["media"]["track"]
                     for path in (plain, labelled))
    assert [track["@type"] for track in before] == [track["@type"] for track in after]
    video = next(track for track in after if track["@type"] == "Video")
    assert (video["Width"], video["Height"]) == ("320", "180")
    for general_before, general_after in zip(before[:1], after[:1], strict=True):
        assert general_before["Duration"] == general_after["Duration"]
    if case.suffix == ".mkv":
        words = {"side by side": "Side by Side", "top and bottom": "Top-Bottom"}[case.packing]
        order = "right" if case.swapped else "left"
        assert video["MultiView_Layout"] == f"{words} ({order} eye first)"
    else:
        # MediaInfo 23 does not know st3d; MP4's frame has square pixels.
        assert float(video["PixelAspectRatio"]) == 1


@pytest.mark.needs("mkvinfo")
@pytest.mark.parametrize("case", [case for case in CASES if case.suffix == ".mkv"], ids=str, indirect=True)
def test_mkvinfo_agrees(case: Case, labelled: Path, tool: Callable[[str], str]) -> None:
    done = run(tool("mkvinfo"), "-v", "-v", labelled)
    assert done.returncode == 0, done.stdout
    mode = labels.matroska_stereo_mode(case.layout, swapped=case.swapped)
    assert mode is not None
    assert f"Stereo mode: {int(mode)} " in done.stdout
    shown = re.findall(r"Display (?:width|height): (\d+)", done.stdout)
    eye = {Layout.FULL_SBS: ["160", "180"], Layout.FULL_TAB: ["320", "90"]}.get(case.layout, ["320", "180"])
    assert shown == eye
    assert ("Projection type: 1 (equirectangular)" in done.stdout) is (case.projection is Projection.VR180)


@pytest.mark.needs("mp4box")
@pytest.mark.parametrize("case", [case for case in CASES if case.suffix != ".mkv"], ids=str, indirect=True)
def test_mp4box_agrees(case: Case, plain: Path, labelled: Path, mp4box: Callable[[Path], Any]) -> None:
    before, after = mp4box(plain), mp4box(labelled)
    assert after["headerFirst"]
    assert (before["duration"], before["tracks"]) == (after["duration"], after["tracks"])
    expected = [box.kind.decode() for box in labels.stereo_boxes(case.layout, swapped=case.swapped,
                                                                 projection=case.projection)]
    start = after["boxes"].index(expected[0])
    assert after["boxes"][start:start + len(expected)] == expected
    assert after["boxes"][:start] in (["avcC"], ["hvcC"])
    # Every sample lies where this reader finds it, with the same bytes.
    contents = [[[path.read_bytes()[at:at + size] for at, size in track] for track in found["places"]]
                for path, found in ((plain, before), (labelled, after))]
    assert contents[0] == contents[1]
    assert sum(len(track) for track in contents[0]) > 40


@pytest.mark.needs("chromium")
def test_chromium_shows_the_same_picture(make_clip: Clips, chromium: Callable[..., Any], tmp_path: Path) -> None:
    encoded = make_clip(*SOURCE, *CODECS["h264"], suffix=".mkv")
    plain = make_clip("-i", str(encoded), "-c", "copy", suffix=".mp4")
    cases = [Case(".mp4", Layout.HALF_SBS), Case(".mp4", Layout.FULL_TAB, swapped=True), VR180,
             Case(".mkv", Layout.HALF_SBS)]
    paths = [plain]
    for number, case in enumerate(cases):
        paths.append(tmp_path / f"{number}{case.suffix}")
        labels.label(encoded if case.suffix == ".mkv" else plain, paths[-1], case.layout, swapped=case.swapped,
                     projection=case.projection)
    pictures = chromium(*paths)
    assert pictures[0][:2] == [320, 180]
    assert pictures[0][2] == pytest.approx(1, abs=0.05)
    assert pictures[1:4] == [pictures[0]] * 3
    # Chromium takes Matroska's display size for one eye's: the whole frame is twice as wide, each eye has its shape.
    assert pictures[4][:2] == [640, 180]
