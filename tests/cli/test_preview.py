"""Pictures of moments and of pictures, as the API makes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED, WRONG_USAGE

QUICK = ("--depth-model", "builtin")


def size_of(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


def test_a_moment_is_shown(small_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shots = tmp_path / "flat.json"
    shots.write_text('{"format": "video3d shots 1", "shots": [{"start": 0, "strength": 0}]}')
    for name, more in (("usual.png", ()), ("flat.png", ("--shots", str(shots)))):
        arguments = ["preview", str(small_clip), "--at", "0.5", "--size", "160", *QUICK, *more]
        assert main([*arguments, "-o", str(tmp_path / name)]) == DONE
    assert size_of(tmp_path / "usual.png") == (160, 45)
    assert (tmp_path / "usual.png").read_bytes() != (tmp_path / "flat.png").read_bytes()
    capsys.readouterr()
    assert main([*arguments, "-o", str(tmp_path / "flat.png")]) == FAILED
    assert "--overwrite" in capsys.readouterr().err
    for wrong in (("-o", "x.tiff"), ("--at", "-1"), ("--view", "depth", "-o", str(tmp_path / "x.gif"))):
        assert main(["preview", str(small_clip), *wrong]) == WRONG_USAGE
    assert main(["preview", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "x.jpg")]) == FAILED


def test_a_picture_becomes_a_stereo_picture(tmp_path: Path) -> None:
    source = tmp_path / "photo.png"
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(source)
    assert main(["image", str(source), *QUICK]) == DONE
    assert size_of(tmp_path / "photo_3D.jpg") == (128, 48)
    assert main(["image", str(source), "--view", "depth", "-o", str(tmp_path / "depth.png"), *QUICK]) == DONE
    source.write_text("no picture")
    assert main(["image", str(source), "-o", str(tmp_path / "x.jpg")]) == FAILED
    assert main(["image", str(tmp_path / "none.png")]) == FAILED
    assert not (tmp_path / "x.jpg").exists()
