"""start.py is run as a user runs it, in a copy beside a stand-in for the package that tells what it was given."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import start

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = """
import json, os, queue, sys, time
if "wait" in sys.argv:
    try:
        print("waiting", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        sys.exit(77)
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "queue": queue.__file__,
                  "utf8": sys.flags.utf8_mode, "python": sys.executable, "given": os.environ.get("PYTHONPATH")}))
sys.exit(5 if "fail" in sys.argv else 0)
"""
SAMPLE = """
import sys
open(sys.argv[1], "w").write("drawn")
"""


PREPARING = """
import select
from pathlib import Path
def main():
    with Path(__file__).with_name("prepared.txt").open("a") as file:
        file.write("life line held" if not select.select([0], [], [], 0.2)[0] else "none")
    return 1
"""


@dataclass(frozen=True)
class Copy:
    """A tree with start.py, and a folder that the user is in."""

    tree: Path
    user: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.tree / "start.py"), *arguments]

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), cwd=self.user, env={**os.environ, **variables}, check=False,
                              capture_output=True, text=True, encoding="utf-8", timeout=120)  # fmt: skip

    def told(self, *arguments: str, **variables: str) -> Any:
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def make_copy(folder: Path) -> Copy:
    tree, user = folder / "Progrämme und mehr" / "video 3d é", folder / "meine Vidéos"
    (tree / "video3d").mkdir(parents=True)
    user.mkdir()
    shutil.copy(ROOT / "start.py", tree)
    (tree / "requirements.txt").write_text("# nothing\n")
    for more in ("serve", "check", "ui", "torch"):
        (tree / f"requirements-{more}.txt").write_text("# nothing\n")
    (tree / "video3d" / "__init__.py").touch()
    (tree / "video3d" / "__main__.py").write_text(PACKAGE)
    (tree / "video3d" / "sample.py").write_text(SAMPLE)
    (tree / "video3d" / "preparing.py").write_text(PREPARING)
    (user / "queue.py").write_text("raise SystemExit('a file of the user was imported')")
    return Copy(tree, user)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = make_copy(tmp_path_factory.mktemp("prepared"))
    done = copy.run("models")
    assert done.returncode == 0, done.stderr
    assert "making an environment" in done.stderr
    return copy


def test_every_option_and_the_users_folder_reach_the_program(prepared: Copy) -> None:
    arguments = ["convert", "mein Film é.mp4", "--strength", "3", "-o", "a b.mp4", "--", "-x"]
    told = prepared.told(*arguments)
    assert told["arguments"] == arguments
    assert Path(told["folder"]) == prepared.user
    assert Path(told["python"]).is_relative_to(prepared.tree / ".venv")


def test_files_and_settings_of_the_user_do_not_lead_python_astray(prepared: Copy) -> None:
    told = prepared.told("convert", PYTHONPATH=str(prepared.user))
    assert prepared.user not in Path(told["queue"]).parents
    assert told["given"] is None
    assert told["utf8"] == 1


def test_what_a_first_conversion_would_wait_for_is_done_with_the_installation(tmp_path: Path) -> None:
    copy = make_copy(tmp_path)
    done = copy.run("models")
    assert done.returncode == 0, "what could not be prepared is no hindrance"
    words = [line for line in done.stderr.splitlines() if line.startswith("start.py: ")]
    assert words[-1] == "start.py: preparing for this processor (once; about 40 s) ..."
    assert copy.run("models").stderr == ""
    assert (copy.tree / "video3d" / "prepared.txt").read_text() == "life line held", "once, and no more"


def test_the_second_start_takes_no_time_and_says_nothing(prepared: Copy) -> None:
    begin = time.monotonic()
    done = prepared.run("models")
    assert done.stderr == ""
    assert time.monotonic() - begin < 2


def test_the_exit_code_is_the_programs(prepared: Copy) -> None:
    assert prepared.run("convert", "fail").returncode == 5


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_lets_the_program_clean_up(prepared: Copy) -> None:
    with subprocess.Popen(prepared.command("convert", "wait"), cwd=prepared.user, stdout=subprocess.PIPE,
                          start_new_session=True) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) == 77


def test_the_demo_draws_and_converts_in_the_folder_named(prepared: Copy) -> None:
    told = prepared.told("demo", "ein Ordner é/tief", "--strength", "2")
    sample = Path("ein Ordner é/tief/sample.mp4")
    assert told["arguments"] == ["convert", str(sample), "--overwrite", "--strength", "2"]
    assert (prepared.user / sample).read_text() == "drawn"
    (prepared.user / sample).write_text("kept")
    again = prepared.told("demo", "ein Ordner é/tief", "-o", "there.mp4")
    assert again["arguments"] == ["convert", str(sample), "-o", "there.mp4"], "a named result is not replaced unasked"
    assert (prepared.user / sample).read_text() == "kept"


def test_the_demo_has_a_folder_of_its_own(prepared: Copy) -> None:
    assert prepared.told("demo")["arguments"][1] == str(Path("output", "sample.mp4"))


def test_a_demo_folder_that_cannot_be_made_is_named(prepared: Copy) -> None:
    done = prepared.run("demo", "queue.py")
    assert done.returncode == 1
    assert done.stderr.startswith("start.py: cannot write to queue.py: ")


def test_changed_requirements_are_installed(prepared: Copy) -> None:
    assert "installing" not in prepared.run("models").stderr
    (prepared.tree / "requirements.txt").write_text("# something else\n")
    done = prepared.run("models")
    assert "installing" in done.stderr
    assert "making an environment" not in done.stderr
    assert prepared.run("models").stderr == ""


def test_an_installation_broken_off_is_begun_again(prepared: Copy) -> None:
    (prepared.tree / ".venv" / "requirements.installed").unlink()
    (prepared.tree / ".venv" / "installation.begun").touch()
    done = prepared.run("models")
    assert done.returncode == 0
    assert "making an environment" in done.stderr
    assert prepared.run("models").stderr == ""


def test_setup_installs_what_the_checks_need(prepared: Copy) -> None:
    done = prepared.run("setup")
    assert done.returncode == 0
    assert (prepared.tree / ".venv" / "requirements-check.installed").is_file()
    assert "the environment is ready" in done.stderr


def test_the_page_is_installed_when_it_is_asked_for(prepared: Copy) -> None:
    assert not (prepared.tree / ".venv" / "requirements-ui.installed").exists()
    assert prepared.told("ui", "--port", "0")["arguments"] == ["ui", "--port", "0"]
    assert (prepared.tree / ".venv" / "requirements-ui.installed").is_file()


def test_a_moved_tree_still_works(prepared: Copy, tmp_path: Path) -> None:
    moved = Copy(tmp_path / "anderswo", prepared.user)
    shutil.copytree(prepared.tree, moved.tree, symlinks=True)
    assert Path(moved.told("models")["python"]).is_relative_to(moved.tree)


def test_without_pypi_there_is_one_sentence(prepared: Copy) -> None:
    requirements = prepared.tree / "requirements.txt"
    before = requirements.read_text()
    requirements.write_text("no-such-package-of-ours==1.0\n")
    try:
        done = prepared.run("models", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_CONFIG_FILE=os.devnull,
                            PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="")  # fmt: skip
    finally:
        requirements.write_text(before)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("start.py: the packages cannot be fetched from PyPI: connect")
    assert "Traceback" not in done.stderr


def test_a_foreign_environment_is_left_alone(tmp_path: Path) -> None:
    copy = make_copy(tmp_path)
    keep = copy.tree / ".venv" / "keep.txt"
    keep.parent.mkdir()
    keep.touch()
    done = copy.run("models")
    assert done.returncode == 1
    assert "was not made by start.py" in done.stderr
    assert keep.exists()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    copy = make_copy(tmp_path)
    (copy.tree / ".venv").write_text("a file in the way")
    done = copy.run("models")
    assert done.returncode == 1
    assert "cannot set up" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("version", "word"), [((3, 9, 18), "old"), ((3, 14, 0), "new")])
def test_a_python_out_of_range_is_refused(version: tuple[int, ...], word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(start.StartError, match=f"is too {word}: install Python 3.10 to 3.13"):
        start.check_python()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_the_remedy(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None if name == module else object())
    with pytest.raises(start.StartError, match=rf"without its module {module}.*sudo apt install python3\.\d+-venv"):
        start.check_python()


def test_the_range_is_that_of_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    after = f"3.{start.NEWEST[1] + 1}"
    assert f'requires-python = ">=3.{start.OLDEST[1]},<{after}"' in text


def test_a_stamp_changes_with_the_packages_and_the_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "requirements.txt"
    file.write_bytes(b"a==1\nb==2\n")
    first = start.stamp_text(file)
    file.write_bytes(b"a==1\r\nb==2\r\n")
    assert start.stamp_text(file) == first, "line ends of a Windows checkout"
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert start.stamp_text(file) != first
    monkeypatch.undo()
    file.write_bytes(b"a==1\nb==3\n")
    assert start.stamp_text(file) != first


@pytest.mark.parametrize(("errors", "sentence"), [
    ("WARNING: Retrying: NewConnectionError()\nERROR: No matching distribution found for av", "from PyPI: connect"),
    ("ERROR: No matching distribution found for av==17.1.0", "no ready-made build.*av==17.1.0"),
    ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
    ("ERROR: something strange\n[notice] a newer pip", "pip failed: ERROR: something strange"),
])  # fmt: skip
def test_pips_complaints_become_sentences(errors: str, sentence: str) -> None:
    assert re.search(sentence, start.explain_pip(errors))


def test_help_needs_no_environment(tmp_path: Path) -> None:
    copy = make_copy(tmp_path)
    for arguments in ((), ("--help",)):
        done = copy.run(*arguments)
        assert done.returncode == 0
        assert "python3 start.py convert my.mp4" in done.stdout
    assert not (copy.tree / ".venv").exists()


def test_torch_is_added_when_asked_for(prepared: Copy) -> None:
    done = prepared.run("setup", "--with", "torch")
    assert done.returncode == 0, done.stderr
    assert "the environment is ready" in done.stderr
    assert (prepared.tree / ".venv" / "requirements-torch.installed").is_file()
    done = prepared.run("setup", "--with", "nonsense")
    assert done.returncode == 1
    assert "--with torch" in done.stderr
