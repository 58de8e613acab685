"""Which ffmpeg is found, and what it says of itself."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from video3d.errors import ToolError
from video3d.media import ffmpeg as module
from video3d.media.ffmpeg import FFmpeg, find_ffmpeg

posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for ffmpeg")


def fake(folder: Path, banner: str, encoders: str = "", code: int = 0) -> Path:
    """A program that answers as ffmpeg does."""
    program = folder / "ffmpeg"
    answers = f"-version) cat <<'E'\n{banner}\nE\n;;\n*) cat <<'E'\n{encoders}\nE\n;;\n"
    program.write_text(f'#!/bin/sh\ncase "$2" in\n{answers}esac\nexit {code}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_the_one_that_is_installed(ffmpeg: str) -> None:
    found = find_ffmpeg()
    assert found.path == ffmpeg
    assert found.release >= (4, 4)
    assert found.version
    assert "libx264" in found.encoders
    assert not {"aac", "srt", "="} & found.encoders


@posix
@pytest.mark.parametrize(("banner", "version", "release"), [
    ("ffmpeg version 7.0.2-static https://johnvansickle.com/", "7.0.2-static", (7, 0)),
    ("ffmpeg version n6.1.1 Copyright (c)", "6.1.1", (6, 1)),
    ("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", "4.4.2-0ubuntu0.22.04.1", (4, 4)),
    ("ffmpeg version N-109542-g2c4d4f6d Copyright", "N-109542-g2c4d4f6d", (99, 0)),
    ("ffmpeg version git-2024-01-01-abc Copyright", "git-2024-01-01-abc", (99, 0)),
    ("something else entirely", "something else entirely", (99, 0)),
])
def test_versions(banner: str, version: str, release: tuple[int, int], tmp_path: Path,
                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake(tmp_path, banner)))
    found = find_ffmpeg()
    assert (found.version, found.release) == (version, release)


@posix
def test_encoders_are_those_of_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = ("Encoders:\n V..... = Video\n A..... = Audio\n ------\n V....D libx264              H.264 (codec h264)\n"
               " VFS..D mjpeg                MJPEG\n A....D aac                  AAC\n S..... srt    SubRip")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake(tmp_path, "ffmpeg version 7.0 x", listing)))
    assert find_ffmpeg().encoders == {"libx264", "mjpeg"}


@pytest.mark.parametrize(("release", "arguments"), [
    ((4, 4), ["-vsync", "0"]), ((5, 0), ["-vsync", "0"]), ((5, 1), ["-fps_mode", "passthrough"]),
    ((99, 0), ["-fps_mode", "passthrough"]),
])
def test_the_option_that_was_renamed(release: tuple[int, int], arguments: list[str]) -> None:
    assert FFmpeg("ffmpeg", "x", release, frozenset()).passthrough_arguments == arguments


@posix
def test_one_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake(tmp_path, "ffmpeg version 7.0 x", code=1)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    with pytest.raises(ToolError, match="does not run") as caught:
        find_ffmpeg()
    assert str(program) in caught.value.message
    assert caught.value.remedy


def test_one_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nowhere"))
    with pytest.raises(ToolError) as caught:
        find_ffmpeg()
    assert caught.value.remedy


@posix
def test_one_that_says_nothing_is_a_tool_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    with pytest.raises(ToolError):
        find_ffmpeg()


@posix
def test_one_that_hangs_is_a_tool_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.3)
    with pytest.raises(ToolError, match="does not run"):
        find_ffmpeg()


def test_none_at_all_is_a_tool_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio_ffmpeg

    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(ToolError, match="not found") as caught:
        find_ffmpeg()
    assert "imageio-ffmpeg" in caught.value.remedy
