"""A source is opened as nothing but itself: whatever it names, no other file is touched."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.error import FFmpegError

from video3d.errors import SourceError
from video3d.media.container import is_cover, open_source, timed_packets, typical_duration, video_streams

Clips = Callable[[str], Path]
IN_OPEN = 0x20
needs_inotify = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which files are opened")


@contextmanager
def watched(file: Path) -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether anybody opened `file` since."""
    library = ctypes.CDLL(None, use_errno=True)
    handle = library.inotify_init1(os.O_NONBLOCK)
    assert handle >= 0
    try:
        assert library.inotify_add_watch(handle, os.fsencode(file), IN_OPEN) >= 0
        yield lambda: bool(select.select([handle], [], [], 0)[0])
    finally:
        os.close(handle)


def try_to_read(path: Path) -> str:
    """Reads all that the file gives; what it was refused with, or nothing."""
    try:
        with open_source(str(path)) as container:
            for packet in container.demux():
                packet.decode()
    except SourceError as problem:
        return str(problem)
    except FFmpegError:
        return "undecodable"
    return ""


@needs_inotify
def test_the_watch_sees_an_opened_file(tmp_path: Path) -> None:
    file = tmp_path / "canary"
    file.write_bytes(b"x")
    with watched(file) as opened:
        assert not opened()
        file.read_bytes()
        assert opened()


SCRIPTS = {
    "playlist.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{canary}\n#EXT-X-ENDLIST\n",
    "playlist_as.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nfile:{canary}\n#EXT-X-ENDLIST\n",
    "playlist_as.ts": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n",
    "master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{canary}\n",
    "script.ffconcat": "ffconcat version 1.0\nfile '{name}'\n",
    "script_as.mp4": "ffconcat version 1.0\nfile '{canary}'\n",
    "script_as.mkv": "ffconcat version 1.0\nfile file:{canary}\n",
    "manifest.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
                    'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4"><Representation '
                    'id="0" bandwidth="1"><BaseURL>{canary}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
                   "a=rtpmap:96 H264/90000\n",
    "drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" '
                   'height="9"><image xlink:href="{canary}" width="9" height="9"/></svg>',
    "imf.xml": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
               "<Id>urn:uuid:1</Id></CompositionPlaylist>",
    "redirect.rm": "rtsp://127.0.0.1/x\n",
    "list.asx": '<asx version="3.0"><entry><ref href="{canary}"/></entry></asx>',
    "frameserver.avs": 'AviSource("{canary}")\n',
    "frameserver.vpy": "import vapoursynth\n",
    "text.mp4": "not a video",
    "words.txt": "Only words. " * 500,
}  # fmt: skip


@needs_inotify
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_opens_no_other_file(name: str, clip_of: Clips, tmp_path: Path) -> None:
    canary = tmp_path / "canary.ts"
    canary.write_bytes(clip_of("ts").read_bytes())
    script = tmp_path / name
    script.write_text(SCRIPTS[name].format(canary=canary, name=canary.name), encoding="utf-8")
    with watched(canary) as opened:
        refusal = try_to_read(script)
        assert not opened()
    assert refusal
    assert name in refusal


@pytest.mark.parametrize(("name", "options"), [
    ("playlist.m3u8", {"allowed_extensions": "ALL"}), ("script.ffconcat", {"safe": "0"}),
])
@needs_inotify
def test_libav_itself_would_open_them(name: str, options: dict[str, str], clip_of: Clips, tmp_path: Path) -> None:
    """Or the test above could not fail."""
    canary = tmp_path / "canary.ts"
    canary.write_bytes(clip_of("ts").read_bytes())
    script = tmp_path / name
    script.write_text(SCRIPTS[name].format(canary=canary, name=canary.name), encoding="utf-8")
    with watched(canary) as opened:
        av.open(str(script), options=options).close()
        assert opened()


@needs_inotify
@pytest.mark.parametrize("pattern", ["shot%d.png", "shot%01d.png", "shot*.png", "shot?.png"])
def test_a_pattern_is_no_sequence_of_pictures(pattern: str, make_clip: Callable[..., Path], tmp_path: Path) -> None:
    picture = make_clip("-f", "lavfi", "-i", "color=blue:size=50x50", "-frames:v", "1", suffix=".png")
    for number in range(3):
        (tmp_path / f"shot{number}.png").write_bytes(picture.read_bytes())
    with watched(tmp_path / "shot0.png") as opened:
        assert pattern in try_to_read(tmp_path / pattern)
        assert not opened()


@pytest.mark.parametrize("name", ["http://127.0.0.1:1/x.mp4", "concat:a.ts|b.ts", "subfile,,start,0,end,9,,:a.ts",
                                  "pipe:0", "data:video/mp4;base64,AAAA", "crypto:a.ts", "tee:a", "lavfi:color=red"])
def test_a_name_is_never_an_address(name: str) -> None:
    with pytest.raises(SourceError, match=r"there is no such file|cannot be read"):
        open_source(name)


def mac_alias(target: Path) -> bytes:
    """The body of a data reference to `target`, one folder level away from the file that has it (QuickTime: alis)."""
    path = str(target).encode()
    head = bytearray(150)
    head[10] = 0  # no volume name
    head[50] = min(63, len(target.name))
    head[51:51 + head[50]] = target.name.encode()[:63]
    struct.pack_into(">HH", head, 130, 1, 1)
    return bytes(head) + struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2) + b"\xff\xff\0\0"


def with_reference(movie: bytes, target: Path) -> bytes:
    """`movie` (its index at the end) with the picture's data said to lie in `target`."""
    body = mac_alias(target)
    alias = struct.pack(">I4sI", 12 + len(body), b"alis", 0) + body
    old = struct.pack(">I4sI", 12, b"url ", 1)
    place = movie.index(old, movie.index(b"moov"))
    grown = bytearray(movie[:place] + alias + movie[place + len(old):])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size = grown.index(kind, grown.index(b"moov")) - 4
        struct.pack_into(">I", grown, size, struct.unpack_from(">I", grown, size)[0] + len(alias) - len(old))
    return bytes(grown)


@needs_inotify
@pytest.mark.parametrize("allowed", [False, True], ids=["as we open it", "as libav could"])
def test_a_movie_that_refers_to_another_file(allowed: bool, clip_of: Clips, tmp_path: Path) -> None:
    canary, movie = tmp_path / "canary.mov", tmp_path / "movie.mov"
    canary.write_bytes(clip_of("mov").read_bytes())
    movie.write_bytes(with_reference(clip_of("mov").read_bytes(), canary))
    with watched(canary) as opened:
        if allowed:
            av.open(str(movie), options={"enable_drefs": "1", "use_absolute_path": "1"}).close()
        else:
            try_to_read(movie)
        assert opened() is allowed


def naming_the_next(matroska: bytes, following: str) -> bytes:
    """`matroska` with an Info element, naming the next segment's file, where ffmpeg left a gap."""
    void = matroska.index(b"\xec\x40", matroska.index(b"\x18\x53\x80\x67"))
    size = 3 + struct.unpack_from(">H", matroska, void + 1)[0] - 0x4000
    name = following.encode()
    body = b"\x2a\xd7\xb1\x83\x0f\x42\x40\x3e\x83\xbb" + bytes([0x80 | len(name)]) + name
    info = b"\x15\x49\xa9\x66" + bytes([0x80 | len(body)]) + body
    rest = size - len(info)
    filled = info + b"\xec" + bytes([0x80 | (rest - 2)]) + bytes(rest - 2)
    assert len(filled) == size
    return matroska[:void] + filled + matroska[void + size:]


@needs_inotify
def test_a_matroska_that_names_the_next_segment_is_read_alone(clip_of: Clips, tmp_path: Path) -> None:
    """RFC 9559, NextFilename."""
    canary, movie = tmp_path / "canary.mkv", tmp_path / "movie.mkv"
    canary.write_bytes(clip_of("mkv").read_bytes())
    movie.write_bytes(naming_the_next(clip_of("mkv").read_bytes(), canary.name))
    with watched(canary) as opened:
        with open_source(str(movie)) as container:
            assert 0 < sum(1 for _ in container.decode(video=0)) <= 24
        assert not opened()


# --- what cannot be opened


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SourceError, match=r"nowhere\.mp4: there is no such file") as caught:
        open_source("nowhere.mp4")
    assert caught.value.stage == "probe"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind root or Windows")
def test_a_file_that_may_not_be_read_is_named(clip_of: Clips, tmp_path: Path) -> None:
    file = tmp_path / "locked.mp4"
    file.write_bytes(clip_of("mp4").read_bytes())
    file.chmod(0)
    with pytest.raises(SourceError, match="no permission"):
        open_source(str(file))


def test_a_movie_without_its_index_is_explained(clip_of: Clips, tmp_path: Path) -> None:
    whole = clip_of("mp4").read_bytes()
    file = tmp_path / "cut.mp4"
    file.write_bytes(whole[: whole.index(b"moov") - 100])
    with pytest.raises(SourceError, match="index is missing") as caught:
        open_source(str(file))
    assert caught.value.remedy


@pytest.mark.parametrize("content", [
    b"\0\0\0\x08ftyp", b"\0\0\0\x10ftypisom\0\0\2\0" + b"\0\0\0\0mdat", b"\0\0\0\x10ftypisom\0\0\2\0\0\0\0\1free",
    b"\0\0\0\x10ftypisom\0\0\2\0" + b"\0\0\0\1mdat" + b"\xff" * 8, b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI ", b"GIF89a",
    b"\x47" + bytes(187), b"\xff" * 5000, bytes(5000),
], ids=lambda content: content[:24].hex())  # fmt: skip
def test_a_stub_is_a_source_error_with_a_remedy(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "stub.bin"
    file.write_bytes(content)
    problem: SourceError | None = None
    try:
        with open_source(str(file)) as container:
            assert not [packet for packet in container.demux() if packet.size > len(content)]
    except SourceError as refusal:
        problem = refusal
    assert problem is None or ("stub.bin" in problem.message and problem.remedy)


# --- packets


def test_covers_are_no_video_tracks(clip_of: Clips) -> None:
    with open_source(str(clip_of("with cover"))) as container:
        covers = [stream.index for stream in container.streams.video if is_cover(stream)]
        real = [stream.index for stream in video_streams(container)]
    assert len(covers) == len(real) == 1
    assert covers != real


@pytest.mark.parametrize("name", ["mp4", "mkv", "mov", "webm", "avi", "ts", "gif", "two video tracks"])
def test_all_packets_come_once_and_unmoved(name: str, clip_of: Clips) -> None:
    path = str(clip_of(name))
    with av.open(path) as direct:
        expected = [(p.stream_index, p.pts, p.dts, bytes(p)) for p in direct.demux() if p.size]
    notices: list[str] = []
    with open_source(path) as container:
        items = list(timed_packets(container, list(container.streams), notices))
    assert [(i.packet.stream_index, i.packet.pts, i.packet.dts, bytes(i.packet)) for i in items] == expected
    assert {item.offset for item in items} == {Fraction(0)}
    assert notices == []


def test_a_clock_that_restarts_is_joined_and_said(clip_of: Clips) -> None:
    notices: list[str] = []
    with open_source(str(clip_of("clock restarts"))) as container:
        items = list(timed_packets(container, list(container.streams), notices))
    offsets = [item.offset for item in items]
    assert offsets == sorted(offsets)
    assert len(set(offsets)) == 3
    assert len(notices) == 1
    assert "2 times" in notices[0]


def test_a_file_cut_off_ends_early(clip_of: Clips, tmp_path: Path) -> None:
    for name in ("mkv", "ts", "avi"):
        whole = clip_of(name)
        cut = tmp_path / f"cut{whole.suffix}"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
        with open_source(str(whole)) as container:
            total = sum(1 for _ in timed_packets(container, list(container.streams), []))
        with open_source(str(cut)) as container:
            count = sum(1 for _ in timed_packets(container, list(container.streams), []))
        assert 0 < count < total


def test_typical_durations(clip_of: Clips) -> None:
    with open_source(str(clip_of("mp4"))) as container:
        assert typical_duration(container.streams.video[0]) == Fraction(1, 24)
        assert typical_duration(container.streams.audio[0]) == Fraction(1, 25)


def test_the_program_itself_reads_what_is_whitelisted(clip_of: Clips, ffmpeg: str) -> None:
    """The list of formats names only what libav has, or a name misspelt would go unseen."""
    from video3d.media.container import FORMATS

    listed = subprocess.run([ffmpeg, "-hide_banner", "-demuxers"], capture_output=True, text=True, check=True).stdout
    known = {name for line in listed.splitlines() if line.startswith(" D") for name in line.split()[1].split(",")}
    for name in ("mov", "mp4", "matroska", "webm", "avi", "mpegts", "gif", "flv", "asf", "ogg"):
        assert name in FORMATS
    followers = {"hls", "concat", "dash", "image2", "image2pipe", "sdp", "rtsp", "tty", "lavfi", "imf", "svg_pipe",
                 "webm_dash_manifest", "ffmetadata", "x11grab", "v4l2", "avisynth", "vapoursynth", "mpjpeg"}
    assert not followers & set(FORMATS)
    assert len(known & set(FORMATS)) > 30


def test_a_box_of_absurd_size_is_damage_and_no_crash(tmp_path: Path) -> None:
    """Two boxes whose sizes add up to more than a file can have."""
    box = (1).to_bytes(4, "big") + b"free" + ((1 << 62) - 1).to_bytes(8, "big")
    (tmp_path / "a.mp4").write_bytes((16).to_bytes(4, "big") + b"ftypisom" + bytes(4) + box + box)
    with pytest.raises(SourceError):
        open_source(str(tmp_path / "a.mp4"))
