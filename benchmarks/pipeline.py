"""What the whole path costs beside plain ffmpeg.

    python benchmarks/pipeline.py [CLIP] [--seconds 24] [--repeats 2]

For CLIP (default: the sample scene drawn at 1920x1080) and for a clip cut from it with a shot every second, side by
side in one run, all with the same encoder (x264 veryfast, CRF 20, full side-by-side, the same threads):

    plain      one ffmpeg that decodes the clip and encodes our output frames, read raw from a file
    given      our pipeline, depth read from a moving depth video
    built-in   our pipeline with the built-in depth

Printed: seconds by the clock and of all processors, frames per second, and the ratio to plain ffmpeg by either; the
goal is 0.7 with given depth and 0.5 with the built-in one, by the clock. The best of the repeats counts: what others do
on the machine only ever adds time. On a busy machine only the ratio of processor time means something.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from video3d.media.encoders import SOFTWARE_THREADS
from video3d.media.ffmpeg import find_ffmpeg
from video3d.media.source import probe

ENCODER = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", str(SOFTWARE_THREADS)]
CONVERT = ["--encoder", "libx264", "--speed", "fast", "--quality", "20", "--layout", "full-sbs", "--tracks", "none"]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=24)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip = options.clip or draw(work / "clip.mp4", options.seconds)
        rows = measure("one shot", trimmed(clip, work / "long.mp4", options.seconds), work, options.repeats)
        rows += measure("a shot a second", shuffled(clip, work / "cuts.mp4", options.seconds), work, options.repeats)
    print("| clip | way | s | frames/s | of plain ffmpeg | processor ms a frame | of plain ffmpeg |\n"
          + "|---" * 7 + "|")
    for row in rows:
        print(f"| {row.clip} | {row.way} | {row.seconds:.2f} | {row.frames / row.seconds:.1f} | {row.ratio:.2f} "
              f"| {1000 * row.busy / row.frames:.0f} | {row.busy_ratio:.2f} |")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def draw(target: Path, seconds: float) -> Path:
    """The sample scene at 1920x1080, scaled up with a little grain, so that the encoder has work as with a camera."""
    from video3d.sample import write_sample

    small = write_sample(target.with_name("small.mp4"), seconds=seconds)
    ffmpeg("-i", str(small), "-vf", "scale=1920:1080:flags=lanczos,noise=alls=4:allf=t", "-an", "-c:v", "libx264",
           "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", str(target))
    return target


def trimmed(clip: Path, target: Path, seconds: float) -> Path:
    """The clip's beginning, without sound."""
    ffmpeg("-i", str(clip), "-t", str(seconds), "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "16",
           "-pix_fmt", "yuv420p", str(target))
    return target


def shuffled(clip: Path, target: Path, seconds: float) -> Path:
    """Seconds of the clip in another order, every other one mirrored and of other colours: each is a shot."""
    whole = int(seconds)
    parts = "".join(
        f"[0:v]trim={second}:{second + 1},setpts=PTS-STARTPTS{',hflip,negate' if place % 2 else ''}[s{place}];"
        for place, second in enumerate(sorted(range(whole), key=lambda n: (n * 7) % whole)))
    joined = "".join(f"[s{place}]" for place in range(whole)) + f"concat=n={whole}[v]"
    ffmpeg("-i", str(clip), "-filter_complex", parts + joined, "-map", "[v]", "-c:v", "libx264", "-preset", "veryfast",
           "-crf", "16", "-pix_fmt", "yuv420p", str(target))
    return target


@dataclass(frozen=True)
class Row:
    """One way to convert one clip: its best run."""

    clip: str
    way: str
    frames: int
    seconds: float
    busy: float
    """Seconds of all processors, of all processes."""
    ratio: float
    """Plain ffmpeg's seconds by ours."""
    busy_ratio: float


def measure(name: str, clip: Path, work: Path, repeats: int) -> list[Row]:
    """All ways in turn, so that a slow moment of the machine meets them alike."""
    info = probe(clip)
    depth = work / f"{clip.stem}_depth.mp4"
    convert(clip, depth, "--layout", "depth", "--encoder", "libx264", "--quality", "8", "--tracks", "none")
    ours = work / f"{clip.stem}_ours.mp4"
    convert(clip, ours, *CONVERT, "--depth-video", str(depth))
    raw = work / f"{clip.stem}.yuv"
    ffmpeg("-i", str(ours), "-f", "rawvideo", "-pix_fmt", "yuv420p", str(raw))
    frames = raw.stat().st_size // (2 * info.width * info.height * 3 // 2)
    rate = str(info.frame_rate)

    def plain() -> None:
        ffmpeg("-i", str(clip), "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{2 * info.width}x{info.height}", "-r",
               rate, "-i", str(raw), "-map", "0:v", "-f", "null", "-", "-map", "1:v", *ENCODER, str(work / "plain.mp4"))

    ways = {
        "plain": plain,
        "given": lambda: convert(clip, ours, *CONVERT, "--depth-video", str(depth)),
        "built-in": lambda: convert(clip, ours, *CONVERT, "--depth-model", "builtin"),
    }
    best = dict.fromkeys(ways, float("inf"))
    busy = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for way, run in ways.items():
            began, worked = time.perf_counter(), children_seconds()
            run()
            best[way] = min(best[way], time.perf_counter() - began)
            busy[way] = min(busy[way], children_seconds() - worked)
    raw.unlink()
    return [Row(name, way, frames, best[way], busy[way], best["plain"] / best[way], busy["plain"] / busy[way])
            for way in ways]


def children_seconds() -> float:
    """Processor time of all processes that have been waited for, theirs included."""
    spent = os.times()
    return spent.children_user + spent.children_system


def convert(clip: Path, target: Path, *options: str) -> None:
    """One conversion, as a user starts it: with Python's compiled files kept."""
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-m", "video3d", "convert", str(clip), "-o", str(target), "--overwrite", *options],
                   check=True, stdout=subprocess.DEVNULL, env=surroundings)


def ffmpeg(*arguments: str) -> None:
    """One run of the same ffmpeg that the conversions use."""
    subprocess.run([find_ffmpeg().path, "-nostdin", "-v", "error", "-y", *arguments], check=True)


if __name__ == "__main__":
    main()
