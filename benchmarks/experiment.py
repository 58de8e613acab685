"""The original experiment's way, rebuilt, as the baseline of every speed-up that this project claims.

    python benchmarks/experiment.py CLIP --onnx NETWORK.onnx --depthmap-script FOLDER

It does what the experiment did, step by step with a folder of PNG files between the steps: ffmpeg takes the clip
apart, a depth network looks at every picture, the depth extension's own "polylines" code makes the second eye, ffmpeg
joins the pictures. Then our pipeline converts the same clip, start-up included. Printed are seconds a frame, by the
clock and of all processors together (the latter without child processes on Windows).

FOLDER is a checkout of thygate/stable-diffusion-webui-depthmap-script: its code is used from there, and none is here.
NETWORK.onnx takes RGB 0…1, float32 [1, 3, h, w], any h and w that are multiples of 32, and gives one map. The
experiment's networks were 100 times as large: a small one flatters the baseline. onnxruntime must be installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
STEREO_SCRIPT = Path("src", "stereoimage_generation.py")
Network = Callable[[np.ndarray], np.ndarray]
"""uint8 [H, W, 3] to float32 [H, W], larger is nearer."""


class MissingError(Exception):
    """What is missing to run the baseline, in a sentence."""


@dataclass(frozen=True)
class Step:
    """A step's name and what a frame took: seconds by the clock, and of all processors together."""

    name: str
    seconds: float
    processor_seconds: float


def measured(name: str, work: Callable[[], Any], frames: Callable[[], int]) -> Step:
    """Runs `work` and divides its time, child processes included, by the frames that there are afterwards."""
    clock, processor = time.perf_counter(), sum(os.times()[:4])
    work()
    elapsed, used = time.perf_counter() - clock, sum(os.times()[:4]) - processor
    return Step(name, elapsed / frames(), used / frames())


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; exit code 3 with a sentence where something for the baseline is missing."""
    options = parse(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="experiment-", dir=options.folder) as folder:
            work = Path(folder)
            report(options, baseline(options, work), *ours(options, work))
    except MissingError as missing:
        print(f"skipped: {missing}")
        return 3
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--onnx", type=Path, required=True, help="the depth network")
    parser.add_argument("--onnx-short-side", type=int, default=384, help="of the picture it sees (default: 384)")
    parser.add_argument("--onnx-gives", choices=("depth", "inverse-depth"), default="inverse-depth",
                        help="depth: larger is farther; inverse-depth: larger is nearer (default)")  # fmt: skip
    parser.add_argument("--depthmap-script", type=Path, help="checkout of stable-diffusion-webui-depthmap-script")
    parser.add_argument("--fill", default="polylines_sharp", choices=("polylines_sharp", "polylines_soft"))
    parser.add_argument("--divergence", type=float, default=2.5, help="percent of the width (default: 2.5)")
    parser.add_argument("--frames", type=int, default=24, help="how many the baseline does (default: 24)")
    parser.add_argument("--seconds", type=float, help="how many seconds our pipeline does (default: the whole clip)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for the network (default: all)")
    parser.add_argument("--our-python", default=sys.executable, help="interpreter for our pipeline (default: this one)")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("settings", nargs="*", help="after --: for our pipeline, such as --depth-model builtin")
    return parser.parse_args(arguments)


def baseline(options: argparse.Namespace, work: Path) -> list[Step]:
    """Runs the experiment's steps and times each."""
    stereo = load_stereo(options.depthmap_script)
    network = load_network(options)
    pictures, depths, pairs = (work / name for name in ("pictures", "depths", "pairs"))
    for folder in (pictures, depths, pairs):
        folder.mkdir()

    def timed(name: str, work: Callable[[], Any]) -> Step:
        return measured(name, work, lambda: len(list(pictures.iterdir())))

    apart = timed("ffmpeg: clip to PNG", lambda: ffmpeg(
        "-i", str(options.clip), "-map", "0:v:0", "-frames:v", str(options.frames), "-fps_mode", "passthrough",
        str(pictures / "%06d.png")))  # fmt: skip
    names = sorted(path.name for path in pictures.iterdir())
    # Neither side pays for compilers and caches that are cold: one picture goes ahead.
    estimate(network, pictures / names[0], work / "warm.png")
    make_pair(stereo, options, pictures / names[0], work / "warm.png", work / "warm_pair.png")
    depth = timed("depth network, PNG to PNG", lambda: [
        estimate(network, pictures / name, depths / name) for name in names])  # fmt: skip
    eye = timed(f"{options.fill}, PNG to PNG", lambda: [
        make_pair(stereo, options, pictures / name, depths / name, pairs / name) for name in names])  # fmt: skip
    join = timed("ffmpeg: PNG to clip", lambda: ffmpeg(
        "-i", str(pairs / "%06d.png"), "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
        str(work / "experiment.mp4")))  # fmt: skip
    return [apart, depth, eye, join]


def load_stereo(checkout: Path | None) -> Callable[..., list[Image.Image]]:
    """The depth extension's `create_stereoimages`, from the checkout."""
    if checkout is None or not (checkout / STEREO_SCRIPT).is_file():
        raise MissingError("the second eye of the experiment is the depth extension's code: name a checkout of "
                           f"thygate/stable-diffusion-webui-depthmap-script (with {STEREO_SCRIPT}) by "
                           "--depthmap-script.")
    if not hasattr(np, "float_"):
        np.float_ = np.float64  # type: ignore[attr-defined]  # NumPy 2 has dropped the name that this code uses
    spec = importlib.util.spec_from_file_location("depthmap_stereo", checkout / STEREO_SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.create_stereoimages


def load_network(options: argparse.Namespace) -> Network:
    """The ONNX network behind a resize."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingError("the depth network needs onnxruntime: pip install onnxruntime.")
    if not options.onnx.is_file():
        raise MissingError(f"there is no depth network at {options.onnx}.")
    import onnxruntime

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(str(options.onnx), session_options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(picture: np.ndarray) -> np.ndarray:
        rows, columns = picture.shape[:2]
        scale = options.onnx_short_side / min(rows, columns)
        size = tuple(max(32, round(side * scale / 32) * 32) for side in (columns, rows))
        small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), np.float32) / 255
        found = session.run(None, {name: np.ascontiguousarray(small.transpose(2, 0, 1))[None]})[0].squeeze()
        if options.onnx_gives == "depth":
            found = 1 / np.maximum(found, 1e-3)
        return np.asarray(Image.fromarray(found).resize((columns, rows), Image.Resampling.BICUBIC), np.float32)

    return run


def estimate(network: Network, picture: Path, target: Path) -> None:
    """One picture's depth, stretched to its own range, as a 16-bit PNG."""
    depth = network(np.asarray(Image.open(picture).convert("RGB")))
    low, high = float(depth.min()), float(depth.max())
    grey = ((depth - low) / max(high - low, 1e-6) * 65535).astype(np.uint16)
    Image.fromarray(grey).save(target)


def make_pair(stereo: Callable[..., list[Image.Image]], options: argparse.Namespace, picture: Path, depth: Path,
              target: Path) -> None:  # fmt: skip
    """Both eyes side by side as a PNG."""
    colours = np.asarray(Image.open(picture).convert("RGB"))
    nearness = np.asarray(Image.open(depth), np.float64)
    stereo(colours, nearness, options.divergence, stereo_balance=1.0, modes="left-right",
           fill_technique=options.fill)[0].save(target)  # fmt: skip


def ours(options: argparse.Namespace, work: Path) -> tuple[Step, int]:
    """`python -m video3d convert` on the clip, start-up included, and its number of frames."""
    target = work / "ours.mp4"
    part = ["--end", str(options.seconds)] if options.seconds else []
    command = [options.our_python, "-m", "video3d", "convert", str(options.clip.resolve()), "-o", str(target),
               "--json", *part, *options.settings]  # fmt: skip

    def convert() -> None:
        done = subprocess.run(command, cwd=work, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
                              capture_output=True, text=True, encoding="utf-8")  # fmt: skip
        if done.returncode or not target.is_file():
            raise MissingError(f"our pipeline did not convert the clip: {(done.stderr or done.stdout).strip()}")

    step = measured("python -m video3d convert", convert, lambda: imageio_ffmpeg.count_frames_and_secs(str(target))[0])
    return step, imageio_ffmpeg.count_frames_and_secs(str(target))[0]


def ffmpeg(*arguments: str) -> None:
    """Runs the ffmpeg that the program itself uses."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", *arguments],
                   check=True)  # fmt: skip


def report(options: argparse.Namespace, steps: list[Step], our_step: Step, frames: int) -> None:
    """The table."""
    total = Step("the original way, together", sum(step.seconds for step in steps),
                 sum(step.processor_seconds for step in steps))  # fmt: skip
    print(f"{options.clip.name}: the first {options.frames} frames the original way, {frames} frames ours")
    print(f"{'step':32}{'s/frame':>10}{'CPU s/frame':>14}")
    for step in (*steps, total, our_step):
        print(f"{step.name:32}{step.seconds:10.4f}{step.processor_seconds:14.4f}")
    print(f"ours is {total.seconds / our_step.seconds:.1f} times as fast by the clock, and takes "
          f"{total.processor_seconds / our_step.processor_seconds:.1f} times less processor time")


if __name__ == "__main__":
    sys.exit(main())
