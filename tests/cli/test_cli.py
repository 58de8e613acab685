"""The command line: what it refuses, what it makes, and that it ends cleanly whatever happens to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from video3d import cli
from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED, WRONG_USAGE, chosen_settings, with_truths
from video3d.cli.convert import sources_of, targets_of
from video3d.console import STOPPED
from video3d.jobs import FOLDER_SUFFIX
from video3d.params import json_schema, parameters
from video3d.presets import presets
from video3d.settings import ConversionSettings

ROOT = Path(__file__).resolve().parent.parent.parent
MARK = "VIDEO3D_TEST_RUN"
QUICK = ("--speed", "fastest", "--depth-model", "constant")
STOP_SECONDS = 2.0
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux lists processes")


@pytest.fixture(scope="session")
def tiny_clip(make_clip: Callable[..., Path]) -> Path:
    """Half a second of 64x36 with sound."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=0.5", "-f", "lavfi", "-i",
                     "sine=duration=0.5", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")


@pytest.fixture(scope="session")
def film(make_clip: Callable[..., Path]) -> Path:
    """22 s of 256x144 at 5 frames/s: two units, and more than the pipes hold, so that the decoder lives on."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=256x144:rate=5:duration=22", "-c:v", "libx264", "-pix_fmt",
                     "yuv420p")


@pytest.fixture
def place(tmp_path: Path, tiny_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a clip in it."""
    shutil.copy(tiny_clip, tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def frame_count(path: Path) -> int:
    with av.open(f"file:{path}") as container:
        return sum(1 for _ in container.decode(video=0))


# -- what is refused


@pytest.mark.parametrize(("arguments", "words"), [
    (("--strength", "9"), "from 0 to 5"), (("--strength", "deep"), "from 0 to 5"), (("--strength", "nan"), "from 0"),
    (("--eye", "middle"), "left, right, both"), (("--quality", "-1"), "from 0 to 51"), (("--end", "-3"), "at least 0"),
    (("--swap-eyes=perhaps",), "true or false"), (("--edge-dilation", "1.5"), "a whole number from 0 to 8"),
    (("-o", "x.avi"), "mp4, mkv, mov"), (("-o", "x.mkv", "--container", "mp4"), "contradict"),
    (("--depth-model", "nope"), "Choose one of: auto, "),
])
def test_values_out_of_range_are_refused_with_the_range(place: Path, capsys: pytest.CaptureFixture[str],
                                                        arguments: tuple[str, ...], words: str) -> None:
    assert main(["convert", "clip.mp4", *arguments]) == WRONG_USAGE
    assert words in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("arguments", [("--nonsense", "1"), ("--strengt", "1"), (), ("--workers", "0"),
                                       ("--workers", "two"), ("--devices", "cuda:0,")])
def test_unknown_flags_are_refused(place: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["convert", *(["clip.mp4"] if arguments else []), *arguments])
    assert caught.value.code == WRONG_USAGE
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "words"), [
    ("nonsense", "not settings"), ("[1]", "not settings"), ('"x"', "not settings"), ('{"depth": 3}', "no setting"),
    ('{"strength": 99}', "from 0 to 5"),
])
def test_settings_files_that_are_wrong_are_refused(place: Path, capsys: pytest.CaptureFixture[str], text: str,
                                                   words: str) -> None:
    Path("settings.json").write_text(text)
    assert main(["convert", "clip.mp4", "--settings", "settings.json"]) == WRONG_USAGE
    assert words in capsys.readouterr().err
    assert main(["convert", "clip.mp4", "--settings", "missing.json"]) == WRONG_USAGE


@pytest.mark.parametrize(("arguments", "words"), [
    (("missing.mp4",), "there is no such file"), (("empty",), "holds no videos"), (("zero.mp4",), "zero bytes"),
    (("text.mp4",), "not a video"), (("clip.mp4", "-o", "text.mp4"), "is there already"),
    (("clip.mp4", "-o", "clip.mp4", "--overwrite"), "replace the source"),
    (("clip.mp4", "-o", "none/x.mp4"), "no such folder"), (("clip.mp4", "-o", "text.mp4/x.mp4"), "no such folder"),
    (("clip.mp4", "--start", "9"), "--start"),
])
def test_bad_input_gives_one_sentence_and_leaves_nothing(place: Path, capsys: pytest.CaptureFixture[str],
                                                         arguments: tuple[str, ...], words: str) -> None:
    Path("empty").mkdir()
    Path("zero.mp4").touch()
    Path("text.mp4").write_text("not a video")
    before = sorted(place.rglob("*"))
    assert main(["convert", *arguments]) == FAILED
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert words in told
    assert arguments[-1 if words != "--start" else 0].split("/")[0].removeprefix("--") in told or "clip.mp4" in told
    assert sorted(place.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_pipes_and_devices_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe.mp4")
    for name in ("pipe.mp4", os.devnull):
        assert main(["convert", name]) == FAILED
        assert "device or a pipe" in capsys.readouterr().err


# -- names, folders and targets


def test_results_and_their_containers_are_named_as_asked(tmp_path: Path) -> None:
    settings, source = ConversionSettings(), Path("a.mp4")
    for name, expected in (("x.mp4", "x.mp4"), ("X.MKV", "X.MKV"), ("film", "film.mp4"), ("v1.5", "v1.5.mp4")):
        assert targets_of([source], tmp_path / name, settings) == [tmp_path / expected]
    (in_folder,) = targets_of([source], tmp_path, settings)
    assert in_folder.parent == tmp_path
    (beside,) = targets_of([Path("folder/a.mp4")], None, settings)
    assert beside.parent == Path("folder").absolute()


@pytest.mark.parametrize(("given", "chosen"), [
    (["--swap-eyes", "a.mp4"], True), (["a.mp4", "--swap-eyes"], True), (["--swap-eyes", "false", "a.mp4"], False),
    (["--swap-eyes=off", "a.mp4"], False), (["a.mp4", "--swap-eyes", "--eye", "both"], True), (["a.mp4"], False),
])
def test_a_flag_that_is_true_or_false_does_not_eat_a_file(given: list[str], chosen: bool) -> None:
    parsed = cli.build_parser().parse_args(with_truths(["convert", *given]))
    assert parsed.sources == [Path("a.mp4")]
    assert chosen_settings(parsed).stereo.swap_eyes is chosen


def test_a_folder_gives_its_videos_but_not_our_results(tmp_path: Path) -> None:
    for name in ("b.MKV", "a.mp4", "notes.txt", "a_3D_FSBS_LRF_Full_SBS.mp4", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    assert [path.name for path in sources_of([tmp_path, Path("named")])] == ["a.mp4", "b.MKV", "named"]


@pytest.mark.parametrize("name", [" leading 'quote' % 100%d é 日本 #1", "-dash"])
def test_any_name_will_do(place: Path, tiny_clip: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    shutil.copy(tiny_clip, f"./{name}.mp4")
    Path("ö 出").mkdir()
    assert main(["convert", *QUICK, "-o", "ö 出", "--preview", "0.2", "--", f"{name}.mp4"]) == DONE
    (result,) = Path("ö 出").iterdir()
    assert result.name.startswith(name)
    assert frame_count(result) == 2


def test_one_bad_file_does_not_stop_the_rest(place: Path, tiny_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("in", "in2", "out"):
        Path(folder).mkdir()
    shutil.copy(tiny_clip, "in/z.mp4")
    shutil.copy(tiny_clip, "in2/z.mp4")
    Path("in/bad.mp4").write_text("not a video")
    arguments = ["convert", "in", "in2/z.mp4", "-o", "out", "--overwrite", "--preview", "0.2", "--json", *QUICK]
    assert main(arguments) == FAILED
    told = events(capsys.readouterr().out)
    assert [event["source"] for event in told if event["event"] == "error"] == ["in/bad.mp4", "in2/z.mp4"]
    assert "another of these videos" in next(event["message"] for event in told if event.get("source") == "in2/z.mp4"
                                             and event["event"] == "error")
    assert told[-1] == {"event": "summary", "done": 1, "failed": 2}
    assert len(list(Path("out").iterdir())) == 1


@pytest.mark.parametrize(("arguments", "frames"), [(("--start", "0.2", "--end", "0.4"), 2), (("--end", "0.3"), 3)])
def test_a_range_converts_its_frames(place: Path, arguments: tuple[str, ...], frames: int) -> None:
    assert main(["convert", "clip.mp4", "-o", "x.mkv", *QUICK, *arguments]) == DONE
    assert frame_count(place / "x.mkv") == frames


# -- what programs read


def test_settings_as_json_are_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--json"]) == DONE
    assert json.loads(capsys.readouterr().out) == json_schema(ConversionSettings)


def test_settings_in_words_can_be_given_back(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == DONE
    told = capsys.readouterr().out
    for parameter in parameters(ConversionSettings):
        assert f"`{parameter.flag}`" in told
    Path("all.json").write_text(told[told.index("{\n"):])
    chosen = cli.build_parser().parse_args(["convert", "x.mp4", "--settings", "all.json"])
    assert chosen_settings(chosen) == ConversionSettings()
    chosen = cli.build_parser().parse_args(["convert", "x.mp4", "--settings", "all.json", "--strength", "3"])
    assert chosen_settings(chosen).stereo.strength == 3, "flags go over the file"


def test_probe_and_models_speak_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "clip.mp4", "--json"]) == DONE
    (info,) = events(capsys.readouterr().out)
    assert (info["event"], info["width"], info["height"]) == ("info", 64, 36)
    assert main(["models", "--json"]) == DONE
    assert events(capsys.readouterr().out)[-1]["id"] == "builtin"
    assert main(["probe", "missing.mp4", "--json"]) == FAILED
    (problem,) = events(capsys.readouterr().out)
    assert problem["remedy"]


# -- what happens to a running program


class Running:
    """The program in a process of its own, and all that it starts."""

    def __init__(self, *arguments: str) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "video3d", *arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, encoding="utf-8", env={**os.environ, MARK: self.mark, "PYTHONPATH": str(ROOT)},
        )

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if wanted(json.loads(line)):
                return
        pytest.fail(f"it ended too early: {self.process.communicate()[1]}")

    def children(self, word: str = "") -> list[int]:
        """Processes that carry the mark, the program itself left out."""
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                carries = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes()
                if carries and word.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
        return [child for child in found if child != self.process.pid]

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and what was told; nothing may have been said on standard error, and no child may live on."""
        out, err = self.process.communicate(timeout=60)
        assert err == ""
        deadline = time.monotonic() + 3
        while (left := self.children()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == []
        return self.process.returncode, events(out)


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    run = Running(*arguments)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.communicate()


def at_frame(number: int) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["event"] == "progress" and event["done"] >= number


def is_joining(event: dict[str, Any]) -> bool:
    return event.get("stage") == "join"


@needs_proc
@pytest.mark.parametrize(("number", "moment"), [
    (signal.SIGINT, at_frame(1)), (signal.SIGTERM, at_frame(1)), (signal.SIGINT, is_joining),
], ids=["SIGINT converting", "SIGTERM converting", "SIGINT joining"])
def test_a_request_to_end_is_met_in_time_and_leaves_nothing_half_made(
        film: Path, tmp_path: Path, number: signal.Signals, moment: Callable[[dict[str, Any]], bool]) -> None:
    preview = () if number is signal.SIGTERM or moment is not is_joining else ("--preview", "1")
    with running("convert", str(film), "-o", str(tmp_path / "x.mp4"), *QUICK, *preview) as run:
        run.wait_for(moment)
        asked = time.monotonic()
        run.process.send_signal(number)
        code, told = run.end()
        assert time.monotonic() - asked < STOP_SECONDS
    assert code == STOPPED
    assert told[-1]["event"] == "stopped"
    expected = [f"x.mp4{FOLDER_SUFFIX}"] if told[-1]["resumable"] else []
    assert [path.name for path in tmp_path.iterdir()] == expected


@needs_proc
def test_killed_in_the_middle_its_children_go_and_it_can_be_resumed(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.mp4"
    arguments = ("convert", str(film), "-o", str(target), *QUICK)
    with running(*arguments) as run:
        run.wait_for(at_frame(60))
        assert run.children("ffmpeg")  # the decoder may be through already: the film is short
        run.process.kill()
        assert run.end()[0] == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [f"x.mp4{FOLDER_SUFFIX}"]
    assert main([*arguments]) == DONE
    assert main(["convert", str(film), "-o", str(tmp_path / "y.mp4"), *QUICK]) == DONE
    assert target.read_bytes() == (tmp_path / "y.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.mp4", "y.mp4"]


@needs_proc
@pytest.mark.parametrize("word", ["media.worker", "ffmpeg"])
def test_a_killed_child_is_told_in_one_sentence(film: Path, tmp_path: Path, word: str) -> None:
    with running("convert", str(film), "-o", str(tmp_path / "x.mp4"), *QUICK) as run:
        run.wait_for(at_frame(1))
        for child in run.children(word):
            os.kill(child, signal.SIGKILL)
        code, told = run.end()
    assert code == FAILED
    assert told[-1]["event"] == "error"
    assert film.name in told[-1]["message"]
    assert "killed" in told[-1]["message"]
    assert told[-1]["remedy"]
    assert list(tmp_path.iterdir()) == []


def wait_for_our_first_line(process: int) -> None:
    """Until Python, which catches SIGINT when it begins, has come so far that our own code lets go of it."""
    def catches_it() -> bool:
        (mask,) = re.findall(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
        return bool(int(mask, 16) & 1 << (signal.SIGINT - 1))

    for wanted in (True, False):
        deadline = time.monotonic() + 10
        while catches_it() is not wanted and time.monotonic() < deadline:
            time.sleep(0.0005)


@needs_proc
@pytest.mark.parametrize("delay", [0.0, 0.25])
def test_stopped_while_python_loads_it_says_nothing(tiny_clip: Path, tmp_path: Path, delay: float) -> None:
    with running("convert", str(tiny_clip), "-o", str(tmp_path / "x.mp4"), *QUICK) as run:
        wait_for_our_first_line(run.process.pid)
        time.sleep(delay)
        run.process.send_signal(signal.SIGINT)
        code, _ = run.end()
    assert code in (STOPPED, -signal.SIGINT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_reader_that_goes_away_ends_it_quietly(film: Path, tmp_path: Path) -> None:
    with running("convert", str(film), "-o", str(tmp_path / "x.mp4"), *QUICK) as run:
        run.wait_for(at_frame(1))
        assert run.process.stdout is not None
        assert run.process.stderr is not None
        run.process.stdout.close()
        assert run.process.stderr.read() == ""
        assert run.process.wait(30) == FAILED
        assert run.children() == []
        run.process.stdout = None
    assert list(tmp_path.iterdir()) == []


def test_presets_are_listed_with_reasons_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    text = capsys.readouterr().out
    for each in presets():
        assert each.why in text
        assert all(reference.where in text for reference in each.references)
    assert main(["presets", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == [each.id for each in presets()]
    assert all(line["references"] and line["codecs"] and line["layouts"] for line in lines)


def test_a_name_that_contradicts_the_preset_is_refused(small_clip: Path, tmp_path: Path,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(small_clip), "-o", str(tmp_path / "x.mp4"), "--preset", "kodi-jellyfin"]) == 2
    assert "mkv" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_moment_becomes_a_wiggle(small_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("webp", "gif"):
        target = tmp_path / f"x.{kind}"
        assert main(["wiggle", str(small_clip), "--at", "0.5", "--size", "160", "-o", str(target)]) == DONE
        with Image.open(target) as picture:
            assert (picture.width, picture.height, getattr(picture, "n_frames", 1)) == (160, 90, 2)
            first = np.asarray(picture.convert("RGB"), int)
            picture.seek(1)
            assert np.abs(np.asarray(picture.convert("RGB"), int) - first).mean() > 0.5
    capsys.readouterr()
    assert main(["wiggle", str(small_clip), "-o", str(target)]) == FAILED
    assert "there already" in capsys.readouterr().err
    assert main(["wiggle", str(small_clip), "-o", str(tmp_path / "x.png")]) == WRONG_USAGE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.gif", "x.webp"]
