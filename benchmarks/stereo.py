"""How good and how fast the second eye is: on stereo pairs with ground truth, on soft depth, and over time.

    python benchmarks/stereo.py [--pairs FOLDER] [--depthmap-script FOLDER] [--nunif FOLDER] [--threads 2]
                                [--tables pairs,soft,noise,time,speed]

Pairs are FOLDER/NAME/{left,right,disp_left}.png with disp_left 16 bit, value / 256 = pixels, 0 = unknown; without a
folder, layered pictures made here stand in. Peers run from checkouts named on the command line (thygate's
stable-diffusion-webui-depthmap-script; nagadomi's nunif, which needs torch): none of their code is here.

Seen: visible in the left picture. Hole: disoccluded. Border: outside the left picture's field. Gradients: mean
gradient of luma in holes as a share of the truth's. SIoU: 0.75 IoU of Canny edges + 0.25 IoU of what differs from the
left picture by more than 5 levels. Times are the median of five runs at 1920x1080 with 48 pixels of disparity.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]
NOTHING = -1e9
SURFACE_JUMP = 1.5
"""Neighbours whose disparity differs by more belong to different surfaces."""
COLUMNS = ("PSNR all", "seen", "hole", "border", "SSIM", "SSIM hole", "gradients", "SIoU")


@dataclass(frozen=True, eq=False)
class Pair:
    """A left and a right picture (uint8 RGB) and the left one's disparity, with what is known of it."""

    name: str
    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray
    known: np.ndarray


def read_pair(folder: Path) -> Pair:
    """A pair from its folder; unknown disparity takes the farther side's."""
    left, right = (cv2.cvtColor(cv2.imread(str(folder / f"{eye}.png")), cv2.COLOR_BGR2RGB) for eye in ("left", "right"))
    raw = cv2.imread(str(folder / "disp_left.png"), cv2.IMREAD_UNCHANGED)
    known = raw > 0
    disparity = raw.astype(np.float32) / 256
    for row, sure in zip(disparity, known, strict=True):
        places = np.flatnonzero(sure)
        if len(places):
            after = np.searchsorted(places, np.arange(len(row)))
            row[:] = np.where(sure, row, np.minimum(row[places[np.clip(after - 1, 0, None)]],
                                                    row[places[np.clip(after, None, len(places) - 1)]]))
    return Pair(folder.name, left, right, disparity, known)


# ---------------------------------------------------------------- pictures made here

@dataclass(frozen=True, eq=False)
class Layer:
    """A textured card: an ellipse or a pole at `centre`, `half` as large, moving by `speed` pixels a frame."""

    texture: np.ndarray
    disparity: float
    centre: tuple[float, float]
    half: tuple[float, float]
    speed: float
    bars: float
    """0, or the distance between the bars of a fence, a third of it wide."""

    def covers(self, x: np.ndarray, y: np.ndarray, frame: int) -> np.ndarray:
        """Where the card is, in the left picture."""
        u, v = (x - self.centre[0] - self.speed * frame) / self.half[0], (y - self.centre[1]) / self.half[1]
        inside = u * u + v * v < 1
        return inside & (np.mod(x - self.speed * frame, self.bars) < self.bars / 3) if self.bars else inside


def texture(rng: np.random.Generator, size: int = 1024) -> np.ndarray:
    """Noise of several scales over a few hard-edged shapes, float32 [size, size, 3]."""
    image = np.full((size, size, 3), rng.uniform(60, 190, 3), np.float32)
    for _ in range(60):
        place = tuple(int(v) for v in rng.integers(0, size, 2))
        cv2.circle(image, place, int(rng.integers(8, 60)), tuple(rng.uniform(20, 235, 3)), -1, cv2.LINE_AA)
    for scale, strength in ((2, 9), (8, 16), (32, 25)):
        noise = cv2.GaussianBlur(rng.standard_normal((size, size, 3)).astype(np.float32), (0, 0), scale)
        image += noise / noise.std() * strength
    return np.clip(image, 0, 255)


class LayeredScene:
    """Cards before a wall, seen from two eyes and a panning camera; both eyes and the disparity are exact."""

    def __init__(self, seed: int, width: int, height: int, pan: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.size, self.pan = (width, height), pan
        self.wall = Layer(texture(rng), 0.006 * width, (0, 0), (1e9, 1e9), 0.0, 0.0)
        self.cards = [
            Layer(texture(rng), float(near) * width, (rng.uniform(0.1, 0.9) * width, rng.uniform(0.2, 0.8) * height),
                  (rng.uniform(0.03, 0.16) * width, rng.uniform(0.1, 0.45) * height),
                  rng.uniform(-0.004, 0.004) * width, 0.035 * width if n == 2 else 0.0)
            for n, near in enumerate(np.sort(rng.uniform(0.01, 0.03, 6)))]

    def render(self, frame: int, eye: float) -> tuple[np.ndarray, np.ndarray]:
        """The picture of an eye (0 left, 1 right), four samples a pixel, and the disparity at pixel centres."""
        width, height = self.size
        total = np.zeros((height, width, 3), np.float32)
        for dx, dy in ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)):
            total += self._sample(frame, eye, dx, dy)[0]
        return np.round(total / 4).astype(np.uint8), self._sample(frame, eye, 0, 0)[1]

    def _sample(self, frame: int, eye: float, dx: float, dy: float) -> tuple[np.ndarray, np.ndarray]:
        width, height = self.size
        xs, ys = np.meshgrid(np.arange(width, dtype=np.float32) + dx, np.arange(height, dtype=np.float32) + dy)
        colour, disparity = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
        for layer in (self.wall, *self.cards):
            x = xs + eye * layer.disparity + self.pan * frame
            where = layer.covers(x, ys, frame)
            u = np.mod(x - layer.speed * frame, 1023)
            sampled = cv2.remap(layer.texture, u, np.mod(ys, 1023), cv2.INTER_LINEAR)
            colour[where], disparity[where] = sampled[where], layer.disparity
        return colour, disparity


def made_pairs(width: int = 960, height: int = 540, count: int = 4) -> list[Pair]:
    """Layered pictures with an exact second view."""
    pairs: list[Pair] = []
    for seed in range(count):
        scene = LayeredScene(seed, width, height)
        left, disparity = scene.render(0, 0.0)
        pairs.append(Pair(f"made {seed}", left, scene.render(0, 1.0)[0], disparity, np.ones(disparity.shape, bool)))
    return pairs


# ---------------------------------------------------------------- measures

@dataclass(frozen=True, eq=False)
class Regions:
    """Masks of the right view, by ground truth."""

    seen: np.ndarray
    hole: np.ndarray
    border: np.ndarray


def regions(pair: Pair) -> Regions:
    """What of the right view the left one shows; what rests on unknown disparity belongs nowhere.

    The left rows are chains of segments between neighbours of one surface, drawn at x - disparity into a buffer that
    keeps the nearest. Plain numpy, apart from the kernels that are measured with it.
    """
    near, sure = _nearest(pair.disparity, pair.known)
    covered = near > NOTHING
    columns = np.arange(covered.shape[1])
    first = np.where(covered, columns, covered.shape[1]).min(axis=1, keepdims=True)
    last = np.where(covered, columns, -1).max(axis=1, keepdims=True)
    border = (columns < first) | (columns > last)
    hole = ~covered & ~border
    padded = np.pad(hole, ((0, 0), (1, 1)))
    alone = hole & ~padded[:, :-2] & ~padded[:, 2:]  # sampling, not a disocclusion
    beside = np.pad(sure, ((0, 0), (1, 1)))
    vague = np.where(alone, ~(beside[:, :-2] & beside[:, 2:]), covered & ~sure)
    told = cv2.dilate(vague.astype(np.uint8), np.ones((1, 5), np.uint8)) == 0
    return Regions((covered | alone) & told, hole & ~alone & told, border & told)


def _nearest(disparity: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The disparity seen at each pixel of the right view (NOTHING where none is), and whether it is known."""
    height, width = disparity.shape
    near, sure = np.full((height, width), NOTHING, np.float32), np.zeros((height, width), bool)
    left, right = disparity[:, :-1], disparity[:, 1:]
    rows, xs = np.nonzero(np.abs(left - right) <= SURFACE_JUMP)
    ends = np.stack([xs - left[rows, xs], xs + 1 - right[rows, xs]])
    values = np.stack([left[rows, xs], right[rows, xs]])
    turned = ends[0] > ends[1]
    (begin, end), (from_value, to_value) = np.where(turned, ends[::-1], ends), np.where(turned, values[::-1], values)
    both = known[rows, xs] & known[rows, xs + 1]
    for step in range(int(SURFACE_JUMP) + 2):  # a segment is at most 1 + SURFACE_JUMP long
        place = np.ceil(begin) + step
        inside = (place <= end) & (place >= 0) & (place < width)
        part = (place - begin) / np.maximum(end - begin, 1e-9)
        value = (from_value + part * (to_value - from_value)).astype(np.float32)
        _keep_nearest(near, sure, rows[inside], place[inside].astype(np.int64), value[inside], both[inside])
    # Half a pixel around each sample: what stands alone, and the rims of surfaces.
    rows, xs = np.nonzero(np.isfinite(disparity))
    value = disparity[rows, xs].astype(np.float32)
    place = np.floor(xs - value + 0.5).astype(np.int64)
    inside = (place >= 0) & (place < width)
    inside[inside] = value[inside] > near[rows[inside], place[inside]] + 1
    _keep_nearest(near, sure, rows[inside], place[inside], value[inside], known[rows, xs][inside])
    return near, sure


def _keep_nearest(near: np.ndarray, sure: np.ndarray, rows: np.ndarray, places: np.ndarray, values: np.ndarray,
                  known: np.ndarray) -> None:
    before = near[rows, places]
    np.maximum.at(near, (rows, places), values)
    wins, beaten = values == near[rows, places], values > before
    sure[rows[wins & beaten], places[wins & beaten]] = False
    sure[rows[wins & known], places[wins & known]] = True


def psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """dB over a mask, at most 60; nan where it is empty."""
    if not mask.any():
        return float("nan")
    error = float(np.mean(np.square(a[mask].astype(np.float64) - b[mask])))
    return 60.0 if error < 0.065 else 10 * float(np.log10(255**2 / error))


def luma(image: np.ndarray) -> np.ndarray:
    """float32 [H, W], ITU-R BT.601."""
    return image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity of luma (Wang et al. 2004: Gaussian window, sigma 1.5)."""
    def blurred(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5)

    x, y = luma(a), luma(b)
    mx, my = blurred(x), blurred(y)
    vx, vy, both = blurred(x * x) - mx * mx, blurred(y * y) - my * my, blurred(x * y) - mx * my
    return (2 * mx * my + 6.5025) * (2 * both + 58.5225) / ((mx * mx + my * my + 6.5025) * (vx + vy + 58.5225))


def gradients(image: np.ndarray) -> np.ndarray:
    """Length of luma's gradient by forward differences."""
    grey = luma(image)
    return np.hypot(np.diff(grey, axis=1, append=grey[:, -1:]), np.diff(grey, axis=0, append=grey[-1:]))


def stereo_iou(made: np.ndarray, truth: np.ndarray, left: np.ndarray) -> float:
    """SIoU."""
    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        return float((a & b).sum() / max(1, (a | b).sum()))

    m, t, first = (np.round(luma(image)).astype(np.uint8) for image in (made, truth, left))
    edges = overlap(cv2.Canny(m, 100, 200) > 0, cv2.Canny(t, 100, 200) > 0)
    return 0.75 * edges + 0.25 * overlap(cv2.absdiff(m, first) > 5, cv2.absdiff(t, first) > 5)


def scores(pair: Pair, made: np.ndarray) -> tuple[float, ...]:
    """One figure for each of COLUMNS."""
    where = regions(pair)
    everything = where.seen | where.hole | where.border
    similar = ssim_map(made, pair.right)
    texture_share = float("nan")
    if where.hole.any():
        texture_share = float(gradients(made)[where.hole].mean() / gradients(pair.right)[where.hole].mean())
    return (*(psnr(made, pair.right, mask) for mask in (everything, where.seen, where.hole, where.border)),
            float(similar[everything].mean()), float(similar[where.hole].mean()) if where.hole.any() else float("nan"),
            texture_share, stereo_iou(made, pair.right, pair.left))


def clocked(method: Method, pair: Pair) -> tuple[float, float]:
    """Milliseconds by the clock and of all processors, at 1920x1080 with 48 pixels of disparity."""
    left = cv2.resize(pair.left, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    disparity = cv2.resize(pair.disparity, (1920, 1080), interpolation=cv2.INTER_NEAREST)
    low, high = np.percentile(disparity, (0.5, 99.5))
    disparity = (np.clip((disparity - low) / max(high - low, 1e-6), 0, 1) * 48).astype(np.float32)
    method(left, disparity)
    wall, busy = [], []
    for _ in range(5):
        start, processor = time.perf_counter(), time.process_time()
        method(left, disparity)
        wall.append(time.perf_counter() - start)
        busy.append(time.process_time() - processor)
    return 1000 * statistics.median(wall), 1000 * statistics.median(busy)


# ---------------------------------------------------------------- methods

def own_methods(threads: int) -> dict[str, Method]:
    """Ours, and the left picture as it is."""
    from video3d.stereo import synthesize

    methods: dict[str, Method] = {
        "left picture as it is": lambda left, _: left,
        "video3d": lambda left, d: synthesize(left, d, workers=threads),
        "video3d, plain path": lambda left, d: synthesize(left, d, workers=threads, compiled=False)}
    if importlib.util.find_spec("torch") is not None:
        from video3d.stereo.torch_path import synthesize_torch

        importlib.import_module("torch").set_num_threads(threads)
        methods["video3d, torch on the processor"] = synthesize_torch
    return methods


def depthmap_script(folder: Path) -> dict[str, Method]:
    """The depth extension's fills; its shift is depth · divergence + separation, in per cent of the width."""
    if not hasattr(np, "float_"):
        np.float_ = np.float64  # it is written for numpy 1
    spec = importlib.util.spec_from_file_location("depthmap_stereo", folder / "src" / "stereoimage_generation.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def method(fill: str) -> Method:
        def run(left: np.ndarray, disparity: np.ndarray) -> np.ndarray:
            low, high = float(disparity.min()), float(disparity.max())
            percent = 100 / left.shape[1]
            return module.apply_stereo_divergence(left, disparity, -(high - low) * percent, -low * percent, 1.0, fill)

        return run

    return {f"depth extension, {fill}": method(fill)
            for fill in ("naive", "naive_interpolating", "polylines_soft", "polylines_sharp")}


def nunif(folder: Path) -> dict[str, Method]:
    """iw3's two plain warps, on the processor; its packages stand bare: their __init__ files want more than torch."""
    torch = importlib.import_module("torch")
    for package in ("nunif", "nunif.modules", "iw3"):
        bare = types.ModuleType(package)
        bare.__path__ = [str(folder / package.replace(".", "/"))]
        sys.modules[package] = bare
    forward, backward = (importlib.import_module(f"iw3.{name}") for name in ("forward_warp", "backward_warp"))

    def method(warp: Callable[..., Any], **options: str) -> Method:
        def run(left: np.ndarray, disparity: np.ndarray) -> np.ndarray:
            low, high = min(0.0, float(disparity.min())), float(disparity.max())
            span = max(high - low, 1e-6)
            colour = torch.from_numpy(left).permute(2, 0, 1)[None].float() / 255
            depth = torch.from_numpy((disparity - low) / span)[None, None].float()
            with torch.inference_mode():
                _, right = warp(colour, depth, 100 * span / left.shape[1], -low / span, synthetic_view="right",
                                **options)
            return (right[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()

        return run

    return {"iw3 forward fill": method(forward.apply_divergence_forward_warp, method="forward_fill"),
            "iw3 backward": method(backward.apply_divergence_grid_sample)}


# ---------------------------------------------------------------- tables

def pairs_table(methods: dict[str, Method], pairs: Sequence[Pair]) -> None:
    """Quality and time of each method."""
    largest = max(pairs, key=lambda pair: pair.left.size)
    times: dict[str, tuple[float, float]] = {}
    print(f"\n{len(pairs)} pairs: {', '.join(pair.name for pair in pairs)}\n")
    print("| method | " + " | ".join(COLUMNS) + " | ms | processor ms |\n|" + "---|" * (len(COLUMNS) + 3))
    for name, method in methods.items():
        rows = [scores(pair, method(pair.left, pair.disparity)) for pair in pairs]
        mean = np.nanmean(np.array(rows), axis=0)
        times[name] = wall, busy = clocked(method, largest)
        figures = [f"{value:.2f}" for value in mean[:4]] + [f"{value:.3f}" for value in mean[4:]]
        print(f"| {name} | {' | '.join(figures)} | {wall:.0f} | {busy:.0f} |", flush=True)

    print("\nTime as a multiple of video3d's, in this run\n")
    print("| method | by the clock | of all processors |\n|---|---|---|")
    for name, (wall, busy) in times.items():
        print(f"| {name} | {wall / times['video3d'][0]:.1f} | {busy / times['video3d'][1]:.1f} |")


def soft_table(methods: dict[str, Method]) -> None:
    """Seen PSNR with depth as a network gives it, at 1920x1080."""
    print("\nDisparity area-reduced to 921x518 and blurred by 1.5 pixels, made scenes at 1920x1080\n")
    print("| method | seen, exact | seen, soft | loss |\n|---|---|---|---|")
    pairs = made_pairs(1920, 1080, 2)
    soft = [cv2.resize(cv2.GaussianBlur(cv2.resize(pair.disparity, (921, 518), interpolation=cv2.INTER_AREA), (0, 0),
                                        1.5), (1920, 1080)) for pair in pairs]
    masks = [regions(pair).seen for pair in pairs]
    for name, method in methods.items():
        exact, blurred = (
            float(np.mean([psnr(method(pair.left, d), pair.right, mask)
                           for pair, d, mask in zip(pairs, maps, masks, strict=True)]))
            for maps in ([pair.disparity for pair in pairs], soft))
        print(f"| {name} | {exact:.2f} | {blurred:.2f} | {exact - blurred:.2f} |", flush=True)


def noise_table(methods: dict[str, Method]) -> None:
    """What noise costs on soft depth, beside what the same noise costs on sharp depth."""
    print("\nNoise on depth: normal, in per cent of the range of disparity, of 921x518, made scenes at 1920x1080\n")
    print("| method | noise | seen, sharp | seen, soft | cost on sharp | cost on soft |\n|---|---|---|---|---|---|")
    pairs = made_pairs(1920, 1080, 2)
    masks = [regions(pair).seen for pair in pairs]
    for name, method in methods.items():
        quiet: list[float] = []
        for share in (0.0, 0.01, 0.02):
            rows = [[psnr(method(pair.left, d), pair.right, mask) for d in _noisy(pair.disparity, share)]
                    for pair, mask in zip(pairs, masks, strict=True)]
            sharp, soft = (float(value) for value in np.mean(rows, axis=0))
            quiet = quiet or [sharp, soft]
            print(f"| {name} | {100 * share:g} % | {sharp:.2f} | {soft:.2f} | {quiet[0] - sharp:.2f} | "
                  f"{quiet[1] - soft:.2f} |", flush=True)


def _noisy(disparity: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Sharp and soft disparity [H, W] with the same noise."""
    noise = np.random.default_rng(3).standard_normal((518, 921)).astype(np.float32) * share * float(np.ptp(disparity))
    small = cv2.GaussianBlur(cv2.resize(disparity, (921, 518), interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    return disparity + cv2.resize(noise, (1920, 1080)), cv2.resize(small + noise, (1920, 1080))


def time_table(threads: int) -> None:
    """Holes over time, with the background plate and without: cards before a wall, a still and a panning camera."""
    print("\nHoles over time: 16 frames of 640x360, 1 % depth noise, mean of three seeds\n")
    print("| camera | plate | hole | seen | flicker in holes |\n|---|---|---|---|---|")
    for pan in (0.0, 3.0):
        for plate in (False, True):
            rows = [_over_time(LayeredScene(seed, 640, 360, pan), plate, threads) for seed in range(3)]
            hole, seen, flicker = np.nanmean(np.array(rows), axis=0)
            camera, word = ("pans" if pan else "still"), ("yes" if plate else "no")
            print(f"| {camera} | {word} | {hole:.2f} | {seen:.2f} | {flicker:.2f} |", flush=True)


def _over_time(scene: LayeredScene, plate: bool, threads: int) -> tuple[float, float, float]:
    from video3d.stereo import ShotSynthesizer
    from video3d.types import Eye, Frame, PixelFormat

    width, height = scene.size
    pixel_format = PixelFormat.parse("yuv444p")
    rng = np.random.default_rng(1)
    shot = ShotSynthesizer(width, height, pixel_format, Eye.RIGHT, background_plate=plate, workers=threads)
    pairs: list[Pair] = []
    made: list[np.ndarray] = []
    for n in range(16):
        left, disparity = scene.render(n, 0.0)
        pairs.append(Pair("", left, scene.render(n, 1.0)[0], disparity, np.ones(disparity.shape, bool)))
        noisy = disparity * (1 + 0.01 * rng.standard_normal()) + 0.01 * np.ptp(disparity) * rng.standard_normal()
        planes = [np.ascontiguousarray(left[:, :, channel]) for channel in (1, 2, 0)]
        frame = Frame((planes[0], planes[1], planes[2]), n, pixel_format)
        made += [_as_rgb(stereo.right) for stereo in shot.push(frame, noisy.astype(np.float32))]
    made += [_as_rgb(stereo.right) for stereo in shot.flush()]
    shot.close()
    where = [regions(pair) for pair in pairs]
    step = round(scene.pan)
    jumps: list[float] = []
    for n in range(15):
        (now, later), (true_now, true_later) = (
            (views[0][:, step:].astype(float), views[1][:, : width - step].astype(float))
            for views in ((made[n], made[n + 1]), (pairs[n].right, pairs[n + 1].right)))
        hidden = where[n].hole[:, step:] | where[n + 1].hole[:, : width - step]
        stays = hidden & (np.abs(true_now - true_later).max(2) < 3)
        if stays.any():
            jumps.append(float(np.abs(now - later)[stays].mean()))
    hole = [psnr(image, pair.right, mask.hole) for image, pair, mask in zip(made, pairs, where, strict=True)]
    seen = [psnr(image, pair.right, mask.seen) for image, pair, mask in zip(made, pairs, where, strict=True)]
    return float(np.nanmean(hole)), float(np.nanmean(seen)), float(np.mean(jumps)) if jumps else float("nan")


def _as_rgb(frame: Any) -> np.ndarray:
    green, blue, red = frame.planes
    return np.stack([red, green, blue], axis=-1)


def speed_table(threads: int) -> None:
    """Frames a second of the whole shot synthesiser, one eye, 1920x1080, depth of 640x360."""
    from video3d.stereo import ShotSynthesizer
    from video3d.types import Eye, Frame, PixelFormat

    print("\nOne eye at 1920x1080 from depth of 640x360, 24 frames\n")
    print("| format | plate | frames/s | processor ms a frame |\n|---|---|---|---|")
    scene = LayeredScene(0, 1920, 1080)
    left, disparity = scene.render(0, 0.0)
    small = cv2.resize(disparity, (640, 360), interpolation=cv2.INTER_AREA)
    for name in ("yuv420p", "yuv420p10le"):
        pixel_format = PixelFormat.parse(name)
        planes = [cv2.resize(left[:, :, n], shape[::-1]).astype(pixel_format.dtype) * (pixel_format.peak // 255)
                  for n, shape in enumerate(pixel_format.plane_shapes(1920, 1080))]
        for plate in (False, True):
            shot = ShotSynthesizer(1920, 1080, pixel_format, Eye.LEFT, background_plate=plate, workers=threads)
            for n in range(24):
                if n == 12:
                    start, processor = time.perf_counter(), time.process_time()
                shot.push(Frame((planes[0], planes[1], planes[2]), n, pixel_format), small)
            wall, busy = (time.perf_counter() - start) / 12, (time.process_time() - processor) / 12
            shot.close()
            print(f"| {name} | {'yes' if plate else 'no'} | {1 / wall:.1f} | {1000 * busy:.0f} |", flush=True)


def main(arguments: Iterable[str] | None = None) -> int:
    """Prints all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="folder of NAME/{left,right,disp_left}.png")
    parser.add_argument("--depthmap-script", type=Path, help="checkout of stable-diffusion-webui-depthmap-script")
    parser.add_argument("--nunif", type=Path, help="checkout of nunif (iw3)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tables", default="pairs,soft,noise,time,speed", help="which tables, with commas between")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    if importlib.util.find_spec("video3d") is None:
        print("Run it where video3d is installed, or with PYTHONPATH set to the project's folder.", file=sys.stderr)
        return 2
    cv2.setNumThreads(chosen.threads)
    methods = own_methods(chosen.threads)
    if chosen.depthmap_script:
        methods |= depthmap_script(chosen.depthmap_script)
    if chosen.nunif:
        methods |= nunif(chosen.nunif)
    folders = sorted(path.parent for path in chosen.pairs.glob("*/disp_left.png")) if chosen.pairs else []
    quick = {name: method for name, method in methods.items()
             if not any(word in name for word in ("plain", "torch", "as it is"))}
    tables: dict[str, Callable[[], None]] = {
        "pairs": lambda: pairs_table(methods, [read_pair(folder) for folder in folders] or made_pairs()),
        "soft": lambda: soft_table(quick), "noise": lambda: noise_table(quick),
        "time": lambda: time_table(chosen.threads), "speed": lambda: speed_table(chosen.threads)}
    for name in chosen.tables.split(","):
        if name not in tables:
            print(f"There is no table {name!r}: choose among {', '.join(tables)}.", file=sys.stderr)
            return 2
        tables[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
