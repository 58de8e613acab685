"""A conversion for each device, end to end: what is written is what the device's preset states, to every reader.

The clip is 2.5 s long at two frames a second: long enough for a second keyframe, and quick to encode.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from video3d import devices, pipeline
from video3d.errors import SettingsError
from video3d.host import StandaloneHost
from video3d.media.inspect_file import FileReport, claim_of_name, inspect
from video3d.params import from_values
from video3d.presets import LabelPlace, Preset, preset, presets
from video3d.presets.levels import reference_frames
from video3d.reporting import SilentReporter
from video3d.settings import Codec, Container, ConversionSettings
from video3d.types import Layout
from video3d.unit_frames import PlannedFrames

Clips = Callable[..., Path]
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=2:duration=2.5")
SECONDS = 2.5
FRAMES = 5
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
FLAC = (*PICTURE, "-f", "lavfi", "-i", f"sine=frequency=330:duration={SECONDS}", *X264, "-c:a", "flac",
        "-metadata:s:a:0", "language=deu")


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
            converter.convert(PlannedFrames(unit), segment, lambda _frame: None)
    finally:
        converter.close()
    joined = pipeline.join_units(conversion, units, segments, folder, reporter)
    target = folder / pipeline.target_name(clip, settings)
    joined.rename(target)
    return Made(target, conversion, (*conversion.notices, *reporter.notices))


def named(each: Preset) -> str:
    return each.id


@pytest.fixture(scope="session", params=presets(), ids=named)
def device(request: pytest.FixtureRequest) -> Preset:
    found: Preset = request.param
    return found


@pytest.fixture(scope="session")
def every_made(make_clip: Clips, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """Each device's file, by the device's name."""
    clip = make_clip(*FLAC, suffix=".mkv")
    return {each.id: converted(clip, tmp_path_factory.mktemp(each.id), preset=each.id) for each in presets()}


@pytest.fixture(scope="session")
def made(device: Preset, every_made: dict[str, Made]) -> Made:
    return every_made[device.id]


def test_layout_codec_kind_of_file_and_name_are_the_presets(device: Preset, made: Made) -> None:
    output, report = made.conversion.settings.output, made.report
    assert output.layout is device.layouts[0]
    assert made.path.suffix == f".{device.container.value}"
    assert made.path.stem.endswith(device.name_suffixes[0])
    claim = claim_of_name(made.path.stem)
    assert claim is not None
    assert claim.packing == ("anaglyph" if device.label_place is LabelPlace.NONE else "side by side")
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


def test_every_limit_is_kept(device: Preset, made: Made) -> None:
    report = made.report
    limit = next(limit for limit in device.codecs if limit.codec is made.conversion.settings.output.codec)
    level = made.conversion.shared.encode.level
    assert report.profile.endswith(f"level {level}")
    assert float(level) <= float(limit.max_level)
    assert report.width <= limit.max_width
    assert report.height <= limit.max_height
    if device.frame_aspect is not None:
        assert Fraction(report.width, report.height) == Fraction(*device.frame_aspect)
    with av.open(str(made.path)) as container:
        video = container.streams.video[0]
        keys = [packet.pts * packet.time_base for packet in container.demux(video)
                if packet.size and packet.pts is not None and packet.is_keyframe]
        assert video.codec_context.pix_fmt == "yuv420p"
    assert len(keys) > 1, "one keyframe says nothing about their distance"
    assert max(later - earlier for earlier, later in pairwise([*keys, Fraction(SECONDS)])) <= device.keyframe_seconds
    assert report.keyframe_distance is not None
    assert report.keyframe_distance <= Fraction(device.keyframe_seconds)


@functools.cache
def media_info(program: str, path: Path) -> dict[str, Any]:
    """MediaInfo's tracks by their kind."""
    done = subprocess.run([program, "--Output=JSON", str(path)], capture_output=True, text=True, check=True, timeout=60)
    return {track["@type"]: track for track in json.loads(done.stdout)["media"]["track"]}


@pytest.mark.needs("mediainfo")
def test_mediainfo_agrees(device: Preset, made: Made, tool: Callable[[str], str]) -> None:
    tracks, request = media_info(tool("mediainfo"), made.path), made.conversion.shared.encode
    video, sound = tracks["Video"], tracks["Audio"]
    assert float(video["Format_Level"]) == float(request.level)
    assert video.get("Format_Tier", "Main") == "Main", "hardware decoders do not promise the high tier"
    assert (int(video["Width"]), int(video["Height"])) == (request.width, request.height)
    assert int(video.get("Format_Settings_RefFrames", 1)) <= reference_frames(request.level, request.width,
                                                                              request.height)
    assert float(video["PixelAspectRatio"]) == 1
    assert float(video["Duration"]) == pytest.approx(SECONDS, abs=0.01)
    assert float(tracks["General"]["Duration"]) == pytest.approx(SECONDS, abs=0.1)
    assert tracks["General"].get("IsStreamable", "Yes") == "Yes"
    assert (sound["Language"], sound["Format"]) == ("de", "FLAC" if device.audio.copies("flac") else "AAC")
    # Of all labels it knows Matroska's alone.
    assert video.get("MultiView_Layout", "") == (
        "Side by Side (left eye first)" if device.container is Container.MKV else "")


def shape_of_samples(device: Preset) -> Fraction:
    """By the standard Matroska's display size is one eye's: ffmpeg makes wide samples of a half-size one."""
    return Fraction(2 if device.container is Container.MKV else 1)


def test_ffmpegs_old_and_new_agree(reader: str, device: Preset, made: Made, ffmpeg: str) -> None:
    text, sums = decoded(reader, made.path)
    summary = text.partition("Stream mapping")[0]
    stereo = re.findall(r"stereo3d: (.*)|Stereo 3D: (.*)", summary)
    said = "".join(stereo[0]) if stereo else ""
    has_label = device.label_place is LabelPlace.CONTAINER
    assert "side by side" in said if has_label else not said or device.label_place is LabelPlace.STREAM
    assert "inverted" not in said
    assert ("pherical" in summary) is (device.canvas_side is not None)
    request = made.conversion.shared.encode
    picture = next(line for line in summary.splitlines() if f"{request.width}x{request.height}" in line)
    aspects = re.findall(r"SAR (\d+):(\d+)", picture)
    shape = Fraction(int(aspects[-1][0]), int(aspects[-1][1])) if aspects else Fraction(1)
    assert shape == shape_of_samples(device)
    assert re.findall(r"Stream #\S+: (Video|Audio): (\w+)", summary) == [
        ("Video", made.report.codec), ("Audio", "flac" if device.audio.copies("flac") else "aac")]
    minutes, seconds = re.findall(r"Duration: 00:(\d\d):([\d.]+),", summary)[0]
    assert 60 * int(minutes) + float(seconds) == pytest.approx(SECONDS, abs=0.1)
    if device.label_place is LabelPlace.STREAM:
        # Said with each keyframe, not of the stream.
        words = r"side data - (?:Stereo 3D|stereoscopic information): type - side by side"
        assert len(re.findall(words, text)) >= 2, text
    assert sums == decoded(ffmpeg, made.path)[1]
    assert len(sums) == FRAMES


@functools.cache
def decoded(program: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """What an ffmpeg says of a file and of its pictures, and their checksums; none may fail."""
    done = subprocess.run([program, "-hide_banner", "-xerror", "-nostdin", "-i", str(path), "-map", "0:v", "-vf",
                           "showinfo", "-f", "framemd5", "-"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr, tuple(line.rsplit(", ", 1)[1] for line in done.stdout.splitlines() if line[:1] != "#")


@pytest.mark.needs("mp4box")
@pytest.mark.parametrize("device", [each for each in presets() if each.container is not Container.MKV], ids=named,
                         indirect=True)
def test_mp4box_js_agrees(device: Preset, made: Made, mp4box: Callable[[Path], Any]) -> None:
    found, request = mp4box(made.path), made.conversion.shared.encode
    assert found["headerFirst"]
    assert found["duration"] == pytest.approx(SECONDS, abs=0.1)
    assert found["size"] == [request.width, request.height]
    assert [track[0] for track in found["tracks"]] == ["video", "audio"]
    assert (found["tracks"][0][1], found["tracks"][1][2]) == (FRAMES, "deu")
    assert found["codecs"][0][:4] == ("hvc1" if made.report.codec == "hevc" else "avc1")
    assert max(later - earlier for earlier, later in pairwise([*found["keys"], SECONDS])) <= device.keyframe_seconds
    kinds = {"st3d", "sv3d", "vexu", "hfov"} & set(found["boxes"])
    expected = {"st3d", "vexu", "hfov"} if device.label_place is LabelPlace.CONTAINER else set()
    assert kinds == expected | ({"sv3d"} if device.canvas_side else set())


@pytest.mark.needs("mkvinfo")
@pytest.mark.parametrize("device", [each for each in presets() if each.container is Container.MKV], ids=named,
                         indirect=True)
def test_mkvinfo_agrees(device: Preset, made: Made, tool: Callable[[str], str]) -> None:
    assert device.layouts[0] is Layout.HALF_SBS
    done = subprocess.run([tool("mkvinfo"), "-v", str(made.path)], capture_output=True, text=True, check=True,
                          timeout=60)
    request = made.conversion.shared.encode
    assert "Stereo mode: 1 (side by side (left first))" in done.stdout
    assert re.findall(r"(?:Pixel|Display) (?:width|height): (\d+)", done.stdout) == [
        str(request.width), str(request.height)] * 2
    assert re.findall(r"Codec ID: (\S+)", done.stdout) == ["V_MPEG4/ISO/AVC", "A_FLAC"]


@pytest.mark.needs("chromium")
def test_chromium_shows_each_devices_picture(ffmpeg: str, chromium: Callable[..., list[Any]],
                                             every_made: dict[str, Made]) -> None:
    """Debian's Chromium decodes no HEVC: those files are nothing to it."""
    found = dict(zip(every_made, chromium(*(made.path for made in every_made.values())), strict=True))
    assert sum(shown is not None for shown in found.values()) >= 5
    for name, shown in found.items():
        made = every_made[name]
        if shown is None:
            assert made.report.codec == "hevc", name
            continue
        request = made.conversion.shared.encode
        # It takes Matroska's display size for one eye's: the whole frame is twice as wide.
        wide = shape_of_samples(preset(name))
        assert shown[:2] == [request.width * wide, request.height], name
        assert shown[2] == pytest.approx(SECONDS, abs=0.1), name
        assert np.abs(np.array(shown[4]) - greens(ffmpeg, made)).max() < 6, name


def greens(program: str, made: Made) -> np.ndarray[Any, Any]:
    """The first picture's mean green in four columns of two rows, as ffmpeg decodes it."""
    done = subprocess.run([program, "-v", "error", "-i", str(made.path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt",
                           "rgb24", "-"], capture_output=True, check=True, timeout=60)
    request = made.conversion.shared.encode
    picture = np.frombuffer(done.stdout, np.uint8).reshape(request.height, request.width, 3)
    return np.array([block[..., 1].mean() for row in np.array_split(picture, 2)
                     for block in np.array_split(row, 4, axis=1)])


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
    assert abs(aac[-1] - Fraction(SECONDS)) < Fraction(1, 10)


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
    clip = make_clip("-f", "lavfi", "-i", "color=size=5000x1440:rate=10:duration=0.1", *X264)
    with pytest.raises(SettingsError, match=r"Phone.* cannot play .* smaller"):
        pipeline.decide(clip, from_values(ConversionSettings, {"preset": "phone-anaglyph"}), StandaloneHost())


def test_a_television_gets_a_larger_video_made_smaller(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "color=size=3840x2160:rate=2:duration=1", *X264)
    made = converted(clip, tmp_path, preset="tv-3d")
    assert (made.report.width, made.report.height) == (1920, 1080)
    assert any("made smaller, from 3840 × 2160 to 1920 × 1080" in notice for notice in made.notices)
    assert not made.report.warnings


@pytest.mark.parametrize("turn", ["0", "90"])
def test_a_bounded_eye_is_the_source_made_smaller_with_all_its_frames_and_times(
        turn: str, make_clip: Clips, tmp_path: Path, ffmpeg: str) -> None:
    """The right eye is the source's own: it is what ffmpeg makes of it at that size, but for the encoder."""
    upright = make_clip("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=5:duration=1", *X264, suffix=".mkv")
    clip = make_clip("-display_rotation:v:0", turn, "-i", str(upright), "-c", "copy")
    made = converted(clip, tmp_path, max_height=90, layout="right-only", quality=0)
    size = (160, 90) if turn == "0" else (50, 90)
    assert (made.report.width, made.report.height) == size
    with av.open(str(made.path)) as result, av.open(str(clip)) as source:
        times = [[frame.pts * frame.time_base for frame in file.decode(video=0)] for file in (result, source)]
    assert times[0] == times[1]

    def greys(path: Path) -> Any:
        done = subprocess.run([ffmpeg, "-v", "error", "-i", str(path), "-vf", f"scale={size[0]}:{size[1]}:flags=area",
                               "-f", "rawvideo", "-pix_fmt", "gray", "-"], capture_output=True, check=True, timeout=60)
        return np.frombuffer(done.stdout, np.uint8).astype(float)

    ours, areas = greys(made.path), greys(clip)
    assert ours.shape == areas.shape
    assert np.abs(ours - areas).mean() < 4


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


def test_an_encoder_that_puts_keyframes_too_far_apart_is_told_of(make_clip: Clips, tmp_path: Path) -> None:
    """SVT-AV1 counts frames alone: where they come slowly, keyframes do too."""
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=7", "-vf",
                     "select='lt(t,1)+not(mod(n,24))'", "-fps_mode", "vfr", *X264)
    kept = converted(clip, tmp_path, preset="quest-3", codec="h264")
    assert not any("keyframes" in notice for notice in kept.notices)
    far = converted(clip, tmp_path, preset="quest-3", codec="av1", encoder="libsvtav1")
    assert far.report.keyframe_distance is not None
    assert far.report.keyframe_distance > 2
    assert any("keyframes up to" in notice for notice in far.notices)


def test_no_layout_needs_a_preset(make_clip: Clips, tmp_path: Path) -> None:
    clip = make_clip(*PICTURE, *X264)
    made = converted(clip, tmp_path, layout="half-tab")
    assert made.conversion.preset is None
    assert {claim.where for claim in made.report.labels} == {"st3d", "vexu"}
    assert made.conversion.settings.output.layout is Layout.HALF_TAB
