"""The cut list is told, edited and given back; what is set for a shot is seen in that shot alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED, WRONG_USAGE
from video3d.shot_edits import json_schema

QUICK = ("--speed", "fastest", "--depth-model", "builtin", "--quality", "10")


def shots_of(clip: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main(["shots", str(clip), "--json", *more]) == DONE
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def eyes_differ(video: Path) -> list[float]:
    """How much the two eyes of each frame differ, in grey levels."""
    with av.open(str(video)) as container:
        pictures = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
    return [float(np.abs(picture[:, :picture.shape[1] // 2] - picture[:, picture.shape[1] // 2:]).mean())
            for picture in pictures]


def test_shots_are_told_with_a_picture_of_each(small_clip: Path, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    told = shots_of(small_clip, capsys, "--thumbnails", str(tmp_path / "pictures"))
    assert told["format"] == "video3d shots 1"
    assert [(shot["start"], shot["end"]) for shot in told["shots"]] == [(0.0, 1.0), (1.0, 2.0)]
    assert all(Path(shot["thumbnail"]).read_bytes().startswith(b"\xff\xd8") for shot in told["shots"])
    assert main(["shots", str(small_clip), "-o", str(tmp_path / "shots.json")]) == DONE
    assert "1.000 s" in capsys.readouterr().out
    assert json.loads((tmp_path / "shots.json").read_text())["shots"][1]["start"] == 1.0
    assert shots_of(small_clip, capsys, "--start", "1.2")["shots"][0]["start"] >= 0


def test_what_is_set_for_a_shot_is_seen_in_it_alone(small_clip: Path, tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    told = shots_of(small_clip, capsys)
    told["shots"][1]["strength"] = 0
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(told))
    arguments = ["convert", str(small_clip), *QUICK]
    assert main([*arguments, "-o", str(tmp_path / "usual.mkv")]) == DONE
    assert main([*arguments, "-o", str(tmp_path / "edited.mkv"), "--shots", str(edited)]) == DONE
    usual, changed = eyes_differ(tmp_path / "usual.mkv"), eyes_differ(tmp_path / "edited.mkv")
    assert len(usual) == len(changed) == 48
    assert np.mean(changed[24:]) < 0.5 * np.mean(usual[24:])
    assert changed[:24] == pytest.approx(usual[:24], abs=0.3)


def test_what_is_no_list_is_refused_before_anything_happens(small_clip: Path, tmp_path: Path,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.json"
    arguments = ["convert", str(small_clip), "-o", str(tmp_path / "x.mp4"), "--shots", str(bad)]
    assert main(arguments) == WRONG_USAGE
    assert "bad.json: the shots cannot be read" in capsys.readouterr().err
    bad.write_text('{"format": "video3d shots 1", "shots": [{"start": 0, "strength": 70}]}')
    assert main(arguments) == WRONG_USAGE
    assert "shot 0: \"strength\" cannot be 70" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bad.json"]
    assert main(["shots"]) == WRONG_USAGE
    assert main(["shots", str(tmp_path / "none.mp4")]) == FAILED
    capsys.readouterr()
    assert main(["shots", "--schema"]) == DONE
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_shots_are_merged_split_and_set_in_the_order_of_the_command_line(
        small_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = shots_of(small_clip, capsys, "--split", "1.5", "--set", "2:strength=1.5,convergence=0.4", "--merge", "1")
    assert [shot["start"] for shot in told["shots"]] == [0.0, 1.5]
    assert (told["shots"][1]["strength"], told["shots"][1]["convergence"]) == (1.5, 0.4)
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(told))
    assert main(["shots", "--shots", str(saved), "--set", "0:strength=auto", "--split", "0.5"]) == DONE
    assert "1.500 s  strength 1.5  convergence 0.4" in capsys.readouterr().out
    for wrong in (("--merge", "0"), ("--split", "0"), ("--set", "7:strength=1")):
        assert main(["shots", "--shots", str(saved), *wrong]) == WRONG_USAGE
    for wrong in (("--merge", "x"), ("--set", "0:colour=1"), ("--set", "0:strength=99"), ("--set", "0")):
        with pytest.raises(SystemExit):
            main(["shots", "--shots", str(saved), *wrong])
        assert "cannot be read" in capsys.readouterr().err
