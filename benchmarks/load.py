"""The server under load while it converts: clients that poll, clients that upload (Linux).

    python benchmarks/load.py [--seconds 30] [--pollers 50] [--uploaders 10]

Starts `video3d serve`, converts a drawn clip, and does it once more while clients ask for the job's state once a second
each and others upload 1 MB/s each. Prints failed requests, the state's response times, the processor time that server,
conversion and load generator took, and how far the conversion came in the same time with and without the load.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import imageio_ffmpeg

TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pollers", type=int, default=50)
    parser.add_argument("--uploaders", type=int, default=10)
    parser.add_argument("--before-others", action="store_true", help="server and generator go before all else "
                        "(SCHED_FIFO, as root), the conversion does not: for a machine that is busy with other things")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="video3d-load-") as folder:
        clip = Path(folder, "clip.mp4")
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i",
                        f"testsrc2=s=640x360:r=25:d={10 * chosen.seconds:g}", "-c:v", "libx264", "-preset", "ultrafast",
                        "-pix_fmt", "yuv420p", str(clip)], check=True)
        variables = {**os.environ, "XDG_DATA_HOME": folder, "HOME": folder}
        command = [sys.executable, "-m", "video3d", "serve", "--port", "0", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as server:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            try:
                figures = asyncio.run(measure(address, server.pid, clip, chosen))
            finally:
                server.terminate()
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


async def measure(address: str, server: int, clip: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """A stretch without the load, and one with it."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        upload = (await client.post("/uploads", params={"name": "clip.mp4"}, content=clip.read_bytes())).json()["id"]
        job = (await client.post("/jobs", json={"upload": upload})).json()["id"]
        while (await progress(client, job)) < 25:
            await asyncio.sleep(0.5)
        if chosen.before_others:
            for process in (server, 0):
                os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(10))
        alone = await stretch(client, job, server, chosen.seconds, [])
        times: list[float] = []
        failures: list[str] = []
        end = time.monotonic() + chosen.seconds
        load = [poll(client, job, end, n / chosen.pollers, times, failures) for n in range(chosen.pollers)]
        load += [send(client, end, failures) for _ in range(chosen.uploaders)]
        loaded = await stretch(client, job, server, chosen.seconds, load)
    times.sort()
    processors = os.cpu_count() or 1
    return {
        "processors": processors, "load_average": os.getloadavg()[0], "requests": len(times), "failed": len(failures),
        "failures": failures[:5], "median_ms": round(1000 * times[len(times) // 2], 1),
        "p99_ms": round(1000 * times[int(len(times) * 0.99)], 1), "longest_ms": round(1000 * times[-1], 1),
        "alone": alone, "loaded": loaded,
        "server_share_of_the_machine": round(loaded["server_cpu"] / (processors * chosen.seconds), 3),
        "slowed_by": round(1 - _rate(loaded, processors) / _rate(alone, processors), 3),
        "frames_per_cpu_second": [round(each["frames"] / max(each["conversion_cpu"], 0.01), 2)
                                  for each in (alone, loaded)],
    }


def _rate(stretch: dict[str, float], processors: int) -> float:
    """Frames for each second of processor time that the load generator left."""
    return stretch["frames"] / (processors * stretch["seconds"] - stretch["generator_cpu"])


async def stretch(client: httpx.AsyncClient, job: str, server: int, seconds: float,
                  load: list[Any]) -> dict[str, float]:
    """Frames converted and processor time taken, in so many seconds."""
    frames, before, own = await progress(client, job), cpu_of(server), time.process_time()
    began = time.monotonic()
    await asyncio.gather(asyncio.sleep(seconds), *load)
    after = cpu_of(server)
    return {
        "seconds": round(time.monotonic() - began, 1), "frames": await progress(client, job) - frames,
        "server_cpu": round(after[0] - before[0], 2), "conversion_cpu": round(after[1] - before[1], 2),
        "generator_cpu": round(time.process_time() - own, 2),
    }


async def progress(client: httpx.AsyncClient, job: str) -> int:
    """Frames done."""
    told = (await client.get(f"/jobs/{job}")).json()
    return (told["progress"] or {"done": 0})["done"]


async def poll(client: httpx.AsyncClient, job: str, end: float, wait: float, times: list[float],
               failures: list[str]) -> None:
    """Ask once a second."""
    await asyncio.sleep(wait)
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            answer = await client.get(f"/jobs/{job}")
            answer.raise_for_status()
        except httpx.HTTPError as problem:
            failures.append(repr(problem))
        times.append(time.monotonic() - began)
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))


async def send(client: httpx.AsyncClient, end: float, failures: list[str]) -> None:
    """Upload a megabyte a second until the end, and delete it."""
    async def pieces() -> AsyncIterator[bytes]:
        while time.monotonic() < end:
            yield bytes(1 << 16)
            await asyncio.sleep(1 / 16)

    try:
        answer = await client.post("/uploads", params={"name": "load.mp4"}, content=pieces())
        answer.raise_for_status()
        (await client.delete(f"/uploads/{answer.json()['id']}")).raise_for_status()
    except httpx.HTTPError as problem:
        failures.append(repr(problem))


def cpu_of(server: int) -> tuple[float, float]:
    """Processor seconds of the server itself, and of all that descends from it."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(fields[1])
            # Own time, and that of children that have ended.
            seconds[int(entry.name)] = sum(int(word) for word in fields[11:15]) / TICKS
    below = {server}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    own = sum(int(word) for word in Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[11:13]) / TICKS
    return own, sum(seconds[each] for each in below - {server})


if __name__ == "__main__":
    main()
