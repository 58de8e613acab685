"""Killed at any moment, a conversion goes on, loses at most the unit in work, and gives the same bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED
from video3d.errors import Cancelled
from video3d.host import StandaloneHost
from video3d.jobs import FOLDER_SUFFIX, JobRequest, JobWatcher, folder_for, run_job
from video3d.params import from_values
from video3d.reporting import SilentReporter
from video3d.settings import ConversionSettings

ROOT = Path(__file__).resolve().parent.parent.parent
MARK = "VIDEO3D_TEST_RUN"
QUICK = ("--speed", "fastest", "--depth-model", "constant")
KILLS = 20
CHAINS = 2
PATIENCE = 120.0
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux lists processes")


@pytest.fixture(scope="session")
def film(make_clip: Callable[..., Path]) -> Path:
    """42 s of 64x36 at 5 frames/s with sound: three units."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=42", "-f", "lavfi", "-i",
                     "sine=frequency=330:duration=42", "-c:v", "libx264", "-g", "12", "-pix_fmt", "yuv420p", "-c:a",
                     "aac")


@pytest.fixture(scope="session")
def undisturbed(film: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What comes of the film where nobody disturbs the work."""
    target = tmp_path_factory.mktemp("undisturbed") / "x.mp4"
    assert main(["convert", str(film), "-o", str(target), *QUICK]) == DONE
    return target.read_bytes()


class Paused(JobWatcher):
    """Stops when the first unit is done."""

    def is_pausing(self) -> bool:
        return self.begun

    def unit_finished(self, *_: object) -> None:
        self.begun = True

    begun = False


def stopped(film: Path, target: Path) -> Path:
    """The folder of a conversion that was stopped after its first unit."""
    settings = from_values(ConversionSettings, {"speed": "fastest", "depth_model": "constant"})
    with pytest.raises(Cancelled):
        run_job(JobRequest(film, target, settings), StandaloneHost(), SilentReporter(), Paused())
    return folder_for(target)


@pytest.mark.parametrize("word", ["folder", "target", "place", "nothing"])
def test_a_stopped_conversion_is_found_by_any_name(film: Path, undisturbed: bytes, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    folder = stopped(film, tmp_path / "x.mp4")
    monkeypatch.chdir(tmp_path)
    named = {"folder": [folder.name], "target": ["x.mp4"], "place": [str(tmp_path)], "nothing": []}[word]
    assert main(["resume", *named]) == DONE
    assert (tmp_path / "x.mp4").read_bytes() == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


def test_what_cannot_go_on_is_told_and_kept(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["resume"]) == FAILED
    assert "no unfinished conversion" in capsys.readouterr().err
    source = Path(shutil.copy(film, tmp_path / "film.mp4"))
    folder = stopped(source, tmp_path / "x.mp4")
    with source.open("ab") as file:
        file.write(b"more")
    assert main(["resume", folder.name]) == FAILED
    told = capsys.readouterr().err
    assert "another source" in told
    assert "--restart" in told
    source.unlink()
    assert main(["resume", folder.name]) == FAILED
    assert "film.mp4: there is no such file" in capsys.readouterr().err
    job = json.loads((folder / "job.json").read_text())
    for text in ("", "{}", json.dumps({**job, "settings": {"gone": 1}})):
        (folder / "job.json").write_text(text)
        assert main(["resume", folder.name]) == FAILED
        assert "error: " in capsys.readouterr().err
    assert (folder / "segments" / "00000.mp4").is_file()


class Attempt:
    """The program in a process of its own, which is going to be killed."""

    def __init__(self, *arguments: str) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen([sys.executable, "-m", "video3d", *arguments], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, start_new_session=True,
                                        env={**os.environ, MARK: self.mark, "PYTHONPATH": str(ROOT)})

    def kill_after(self, seconds: float, *, with_children: bool) -> bool:
        """Kill its process group, and all that it started where power goes; False where it was through already."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            assert self.process.returncode == 0, self.process.communicate()[1]
            self.process.communicate()
            return False
        children = self.children() if with_children else []
        os.killpg(self.process.pid, signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.communicate()
        return True

    def children(self) -> list[int]:
        """Processes that carry the mark."""
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return [child for child in found if child != self.process.pid]

    def wait_for_children(self) -> None:
        """None may outlive it for long."""
        deadline = time.monotonic() + PATIENCE
        while self.children() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.children() == []


@needs_proc
@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_gives_the_same_bytes(film: Path, undisturbed: bytes,
                                                                 tmp_path: Path) -> None:
    began = time.monotonic()
    timed = tmp_path / "timed.mp4"
    assert not Attempt("convert", str(film), *QUICK, "-o", str(timed)).kill_after(PATIENCE, with_children=False)
    whole = time.monotonic() - began
    timed.unlink()
    chains = [Chain(film, undisturbed, tmp_path / str(seed), random.Random(seed), whole) for seed in range(CHAINS)]
    with ThreadPoolExecutor(CHAINS) as pool:  # much of each is waiting
        for done in [pool.submit(chain.run, KILLS // CHAINS) for chain in chains]:
            done.result()
    for chain in chains:
        chain.finish()


class Chain:
    """Attempts at the same conversion one after the other, each killed at a random moment of it."""

    def __init__(self, film: Path, undisturbed: bytes, place: Path, chance: random.Random, whole: float) -> None:
        self.arguments = ("convert", str(film), *QUICK)
        self.undisturbed = undisturbed
        self.place = place
        self.chance = chance
        self.whole = whole
        self.attempts: list[Attempt] = []
        self.results = 0
        self.kept: dict[str, int] = {}
        place.mkdir()

    @property
    def target(self) -> Path:
        return self.place / f"{self.results}.mp4"

    def run(self, kills: int) -> None:
        while kills > 0:
            self.attempts.append(Attempt(*self.arguments, "-o", str(self.target)))
            moment = self.chance.uniform(0.2, 0.9) * self.whole
            if self.attempts[-1].kill_after(moment, with_children=self.chance.random() < 0.5):
                kills -= 1
            if self.target.exists():  # through, or killed when it was, but for tidying up
                assert self.target.read_bytes() == self.undisturbed
                self.kept = {}
                self.results += 1
            else:
                self.check_kept()

    def check_kept(self) -> None:
        folder = folder_for(self.target)
        if (folder / "joined.json").exists():  # then the segments go
            self.kept = {}
            return
        now = {file.name: file.stat().st_mtime_ns for file in folder.glob("segments/*.mp4")}
        assert self.kept.items() <= now.items(), "a finished unit was lost, or made again"
        self.kept = now

    def finish(self) -> None:
        if not self.target.exists():
            assert main([*self.arguments, "-o", str(self.target)]) == DONE
        for attempt in self.attempts:
            attempt.wait_for_children()
        for folder in self.place.glob(f"*{FOLDER_SUFFIX}"):  # of one that was killed when it was through
            assert main(["resume", str(folder)]) == DONE
        assert {target.suffix for target in self.place.iterdir()} == {".mp4"}
        for target in self.place.iterdir():
            assert target.read_bytes() == self.undisturbed
