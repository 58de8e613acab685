"""Trains the network on rendered shards: `python -m training.train FOLDER -o depth.onnx --minutes 60`.

The shards may still be growing while it runs. The learning rate follows the time that is left, so that a run of any
length ends well; `--resume` goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.network import CHANNELS, FLOW_UNIT, DepthNetwork

BATCH = 16
PEAK_RATE = 2e-3
STILL = 0.5
"""Share of pictures whose motion is withheld: a photograph, or a camera at rest."""
UPSIDE_DOWN = 0.12


def batches(folder: Path, rng: np.random.Generator, reduction: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs [n, 6, h, w] and nearness [n, 1, h/2, w/2], without end; both sides in parts of `reduction`."""
    while True:
        files = sorted(folder.glob("*.npz"))
        for number in rng.permutation(len(files)):
            with np.load(files[number]) as shard:
                rgb, flow, confidence, nearness = (torch.from_numpy(shard[name]) for name in
                                                   ("rgb", "flow", "confidence", "nearness"))
            order = rng.permutation(len(rgb))
            for start in range(0, len(order) - BATCH + 1, BATCH):
                part = torch.from_numpy(order[start : start + BATCH])
                yield _augmented(rgb[part], flow[part], confidence[part], nearness[part], rng, reduction)


def _augmented(rgb: Tensor, flow: Tensor, confidence: Tensor, nearness: Tensor,
               rng: np.random.Generator, reduction: int) -> tuple[Tensor, Tensor]:
    width = rgb.shape[2]
    picture = functional.avg_pool2d(rgb.permute(0, 3, 1, 2).float() / 255, reduction)
    gain = torch.from_numpy(rng.normal(1, 0.12, (len(picture), 3, 1, 1)).astype(np.float32))
    shift = torch.from_numpy(rng.normal(0, 0.04, (len(picture), 1, 1, 1)).astype(np.float32))
    grey = torch.from_numpy((rng.random((len(picture), 1, 1, 1)) < 0.15).astype(np.float32))
    picture = (picture * gain + shift).clamp(0, 1)
    picture = picture + grey * (picture.mean(1, keepdim=True) - picture) - 0.5
    motion = functional.avg_pool2d(flow.permute(0, 3, 1, 2).float() / (FLOW_UNIT * width), reduction)
    sure = functional.avg_pool2d(confidence[:, None].float() / 255, reduction)
    still = torch.from_numpy((rng.random((len(picture), 1, 1, 1)) < STILL).astype(np.float32))
    x = torch.cat([picture, (motion * (1 - still)).clamp(-4, 4), sure * (1 - still)], 1)
    x = _cropped(x, 16)
    y = _cropped(functional.avg_pool2d(nearness[:, None].float(), 2 * reduction), 8)
    if rng.random() < 0.5:
        x, y = x.flip(3), y.flip(3)
        x[:, 3] *= -1
    if rng.random() < UPSIDE_DOWN:
        x, y = x.flip(2), y.flip(2)
        x[:, 4] *= -1
    return x, y


def _cropped(x: Tensor, unit: int) -> Tensor:
    """The middle, with sides that are multiples of `unit`."""
    rows, columns = (side // unit * unit for side in x.shape[2:])
    top, left = (x.shape[2] - rows) // 2, (x.shape[3] - columns) // 2
    return x[:, :, top : top + rows, left : left + columns]


def loss(predicted: Tensor, nearness: Tensor, rng: np.random.Generator) -> Tensor:
    """Error after scale and shift are taken out, of values, of slopes at four scales, and of the order of points."""
    target = _normalised(nearness)
    own = _normalised(predicted)
    difference = own - target
    total = difference.abs().clamp(max=4).mean()
    for scale in range(4):
        step = difference[:, :, :: 2 ** scale, :: 2 ** scale]
        total = total + 0.3 * ((step[..., 1:] - step[..., :-1]).abs().mean()
                               + (step[:, :, 1:] - step[:, :, :-1]).abs().mean())
    return total + 0.5 * _order(own, target, rng)


def _normalised(values: Tensor) -> Tensor:
    flat = values.flatten(1)
    middle = flat.mean(1, keepdim=True)
    spread = (flat - middle).abs().mean(1, keepdim=True) + 1e-3
    return ((flat - middle) / spread).view_as(values)


def _order(own: Tensor, target: Tensor, rng: np.random.Generator) -> Tensor:
    a, b = (torch.from_numpy(rng.integers(0, own[0].numel(), 1500)) for _ in range(2))
    apart = own.flatten(1)[:, a] - own.flatten(1)[:, b]
    truth = target.flatten(1)[:, a] - target.flatten(1)[:, b]
    clear = (truth.abs() > 0.15).float()
    return (functional.softplus(-2 * apart * truth.sign()) * clear).sum() / (clear.sum() + 1)


def export(network: DepthNetwork, target: Path) -> None:
    """As ONNX for OpenCV's DNN, which takes other sizes than the one written, as long as 16 divides them."""
    network.eval()
    torch.onnx.export(network, (torch.zeros(1, CHANNELS, 96, 160),), str(target), input_names=["picture_and_motion"],
                      output_names=["nearness"], opset_version=13, dynamo=False)
    network.train()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("depth.onnx"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--reduction", type=int, default=1, help="2: on pictures of half the size, four times as fast")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    network = DepthNetwork().to(memory_format=torch.channels_last)
    checkpoint = options.output.with_suffix(".pt")
    if options.resume and checkpoint.exists():
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.02)
    began, said, step, running = time.monotonic(), 0.0, 0, 0.0
    for x, y in batches(options.folder, rng, options.reduction):
        share = (time.monotonic() - began) / (60 * options.minutes)
        if share >= 1:
            break
        rate = PEAK_RATE * min(1.0, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimiser.param_groups:
            group["lr"] = rate
        value = loss(network(x.contiguous(memory_format=torch.channels_last)), y, rng)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        step += 1
        running += (value.item() - running) / min(step, 200)
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"{share:5.1%}  step {step}  loss {running:.3f}", flush=True)
            torch.save(network.state_dict(), checkpoint)
    torch.save(network.state_dict(), checkpoint)
    export(network, options.output)
    print(f"{step} steps of {BATCH} pictures, loss {running:.3f}")


if __name__ == "__main__":
    main()
