"""A bundle says what a developer needs, and nothing of who and where."""

from __future__ import annotations

import getpass
import json
import platform
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED
from video3d.diagnostics import Cleaner, evidence_of, write_bundle
from video3d.errors import JobError, TargetError
from video3d.host import StandaloneHost

SOURCE = PurePosixPath("/films of ann/Summer 2020 (private).mp4")


def bundle(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


@pytest.mark.parametrize(("text", "clean"), [
    (f"{SOURCE}: it is damaged", "<folder>/<file 0>.mp4: it is damaged"),
    (json.dumps({"x": str(SOURCE)}), '{"x": "<folder>/<file 0>.mp4"}'),
    ("Summer 2020 (private)_3D.mp4", "<file 0>_3D.mp4"),
    ("/var/lib/thing/file.so: broken", "<folder>/file.so: broken"),
    ("C:\\" + r"Users\Ann\x.mp4", "<folder>/x.mp4"),
    ("3 frames/s, 1/2", "3 frames/s, 1/2"),
    ("https://ann:pa55@host/x", "https://<login>@host/x"),
    ("api_key=abc123, token: 'x y'", "api_key=<secret>, token: <secret>"),
    ("Authorization: Bearer abc.def", "Authorization: <secret>"),
])
def test_what_is_private_is_taken_out(text: str, clean: str) -> None:
    assert Cleaner([Path(SOURCE)])(text) == clean


def test_folders_go_and_names_stay_where_only_folders_are_private() -> None:
    text = Cleaner([], [Path(SOURCE.parent)])(f"{SOURCE}: it is damaged")
    assert text == "<folder>/Summer 2020 (private).mp4: it is damaged"
    assert Cleaner([], [Path("/")])("1 / 2") == "1 / 2"


def test_home_user_and_machine_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "anns-computer")
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    found = Cleaner([])(f"{Path.home() / 'x'} by {getpass.getuser()} on {platform.node()}")
    assert str(Path.home()) not in found or len(str(Path.home())) < 3
    assert found.endswith("by <user> on <machine>")


@pytest.fixture
def failed_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """A job of the queue that failed."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user data"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "holiday films"
    folder.mkdir()
    (folder / "beach.mp4").write_text("not a video")
    assert main(["jobs", "add", str(folder / "beach.mp4"), "--json", "--strength", "1.5"]) == DONE
    job = json.loads(capsys.readouterr().out)["id"]
    assert main(["jobs", "run"]) == FAILED
    return job


def test_a_job_s_bundle_holds_its_story_and_no_names(failed_job: str, tmp_path: Path,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["jobs", "log", failed_job]) == DONE
    log = capsys.readouterr().out
    assert "SourceError in probe" in log
    assert "beach.mp4" in log
    assert main(["diagnostics", failed_job, "-o", "x.zip"]) == DONE
    files = bundle(tmp_path / "x.zip")
    assert set(files) == {"versions.json", "models.json", "job.json", "log.txt"}
    everything = "".join(files.values())
    for word in ("beach", "holiday films", str(tmp_path), str(Path.home())):
        assert word not in everything
    assert "SourceError in probe" in files["log.txt"]
    job = json.loads(files["job.json"])
    assert (job["state"], job["settings"]["strength"]) == ("failed", 1.5)
    assert json.loads(files["versions.json"])["ffmpeg"]["version"]


def test_without_a_job_it_says_what_is_installed(tmp_path: Path) -> None:
    target = tmp_path / "x.zip"
    write_bundle(target, StandaloneHost(), None)
    assert set(bundle(target)) == {"versions.json", "models.json"}
    with pytest.raises(TargetError, match="is there already"):
        write_bundle(target, StandaloneHost(), None)
    write_bundle(target, StandaloneHost(), None, overwrite=True)
    with pytest.raises(TargetError, match="cannot be written"):
        write_bundle(tmp_path / "none" / "x.zip", StandaloneHost(), None)
    with pytest.raises(JobError, match="no such job"):
        evidence_of(str(tmp_path), StandaloneHost(), None)
