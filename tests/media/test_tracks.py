"""The source's other tracks in the result: as they were, where they were; and what cannot be kept is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.stream import Disposition

from video3d.media.joining import MuxRequest, Segment, write_times
from video3d.media.muxing import mux
from video3d.media.probing import probe
from video3d.settings import Container, Tracks

Clips = Callable[[str], Path]
Make = Callable[..., Path]
Joiner = Callable[..., tuple[Path, list[str]]]
SCALE = 90000
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=24:duration=1")
QUICK = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
TONE = ("-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000:duration=1")
BEEP = ("-f", "lavfi", "-i", "aevalsrc='gt(t,0.5)*sin(2*PI*1000*t)*0.5':s=48000:d=1")
"""Silence, and a tone from half a second on."""
WORDS = "1\n00:00:00,100 --> 00:00:00,400\nFirst line\n\n2\n00:00:00,500 --> 00:00:00,900\nÜmlaut, 日本語\n"
BOTH = [Container.MP4, Container.MKV]


@pytest.fixture
def join(make_clip: Make, tmp_path: Path) -> Joiner:
    """`join(source, container, ...)`: the result of a source whose pictures are replaced by 24 others."""
    segment = make_clip("-f", "lavfi", "-i", "color=gray:size=32x32:rate=24:duration=1", *QUICK)

    def run(source: Path, container: Container = Container.MP4, **changes: Any) -> tuple[Path, list[str]]:
        info = probe(str(source))
        zero = changes.get("zero", info.start_time)
        first = info.first_pts * info.time_base - info.start_time if "zero" not in changes else Fraction(0)
        write_times(tmp_path / "times", np.array([round((first + Fraction(number, 24)) * SCALE)
                                                  for number in range(24)], np.int64))
        target = tmp_path / f"out.{container.value}"
        request = MuxRequest(str(target), container, (Segment(str(segment), 24),), str(tmp_path / "times"), SCALE,
                             SCALE // 24, info.path, info.video_index, Tracks.ALL, zero, None, None, (), ())
        return target, mux(replace(request, **changes), lambda _: None)

    return run


def packets(path: Path, kind: str, number: int = 0) -> list[tuple[Fraction, bytes]]:
    """(seconds, bytes) of each packet of the track."""
    with av.open(str(path)) as container:
        stream = container.streams.get({kind: number})[0]
        base = Fraction(stream.time_base or 0)
        return [((packet.pts or 0) * base, bytes(packet)) for packet in container.demux(stream) if packet.size]


def sound(path: Path, number: int = 0) -> tuple[npt.NDArray[np.float32], int, Fraction]:
    """(samples [channels, n], rate, time of the first one in seconds)."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[number]
        frames = list(container.decode(stream))
        resampler = av.AudioResampler("fltp", stream.codec_context.layout, stream.codec_context.sample_rate)
        pieces = [piece.to_ndarray() for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate(pieces, 1), stream.codec_context.sample_rate, (frames[0].pts or 0) * Fraction(
        frames[0].time_base or 0)


def onset(path: Path) -> float:
    """When the beep is heard, in seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray()[0].astype(np.float64))
            loud = loud / (32768 if frame.format.name.startswith("s16") else 1) > 0.1
            if loud.any():
                return float((frame.pts or 0) * Fraction(frame.time_base or 0)) + int(np.argmax(loud)) / 48000
    raise AssertionError("no beep")


def subtitles(path: Path, number: int = 0) -> list[tuple[Fraction, Fraction, str]]:
    """(begin, length, text) of each one that is not empty."""
    found: list[tuple[Fraction, Fraction, str]] = []
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[number]
        base = Fraction(stream.time_base or 0)
        for packet in container.demux(stream):
            data = bytes(packet)
            text = data[2:] if stream.codec_context.name == "mov_text" else data
            if text:
                found.append(((packet.pts or 0) * base, (packet.duration or 0) * base, text.decode()))
    return found


def language(path: Path, kind: str, number: int = 0) -> str:
    with av.open(str(path)) as container:
        return container.streams.get({kind: number})[0].metadata.get("language", "")


# --- sound


SOUNDS = {
    (Container.MP4, "aac"): "aac", (Container.MP4, "libmp3lame"): "mp3", (Container.MP4, "ac3"): "ac3",
    (Container.MP4, "libopus"): "opus", (Container.MP4, "flac"): "flac", (Container.MKV, "aac"): "aac",
    (Container.MKV, "libopus"): "opus", (Container.MKV, "libvorbis"): "vorbis", (Container.MKV, "flac"): "flac",
    (Container.MKV, "pcm_s16le"): "pcm_s16le", (Container.MKV, "ac3"): "ac3", (Container.MOV, "aac"): "aac",
    (Container.MOV, "pcm_s16le"): "pcm_s16le",
}  # fmt: skip


@pytest.mark.parametrize(("container", "codec"), SOUNDS)
def test_sound_is_kept_byte_for_byte(container: Container, codec: str, make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *TONE, *QUICK, "-c:a", codec, suffix=".mkv")
    result, notices = join(source, container)
    assert notices == []
    before, after = packets(source, "audio"), packets(result, "audio")
    zero = probe(str(source)).start_time
    # Matroska has no times before zero: what primes the decoder may go.
    dropped = [packet for seconds, packet in before if seconds < zero]
    assert [packet for _, packet in after] == [packet for _, packet in before][len(before) - len(after):]
    assert len(before) - len(after) <= (len(dropped) if container is Container.MKV else 0)
    for (seconds, _), (stated, _) in zip(after, before[len(before) - len(after):], strict=True):
        assert abs(seconds - (stated - zero)) <= Fraction(1, 500)


@pytest.mark.parametrize("container", list(Container))
@pytest.mark.parametrize("codec", ["aac", "libopus", "pcm_s16le", "libvorbis"])
def test_a_beep_stays_where_it_was(codec: str, container: Container, make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *BEEP, *QUICK, "-c:a", codec, suffix=".mkv")
    zero = float(probe(str(source)).start_time)
    result, _ = join(source, container)
    assert abs(onset(result) - (onset(source) - zero)) < 0.003


@pytest.mark.parametrize("container", BOTH)
@pytest.mark.parametrize(("late", "arguments"), [
    ("sound", (*PICTURE, "-itsoffset", "0.7", *TONE)), ("pictures", ("-itsoffset", "0.7", *PICTURE, *TONE))])
def test_a_late_track_stays_late(late: str, arguments: tuple[str, ...], container: Container, make_clip: Make,
                                 join: Joiner) -> None:
    source = make_clip(*arguments, *QUICK, "-c:a", "aac", suffix=".mkv")
    result, _ = join(source, container)

    def lead(path: Path) -> Fraction:
        return packets(path, "audio")[0][0] - min(seconds for seconds, _ in packets(path, "video"))

    assert abs(abs(lead(source)) - Fraction(7, 10)) < Fraction(1, 20)
    assert abs(lead(result) - lead(source)) <= Fraction(22, 1000)
    assert (lead(result) > 0) is (late == "sound")


@pytest.mark.parametrize("scale", [12288, 24000, 90000])
@pytest.mark.parametrize("offset", ["0.69923", "0.7", "1.2345"])
def test_late_sound_is_heard_at_its_tick(offset: str, scale: int, make_clip: Make, join: Joiner) -> None:
    tone = [word.replace("48000", "44100") for word in TONE]
    source = make_clip(*PICTURE, "-itsoffset", offset, *tone, *QUICK, "-c:a", "aac", "-ar", "44100", "-movie_timescale",
                       "44100")
    with av.open(str(source)) as opened:
        zero = Fraction(opened.start_time or 0, 1_000_000)
    result, _ = join(source, time_scale=scale)
    assert abs(packets(result, "audio")[0][0] - packets(source, "audio")[0][0] + zero) <= Fraction(1, 44100)


@pytest.mark.parametrize(("container", "codec", "named"), [
    (Container.MP4, "pcm_s16le", "pcm_s16le"), (Container.MP4, "libvorbis", "vorbis"),
    (Container.MOV, "libvorbis", "vorbis"), (Container.MOV, "flac", "flac"), (Container.MOV, "libopus", "opus"),
])
def test_sound_that_the_container_cannot_hold_becomes_aac(container: Container, codec: str, named: str,
                                                          make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *TONE, *QUICK, "-c:a", codec, "-metadata:s:a:0", "language=eng", suffix=".mkv")
    result, notices = join(source, container)
    assert len(notices) == 1
    assert "AAC" in notices[0]
    assert named in notices[0]
    assert container.value in notices[0]
    with av.open(str(result)) as opened:
        assert opened.streams.audio[0].codec_context.name == "aac"
    assert language(result, "audio") == "eng"
    samples, rate, first = sound(result)
    assert rate == 48000
    assert abs(float(first) + samples.shape[1] / rate - 1) < 0.03
    spectrum = np.abs(np.fft.rfft(samples[0, 4800:43200]))
    assert abs(int(np.argmax(spectrum)) * rate / 38400 - 330) < 5


def test_many_channels_stay_many(make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *TONE, "-filter_complex", "[1:a]pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0[a]",
                       "-map", "0:v", "-map", "[a]", *QUICK, "-c:a", "pcm_s16le", suffix=".mkv")
    result, _ = join(source)
    with av.open(str(result)) as opened:
        assert opened.streams.audio[0].codec_context.layout.name == "5.1"


def test_odd_sample_rates_become_usual_ones(make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, "-f", "lavfi", "-i", "sine=sample_rate=37800:duration=1", *QUICK, "-c:a", "pcm_s16le",
                       suffix=".mkv")
    samples, rate, _ = sound(join(source)[0])
    assert rate == 48000
    assert abs(samples.shape[1] / rate - 1) < 0.05


@pytest.mark.parametrize("container", BOTH)
def test_several_sound_tracks_keep_their_names(container: Container, make_clip: Make, join: Joiner) -> None:
    source = make_clip(
        *PICTURE, *TONE, *TONE, "-map", "0:v", "-map", "1:a", "-map", "2:a", *QUICK, "-c:a", "aac",
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=Main", "-metadata:s:a:1", "language=fra",
        "-metadata:s:a:1", "title=commentary", "-disposition:a:0", "0", "-disposition:a:1", "default+comment",
        suffix=".mkv")  # fmt: skip
    result, _ = join(source, container)
    with av.open(str(result)) as opened:
        streams = opened.streams.audio
        assert [stream.metadata.get("language") for stream in streams] == ["eng", "fra"]
        # What Matroska calls a title is a name in MP4.
        titles = [stream.metadata.get("title", stream.metadata.get("name")) for stream in streams]
        assert titles == ["Main", "commentary"]
        assert not streams[0].disposition & Disposition.default
        assert streams[1].disposition & Disposition.default
        if container is Container.MKV:
            assert streams[1].disposition & Disposition.comment


@pytest.mark.parametrize("container", list(Container))
@pytest.mark.parametrize("code", ["eng", "deu", "fra", "jpn", "nld", "zho"])
def test_languages_are_kept(code: str, container: Container, make_clip: Make, join: Joiner) -> None:
    """QuickTime has numbers for languages, and libav knows them by the older of two codes."""
    source = make_clip(*PICTURE, *TONE, *QUICK, "-c:a", "aac", "-metadata:s:a:0", f"language={code}", suffix=".mkv")
    older = {"deu": "ger", "nld": "dut", "zho": "chi", "fra": "fre"}
    assert language(join(source, container)[0], "audio") in {code, older.get(code)}


# --- subtitles


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.srt"
    path.write_text(WORDS, encoding="utf-8")
    return path


def with_words(make: Make, words: Path, codec: str, suffix: str) -> Path:
    return make(*PICTURE, *TONE, "-i", str(words), "-map", "0:v", "-map", "1:a", "-map", "2:s", *QUICK, "-c:a", "aac",
                "-c:s", codec, "-metadata:s:s:0", "language=jpn", suffix=suffix)


@pytest.mark.parametrize("container", list(Container))
@pytest.mark.parametrize(("codec", "suffix"), [("srt", ".mkv"), ("mov_text", ".mp4"), ("ass", ".mkv"),
                                               ("webvtt", ".mkv")])
def test_text_subtitles_are_kept(codec: str, suffix: str, container: Container, words: Path, make_clip: Make,
                                 join: Joiner) -> None:
    source = with_words(make_clip, words, codec, suffix)
    result, notices = join(source, container)
    found = subtitles(result)
    assert [(round(begin, 2), round(length, 2)) for begin, length, _ in found] == [
        (Fraction(1, 10), Fraction(3, 10)), (Fraction(1, 2), Fraction(4, 10))]
    assert "First line" in found[0][2]
    assert "Ümlaut, 日本語" in found[1][2]
    assert language(result, "subtitles") == "jpn"
    with av.open(str(result)) as opened:
        name = opened.streams.subtitles[0].codec_context.name
    if container is not Container.MKV:
        assert name == "mov_text"
        assert (len(notices) == 1 and "styling" in notices[0]) if codec == "ass" else notices == []
    else:
        assert name in {"srt": ("subrip", "srt"), "mov_text": ("subrip", "srt"), "ass": ("ass", "ssa"),
                        "webvtt": ("webvtt",)}[codec]
        assert notices == []


def test_bitmap_subtitles_are_named_where_they_cannot_be_kept(words: Path, make_clip: Make, join: Joiner) -> None:
    plain = with_words(make_clip, words, "srt", ".mkv")
    # The name of the codec is all that is changed: nothing here looks into the packets.
    data = plain.read_bytes()
    assert data.count(b"S_TEXT/UTF8") == 1
    source = words.with_name("bitmaps.mkv")
    source.write_bytes(data.replace(b"S_TEXT/UTF8", b"S_HDMV/PGS\0"))
    _, notices = join(source, Container.MP4)
    assert len(notices) == 1
    assert "pgs" in notices[0]
    assert "mkv can" in notices[0]
    _, notices = join(source, Container.MKV)
    assert notices == []


# --- attachments and what else there may be


def test_attachments_are_kept_by_matroska_alone(words: Path, make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *QUICK, "-attach", str(words), "-metadata:s:t", "mimetype=text/plain", suffix=".mkv")
    result, notices = join(source, Container.MKV)
    assert notices == []
    with av.open(str(result)) as opened:
        (attachment,) = opened.streams.attachments
        assert (attachment.name, attachment.mimetype) == ("words.srt", "text/plain")
        assert bytes(attachment.data or b"") == words.read_bytes()
    _, notices = join(source, Container.MP4)
    assert len(notices) == 1
    assert "attachment" in notices[0]
    assert "words.srt" in notices[0]


@pytest.mark.parametrize(("name", "what"), [("with cover", "cover picture"), ("two video tracks", "video track")])
def test_other_pictures_are_named_and_left_out(name: str, what: str, clip_of: Clips, join: Joiner) -> None:
    for container in BOTH:
        result, notices = join(clip_of(name), container)
        assert [what in notice for notice in notices] == [True]
        with av.open(str(result)) as opened:
            assert len(opened.streams.video) == 1


def test_a_time_code_track_is_named(make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *QUICK, "-timecode", "01:00:00:00", suffix=".mov")
    _, notices = join(source)
    assert len(notices) == 1
    assert "data track" in notices[0]


@pytest.mark.parametrize("container", BOTH)
def test_sound_alone_may_be_kept(container: Container, words: Path, make_clip: Make, join: Joiner) -> None:
    source = with_words(make_clip, words, "srt", ".mkv")
    result, notices = join(source, container, tracks=Tracks.AUDIO)
    assert notices == []
    with av.open(str(result)) as opened:
        assert [stream.type for stream in opened.streams] == ["video", "audio"]


@pytest.mark.parametrize("container", BOTH)
def test_nothing_else_may_be_kept(container: Container, words: Path, make_clip: Make, join: Joiner) -> None:
    source = with_words(make_clip, words, "srt", ".mkv")
    result, notices = join(source, container, tracks=Tracks.NONE)
    assert notices == []
    with av.open(str(result)) as opened:
        assert [stream.type for stream in opened.streams] == ["video"]


def test_a_source_with_pictures_alone(clip_of: Clips, join: Joiner) -> None:
    for container in Container:
        result, notices = join(clip_of("no sound"), container)
        assert notices == []
        with av.open(str(result)) as opened:
            assert [stream.type for stream in opened.streams] == ["video"]


# --- a part of the source


@pytest.mark.parametrize("container", BOTH)
@pytest.mark.parametrize(("start", "end"), [(Fraction(1, 4), Fraction(3, 4)), (Fraction(1, 2), None),
                                            (None, Fraction(1, 2))])
def test_a_part_takes_the_packets_that_begin_in_it(start: Fraction | None, end: Fraction | None, container: Container,
                                                   make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *TONE, *QUICK, "-c:a", "ac3", suffix=".mkv")
    zero = start or Fraction(0)
    result, _ = join(source, container, zero=zero, start=start, end=end)
    expected = [(seconds, packet) for seconds, packet in packets(source, "audio")
                if (start is None or seconds >= start) and (end is None or seconds < end)]
    if container is Container.MKV:  # it has no times before zero but for a codec's own delay
        earliest = zero - _codec_delay(source) - Fraction(1, 1000)
        expected = [(seconds, packet) for seconds, packet in expected if seconds >= earliest]
    found = packets(result, "audio")
    assert 5 < len(expected) < 31
    assert [packet for _, packet in found] == [packet for _, packet in expected]
    for (seconds, _), (before, _) in zip(found, expected, strict=True):
        assert abs(seconds - (before - zero)) <= Fraction(1, 500)


def _codec_delay(source: Path) -> Fraction:
    with av.open(str(source)) as container:
        context = container.streams.audio[0].codec_context
        return Fraction(context.delay, context.sample_rate)


def test_a_first_packet_that_a_codec_delay_covers_stays_in_matroska(make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *TONE, *QUICK, "-c:a", "libopus", suffix=".mkv")
    assert _codec_delay(source) > 0
    result, _ = join(source, Container.MKV)
    assert [packet for _, packet in packets(result, "audio")] == [packet for _, packet in packets(source, "audio")]


def test_a_part_takes_its_subtitles(words: Path, make_clip: Make, join: Joiner) -> None:
    source = with_words(make_clip, words, "srt", ".mkv")
    for container in BOTH:
        result, _ = join(source, container, zero=Fraction(3, 10), start=Fraction(3, 10))
        assert [(round(begin, 2), text) for begin, _, text in subtitles(result)] == [
            (Fraction(1, 5), "Ümlaut, 日本語")]


def test_converted_sound_of_a_part_stays_in_place(make_clip: Make, join: Joiner) -> None:
    source = make_clip(*PICTURE, *BEEP, *QUICK, "-c:a", "pcm_s16le", suffix=".mkv")
    result, _ = join(source, Container.MP4, zero=Fraction(1, 4), start=Fraction(1, 4))
    assert abs(onset(result) - 0.25) < 0.003


def test_a_clock_that_restarts_moves_sound_and_pictures_alike(clip_of: Clips, join: Joiner) -> None:
    source = clip_of("clock restarts")
    result, _ = join(source, Container.MP4)
    times = [seconds for seconds, _ in packets(result, "audio")]
    assert times == sorted(times)
    assert 4 < times[-1] - times[0] < 5
    # MP4 states once what ADTS states in the 7 bytes before every packet.
    before = [packet[7:] for _, packet in packets(source, "audio")]
    assert [packet for _, packet in packets(result, "audio")] == before
