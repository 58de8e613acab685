"""A conversion is whole or not there; what was finished is not done again; the same job gives the same bytes."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from video3d import finishing
from video3d.converting import UnitConverter
from video3d.errors import Cancelled, JobError, TargetError, ToolError
from video3d.host import StandaloneHost
from video3d.jobs import FOLDER_SUFFIX, JobFolder, JobRequest, JobResult, JobWatcher, run_job, running
from video3d.media import labels
from video3d.params import from_values
from video3d.planning import PlannedUnit
from video3d.reporting import Progress, SilentReporter
from video3d.settings import ConversionSettings
from video3d.shot_edits import EditedShot, ShotEdits, ShotValues, split, with_values
from video3d.types import Frame, Layout
from video3d.unit_frames import UnitFrames
from video3d.video_info import ColourTags

FILM = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=30", "-f", "lavfi", "-i",
        "sine=frequency=330:duration=30", "-c:v", "libx264", "-g", "12", "-pix_fmt", "yuv420p", "-c:a", "aac")
FRAMES = 150
FIRST = 100
"""Of the first unit."""


class OneProcessor(StandaloneHost):
    processors = 1


class ThreeProcessors(OneProcessor):
    processors = 3


class Watching(SilentReporter):
    """Remembers progress, and stops at a frame."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.heard: list[Progress] = []
        self.stop_at = stop_at

    def progress(self, progress: Progress) -> None:
        self.heard.append(progress)

    def is_cancelled(self) -> bool:
        return self.stop_at is not None and bool(self.heard) and self.heard[-1].done >= self.stop_at


@pytest.fixture(scope="session")
def film(make_clip: Callable[..., Path]) -> Path:
    """30 s of 64x36 at 5 frames/s with sound: two units."""
    return make_clip(*FILM)


def convert(film: Path, folder: Path, reporter: SilentReporter | None = None, **changes: Any) -> JobResult:
    settings = from_values(ConversionSettings, {"speed": "fastest", **changes.pop("settings", {})})
    host = changes.pop("host", OneProcessor())
    return run_job(JobRequest(film, folder / "result.mp4", settings, **changes), host, reporter or Watching())


@pytest.fixture(scope="session")
def undisturbed(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a conversion that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    result = convert(film, folder)
    assert (result.target, result.frames) == (folder / "result.mp4", FRAMES)
    return result.target


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.get(**{kind: 0})[0]
        return [(packet.pts * stream.time_base, bytes(packet)) for packet in container.demux(stream) if packet.size]


def frame_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * container.streams.video[0].time_base for frame in container.decode(video=0)]


def test_the_result_has_the_source_s_frames_times_and_sound(film: Path, undisturbed: Path) -> None:
    assert frame_times(undisturbed) == frame_times(film)
    assert packets(undisturbed, "audio") == packets(film, "audio")
    assert [path.name for path in undisturbed.parent.iterdir()] == ["result.mp4"]


def test_stopped_resumed_and_run_by_more_threads_it_is_the_same_to_the_byte(film: Path, undisturbed: Path,
                                                                            tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        convert(film, tmp_path, Watching(stop_at=120), host=ThreeProcessors())
    kept = tmp_path / f"result.mp4{FOLDER_SUFFIX}"
    assert sorted(path.name for path in kept.iterdir()) == ["job.json", "journal.jsonl", "lock", "log.txt",
                                                              "segments"]
    assert [path.name for path in (kept / "segments").iterdir()] == ["00000.mp4"]
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]

    with pytest.raises(JobError, match=r"another --strength \(auto → 2.0\)"):
        convert(film, tmp_path, settings={"strength": 2})
    assert (kept / "segments" / "00000.mp4").exists(), "a refused job touched another one's work"

    reporter = Watching()
    convert(film, tmp_path, reporter, host=ThreeProcessors())
    assert (tmp_path / "result.mp4").read_bytes() == undisturbed.read_bytes()
    assert reporter.heard[0].done == FIRST, "the finished unit was converted again"
    assert [path.name for path in tmp_path.iterdir()] == ["result.mp4"]


@pytest.mark.parametrize("workers", [2, 3])
def test_by_several_workers_it_is_the_same_to_the_byte(film: Path, undisturbed: Path, tmp_path: Path,
                                                       workers: int) -> None:
    reporter = Watching()
    convert(film, tmp_path, reporter, workers=workers)
    assert (tmp_path / "result.mp4").read_bytes() == undisturbed.read_bytes()
    counts = [progress.done for progress in reporter.heard if progress.stage == "convert"]
    assert counts == list(range(1, FRAMES + 1))


def test_one_of_several_workers_that_fails_ends_the_others_and_says_why(
        film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert_unit(self: UnitConverter, unit: UnitFrames, *rest: Any) -> None:
        if unit.index == 0:
            raise ToolError("the encoder broke")
        whole(self, unit, *rest)

    whole = UnitConverter.convert
    monkeypatch.setattr(UnitConverter, "convert", convert_unit)
    with pytest.raises(ToolError, match="the encoder broke"):
        convert(film, tmp_path, workers=2)


class Pausing(JobWatcher):
    """Asks for a pause at a frame, and remembers the units."""

    def __init__(self, pause_at: int | None, size: tuple[int, int] = (128, 36)) -> None:
        self.pause_at = pause_at
        self.size = size
        self.frames = 0
        self.units: list[int] = []

    def is_pausing(self) -> bool:
        return self.pause_at is not None and self.frames >= self.pause_at

    def frame_written(self, frame: Frame, colour: ColourTags) -> None:
        del colour
        assert (frame.width, frame.height) == self.size
        self.frames += 1

    def unit_finished(self, planned: PlannedUnit, segment: Path, conversion: Any) -> None:
        del conversion
        assert segment.is_file()
        self.units.append(planned.unit.index)


def test_a_pause_waits_for_the_unit_in_work(film: Path, undisturbed: Path, tmp_path: Path) -> None:
    request = JobRequest(film, tmp_path / "result.mp4", from_values(ConversionSettings, {"speed": "fastest"}))
    first, second = Pausing(5), Pausing(None)
    with pytest.raises(Cancelled, match="Paused"):
        run_job(request, OneProcessor(), Watching(), first)
    assert (first.frames, first.units) == (FIRST, [0])
    run_job(request, OneProcessor(), Watching(), second)
    assert (second.frames, second.units) == (FRAMES - FIRST, [0, 1])
    assert (tmp_path / "result.mp4").read_bytes() == undisturbed.read_bytes()


def test_a_pause_waits_for_all_units_in_work_and_begins_no_other(make_clip: Callable[..., Path],
                                                                 tmp_path: Path) -> None:
    long = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=2:duration=62", "-c:v", "libx264", "-g", "4")
    settings = from_values(ConversionSettings, {"speed": "fastest", "depth_model": "constant"})
    request = JobRequest(long, tmp_path / "result.mp4", settings, workers=2)
    first, second = Pausing(3), Pausing(None)
    with pytest.raises(Cancelled, match="Paused"):
        run_job(request, OneProcessor(), Watching(), first)
    assert len(first.units) in (1, 2)
    run_job(request, OneProcessor(), Watching(), second)
    assert sorted(second.units) == [0, 1, 2]
    assert second.frames + first.frames == 124


def test_new_shots_redo_the_units_that_they_change_and_no_other(make_clip: Callable[..., Path],
                                                                tmp_path: Path) -> None:
    """A cut at 9 s makes two units of the first; those after it get other numbers, and one of them another strength."""
    long = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=2:duration=62", "-c:v", "libx264", "-g", "4")
    before = ShotEdits(tuple(EditedShot(start) for start in (0, 18, 28, 38, 48)))
    after = with_values(split(before, 9), 4, ShotValues(strength=1.0))
    settings = from_values(ConversionSettings, {"speed": "fastest", "strength": 3, "layout": "separate",
                                                "comfort_report": True})
    request = JobRequest(long, tmp_path / "result.mp4", settings, shots=before)
    first, second = Pausing(95, (64, 72)), Pausing(None, (64, 72))
    with pytest.raises(Cancelled, match="Paused"):
        run_job(request, OneProcessor(), Watching(), first)
    assert first.units == [0, 1, 2, 3]
    again = replace(request, shots=after)
    with pytest.raises(JobError, match="another shots"):
        run_job(again, OneProcessor(), Watching())
    run_job(replace(again, new_shots=True), OneProcessor(), Watching(), second)
    assert second.units == [0, 1, 2, 3, 4, 5]
    assert second.frames == 36 + 20 + 28, "to 18 s, from 38 s to 48 s, and what was not done yet"

    (tmp_path / "new").mkdir()
    run_job(replace(again, target=tmp_path / "new" / "result.mp4"), OneProcessor(), Watching())
    made = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", *made]
    assert [name for name in made if (tmp_path / name).read_bytes() != (tmp_path / "new" / name).read_bytes()] == []


@pytest.mark.parametrize("damage", [
    lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes()[:-9]),
    lambda file: file.write_bytes(bytes(file.stat().st_size)),
], ids=["gone", "short", "zeroed"])
def test_a_segment_that_a_power_cut_damaged_is_made_again(film: Path, undisturbed: Path, tmp_path: Path,
                                                          damage: Callable[[Path], None]) -> None:
    with pytest.raises(Cancelled):
        convert(film, tmp_path, Watching(stop_at=120))
    (segment,) = tmp_path.glob("*/segments/*")
    damage(segment)
    reporter = Watching()
    convert(film, tmp_path, reporter)
    assert reporter.heard[0].done == 1, "the damaged segment was taken for whole"
    assert (tmp_path / "result.mp4").read_bytes() == undisturbed.read_bytes()


def test_progress_rises_to_the_number_of_frames(film: Path, tmp_path: Path) -> None:
    reporter = Watching()
    convert(film, tmp_path, reporter, settings={"preview": 1})
    counts = [progress.done for progress in reporter.heard if progress.stage == "convert"]
    assert counts == [1, 2, 3, 4, 5]
    assert {progress.total for progress in reporter.heard[-2:]} == {5}
    assert reporter.heard[-1].stage == "join"
    assert all(progress.seconds_left is None or progress.seconds_left >= 0 for progress in reporter.heard)


@pytest.mark.parametrize("discard", [False, True])
def test_what_is_stopped_in_its_first_unit_leaves_nothing(film: Path, tmp_path: Path, discard: bool) -> None:
    with pytest.raises(Cancelled):
        convert(film, tmp_path, Watching(stop_at=2), discard_on_failure=discard, settings={"preview": 2})
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_there_stays(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "result.mp4"
    target.write_text("precious")
    with pytest.raises(TargetError, match="is there already") as caught:
        convert(film, tmp_path)
    assert "--overwrite" in str(caught.value)
    convert(film, tmp_path, overwrite=True, settings={"preview": 0.5})
    assert len(frame_times(target)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["result.mp4"]


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_result_that_does_not_pass_its_check_is_not_published_and_loses_nothing(
        container: str, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is made to label another layout: only the reader can notice."""
    target = tmp_path / f"result.{container}"
    target.write_text("precious")
    settings = from_values(ConversionSettings, {"speed": "fastest", "preview": 1, "layout": "half-sbs",
                                                "container": container})
    request = JobRequest(film, target, settings, overwrite=True)
    honest = labels.label
    with monkeypatch.context() as patch:
        patch.setattr(labels, "label", lambda source, target, _layout, **rest: honest(
            source, target, Layout.HALF_TAB, **rest))
        with pytest.raises(TargetError, match=r"did not pass its check: it says .*top and bottom instead of"):
            run_job(request, OneProcessor(), Watching())
    assert target.read_text() == "precious"
    kept = tmp_path / f"{target.name}{FOLDER_SUFFIX}"
    assert [path.name for path in kept.glob("joined.*") if path.suffix != ".json"] == [f"joined.{container}"]
    assert not list(kept.glob("attempt-*"))

    reporter = Watching()
    with monkeypatch.context() as patch:
        patch.setattr(UnitConverter, "convert", disk_full)
        patch.setattr(finishing, "join", disk_full)
        run_job(request, OneProcessor(), reporter)
    counts = [progress.done for progress in reporter.heard if progress.stage == "convert"]
    assert counts == [5], "what was converted is taken as it is"
    assert len(frame_times(target)) == 5
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_killed_when_its_result_had_taken_its_name_it_is_done(film: Path, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(self: JobFolder, **_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(JobFolder, "clear", die)
        patch.setattr(JobFolder, "leave", die)
        with pytest.raises(Killed):
            convert(film, tmp_path, settings={"preview": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.mp4", f"result.mp4{FOLDER_SUFFIX}"]
    assert convert(film, tmp_path, settings={"preview": 1}).frames == 5
    assert [path.name for path in tmp_path.iterdir()] == ["result.mp4"]


def disk_use(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.mp4"))


def test_what_is_joined_takes_no_room_twice_and_is_not_joined_again(film: Path, undisturbed: Path, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def fill(*_: object, **__: object) -> None:
        used.append(disk_use(tmp_path))
        disk_full()

    with monkeypatch.context() as patch:
        patch.setattr(labels, "label", fill)
        with pytest.raises(TargetError, match="disk is full"):
            convert(film, tmp_path)
    assert used[0] < 1.1 * undisturbed.stat().st_size, "the segments lie beside the joined file"
    kept = tmp_path / f"result.mp4{FOLDER_SUFFIX}"
    assert list((kept / "segments").iterdir()) == []

    monkeypatch.setattr(UnitConverter, "convert", disk_full)
    monkeypatch.setattr(finishing, "join", disk_full)
    convert(film, tmp_path)
    assert (tmp_path / "result.mp4").read_bytes() == undisturbed.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["result.mp4"]


def test_a_joined_file_that_a_power_cut_damaged_is_made_again(film: Path, undisturbed: Path, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(labels, "label", disk_full)
        with pytest.raises(TargetError):
            convert(film, tmp_path)
    joined = tmp_path / f"result.mp4{FOLDER_SUFFIX}" / "joined.mp4"
    joined.write_bytes(joined.read_bytes()[:-100])
    convert(film, tmp_path)
    assert (tmp_path / "result.mp4").read_bytes() == undisturbed.read_bytes()


def disk_full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(scope="session")
def noise(make_clip: Callable[..., Path]) -> Path:
    """30 s of grain: two units, each of which takes far more room than is to be expected."""
    return make_clip("-f", "lavfi", "-i", "color=gray:size=160x90:rate=5:duration=30,noise=alls=60:allf=t", "-c:v",
                     "libx264", "-preset", "ultrafast", "-g", "12", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="session")
def undisturbed_noise(noise: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return convert(noise, tmp_path_factory.mktemp("noise"), settings=CONSTANT).target.read_bytes()


CONSTANT = {"depth_model": "constant"}
Disk = Callable[[int], Path]


@pytest.fixture
def disk(tmp_path: Path, tool: Callable[[str], str]) -> Iterator[Disk]:
    """`disk(BYTES)` is a disk of that size, or the same one at another size."""
    mount, place = tool("mount"), tmp_path / "disk"

    def make(size: int) -> Path:
        options = f"size={size}" if not place.is_dir() else f"remount,size={size}"
        place.mkdir(exist_ok=True)
        done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            pytest.skip(f"a disk of its own, which needs root: {done.stderr.strip()}")
        return place

    yield make
    if os.path.ismount(place):
        subprocess.run([tool("umount"), str(place)], check=True)


@pytest.mark.parametrize("share", [0.8, 1.6], ids=["in its second unit", "when its units are joined"])
def test_on_a_disk_that_is_full_it_stops_says_so_and_goes_on_when_there_is_room(
        disk: Disk, noise: Path, undisturbed_noise: bytes, share: float) -> None:
    folder = disk(int(share * len(undisturbed_noise)))
    with pytest.raises(TargetError, match=r"result\.mp4: the disk is full") as caught:
        convert(noise, folder, settings=CONSTANT)
    assert "Free some space" in str(caught.value)
    (kept,) = folder.iterdir()
    assert [*kept.glob("segments/*.mp4")]
    assert not [*kept.glob("attempt-*")]
    again = Watching()
    disk(4 * len(undisturbed_noise))
    assert convert(noise, folder, again, settings=CONSTANT).target.read_bytes() == undisturbed_noise
    assert again.heard[0].done >= FIRST, "what was finished is not done again"
    assert [path.name for path in folder.iterdir()] == ["result.mp4"]


def request_for(target: Path, source: Path = Path("film.mp4")) -> JobRequest:
    return JobRequest(source, target, ConversionSettings())


def test_targets_that_cannot_be_are_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for target, words in ((tmp_path, "a folder"), (tmp_path / "none" / "x.mp4", "no such folder"),
                          (file / "x.mp4", "no such folder")):
        with pytest.raises(TargetError, match=words) as caught:
            running._check_target(request_for(target))
        assert caught.value.remedy
    with pytest.raises(TargetError, match="replace the source"):
        running._check_target(JobRequest(file, tmp_path / "." / "file", ConversionSettings(), overwrite=True))


@pytest.mark.parametrize(("problem", "words"), [
    (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
    (OSError(errno.EROFS, "Read-only file system"), "cannot be written.*Read-only"),
    (PermissionError(errno.EACCES, "Permission denied"), "cannot be written.*Permission"),
    (OSError("8 requested and 0 written"), "cannot be written"),
])
def test_what_the_system_says_is_told_plainly(tmp_path: Path, problem: OSError, words: str) -> None:
    with pytest.raises(TargetError, match=f"result.mp4: .*{words}") as caught, \
            running._explained(tmp_path / "result.mp4"):  # fmt: skip
        raise problem
    assert caught.value.remedy


def test_a_reader_of_our_output_that_goes_is_no_fault_of_the_target(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), running._explained(tmp_path / "result.mp4"):
        raise BrokenPipeError
