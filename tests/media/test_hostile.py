"""Files that want libav to open something else: a file or an address. A server listens, and must hear nothing."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import FFmpegError

from video3d.errors import SourceError, WorkerError
from video3d.media.source import FrameReader, ThumbnailReader, probe
from video3d.types import PixelFormat


class Listener:
    """Counts who connects."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


@pytest.fixture
def secret(make_clip: Callable[..., Path], tmp_path: Path) -> Path:
    """A white video beside the hostile file, which nobody may see."""
    made = make_clip("-f", "lavfi", "-i", "color=white:s=64x48:d=1", "-pix_fmt", "yuv420p", "-c:v", "libx264",
                     suffix=".ts")
    target = tmp_path / "secret.ts"
    target.write_bytes(made.read_bytes())
    return target


def playlist(secret: Path, address: str) -> bytes:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", secret.name, "#EXTINF:1,", f"file:{secret}",
             "#EXTINF:1,", f"http://{address}/x.ts", "#EXT-X-ENDLIST", ""]
    return "\n".join(lines).encode()


HOSTILE: dict[str, Callable[[Path, str], bytes]] = {
    "playlist.m3u8": playlist,
    "playlist.mp4": playlist,
    "playlist.ts": playlist,
    "key.m3u8": lambda secret, address: (
        f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://{address}/key"\n#EXTINF:1,\n{secret.name}\n').encode(),
    "concat.ffconcat": lambda secret, address: (
        f"ffconcat version 1.0\nfile {secret.name}\nfile http://{address}/x.ts\n").encode(),
    "concat.mp4": lambda secret, address: f"ffconcat version 1.0\nfile '{secret}'\n".encode(),
    "session.sdp": lambda secret, address: (
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {address.split(':')[1]} RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n").encode(),
    "manifest.mpd": lambda secret, address: (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        f'<Representation mimeType="video/mp4"><BaseURL>http://{address}/</BaseURL></Representation></AdaptationSet>'
        "</Period></MPD>").encode(),
    "picture.svg": lambda secret, address: (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
        f'<image xlink:href="http://{address}/a.png"/><image xlink:href="file://{secret}"/></svg>').encode(),
    "picture.mp4": lambda secret, address: (
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e SYSTEM "file://' + str(secret) + '">]><svg>&e;</svg>').encode(),
    "script.avs": lambda secret, address: f'DirectShowSource("{secret}")'.encode(),
    "script.vpy": lambda secret, address: b"import os; os.system('touch hacked')",
    "redirect.rm": lambda secret, address: f"rtsp://{address}/x.rm\n".encode(),
    "redirect.asf": lambda secret, address: f"[Reference]\nRef1=http://{address}/x.asf\n".encode(),
    "subtitle.srt": lambda secret, address: b"1\n00:00:00,000 --> 00:00:01,000\n<img src='file:///etc/passwd'>\n",
    "subtitle.ass": lambda secret, address: b"[Script Info]\nVideo File: secret.ts\n[Events]\n",
    "shortcut.url": lambda secret, address: f"[InternetShortcut]\nURL=http://{address}/\n".encode(),
    "movie.mxf": lambda secret, address: (
        bytes.fromhex("060e2b34020501010d0102010102040083000010") + f"file://{secret} http://{address}/".encode()),
    "stream.mkv": lambda secret, address: bytes.fromhex("1a45dfa3") + f"http://{address}/ {secret}".encode(),
}


def seen(path: Path) -> float:
    """Mean brightness of what is read from the file; -1 where nothing is."""
    try:
        info = probe(path)
        pictures = [picture.planes[0] for picture in ThumbnailReader(info)]
        reader = FrameReader(info, PixelFormat(8, 1, 1))
        pictures += [frame.planes[0] for frame in reader.read(0, np.zeros(2, np.int64))]
        reader.close()
    except (SourceError, WorkerError):
        return -1.0
    return float(np.mean([picture.mean() for picture in pictures]))


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_else_is_opened(name: str, secret: Path, listener: Listener, tmp_path: Path) -> None:
    hostile = tmp_path / name
    hostile.write_bytes(HOSTILE[name](secret, listener.address))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert seen(hostile) == -1
    assert listener.connections == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_the_trap_works(secret: Path, listener: Listener, tmp_path: Path) -> None:
    """The same playlist, opened without our care, reaches both the file and the server."""
    hostile = tmp_path / "playlist.m3u8"
    hostile.write_bytes(playlist(secret, listener.address))
    with suppress(FFmpegError), av.open(str(hostile), options={"allowed_extensions": "ALL",
                                                                "protocol_whitelist": "file,http,tcp"}) as container:
        assert next(container.decode(video=0)).to_ndarray(format="gray").mean() > 200
        for _ in container.demux():
            pass
    assert listener.connections > 0


@pytest.mark.parametrize("name", [
    "http://{address}/a.mp4", "concat:{secret}|{secret}", "subfile,,start,0,end,9,,:{secret}", "pipe:0", "tcp://{address}",
    "data:video/mp4;base64,AAAA", "async:http://{address}/", "crypto:{secret}", "file:{secret}", "-i", "rtmp://{address}/a",
])  # fmt: skip
def test_names_are_files_and_no_addresses(name: str, secret: Path, listener: Listener, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="no such file"):
        probe(Path(name.format(address=listener.address, secret=secret.name)))
    assert listener.connections == 0


def test_a_pattern_in_a_name_is_no_image_sequence(secret: Path, tmp_path: Path, small_clip: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"frame{number:03}.mp4").write_bytes(secret.read_bytes())
    pattern = tmp_path / "frame%03d.mp4"
    with pytest.raises(SourceError, match="no such file"):
        probe(pattern)
    pattern.write_bytes(small_clip.read_bytes())
    assert probe(pattern).width == 320


def test_a_movie_whose_data_lie_in_another_file(make_clip: Callable[..., Path], secret: Path, tmp_path: Path) -> None:
    """QuickTime's data references: the frames of the black film would come from the white one."""
    black, white = (make_clip("-f", "lavfi", "-i", f"color={colour}:s=64x48:d=1", "-pix_fmt", "yuv420p",
                              "-c:v", "libx264", "-x264-params", "keyint=1:scenecut=0:bframes=0:qp=20", suffix=".mov")
                    for colour in ("black", "white"))
    (tmp_path / "white.mov").write_bytes(white.read_bytes())
    hostile = tmp_path / "hostile.mov"
    hostile.write_bytes(_with_reference(black.read_bytes(), tmp_path / "white.mov"))
    with av.open(str(hostile), options={"enable_drefs": "1", "use_absolute_path": "1"}) as careless:
        assert next(careless.decode(video=0)).to_ndarray(format="gray").mean() > 200, "the trap does not work"
    assert seen(hostile) < 60


def _with_reference(movie: bytes, other: Path) -> bytes:
    """`movie` with an alias to `other` in place of its first data reference (QuickTime File Format, 'alis')."""
    path = str(other).encode()
    path += b"\0" * (len(path) % 2)
    alias = (bytes(4) + bytes(10) + b"\x01V" + bytes(26) + bytes(12) + b"\x05white" + bytes(58) + bytes(16)
             + struct.pack(">hh", 1, 1) + bytes(16) + struct.pack(">HH", 2, len(path)) + path
             + struct.pack(">HH", 0xffff, 0))
    entry = struct.pack(">I4s", len(alias) + 8, b"alis") + alias
    dref = struct.pack(">I4sII", len(entry) + 16, b"dref", 0, 1) + entry
    return _replaced(movie, (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"), dref)


def _replaced(data: bytes, path: tuple[bytes, ...], box: bytes) -> bytes:
    """`data`, a row of boxes, with the first box at `path` replaced; those around it grow."""
    made, at, done = b"", 0, False
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        whole = data[at:at + size]
        if kind == path[0] and not done:
            done = True
            inner = box if len(path) == 1 else _replaced(whole[8:], path[1:], box)
            whole = inner if len(path) == 1 else struct.pack(">I4s", len(inner) + 8, kind) + inner
        made += whole
        at += size
    return made
