"""Weights over HTTP, when the user asks: gone on with after a break, checked, and in place as a whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from video3d.depth_model import DepthModel, Weights
from video3d.durable import lock, sync_folder
from video3d.errors import Cancelled, DepthError
from video3d.reporting import Progress, Reporter

MIRROR_VARIABLE = "VIDEO3D_MODEL_MIRROR"
STAGE = "download"
PART_SUFFIX = ".part"
CHUNK = 1 << 18
TIMEOUT = 30.0
"""Seconds without a byte, after which a connection counts as lost."""
TRIES = 5
"""Tries in a row that bring nothing, before it is given up."""
FIRST_PAUSE = 0.5
"""Seconds before the second try; each pause is twice the one before."""
SPARE = 64 << 20
"""Bytes that stay free on the disk."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP answers after which trying again makes sense."""
DROPPED = (ConnectionError, TimeoutError, http.client.HTTPException, urllib.error.URLError)


def download_model(model: DepthModel, folder: Path, reporter: Reporter, mirror: str | None = None) -> list[Path]:
    """The model's weights in `folder`; see `download`. DepthError for a model that has none to download."""
    if not model.weights:
        raise DepthError(f"{model.label} needs no download.", stage=STAGE, remedy="Choose it as it is.")
    return [download(weights, folder, reporter, mirror) for weights in model.weights]


def download(weights: Weights, folder: Path, reporter: Reporter, mirror: str | None = None) -> Path:
    """The finished file. Progress counts bytes; Cancelled keeps the part, which the next call goes on with.

    `mirror` takes the place of the address' beginning (`https://huggingface.co`, `https://github.com`), or has {url} or
    {file} in it for the whole address or the file's name; None takes the variable VIDEO3D_MODEL_MIRROR where it is set.
    DepthError says what is wrong with the connection, the file or the disk, and what to do.
    """
    target = folder / weights.file_name
    address = mirrored(weights, mirror if mirror is not None else os.environ.get(MIRROR_VARIABLE, ""))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with target.with_name(target.name + ".lock").open("a+b") as held:
            if not lock(held.fileno()):
                raise DepthError(f"{target}: it is being downloaded already.", stage=STAGE,
                                 remedy="Wait until that has ended.")
            try:
                if not (target.is_file() and weights.sha256 and _digest(target, reporter).startswith(weights.sha256)):
                    _Download(weights, address, target, reporter).run()
            finally:
                Path(held.name).unlink(missing_ok=True)
    except OSError as problem:
        raise DepthError(f"{target}: cannot be written ({problem.strerror or problem}).", stage=STAGE,
                         remedy="Make room, or check the folder's permissions.") from problem
    return target


def mirrored(weights: Weights, mirror: str) -> str:
    """The address that the weights are taken from; DepthError where it is none of HTTP."""
    if "{" in mirror:
        address = mirror.replace("{url}", weights.url).replace("{file}", weights.file_name)
    elif mirror:
        address = mirror.rstrip("/") + urlsplit(weights.url).path
    else:
        address = weights.url
    if urlsplit(address).scheme not in ("http", "https"):
        raise DepthError(f"{address}: not an address of HTTP.", stage=STAGE,
                         remedy=f"A mirror looks like https://example.org ({MIRROR_VARIABLE} or --mirror).")
    return address


class _Download:
    """One file on its way."""

    def __init__(self, weights: Weights, address: str, target: Path, reporter: Reporter) -> None:
        self._weights = weights
        self._address = address
        self._target = target
        self._part = target.with_name(target.name + PART_SUFFIX)
        self._reporter = reporter
        self._began = (time.monotonic(), self._have())

    def run(self) -> None:
        """Until the file is whole and checked."""
        was_resumed = self._have() > 0
        self._fetch()
        if not self._is_right():
            self._part.unlink()
            if not was_resumed:
                raise DepthError(f"{self._address}: what came is not the file that its publisher describes.",
                                 stage=STAGE, remedy="Try again later, or take another mirror.")
            self._fetch()  # the part may have been another file's
            if not self._is_right():
                self._part.unlink()
                raise DepthError(f"{self._address}: what came is not the file that its publisher describes.",
                                 stage=STAGE, remedy="Try again later, or take another mirror.")
        self._part.replace(self._target)
        sync_folder(self._target.parent)

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _is_right(self) -> bool:
        return not self._weights.sha256 or _digest(self._part, self._reporter).startswith(self._weights.sha256)

    def _fetch(self) -> None:
        """Bytes to the end, however often the connection breaks."""
        failures = 0
        while True:
            before = self._have()
            try:
                if self._request():
                    return
                problem: Exception = ConnectionError("the connection broke off")
            except urllib.error.HTTPError as answer:
                answer.close()
                if answer.code not in PASSING:
                    raise DepthError(f"{self._address}: the server answers {answer.code} {answer.reason}.", stage=STAGE,
                                     remedy=self._by_hand()) from None
                problem = answer
            except DROPPED as caught:
                problem = caught
            failures = 0 if self._have() > before else failures + 1
            if failures >= TRIES:
                raise self._unreachable(problem)
            self._pause(FIRST_PAUSE * 2 ** failures)

    def _request(self) -> bool:
        """One connection; True when the file is whole."""
        have = self._have()
        headers = {"User-Agent": "video3d", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        request = urllib.request.Request(self._address, headers=headers)
        try:
            answer = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as problem:
            if problem.code != 416:
                raise
            problem.close()  # nothing is left to send, or the part is another file's: the digest tells
            return self._is_whole(problem.headers.get("Content-Range"), have)
        with answer:
            return self._receive(answer, have)

    def _is_whole(self, stated: str | None, have: int) -> bool:
        total = re.fullmatch(r"bytes \*/(\d+)", stated or "")
        if total and int(total[1]) == have:
            return True
        self._part.unlink()
        return False

    def _receive(self, answer: Any, have: int) -> bool:
        start = _range_start(answer, have)
        if (answer.headers.get("Content-Type") or "").startswith("text/html"):
            raise DepthError(f"{self._address}: a web page came instead of a file.", stage=STAGE,
                             remedy=self._by_hand())
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        self._check_room((total or self._weights.size) - start)
        with self._part.open("r+b" if have else "wb") as file:
            file.seek(start)
            file.truncate()
            done = start
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                self._report(done, total)
            file.flush()
            os.fsync(file.fileno())
        return total is None or done == total

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self._target.parent).free
        if free < needed + SPARE:
            raise DepthError(f"{self._target.parent}: {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are "
                             "free.", stage=STAGE, remedy="Make room and start again; what has come is kept.")

    def _report(self, done: int, total: int | None) -> None:
        if self._reporter.is_cancelled():
            raise Cancelled("Stopped; what has come is kept.", stage=STAGE)
        seconds = time.monotonic() - self._began[0]
        rate = (done - self._began[1]) / seconds if seconds > 0 else 0.0
        left = (total - done) / rate if total is not None and rate > 0 else None
        self._reporter.progress(Progress(STAGE, done, total, seconds_left=left))

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._reporter.is_cancelled():
                raise Cancelled("Stopped; what has come is kept.", stage=STAGE)
            time.sleep(0.05)

    def _unreachable(self, problem: Exception) -> DepthError:
        reason = getattr(problem, "reason", None) or problem
        return DepthError(f"{urlsplit(self._address).netloc} cannot be reached ({reason}).", stage=STAGE,
                          remedy=f"Check the internet connection, or name a mirror with {MIRROR_VARIABLE}; what has "
                                 f"come is kept. {self._by_hand()}")

    def _by_hand(self) -> str:
        return f"The file can also be fetched by hand from {self._weights.url} into {self._target.parent}."


def _range_start(answer: Any, have: int) -> int:
    """Where the answer's first byte belongs: servers may ignore what was asked, and send all."""
    if answer.status != 206:
        return 0
    stated = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    if stated is None or int(stated[1]) > have:
        raise http.client.HTTPException("the server sent another part than was asked for")
    return int(stated[1])


def _digest(path: Path, reporter: Reporter) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
            if reporter.is_cancelled():
                raise Cancelled("Stopped; what has come is kept.", stage=STAGE)
    return digest.hexdigest()
