"""A conversion for each device, end to end: what is written is what the device's preset states."""

from __future__ import annotations

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

from video3d import devices, pipeline
from video3d.errors import SettingsError
from video3d.host import StandaloneHost
from video3d.media.inspect_file import FileReport, inspect
from video3d.params import from_values
from video3d.presets import LabelPlace, Preset, presets
from video3d.settings import Codec, Container, ConversionSettings
from video3d.types import Layout, SilentReporter

Clips = Callable[..., Path]
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=0.5")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
FLAC = (*PICTURE, "-f", "lavfi", "-i", "sine=frequency=330:duration=0.5", *X264, "-c:a", "flac", "-metadata:s:a:0",
        "language=deu")


@dataclass(frozen=True)
class Made:
    """A finished conversion."""

    path: Path
    conversion: pipeline.Conversion
    notices: tuple[str, ...]

    @property
    def report(self) -> FileReport:
        return inspect(self.path)

    @property
    def sound(self) -> list[tuple[str, str, bool]]:
        """Codec, language and whether it is the one to be played, of each sound track."""
        with av.open(str(self.path)) as container:
            return [(stream.codec_context.name, stream.metadata.get("language", ""),
                     bool(stream.disposition & av.stream.Disposition.default)) for stream in container.streams.audio]


def converted(clip: Path, folder: Path, **values: Any) -> Made:
    """All of a clip, through the real pipeline."""
    reporter = SilentReporter()
    settings = from_values(ConversionSettings, {"depth_model": "constant", "speed": "fastest", **values})
    conversion = pipeline.decide(clip, settings, StandaloneHost())
    units = list(pipeline.plan(conversion, reporter))
    converter = pipeline.open_converter(conversion, None, reporter)
    segments = [folder / f"{number}.mp4" for number in range(len(units))]
    try:
        for unit, segment in zip(units, segments, strict=True):
            converter.convert(unit, segment, lambda _frame: None)
    finally:
        converter.close()
    joined = pipeline.join_units(conversion, units, segments, folder, reporter)
    target = folder / pipeline.target_name(clip, settings)
    joined.rename(target)
    return Made(target, conversion, (*conversion.notices, *reporter.notices))


@pytest.fixture(scope="session", params=presets(), ids=lambda each: each.id)
def device(request: pytest.FixtureRequest) -> Preset:
    found: Preset = request.param
    return found


@pytest.fixture(scope="session")
def made(device: Preset, make_clip: Clips, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return converted(make_clip(*FLAC, suffix=".mkv"), tmp_path_factory.mktemp(device.id), preset=device.id)


def test_layout_codec_kind_of_file_and_name_are_the_presets(device: Preset, made: Made) -> None:
    output, report = made.conversion.settings.output, made.report
    assert output.layout is device.layouts[0]
    assert made.path.suffix == f".{device.container.value}"
    assert made.path.stem.endswith(device.name_suffixes[0])
    first = Codec.HEVC if device.canvas_side else device.codecs[0].codec  # the canvas is wider than H.264 may be
    assert report.codec == first.value
    assert report.entry in ("avc1", "hvc1", "V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC")
    assert report.header_first
    assert not report.warnings, report.warnings


def test_it_is_said_in_one_place(device: Preset, made: Made) -> None:
    places = {claim.where for claim in made.report.labels}
    expected = {LabelPlace.STREAM: {"frame-packing message"}, LabelPlace.NONE: set[str](),
                LabelPlace.CONTAINER: {"StereoMode"} if device.container is Container.MKV else {"st3d", "vexu"}}
    # An anaglyph has no halves, but Matroska has a word for it.
    assert places == expected[device.label_place]
    assert (made.report.projection == "half equirectangular") is (device.canvas_side is not None)


def test_the_level_is_written_and_is_the_lowest(device: Preset, made: Made) -> None:
    level = made.conversion.shared.encode.level
    assert made.report.profile.endswith(f"level {level}")
    limit = next(limit for limit in device.codecs if limit.codec is made.conversion.settings.output.codec)
    assert float(level) <= float(limit.max_level)


@pytest.mark.needs("mediainfo")
def test_mediainfo_finds_the_same_level_and_picture(made: Made, tool: Callable[[str], str]) -> None:
    done = subprocess.run([tool("mediainfo"), "--Output=JSON", str(made.path)], capture_output=True, text=True,
                          check=True, timeout=60)
    video = next(track for track in json.loads(done.stdout)["media"]["track"] if track["@type"] == "Video")
    request = made.conversion.shared.encode
    assert float(video["Format_Level"]) == float(request.level)
    assert (int(video["Width"]), int(video["Height"])) == (request.width, request.height)
    assert float(video["Duration"]) == pytest.approx(0.5, abs=0.01)


def test_sound_is_what_the_device_plays(device: Preset, made: Made) -> None:
    codecs = [codec for codec, *_ in made.sound]
    assert codecs == (["flac"] if device.audio.copies("flac") else ["aac"])
    assert any("does not play flac" in notice for notice in made.notices) is not device.audio.copies("flac")
    assert [language for _, language, _ in made.sound] == ["deu"]


def test_in_matroska_the_original_sound_follows_the_one_that_plays(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip(*FLAC, suffix=".mkv")
    made = converted(clip, tmp_path, preset="quest-3", container="mkv")
    assert made.sound == [("aac", "deu", True), ("flac", "deu", False)]

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            stream = container.streams.audio[-1]
            return [bytes(packet) for packet in container.demux(stream) if packet.size]

    assert packets(made.path) == packets(clip)
    with av.open(str(made.path)) as container:
        aac = [frame.pts * frame.time_base for frame in container.decode(audio=0)]
    assert abs(aac[-1] - Fraction(1, 2)) < Fraction(1, 10)


def test_headsets_get_aac_instead_of_what_they_do_not_play(make_clip: Clips, tmp_path: Path) -> None:
    codecs = ("libvorbis", "pcm_s16le", "flac", "dca", "truehd", "aac", "ac3")
    tone = ("-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000:duration=0.5")
    maps = [argument for _ in codecs for argument in ("-map", "1:a")]
    clip = make_clip(*PICTURE, *tone, "-map", "0:v", *maps, *X264, "-ac", "2", "-strict", "-2",
                     *(word for n, codec in enumerate(codecs) for word in (f"-c:a:{n}", codec)), suffix=".mkv")
    made = converted(clip, tmp_path, preset="quest-2")
    assert [name for name, *_ in made.sound] == ["aac"] * 6 + ["ac3"]
    assert sum("the device does not play" in notice for notice in made.notices) == 2
    assert sum("mp4 cannot hold" in notice for notice in made.notices) == 3


def test_a_wide_source_turns_to_hevc_and_says_so(make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "color=size=2560x1440:rate=10:duration=0.1", *X264)
    conversion = pipeline.decide(clip, from_values(ConversionSettings, {"preset": "quest-2"}), StandaloneHost())
    assert conversion.shared.encode.encoder == "libx265" or conversion.settings.output.codec is Codec.HEVC
    assert any("HEVC is written instead of H.264" in notice for notice in conversion.notices)


def test_what_no_device_plays_is_refused_with_a_remedy(make_clip: Clips) -> None:
    clip = make_clip("-f", "lavfi", "-i", "color=size=2560x1440:rate=10:duration=0.1", *X264)
    with pytest.raises(SettingsError, match=r"3D TV cannot play .* smaller"):
        pipeline.decide(clip, from_values(ConversionSettings, {"preset": "tv-3d"}), StandaloneHost())


def test_an_encoder_of_another_codec_is_refused(small_clip: Path) -> None:
    settings = from_values(ConversionSettings, {"preset": "vision-pro", "encoder": "libx264"})
    with pytest.raises(SettingsError, match="--preset vision-pro and --encoder libx264"):
        pipeline.decide(small_clip, settings, StandaloneHost())


def test_the_name_follows_the_layout_that_the_preset_takes(make_clip: Clips) -> None:
    tall = make_clip("-f", "lavfi", "-i", "color=size=5120x2160:rate=10:duration=0.1", *X264)
    settings = from_values(ConversionSettings, {"preset": "pc"})
    assert pipeline.target_name(tall, settings).endswith("_3D_FTAB_TBF_fulltb_TAB.mp4")
    assert pipeline.target_name(Path("missing.mp4"), settings) == "missing_3D_FSBS_LRF_Full_SBS.mp4"
    kodi = from_values(ConversionSettings, {"preset": "kodi-jellyfin"})
    assert devices.target_container(kodi) is Container.MKV
    assert pipeline.target_name(Path("missing.mp4"), kodi) == "missing_3D_HSBS_LR.mkv"


def test_vr180_stands_at_the_size_and_distance_asked_for(make_clip: Clips, tmp_path: Path) -> None:
    """A white picture on black: its width on the canvas is the angle that the screen fills."""
    clip = make_clip("-f", "lavfi", "-i", "color=white:size=64x36:rate=10:duration=0.2", *X264)
    found = {}
    for distance in (2.0, 4.0):
        folder = tmp_path / str(distance)
        folder.mkdir()
        made = converted(clip, folder, layout="vr180", vr_screen_width=2.0, vr_screen_distance=distance)
        assert made.report.projection == "half equirectangular"
        with av.open(str(made.path)) as container:
            luma = next(container.decode(video=0)).to_ndarray()
        side = made.conversion.shared.encode.height
        found[distance] = (luma[side // 2, :side] > 128).sum() / side * 180
    assert found[2.0] == pytest.approx(53.1, abs=3)
    assert found[4.0] == pytest.approx(28.1, abs=3)


def test_every_preset_says_what_mp4box_js_and_ffmpeg_accept(device: Preset, made: Made, ffmpeg: str) -> None:
    done = subprocess.run([ffmpeg, "-hide_banner", "-xerror", "-v", "error", "-i", str(made.path), "-f", "framemd5",
                           "-map", "0:v", "-"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\d", done.stdout, re.MULTILINE)) == 5
    assert not done.stderr


def test_no_layout_needs_a_preset(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip(*PICTURE, *X264)
    made = converted(clip, tmp_path, layout="half-tab")
    assert made.conversion.preset is None
    assert {claim.where for claim in made.report.labels} == {"st3d", "vexu"}
    assert made.conversion.settings.output.layout is Layout.HALF_TAB
