from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import av
import pytest

from video3d.api import watching
from video3d.api.watching import Fragment, playlist_text
from video3d.media.ffmpeg import find_ffmpeg


@pytest.fixture
def long_clip(make_clip: Callable[..., Path]) -> Path:
    """Five shots of four seconds with a tone: more than one unit."""
    colours = ("red", "green", "blue", "yellow", "white", "red", "blue")
    inputs = [word for colour in colours
              for word in ("-f", "lavfi", "-i", f"color={colour}:s=160x90:r=12:d=4,noise=alls=30:allf=t")]
    return make_clip(*inputs, "-f", "lavfi", "-i", "sine=440:d=28", "-filter_complex",
                     "".join(f"[{n}]" for n in range(len(colours))) + f"concat=n={len(colours)}[v]", "-map", "[v]",
                     "-map", f"{len(colours)}:a", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast",
                     "-c:a", "aac")  # fmt: skip


def fetched(client: Any, job: str, folder: Path) -> Path:
    """The playlist and all that it names."""
    answer = client.get(f"/jobs/{job}/stream/playlist.m3u8")
    assert answer.status_code == 200, answer.text
    folder.mkdir(exist_ok=True)
    (folder / "playlist.m3u8").write_text(answer.text)
    for name in set(re.findall(r'^[0-9]+\.m4s$|(?<=URI=")[^"]+', answer.text, re.MULTILINE)):
        (folder / name).write_bytes(client.get(f"/jobs/{job}/stream/{name}").content)
    return folder / "playlist.m3u8"


def shown(playlist: Path) -> tuple[list[float], list[float]]:
    """Times of all pictures and of all sound that a player decodes."""
    times: dict[str, list[float]] = {"video": [], "audio": []}
    with av.open(str(playlist), options={"allowed_extensions": "ALL", "extension_picky": "0"}) as container:
        for packet in container.demux(container.streams.video[0], container.streams.audio[0]):
            times[packet.stream.type] += [frame.time for frame in packet.decode()]
    return sorted(times["video"]), times["audio"]


@pytest.mark.needs("chromium")
def test_a_job_is_watched_before_it_ends_and_after(client: Any, long_clip: Path, tmp_path: Path,
                                                   tool: Callable[[str], str]) -> None:
    order = {"upload": client.upload(long_clip), "settings": {"layout": "half-sbs"}}
    job = client.post("/jobs", json=order).json()["id"]
    assert client.get(f"/jobs/{job}/stream/playlist.m3u8").status_code == 404
    queue = client.service.queue
    queue.start()
    segments = queue.job(job).target.with_name(queue.job(job).target.name + ".video3d-job") / "segments"
    deadline = time.monotonic() + 60
    while not (segments / "00000.mp4").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    queue.pause(job, at_once=True)
    while queue.job(job).state.value == "running":
        time.sleep(0.05)
    early = fetched(client, job, tmp_path / "early")
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in early.read_text()
    assert "#EXT-X-ENDLIST" not in early.read_text()
    first = early.with_name("00000.m4s").read_bytes()
    queue.resume(job)
    while queue.job(job).state.value not in ("done", "failed"):
        queue.wait(queue.version, 1)
    late = fetched(client, job, tmp_path / "late")
    assert "#EXT-X-ENDLIST" in late.read_text()
    assert late.read_text().startswith(early.read_text()), "a playlist only grows"
    assert late.with_name("00000.m4s").read_bytes() == first
    video, sound = shown(late)
    assert len(video) == 28 * 12
    assert max(b - a for a, b in pairwise(video)) < 1.5 / 12
    assert abs(video[0] - sound[0]) < 0.05
    assert sound[-1] - sound[0] > 27.8
    assert max(b - a for a, b in pairwise(sound)) < 0.05
    assert seen_in_chromium(tool("chromium"), late.parent, tmp_path / "profile") == "28.0 160 true"
    client.delete(f"/jobs/{job}")
    assert client.get(f"/jobs/{job}/stream/00000.m4s").status_code == 404
    client.service.streams.clean(frozenset())
    assert list((tmp_path / "work" / "streams").iterdir()) == []


@pytest.fixture(scope="session")
def film(make_clip: Callable[..., Path]) -> Path:
    """36 s of 64x36 at 5 frames/s: three units."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=36", "-c:v", "libx264", "-g", "12",
                     "-pix_fmt", "yuv420p")


QUICK = {"speed": "fastest", "depth_model": "constant"}


def wait_for(ask: Callable[[], Any], *states: str) -> None:
    deadline = time.monotonic() + 120
    while (state := ask().json()["state"]) not in states:
        assert state != "failed"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_for_a_unit(client: Any, job: str) -> None:
    deadline = time.monotonic() + 120
    while client.get(f"/jobs/{job}/stream/playlist.m3u8").status_code != 200:
        assert client.get(f"/jobs/{job}").json()["state"] != "failed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ffmpeg_follows_it_from_the_first_unit_to_the_end(start: Callable[..., Any], film: Path) -> None:
    """The server of its own; the job pauses after its first unit, and goes on while ffmpeg waits for the next."""
    import httpx

    address, _ = start()
    with httpx.Client(base_url=address, timeout=60) as client:
        upload = client.post("/uploads", params={"name": "film.mp4"}, content=film.read_bytes()).json()["id"]
        job = client.post("/jobs", json={"upload": upload, "settings": QUICK}).json()["id"]
        wait_for_a_unit(client, job)
        client.post(f"/jobs/{job}/pause")
        wait_for(lambda: client.get(f"/jobs/{job}"), "paused", "done")
        command = [find_ffmpeg().path, "-v", "error", "-live_start_index", "0", "-i",
                   f"{address}/jobs/{job}/stream/playlist.m3u8", "-c", "copy", "-f", "framecrc", "-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ffmpeg:
            client.post(f"/jobs/{job}/resume")
            told, problems = ffmpeg.communicate(timeout=120)
        assert (ffmpeg.returncode, problems) == (0, "")
        assert client.get(f"/jobs/{job}").json()["state"] == "done"
    packets = [[int(word) for word in line.split(",")[:4]] for line in told.splitlines() if line[0] != "#"]
    assert len(packets) == 36 * 5
    (base,) = re.findall(r"#tb 0: (\d+/\d+)", told)
    times = sorted(packet[2] for packet in packets)
    assert {Fraction(b - a) * Fraction(base) for a, b in pairwise(times)} == {Fraction(1, 5)}


def test_a_job_that_begins_anew_has_another_stream(client: Any, small_clip: Path, tmp_path: Path) -> None:
    order = {"upload": client.upload(small_clip), "settings": {**QUICK, "preview": 0.5}}
    job = client.post("/jobs", json=order).json()["id"]
    queue, streams = client.service.queue, client.service.streams
    queue.start()
    wait_for(lambda: client.get(f"/jobs/{job}"), "done")

    def made() -> int:
        fetched(client, job, tmp_path / "watched")
        return streams.file(queue.job(job), "00000.m4s").stat().st_mtime_ns

    first = made()
    assert made() == first
    queue.update(job, begun=1.0)
    assert made() != first


def test_a_finished_job_that_nobody_watched(client: Any, small_clip: Path, tmp_path: Path) -> None:
    order = {"upload": client.upload(small_clip), "settings": {"layout": "half-sbs", "start": 1}, "keep_upload": False}
    job = client.post("/jobs", json=order).json()["id"]
    client.service.queue.start()
    while client.service.queue.job(job).state.value not in ("done", "failed"):
        client.service.queue.wait(client.service.queue.version, 1)
    video, sound = shown(fetched(client, job, tmp_path / "watched"))
    assert len(video) == 24
    assert abs(video[0] - sound[0]) < 0.1


@pytest.mark.parametrize("moment", ["probe", "make_fragment"])
def test_an_upload_that_goes_just_then(client: Any, small_clip: Path, tmp_path: Path, moment: str,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes when its last job is done, which may be between any two looks at it: sound is the result's then."""
    order = {"upload": client.upload(small_clip), "settings": {"layout": "half-sbs", "start": 1}}
    job = client.post("/jobs", json=order).json()["id"]
    client.service.queue.start()
    wait_for(lambda: client.get(f"/jobs/{job}"), "done")
    source = client.service.queue.job(job).source
    work = getattr(watching, moment)

    def late(asked: Any) -> Any:
        source.unlink(missing_ok=True)
        return work(asked)

    monkeypatch.setattr(watching, moment, late)
    video, sound = shown(fetched(client, job, tmp_path / "watched"))
    assert len(video) == 24
    assert abs(video[0] - sound[0]) < 0.1
    assert sound[-1] - sound[0] > 0.9


PAGE = """<video id=v muted autoplay src=playlist.m3u8></video><p id=said>nothing</p><script>
const video = document.getElementById("v"), said = document.getElementById("said");
video.addEventListener("loadedmetadata", () => { video.currentTime = 9; });
video.addEventListener("error", () => { said.textContent = "error " + video.error.message; });
video.addEventListener("timeupdate", () => {
  said.textContent = [video.duration.toFixed(1), video.videoWidth, video.currentTime > 9.2].join(" "); });
</script><img src=slow>"""


class Pages(SimpleHTTPRequestHandler):
    """Files, and a picture that takes so long that the page is not finished before."""

    extensions_map: ClassVar = {".m3u8": "application/vnd.apple.mpegurl", ".m4s": "video/iso.segment",
                                ".html": "text/html", ".mp4": "video/mp4"}

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(4)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


def seen_in_chromium(chromium: str, folder: Path, profile: Path) -> str:
    """What the page says in the end."""
    (folder / "page.html").write_text(PAGE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
             f"--user-data-dir={profile}", "--dump-dom", f"http://127.0.0.1:{server.server_port}/page.html"],
            capture_output=True, text=True, timeout=60, check=False)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    found = re.search(r"<p id=.said.>(.*?)</p>", done.stdout)
    return found[1] if found else done.stderr


@pytest.mark.parametrize("name", ["..%2f..%2fjob.json", "fragments.json", "00000.mp4", "start.mp4", "99999.m4s"])
def test_nothing_else_is_served(client: Any, small_clip: Path, name: str) -> None:
    job = client.post("/jobs", json={"upload": client.upload(small_clip)}).json()["id"]
    assert client.get(f"/jobs/{job}/stream/{name}").status_code == 404


def test_another_head_is_announced() -> None:
    fragments = (Fragment("00000.m4s", "start-a.mp4", Fraction(8)), Fragment("00001.m4s", "start-a.mp4", Fraction(9)),
                 Fragment("00002.m4s", "start-b.mp4", Fraction(1, 3)))
    text = playlist_text(fragments, is_complete=True)
    assert text.count("#EXT-X-MAP") == 2
    assert text.count("#EXT-X-DISCONTINUITY") == 1
    assert text.endswith("#EXTINF:0.333333,\n00002.m4s\n#EXT-X-ENDLIST\n")
