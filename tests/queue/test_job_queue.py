"""Jobs run in order, do what is asked of them, and are still there after a restart."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from video3d.errors import JobError, SourceError, TargetError
from video3d.host import StandaloneHost
from video3d.params import from_values
from video3d.queue import JobOrder, JobQueue, JobState, JobView, Retention
from video3d.reporting import Progress
from video3d.settings import ConversionSettings
from video3d.shot_edits import EditedShot, ShotEdits, ShotValues, with_values

QUICK = from_values(ConversionSettings, {"speed": "fastest", "depth_model": "constant", "background_plate": False})
PATIENCE = 120.0


class Here(StandaloneHost):
    """All in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def output_folder(self) -> Path:
        return self._folder / "out"

    def work_folder(self) -> Path:
        return self._folder / "work"


@pytest.fixture(scope="session")
def clip(make_clip: Callable[..., Path]) -> Path:
    """22 s of 64x36 at 5 frames/s: two units."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=30", "-c:v", "libx264", "-pix_fmt",
                     "yuv420p")


@pytest.fixture
def open_queue(tmp_path: Path) -> Iterator[Callable[[], JobQueue]]:
    """`open_queue()`: another process's view of the same folder; all are closed in the end."""
    made: list[JobQueue] = []

    def opened() -> JobQueue:
        made.append(JobQueue(Here(tmp_path), tmp_path / "queue"))
        return made[-1]

    yield opened
    for queue in made:
        queue.close()


def until(queue: JobQueue, job: str, wanted: Callable[[JobView], bool]) -> JobView:
    deadline = time.monotonic() + PATIENCE
    version = 0
    while time.monotonic() < deadline:
        view = queue.job(job)
        if wanted(view):
            return view
        version = queue.wait(version, 1)
    pytest.fail(f"it never came: {queue.job(job)}")


def over(view: JobView) -> bool:
    return view.state.is_over


def test_the_host_may_name_results_and_put_them_into_folders(clip: Path, tmp_path: Path) -> None:
    class Tidy(Here):
        def result_name(self, name: str) -> Path:
            return Path("films", f"my {name}")

    sent = JobQueue(Tidy(tmp_path), tmp_path / "queue").submit(JobOrder(clip, display_name="Holiday.mov"))
    assert sent.target == tmp_path / "out" / "films" / "my Holiday_3D_FSBS_LRF_Full_SBS.mp4"


def test_a_job_is_done_and_the_result_is_in_the_output_folder(open_queue: Callable[[], JobQueue], clip: Path,
                                                              tmp_path: Path) -> None:
    queue = open_queue()
    queue.start()
    sent = queue.submit(JobOrder(clip, settings=QUICK, owner="ann", display_name="Holiday.mov"))
    assert sent.target == tmp_path / "out" / "Holiday_3D_FSBS_LRF_Full_SBS.mp4"
    view = until(queue, sent.id, over)
    assert (view.state, view.frames, view.error) == (JobState.DONE, 150, None)
    assert view.target.is_file()
    assert [path.name for path in view.target.parent.iterdir()] == [view.target.name]
    picture = queue.preview(sent.id)
    assert picture is not None
    assert picture.startswith(b"\xff\xd8")
    assert json.loads(json.dumps(view.to_json()))["settings"]["depth_model"] == "constant"
    assert [job.id for job in queue.jobs("ann")] == [sent.id]
    assert queue.jobs("bob") == []


def test_the_most_urgent_goes_first_then_the_oldest(open_queue: Callable[[], JobQueue], clip: Path) -> None:
    queue = open_queue()
    settings = from_values(ConversionSettings, {"speed": "fastest", "depth_model": "constant", "preview": 0.2})
    ids = [queue.submit(JobOrder(clip, settings=settings, priority=priority)).id for priority in (0, 0, 5, 0)]
    queue.set_priority(ids[3], 9)
    assert len({view.target for view in queue.jobs()}) == 4
    queue.start()
    for job in ids:
        until(queue, job, over)
    started = {view.id: view.started for view in queue.jobs()}
    assert sorted(ids, key=lambda job: started[job] or 0) == [ids[3], ids[2], ids[0], ids[1]]


def test_paused_at_a_unit_s_end_closed_and_opened_again_it_goes_on(open_queue: Callable[[], JobQueue], clip: Path,
                                                                  tmp_path: Path) -> None:
    queue = open_queue()
    queue.start()
    sent = queue.submit(JobOrder(clip, settings=QUICK))
    until(queue, sent.id, lambda view: view.progress is not None and view.progress.done > 0)
    assert queue.pause(sent.id).asked is JobState.PAUSED
    paused = until(queue, sent.id, lambda view: view.state is JobState.PAUSED)
    segments = list(paused.target.with_name(paused.target.name + ".video3d-job").glob("segments/*"))
    assert [file.name for file in segments] == ["00000.mp4"]
    queue.close()

    again = open_queue()
    again.start()
    assert again.job(sent.id).state is JobState.PAUSED
    before = segments[0].stat().st_mtime_ns
    again.resume(sent.id)
    view = until(again, sent.id, lambda view: view.progress is not None and view.progress.done > 110)
    assert segments[0].exists() is False or segments[0].stat().st_mtime_ns == before
    view = until(again, sent.id, over)
    assert view.state is JobState.DONE


def test_a_paused_job_goes_on_with_new_shots(open_queue: Callable[[], JobQueue], clip: Path) -> None:
    queue = open_queue()
    queue.start()
    before = ShotEdits((EditedShot(0.0), EditedShot(10.0)))
    sent = queue.submit(JobOrder(clip, settings=QUICK, shots=before))
    until(queue, sent.id, lambda view: view.progress is not None and view.progress.done > 0)
    queue.pause(sent.id)
    paused = until(queue, sent.id, lambda view: view.state is JobState.PAUSED)
    segment = paused.target.with_name(paused.target.name + ".video3d-job") / "segments" / "00000.mp4"
    made = segment.stat().st_mtime_ns
    queue.set_shots(sent.id, with_values(before, 1, ShotValues(strength=1.0)))
    queue.resume(sent.id)
    again = until(queue, sent.id, lambda view: view.begun != paused.begun and view.progress is not None
                  and (over(view) or (view.progress.stage == "convert" and view.progress.done > 50)))
    assert over(again) or segment.stat().st_mtime_ns == made, "the unit that stayed the same was made again"
    assert until(queue, sent.id, over).state is JobState.DONE


def test_a_closed_queue_s_running_job_goes_on_by_itself(open_queue: Callable[[], JobQueue], clip: Path) -> None:
    queue = open_queue()
    queue.start()
    sent = queue.submit(JobOrder(clip, settings=QUICK))
    until(queue, sent.id, lambda view: view.progress is not None and view.progress.done > 0)
    asked = time.monotonic()
    queue.close()
    assert time.monotonic() - asked < 2
    assert queue.job(sent.id).state is JobState.WAITING
    again = open_queue()
    again.start()
    assert until(again, sent.id, over).state is JobState.DONE


def test_a_cancelled_job_leaves_nothing_and_can_be_tried_again(open_queue: Callable[[], JobQueue], clip: Path,
                                                               tmp_path: Path) -> None:
    queue = open_queue()
    queue.start()
    sent = queue.submit(JobOrder(clip, settings=QUICK))
    until(queue, sent.id, lambda view: view.progress is not None and view.progress.done > 110)
    queue.cancel(sent.id)
    assert until(queue, sent.id, over).state is JobState.CANCELLED
    assert list((tmp_path / "out").iterdir()) == []
    assert queue.cancel(sent.id).state is JobState.CANCELLED
    queue.retry(sent.id)
    assert until(queue, sent.id, over).state is JobState.DONE
    with pytest.raises(JobError, match="done"):
        queue.retry(sent.id)


def test_deleting_stops_a_job_and_takes_its_upload_but_no_result(open_queue: Callable[[], JobQueue], clip: Path,
                                                                 tmp_path: Path) -> None:
    uploads = [Path(shutil.copy(clip, tmp_path / f"{n}.mp4")) for n in range(2)]
    queue = open_queue()
    done, running = (queue.submit(JobOrder(path, settings=QUICK, keep_source=False)).id for path in uploads)
    queue.start()
    target = until(queue, done, over).target
    until(queue, running, lambda view: view.progress is not None and view.progress.done > 0)
    assert not uploads[0].exists()
    queue.delete(running)
    queue.delete(done)
    assert queue.jobs() == []
    with pytest.raises(JobError, match="no job"):
        queue.job(running)
    deadline = time.monotonic() + PATIENCE
    while uploads[1].exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not uploads[1].exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == [target.name]


def test_a_failure_is_told_and_stops_nobody_else(open_queue: Callable[[], JobQueue], clip: Path,
                                                 tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("not a video")
    queue = open_queue()
    queue.start()
    first, second = queue.submit(JobOrder(bad)), queue.submit(JobOrder(clip, settings=QUICK))
    view = until(queue, first.id, over)
    assert view.state is JobState.FAILED
    assert view.error is not None
    assert (view.error.type, view.error.stage) == ("SourceError", "probe")
    assert view.error.remedy
    assert until(queue, second.id, over).state is JobState.DONE


def test_jobs_that_are_over_are_forgotten_in_time_and_nothing_else_is(clip: Path, tmp_path: Path) -> None:
    """The policy: 30 days, or 200 newer ones; jobs that are not over, and results, stay."""
    assert Retention() == Retention(30.0, 200)
    queue = JobQueue(Here(tmp_path), tmp_path / "queue", retention=Retention(days=30, number=2))
    days = {"old": 31.0, "third": 3.0, "second": 2.0, "newest": 1.0, "paused": 40.0}
    jobs = {name: queue.submit(JobOrder(clip, tmp_path / f"{name}.mp4", QUICK)).id for name in days}
    for name, job in jobs.items():
        queue.pause(job)
        now = time.time() - 86400 * days[name]
        over = {"state": JobState.DONE, "finished": now} if name != "paused" else {}
        queue.update(job, created=now, **over)
        (tmp_path / f"{name}.mp4").write_text("a result")
    failed = queue.submit(JobOrder(clip, tmp_path / "failed.mp4", QUICK)).id
    queue.update(failed, state=JobState.FAILED, finished=time.time() - 86400 * 50)
    work = tmp_path / "failed.mp4.video3d-job"
    (work / "segments").mkdir(parents=True)
    queue.start()
    try:
        until_gone = time.monotonic() + PATIENCE
        while len(queue.jobs()) > 3 and time.monotonic() < until_gone:
            time.sleep(0.02)
        left = {view.id for view in queue.jobs()}
    finally:
        queue.close()
    assert left == {jobs[name] for name in ("newest", "second", "paused")}
    assert not work.exists(), "what was finished of a job that failed goes with it"
    assert all((tmp_path / f"{name}.mp4").is_file() for name in days), "results stay"
    assert {folder.name for folder in (tmp_path / "queue").iterdir() if folder.is_dir()} == left


def test_what_cannot_be_is_refused_when_it_is_sent(open_queue: Callable[[], JobQueue], clip: Path,
                                                   tmp_path: Path) -> None:
    queue = open_queue()
    with pytest.raises(SourceError, match="no such file"):
        queue.submit(JobOrder(tmp_path / "none.mp4"))
    queue.submit(JobOrder(clip, tmp_path / "x.mp4"))
    with pytest.raises(TargetError, match="another job"):
        queue.submit(JobOrder(clip, tmp_path / "x.mp4"))
    with pytest.raises(JobError, match="no job"):
        queue.pause("../secret")


def test_another_process_steers_the_one_that_converts(open_queue: Callable[[], JobQueue], clip: Path) -> None:
    worker, other = open_queue(), open_queue()
    worker.start()
    other.start()
    sent = other.submit(JobOrder(clip, settings=QUICK))
    until(other, sent.id, lambda view: view.state is JobState.RUNNING)
    other.pause(sent.id, at_once=True)
    assert until(other, sent.id, lambda view: view.state is JobState.PAUSED).asked is None
    worker.close()  # the other one takes over
    other.resume(sent.id)
    assert until(other, sent.id, over).state is JobState.DONE
    assert worker.job(sent.id).state is JobState.DONE


def test_waiting_ends_with_the_next_change_or_in_time(open_queue: Callable[[], JobQueue], clip: Path) -> None:
    queue = open_queue()
    version = queue.version
    began = time.monotonic()
    assert queue.wait(version, 0.1) == version
    assert time.monotonic() - began < 1
    view = queue.submit(JobOrder(clip))
    assert queue.wait(version, 5) == view.version > version
    assert open_queue().version > 0


def test_progress_of_another_process_is_a_change(open_queue: Callable[[], JobQueue], clip: Path) -> None:
    converting, watching = open_queue(), open_queue()
    job = watching.submit(JobOrder(clip)).id
    converting.update(job, state=JobState.RUNNING, started=1.0)
    version = watching.wait(watching.version, 2)
    converting.store.save_progress(job, Progress("convert", 5, 10))
    later = watching.wait(version, 5)
    assert later > version
    assert watching.job(job).progress == Progress("convert", 5, 10)
    assert watching.wait(later, 0.7) == later
