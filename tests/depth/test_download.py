"""Downloads from a real HTTP server that drops connections, sends wrong bytes, and ignores what it is asked."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from video3d.depth import download as downloading
from video3d.depth.catalogue import PUBLISHED
from video3d.depth.download import MIRROR_VARIABLE, download, download_model, mirrored
from video3d.depth.registry import available_models, find_model
from video3d.depth_model import Weights
from video3d.errors import Cancelled, DepthError
from video3d.host import StandaloneHost
from video3d.reporting import Progress, SilentReporter

CONTENT = np.random.default_rng(0).integers(0, 256, 1_000_000, np.uint8).tobytes()
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    """How the server treats the next requests."""

    content: bytes = CONTENT
    drop_after: int | None = None
    """Bytes of each answer after which the connection ends, though more was announced."""
    drops: int = 99
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    """Answers of the first requests."""
    kind: str = "application/octet-stream"
    asked: list[str | None] = field(default_factory=list)
    """The ranges that were asked for."""
    paths: list[str] = field(default_factory=list)


class Server(NamedTuple):
    address: str
    behaviour: Behaviour

    def weights(self, sha256: str = DIGEST) -> Weights:
        return Weights("net.pth", f"{self.address}/models/net.pth", sha256, len(CONTENT))


@pytest.fixture
def server() -> Iterator[Server]:
    behaviour = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour.paths.append(self.path)
            behaviour.asked.append(self.headers["Range"])
            if behaviour.statuses:
                self.send_error(behaviour.statuses.pop(0))
                return
            content, start = behaviour.content, 0
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
            if asked and behaviour.ranges:
                start = int(asked[1])
                if start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.end_headers()
                    return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("Content-Type", behaviour.kind)
            self.end_headers()
            body = content[start:]
            if behaviour.drop_after is not None and behaviour.drops > 0:
                behaviour.drops -= 1
                body = body[:behaviour.drop_after]
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(f"http://127.0.0.1:{running.server_port}", behaviour)
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "FIRST_PAUSE", 0.001)
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)


class Watching(SilentReporter):
    """Remembers progress, and stops after so many reports."""

    def __init__(self, stop_after: int = 10 ** 9) -> None:
        super().__init__()
        self.seen: list[Progress] = []
        self.stop_after = stop_after

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)

    def is_cancelled(self) -> bool:
        return len(self.seen) >= self.stop_after


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_comes_whole_with_progress_and_leaves_nothing_beside_it(server: Server, tmp_path: Path) -> None:
    reporter = Watching()
    target = download(server.weights(), tmp_path / "new" / "models", reporter)
    assert target.read_bytes() == CONTENT
    assert files(target.parent) == ["net.pth"]
    assert [progress.done for progress in reporter.seen] == sorted({progress.done for progress in reporter.seen})
    assert reporter.seen[-1].done == reporter.seen[-1].total == len(CONTENT)
    assert {progress.stage for progress in reporter.seen} == {"download"}


def test_what_is_there_and_right_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    download(server.weights(), tmp_path, SilentReporter())
    download(server.weights(), tmp_path, SilentReporter())
    assert len(server.behaviour.asked) == 1
    (tmp_path / "net.pth").write_bytes(b"broken")
    assert download(server.weights(), tmp_path, SilentReporter()).read_bytes() == CONTENT


def test_dropped_connections_are_taken_up_where_they_broke(server: Server, tmp_path: Path) -> None:
    server.behaviour.drop_after = 300_000
    assert download(server.weights(), tmp_path, SilentReporter()).read_bytes() == CONTENT
    assert server.behaviour.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_server_that_ignores_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.behaviour.drop_after, server.behaviour.drops, server.behaviour.ranges = 300_000, 2, False
    assert download(server.weights(), tmp_path, SilentReporter()).read_bytes() == CONTENT
    assert len(server.behaviour.asked) == 3


def test_a_stopped_download_keeps_its_part_and_goes_on(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        download(server.weights(), tmp_path, Watching(stop_after=2))
    part = tmp_path / "net.pth.part"
    have = part.stat().st_size
    assert 0 < have < len(CONTENT)
    assert not (tmp_path / "net.pth").exists()
    assert download(server.weights(), tmp_path, SilentReporter()).read_bytes() == CONTENT
    assert server.behaviour.asked == [None, f"bytes={have}-"]
    assert files(tmp_path) == ["net.pth"]


def test_a_part_that_is_whole_already_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(CONTENT)
    assert download(server.weights(), tmp_path, SilentReporter()).read_bytes() == CONTENT
    assert server.behaviour.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("part", [b"of another file" * 1000, bytes(len(CONTENT) + 5)])
def test_a_part_of_another_file_is_thrown_away(part: bytes, server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(part)
    assert download(server.weights(), tmp_path, SilentReporter()).read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_nothing_is_kept(server: Server, tmp_path: Path) -> None:
    server.behaviour.content = CONTENT[:-1] + b"?"
    with pytest.raises(DepthError, match=r"net\.pth: what came is not the file.*mirror"):
        download(server.weights(), tmp_path, SilentReporter())
    assert files(tmp_path) == []


def test_a_stated_beginning_of_the_digest_is_checked(server: Server, tmp_path: Path) -> None:
    assert download(server.weights(DIGEST[:8]), tmp_path / "a", SilentReporter()).is_file()
    with pytest.raises(DepthError, match="not the file"):
        download(server.weights("0" * 8), tmp_path / "b", SilentReporter())
    assert download(server.weights(""), tmp_path / "c", SilentReporter()).is_file()


def test_passing_trouble_is_waited_out(server: Server, tmp_path: Path) -> None:
    server.behaviour.statuses = [503, 500, 429]
    assert download(server.weights(), tmp_path, SilentReporter()).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_told_with_the_way_by_hand(status: int, server: Server, tmp_path: Path) -> None:
    server.behaviour.statuses = [status]
    with pytest.raises(DepthError, match=rf"answers {status}.*by hand from {server.address}/models/net\.pth into"):
        download(server.weights(), tmp_path, SilentReporter())


def test_lasting_trouble_is_given_up_with_a_remedy(server: Server, tmp_path: Path) -> None:
    server.behaviour.statuses = [503] * 99
    with pytest.raises(DepthError, match=r"cannot be reached.*mirror"):
        download(server.weights(), tmp_path, SilentReporter())
    assert len(server.behaviour.asked) == downloading.TRIES


def test_a_web_page_is_no_file(server: Server, tmp_path: Path) -> None:
    server.behaviour.kind = "text/html; charset=utf-8"
    with pytest.raises(DepthError, match="a web page came"):
        download(server.weights(""), tmp_path, SilentReporter())


def test_offline_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    weights = Weights("net.pth", f"http://127.0.0.1:{port}/net.pth", DIGEST, len(CONTENT))
    with pytest.raises(DepthError, match=rf"127\.0\.0\.1:{port} cannot be reached.*internet connection"):
        download(weights, tmp_path, SilentReporter())


def test_the_disk_is_asked_before(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))  # a double for a full disk
    with pytest.raises(DepthError, match=r"1 MB are needed and 0 MB are free.*Make room"):
        download(server.weights(), tmp_path, SilentReporter())


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(DepthError, match=r"cannot be written"):
        download(server.weights(), tmp_path / "models", SilentReporter())


def test_two_at_once_do_not_mix(server: Server, tmp_path: Path) -> None:
    class Second(Watching):
        def progress(self, progress: Progress) -> None:
            super().progress(progress)
            if len(self.seen) == 1:
                with pytest.raises(DepthError, match="being downloaded already"):
                    download(server.weights(), tmp_path, SilentReporter())

    reporter = Second()
    assert download(server.weights(), tmp_path, reporter).read_bytes() == CONTENT
    assert reporter.seen


@pytest.mark.parametrize(("mirror", "path"), [
    ("{server}", "/models/net.pth"), ("{server}/deep/", "/deep/models/net.pth"), ("{server}/x/{file}", "/x/net.pth"),
    ("{server}/proxy/{url}", "/proxy/https://example.org/models/net.pth"),
])
@pytest.mark.parametrize("by_variable", [True, False])
def test_a_mirror_takes_the_publishers_place(mirror: str, path: str, by_variable: bool, server: Server, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    weights = replace(server.weights(), url="https://example.org/models/net.pth")
    mirror = mirror.replace("{server}", server.address)
    if by_variable:
        monkeypatch.setenv(MIRROR_VARIABLE, mirror)
    download(weights, tmp_path, SilentReporter(), None if by_variable else mirror)
    assert server.behaviour.paths == [path]


@pytest.mark.parametrize("mirror", ["file:///etc", "ftp://example.org", "example.org"])
def test_a_mirror_is_of_http(mirror: str) -> None:
    with pytest.raises(DepthError, match="not an address of HTTP"):
        mirrored(PUBLISHED[0].weights, mirror)


def test_a_downloaded_model_is_found(server: Server, tmp_path: Path) -> None:
    class Here(StandaloneHost):
        def models_folders(self) -> tuple[Path, ...]:
            return (tmp_path,)

    def state() -> str:
        return find_model("midas-v21-small", available_models(Here())).availability.value

    model = find_model("midas-v21-small", available_models(Here()))
    ours = replace(model, weights=(replace(model.weights[0], url=f"{server.address}/x", sha256=DIGEST),))
    assert state() == "to download"
    download_model(ours, tmp_path, SilentReporter())
    assert state() == "on disk"


def test_a_model_without_weights_needs_no_download(tmp_path: Path) -> None:
    with pytest.raises(DepthError, match="needs no download"):
        download_model(find_model("builtin", available_models(StandaloneHost())), tmp_path, SilentReporter())
