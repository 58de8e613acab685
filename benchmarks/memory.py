"""Peak memory of a conversion, all its processes together (Linux).

    python benchmarks/memory.py CLIP [CLIP …] [-- CONVERT OPTIONS]

Samples the proportional set size (PSS: shared pages counted once) of the command line and all its descendants ten
times a second, and prints the peak for each clip, its parts by process, and the ratio to the first clip's peak.
Megabytes are 10^6 bytes. Give a clip of two minutes and one of twenty to see that length does not matter;
`--make FOLDER` makes such a pair, and one of 3840x2160 in 10 bit. The pair has one frame a second, to be done in
minutes, and a cut every eight seconds, so that both consist of many units.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from video3d.media.ffmpeg import find_ffmpeg

SHOTS = ("testsrc2=s=1920x1080:r=1:d={0}[a];smptehdbars=s=1920x1080:r=1:d={0}[b];"
         "[a][b]overlay=enable='gte(mod(t,16),8)'")
SOURCES = {
    "short_1080p.mp4": (SHOTS.format(128), "yuv420p"),
    "long_1080p.mp4": (SHOTS.format(1200), "yuv420p"),
    "1080p.mp4": ("testsrc2=s=1920x1080:r=24:d=6", "yuv420p"),
    "2160p_10bit.mp4": ("testsrc2=s=3840x2160:r=24:d=4", "yuv420p10le"),
}


def main() -> None:
    """Measure the clips named, or those that `--make` makes."""
    arguments = sys.argv[1:]
    options: list[str] = []
    if "--" in arguments:
        options = arguments[arguments.index("--") + 1:]
        arguments = arguments[:arguments.index("--")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--make", type=Path, metavar="FOLDER")
    chosen = parser.parse_args(arguments)
    clips = list(chosen.clips) or make(chosen.make)
    print("| clip | peak MB | of the first | largest processes, MB |\n|---|---|---|---|")
    first = 0.0
    for clip in clips:
        peak, parts = measure(clip, options)
        first = first or peak
        shown = ", ".join(f"{name} {size:.0f}" for name, size in sorted(parts, key=lambda part: -part[1])[:4])
        print(f"| {clip.name} | {peak:.0f} | {peak / first:.2f} | {shown} |", flush=True)


def make(folder: Path) -> list[Path]:
    """The standard clips, made where they are missing."""
    made: list[Path] = []
    for name, (source, pixel_format) in SOURCES.items():
        target = folder / name
        made.append(target)
        if not target.exists():
            codec = "libx265" if "10" in pixel_format else "libx264"
            grain = f"{source},noise=alls=6:allf=t,format={pixel_format}"
            subprocess.run([find_ffmpeg().path, "-v", "error", "-y", "-f", "lavfi", "-i", grain, "-c:v", codec,
                            "-preset", "ultrafast", str(target)], check=True)
    return made


def measure(clip: Path, options: list[str]) -> tuple[float, list[tuple[str, float]]]:
    """Peak megabytes of all processes together, and each one's part of it."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([sys.executable, "-m", "video3d", "convert", str(clip), "-o",
                                    str(Path(folder, "out.mp4")), *options], stdout=subprocess.DEVNULL)
        peak, parts = 0.0, []
        while process.poll() is None:
            now = [(name_of(pid), pss(pid)) for pid in family(process.pid)]
            if sum(size for _, size in now) > peak:
                peak, parts = sum(size for _, size in now), now
            time.sleep(0.1)
        if process.returncode:
            raise SystemExit(f"{clip}: the conversion failed")
    return peak, parts


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += family(int(child))
    return found


def pss(pid: int) -> float:
    """Megabytes; 0 where the process has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:")), 0.0)


def name_of(pid: int) -> str:
    """What a process is, in a word."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    if any(b"video3d.media.worker" in word for word in words):
        return "worker"
    return Path(words[0].decode(errors="replace") or "?").name.split("-")[0]


if __name__ == "__main__":
    main()
