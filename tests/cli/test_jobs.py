"""All that can be asked of a queue can be asked on the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED
from video3d.queue import JobState

QUICK = ("--speed", "fastest", "--depth-model", "constant")
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def place(make_clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a clip in it; the user's own folder is in it too."""
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=0.5", "-c:v", "libx264")
    shutil.copy(clip, tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    return tmp_path


@pytest.fixture
def ask(place: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """`ask("pause", id)`: what `video3d jobs pause ID` tells as JSON."""
    def asked(*words: str, code: int = DONE) -> list[dict[str, Any]]:
        assert main(["jobs", "--json", *words]) == code
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return asked


def test_jobs_are_added_steered_run_and_forgotten(place: Path, ask: Ask) -> None:
    (first,) = ask("add", "clip.mp4", *QUICK)
    (second,) = ask("add", "clip.mp4", "-o", "second.mkv", "--priority", "2", *QUICK)
    assert (first["event"], first["state"], second["priority"]) == ("job", "waiting", 2)
    assert first["target"] == str(place / "clip_3D_FSBS_LRF_Full_SBS.mp4")
    assert [job["id"] for job in ask()] == [job["id"] for job in ask("list")] == [first["id"], second["id"]]
    assert ask("pause", first["id"][:9])[0]["state"] == "paused"
    assert ask("cancel", second["id"])[0]["state"] == "cancelled"
    assert ask("resume", first["id"])[0]["state"] == "waiting"
    assert ask("retry", second["id"])[0]["state"] == "waiting"
    assert ask("priority", first["id"], second["id"], "--to", "-7")[1]["priority"] == -7
    assert {job["id"]: job["state"] for job in ask("run")} == {first["id"]: "done", second["id"]: "done"}
    assert (place / "second.mkv").is_file()
    assert {job["state"] for job in ask("run")} == {"done"}, "nothing waits"
    assert ask("delete", first["id"], second["id"]) == []
    assert ask() == []
    assert sorted(path.name for path in place.iterdir()) == [
        "clip.mp4", "clip_3D_FSBS_LRF_Full_SBS.mp4", "second.mkv", "user"]


def test_a_failed_job_is_told_and_gives_the_exit_code(place: Path, ask: Ask,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.mp4").write_text("not a video")
    (job,) = ask("add", "bad.mp4")
    assert ask("run", code=FAILED)[-1]["error"]["type"] == "SourceError"
    assert main(["jobs"]) == DONE
    told = capsys.readouterr().out
    assert job["id"] in told
    assert "not a video" in told
    assert main(["resume", "--json", job["id"][:8]]) == FAILED
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["state"] == JobState.FAILED.value


@pytest.mark.parametrize("words", [("pause", "nobody"), ("resume", "")])
def test_what_is_not_there_is_told_in_one_sentence(place: Path, capsys: pytest.CaptureFixture[str],
                                                   words: tuple[str, ...]) -> None:
    assert main(["jobs", *words]) == FAILED
    assert capsys.readouterr().err.count("\n") == 1


def test_a_queue_s_folder_that_is_none_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--queue", "clip.mp4"]) == FAILED
    assert "clip.mp4: the queue cannot be kept here" in capsys.readouterr().err


def test_a_queue_elsewhere_is_named_before_or_after(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "add", "clip.mp4", "--queue", "other", *QUICK]) == DONE
    capsys.readouterr()
    for words in (["jobs", "--queue", "other"], ["jobs", "list", "--queue", "other"],
                  ["jobs", "--queue", "other", "list"]):
        assert main(words) == DONE
        assert "clip.mp4" in capsys.readouterr().out
    assert main(["jobs"]) == DONE
    assert capsys.readouterr().out == ""


def test_a_job_s_shots_are_edited_and_its_picture_is_written(ask: Ask, place: Path) -> None:
    (job,) = ask("add", "clip.mp4", *QUICK)
    (place / "shots.json").write_text('{"format": "video3d shots 1", "shots": [{"start": 0, "strength": 1}]}')
    ask("shots", job["id"], "--shots", "shots.json")
    (file,) = (place / "user").rglob("job.json")
    record = json.loads(file.read_text())
    assert record["order"]["shots"]["shots"][0]["values"]["strength"] == 1.0
    assert main(["jobs", "preview", job["id"], "-o", "x.jpg"]) == FAILED
    ask("run")
    assert main(["jobs", "preview", job["id"][:8], "-o", "x.jpg"]) == DONE
    assert (place / "x.jpg").read_bytes()[:2] == b"\xff\xd8"
