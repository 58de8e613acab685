"""Mutated videos and pictures against what reads and labels them, mutated requests against the API: nothing hangs.

    python benchmarks/fuzz.py --files 10000 --labels 10000 --requests 10000

Files are read by the same functions as in a conversion, in one child after the other, each reading many: a start for
every file would take all the time. Whichever kills or hangs its child, and one of fifty others, is read once more the
way the program does it, where it must become an error of ours. `check` and `label` read MP4, MOV and Matroska in the
program's own process, so there a child that dies or hangs is a fault at once; a file that is refused leaves nothing,
one that is labelled passes its check, and the source stays as it was, even where the result was to replace it. Every
file follows from its number and `--seed`; `--first` begins later, for a run in pieces.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import resource
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

SECONDS_A_FILE = 30.0
SECONDS_A_LABEL = 10.0
DIED = "the child died or hung"
PICTURES = 40
"""Decoded of each video, at most."""
STILLS = ("jpeg", "png", "webp", "bmp", "tiff", "gif")
EACH_STILL = 8
"""One file of so many is a picture, as `/image` takes it."""
MOST_PIXELS = 1 << 22
SEEDS: dict[str, list[str]] = {
    "h264.mp4": ["-c:v", "libx264", "-bf", "2", "-c:a", "aac"], "hevc.mkv": ["-c:v", "libx265", "-c:a", "flac"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-c:a", "mp3"], "h264.ts": ["-c:v", "libx264", "-c:a", "aac"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-c:a", "libopus"], "prores.mov": ["-c:v", "prores", "-c:a", "pcm_s16le"],
    "flv.flv": ["-c:v", "flv", "-c:a", "mp3", "-ar", "44100"], "loop.gif": [], "mpeg2.mpg": ["-c:v", "mpeg2video"],
    "theora.ogv": ["-c:v", "libtheora", "-c:a", "libvorbis"], "wmv.wmv": ["-c:v", "wmv2", "-c:a", "wmav2"],
    "mjpeg.mov": ["-c:v", "mjpeg"], "mpeg2.mxf": ["-c:v", "mpeg2video"], "ffv1.mkv": ["-c:v", "ffv1"],
    "fragments.mp4": ["-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov"], "dv.y4m": ["-f", "yuv4mpegpipe"],
}

LABEL_SEEDS: dict[str, list[str]] = {
    "plain.mp4": ["-c:v", "libx264", "-c:a", "aac"],
    "message.mp4": ["-c:v", "libx264", "-x264-params", "frame-packing=3", "-movflags", "+faststart"],
    "message.mov": ["-c:v", "libx264", "-x264-params", "frame-packing=4", "-c:a", "pcm_s16le"],
    "message.mkv": ["-c:v", "libx264", "-x264-params", "frame-packing=3", "-c:a", "flac"],
    "hevc.mp4": ["-c:v", "libx265", "-tag:v", "hvc1", "-c:a", "aac", "-movflags", "+faststart"],
    "hevc.mkv": ["-c:v", "libx265", "-c:a", "libopus"], "vp9.webm": ["-c:v", "libvpx-vp9", "-c:a", "libopus"],
    "prores.mov": ["-c:v", "prores", "-c:a", "pcm_s16le"],
    "fragments.mp4": ["-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov"],
}
LAYOUTS_TRIED = ("half-sbs", "full-tab", "vr180", "depth", "anaglyph-dubois", "row-interleaved")
EACH_REPLACES = 4
"""One file of so many is to be replaced by its own labelled copy."""


def main() -> int:
    """Run it, and print the figures as JSON; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file and of the first request")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--work", choices=WORK, default="read", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        return do_many(chosen.worker, chosen.seed, chosen.work)
    began, before = time.monotonic(), children()
    with tempfile.TemporaryDirectory(prefix="video3d-fuzz-") as folder:
        root = Path(folder)
        make_seeds(root / "seeds", SEEDS, STILLS)
        make_seeds(root / "label" / "seeds", LABEL_SEEDS)
        numbers = [range(chosen.first, chosen.first + count)
                   for count in (chosen.files, chosen.labels, chosen.requests)]
        found = {"files": fuzz_files(root, numbers[0], chosen.seed),
                 "labels": fuzz_labels(root / "label", numbers[1], chosen.seed),
                 "requests": asyncio.run(fuzz_requests(root, numbers[2], chosen.seed))}
        left = [path.name for place, known in ((root, {"seeds", "label", "api"}), (root / "label", {"seeds"}))
                for path in place.iterdir() if path.name not in known]
    figures: dict[str, Any] = {**found, "left_files": left, "left_processes": sorted(children() - before),
                               "seconds": round(time.monotonic() - began)}
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    wrong = (found["files"]["host_failures"], found["labels"]["failures"], found["requests"]["failures"], left,
             figures["left_processes"])
    return 1 if any(wrong) else 0


def make_seeds(folder: Path, kinds: dict[str, list[str]], stills: Sequence[str] = ()) -> None:
    """A small video of each kind, and pictures; a kind that this ffmpeg cannot write is left out."""
    import imageio_ffmpeg
    from PIL import Image

    folder.mkdir(parents=True)
    for kind in stills:
        Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(folder / f"still-{kind}", kind)
    for name, options in kinds.items():
        sound = ["-f", "lavfi", "-i", "sine=440:d=0.5"] if "-c:a" in options else []
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-nostdin", "-f", "lavfi", "-i",
                   "testsrc2=s=64x48:r=24:d=0.5", *sound, *options, str(folder / name)]  # fmt: skip
        if subprocess.run(command, check=False).returncode:
            (folder / name).unlink(missing_ok=True)


Seeds = tuple[list[bytes], list[bytes]]
"""Videos, and pictures."""


def read_seeds(root: Path) -> Seeds:
    """What `make_seeds` made."""
    files = sorted((root / "seeds").iterdir())
    stills = [file for file in files if file.name.startswith("still-")]
    return [file.read_bytes() for file in files if file not in stills], [file.read_bytes() for file in stills]


def is_still(number: int) -> bool:
    """Whether file number `number` is a picture."""
    return number % EACH_STILL == EACH_STILL - 1


def mutated(all_seeds: Seeds, number: int, seed: int) -> bytes:
    """File number `number`: a seed with a few faults of the kinds that break parsers."""
    videos, stills = all_seeds
    seeds = stills if stills and is_still(number) else videos
    chance = random.Random(f"{seed}/{number}")
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 4, 16, 64))):
        at = chance.randrange(len(data)) if chance.random() < 0.6 else chance.randrange(min(len(data), 400))
        kind = chance.randrange(7)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at] = chance.choice((0, 1, 0x7f, 0x80, 0xff))
        elif kind == 2:
            data[at:at + 4] = struct.pack(">I", chance.choice((0, 1, 7, 8, 0x7fffffff, 0x80000000, 0xffffffff)))
        elif kind == 3:
            del data[at:at + chance.randrange(1, 64)]
        elif kind == 4:
            data[at:at] = data[at:at + chance.randrange(1, 512)]
        elif kind == 5:
            other = chance.choice(seeds)
            begin = chance.randrange(len(other))
            data[at:at + 64] = other[begin:begin + chance.randrange(1, 256)]
        elif chance.random() < 0.2:
            del data[at:]
        if not data:
            data = bytearray(b"\0")
    return bytes(data)


def do_many(folder: Path, seed: int, work: str) -> int:
    """The child: reads or labels the files whose numbers come in, and says how each went."""
    from video3d.errors import Video3DError

    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    seeds = read_seeds(folder)
    file = folder / f"mutated-{os.getpid()}"
    for line in sys.stdin:
        file.write_bytes(mutated(seeds, int(line), seed))
        try:
            said = WORK[work](file, int(line))
        except Video3DError as problem:
            said = type(problem).__name__
        except MemoryError:
            said = "MemoryError"
        except Exception as problem:  # noqa: BLE001 - this is what is looked for
            said = f"unexpected {problem!r}"
        answers.write(json.dumps(said) + "\n")
    file.unlink(missing_ok=True)
    return 0


def read(file: Path, number: int) -> str:
    """What a conversion does first."""
    from video3d.media.decoding import DecodeRequest, decode
    from video3d.media.pictures import decode_picture
    from video3d.media.probing import probe
    from video3d.media.protocol import Delivery

    if is_still(number):
        decode_picture(str(file), MOST_PIXELS)
        return "a picture"
    info = probe(str(file))
    request = DecodeRequest(info=info, pixel_format="yuv420p", interlaced=False, seek_to=None, delivery=Delivery.SMALL,
                            threads=1)
    for count, _ in enumerate(decode(request, [])):
        if count >= PICTURES:
            break
    return "pictures"


def label(file: Path, number: int) -> str:
    """Explain a file, and mark it; AssertionError where that harms the source or leaves what it should not."""
    from video3d.errors import SourceError, TargetError, WorkerError
    from video3d.media.inspect_file import inspect
    from video3d.media.relabel import check_labels, relabel
    from video3d.types import Layout

    before = file.read_bytes()
    layout, swapped = Layout(LAYOUTS_TRIED[number % len(LAYOUTS_TRIED)]), number % 5 == 0
    replaces = number % EACH_REPLACES == 0
    target = file if replaces else file.with_name(f"labelled-{os.getpid()}")
    with suppress(SourceError, WorkerError):
        inspect(file)
    said = "labelled"
    try:
        relabel(file, target, layout, swapped=swapped, overwrite=replaces)
        check_labels(target, layout, swapped=swapped, square_pixels=False)
    except SourceError:
        said = "refused"
    except WorkerError:  # it looked like another kind of file, and killed the child that reads these
        said = "refused: its reader died"
    except TargetError as problem:
        if "did not pass its check" not in str(problem):
            raise
        said = "refused by its check"
    assert file.read_bytes() == before or (said == "labelled" and replaces), "the source was changed"
    assert target.exists() is (replaces or said == "labelled"), "a refused file left a target"
    if not replaces:
        target.unlink(missing_ok=True)
    assert {path.name for path in file.parent.iterdir()} == {"seeds", file.name}, "something was left beside it"
    return said


WORK: dict[str, Callable[[Path, int], str]] = {"read": read, "label": label}


class Child:
    """A process that reads or labels many files."""

    def __init__(self, folder: Path, seed: int, work: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", str(folder), "--seed", str(seed), "--work", work],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def do(self, number: int, seconds: float) -> str | None:
        """How it went; None where the child died, or hung for so long."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{number}\n")
            self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else ""
        return json.loads(line) if line else None

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def fuzz_files(root: Path, numbers: range, seed: int) -> dict[str, Any]:
    """How many files became what."""
    outcomes: collections.Counter[str] = collections.Counter()
    again: list[int] = []
    for number, said, _ in done_by_children(root, numbers, seed, "read", SECONDS_A_FILE):
        outcomes[said] += 1
        if said == DIED or said.startswith("unexpected") or number % 50 == 0 or number % 200 == EACH_STILL - 1:
            again.append(number)
    host = [failure for number in again for failure in read_as_the_program_does(root, number, seed)]
    return {"count": len(numbers), "outcomes": dict(outcomes), "read_by_the_program": len(again),
            "host_failures": host}


def fuzz_labels(root: Path, numbers: range, seed: int) -> dict[str, Any]:
    """How many files were labelled and refused; a failure is whatever else happened to one."""
    outcomes: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    longest = 0.0
    for number, said, seconds in done_by_children(root, numbers, seed, "label", SECONDS_A_LABEL):
        outcomes[said] += 1
        longest = max(longest, seconds)
        if said not in ("labelled", "refused", "refused by its check", "refused: its reader died"):
            failures.append(f"file {number}: {said}")
    return {"count": len(numbers), "outcomes": dict(outcomes), "longest_seconds": round(longest, 2),
            "failures": failures[:20]}


def done_by_children(root: Path, numbers: range, seed: int, work: str, limit: float
                     ) -> Iterator[tuple[int, str, float]]:
    """Each number, how it went, and how long that took; a child that dies or hangs is followed by another."""
    child = Child(root, seed, work)
    for count, number in enumerate(numbers):
        began = time.monotonic()
        said = child.do(number, limit if count else limit + SECONDS_A_FILE)  # the first one waits for its imports
        seconds = time.monotonic() - began if count else 0.0
        if said is None:
            child.close()
            for leftover in [*root.glob("*mutated-*"), *root.glob("*labelled-*")]:
                leftover.unlink()
            child = Child(root, seed, work)
        yield number, said or DIED, seconds
    child.close()


def read_as_the_program_does(root: Path, number: int, seed: int) -> Iterator[str]:
    """Nothing where it went well or became an error of ours."""
    from video3d.errors import Video3DError
    from video3d.media.pictures import read_picture
    from video3d.media.source import ThumbnailReader, probe

    file = root / "read-again"
    file.write_bytes(mutated(read_seeds(root), number, seed))
    began = time.monotonic()
    try:
        if is_still(number):
            read_picture(file.read_bytes(), MOST_PIXELS)
        else:
            for count, _ in enumerate(ThumbnailReader(probe(file))):
                if count >= PICTURES:
                    break
    except Video3DError:
        pass
    except Exception as problem:  # noqa: BLE001 - this is what is looked for
        yield f"file {number}: {problem!r}"
    if time.monotonic() - began > 150:
        yield f"file {number}: {time.monotonic() - began:.0f} s"
    file.unlink()


async def fuzz_requests(root: Path, numbers: range, seed: int) -> dict[str, Any]:
    """How many requests were answered how; a failure is a 5xx, or an answer that is not ours."""
    import httpx

    from video3d.api import Guard, Service, create_app
    from video3d.host import StandaloneHost
    from video3d.queue import JobQueue

    class Host(StandaloneHost):
        def work_folder(self) -> Path:
            return root / "api"

        def output_folder(self) -> Path:
            return root / "api" / "results"

    queue = JobQueue(Host(), root / "api" / "queue")
    service = Service(Host(), queue)
    app = create_app(service, Guard())
    codes: collections.Counter[int] = collections.Counter()
    failures: list[str] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test/video3d/v1") as client:
        for number in numbers:
            method, path, body = request_number(number, seed)
            began = time.monotonic()
            try:
                answer = await client.request(method, path, content=body, headers={"content-type": "application/json"})
            except Exception as problem:  # noqa: BLE001 - this is what is looked for
                failures.append(f"request {number}: {method} {path}: {problem!r}")
                continue
            codes[answer.status_code] += 1
            if answer.status_code >= 500 or time.monotonic() - began > 30:
                failures.append(f"request {number}: {method} {path} {body[:200]!r}: {answer.status_code}")
    service.close()
    queue.close()
    return {"count": len(numbers), "codes": dict(sorted(codes.items())), "failures": failures[:20]}


VALUES: tuple[Callable[[random.Random], Any], ...] = (
    lambda chance: chance.choice([None, True, False, 0, -1, 1e308, -1e308, 10**30, 2**63, "", "NaN", [], {}, "auto"]),
    lambda chance: chance.random() * 10 ** chance.randrange(-5, 9),
    lambda chance: "".join(chr(chance.choice((0, 10, 34, 37, 46, 47, 92, 97, 0x202e, 0xd7ff, 0x1f600)))
                           for _ in range(chance.randrange(40))),
    lambda chance: [chance.random()] * chance.randrange(5), lambda chance: {"a": {"b": [chance.random()]}},
    lambda chance: "../" * chance.randrange(9) + chance.choice(["etc/passwd", "CON", "a.mp4", "\0"]),
)
PATHS = (
    ("POST", "/jobs"), ("POST", "/jobs"), ("POST", "/preview"), ("PUT", "/presets/{}"), ("DELETE", "/presets/{}"),
    ("PATCH", "/jobs/{}"), ("POST", "/jobs/{}/pause"), ("GET", "/jobs/{}/stream/{}"), ("GET", "/uploads/{}"),
    ("PATCH", "/uploads/{}?offset={}"), ("GET", "/files/info?path={}"), ("POST", "/uploads?name={}&size={}"),
    ("POST", "/image?settings={}"), ("GET", "/jobs?after={}&wait=0"),
    ("GET", "/jobs/{}/result"), ("DELETE", "/jobs/{}"),
    ("POST", "/shots"), ("PUT", "/shots"), ("POST", "/shots/edit"), ("DELETE", "/shots?upload={}"),
    ("GET", "/shots/picture?at={}&job={}"), ("GET", "/jobs/{}/log"), ("GET", "/diagnostics?job={}"),
    ("POST", "/estimate"), ("TRACE", "/status"), ("GET", "/{}"),
)
NAMES = ("upload", "path", "settings", "preset", "name", "folder", "priority", "keep_upload", "moment", "view",
         "format", "largest_side", "values", "job", "shots", "action", "shot", "at", "strength", "convergence",
         "unknown")  # fmt: skip


def request_number(number: int, seed: int) -> tuple[str, str, bytes]:
    """A request that is almost one."""
    import urllib.parse

    from video3d.params import parameters
    from video3d.settings import ConversionSettings

    chance = random.Random(f"{seed}/request/{number}")
    names = [parameter.name for parameter in parameters(ConversionSettings)]

    def value() -> Any:
        return chance.choice(VALUES)(chance)

    settings = {chance.choice(names): value() for _ in range(chance.randrange(4))}
    body: Any = {name: value() for name in chance.sample(NAMES, chance.randrange(6))}
    if chance.random() < 0.6:
        body["settings"] = settings
    data = json.dumps(body).encode()
    if chance.random() < 0.3:
        cut = bytearray(data)
        cut[chance.randrange(len(cut))] = chance.randrange(256)
        data = bytes(cut[:chance.randrange(len(cut) + 1)])
    method, path = chance.choice(PATHS)
    while "{}" in path:
        path = path.replace("{}", urllib.parse.quote(str(value()), safe=""), 1)
    return method, path, data


def children() -> set[int]:
    """Processes of this one."""
    listings = Path("/proc/self/task").glob("*/children")
    return {int(word) for listing in listings for word in listing.read_text().split()}


if __name__ == "__main__":
    raise SystemExit(main())
