from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from video3d.errors import LimitError, SourceError, WorkerError
from video3d.media import pictures
from video3d.media.pictures import FORMATS, read_picture


def picture_file(kind: str = "PNG", size: tuple[int, int] = (40, 30), **more: object) -> bytes:
    rows = np.linspace(0, 255, size[1], dtype=np.uint8)[:, None, None]
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.broadcast_to(rows, (size[1], size[0], 3)))).save(file, kind, **more)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_pictures_are_read(kind: str) -> None:
    picture = read_picture(picture_file(kind), 1200)
    assert picture.shape == (30, 40, 3)
    assert picture[0].mean() < 20
    assert picture[-1].mean() > 235


def test_it_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    assert read_picture(picture_file("JPEG", exif=exif), 1200).shape == (40, 30, 3)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it is so large, and is."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_the_size_is_checked_before_anything_is_decoded() -> None:
    with pytest.raises(LimitError, match="20000x20000"):
        read_picture(bomb(20000, 20000), 64_000_000)


def test_what_takes_too_much_memory_ends_the_child_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MEMORY_LIMIT", 700 << 20)
    with pytest.raises((WorkerError, SourceError)):
        read_picture(bomb(16000, 16000), 1 << 30)


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SECONDS", 0.01)
    with pytest.raises(WorkerError, match="hung"):
        read_picture(picture_file(), 1200)


@pytest.mark.parametrize("data", [b"", b"no picture", picture_file()[:60], picture_file("GIF")[:20],
                                  b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_picture_is_refused_without_naming_a_file(data: bytes) -> None:
    with pytest.raises(SourceError, match="The picture") as caught:
        read_picture(data, 1200)
    assert "video3d-picture" not in str(caught.value)


def test_no_damage_reaches_this_process_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six damaged pictures; the long run is `benchmarks/fuzz.py`."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    chance = np.random.default_rng(4)
    for kind in FORMATS:
        data = bytearray(picture_file(kind))
        for _ in range(8):
            data[int(chance.integers(len(data)))] = int(chance.integers(256))
        with suppress(SourceError, LimitError):
            assert read_picture(bytes(data), 1 << 20).ndim == 3
    assert list(tmp_path.iterdir()) == []
