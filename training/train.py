"""Trains the network on rendered shards: `python -m training.train FOLDER -o correction.onnx --minutes 60`.

The learning rate follows the time that is left, so that a run of any length ends well. What is exported is the moving
average of the weights.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network import CHANNELS, MAPS, CorrectionNetwork

BATCH = 32
PEAK_RATE = 3e-3
AVERAGE = 0.998
ODD_COLOURS, ODD_FILTER, GREY = 0.15, 0.3, 0.15
"""Shares of pictures whose colours are exchanged, that go through a random filter, that lose their colour."""
SILENT = 0.1
"""Share of the maps of haze, and of sharpness, that are empty."""


@dataclass(frozen=True, eq=False)
class Examples:
    """All examples of one size."""

    rgb: Tensor
    """uint8 [n, 3, h, w]."""
    maps: Tensor
    """float16 [n, 8, h/2, w/2]."""
    nearness: Tensor
    """float16 [n, 1, h/2, w/2]."""

    def after(self, first: Examples | None) -> Examples:
        """Both, as one."""
        if first is None:
            return self
        return Examples(torch.cat([first.rgb, self.rgb]), torch.cat([first.maps, self.maps]),
                        torch.cat([first.nearness, self.nearness]))


class Store:
    """All shards of a folder, which may still grow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[Path] = set()
        self.groups: dict[tuple[int, ...], Examples] = {}

    def refresh(self) -> None:
        """Reads what is new."""
        for file in sorted(set(self._folder.glob("*.npz")) - self._known):
            self._known.add(file)
            with np.load(file) as shard:
                rgb, maps, nearness = (torch.from_numpy(shard[name]) for name in ("rgb", "maps", "nearness"))
            new = Examples(rgb.permute(0, 3, 1, 2).contiguous(), maps.permute(0, 3, 1, 2).contiguous(),
                           nearness[:, None])
            self.groups[tuple(rgb.shape[1:])] = new.after(self.groups.get(tuple(rgb.shape[1:])))


def batches(store: Store, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs [n, 20, h, w] and nearness [n, 1, h, w], without end."""
    while True:
        store.refresh()
        plan = [(group, part) for group in store.groups.values() for part in np.array_split(
            rng.permutation(len(group.rgb)), max(1, len(group.rgb) // BATCH))]
        for number in rng.permutation(len(plan)):
            group, part = plan[number]
            chosen = torch.from_numpy(part)
            picture = _recoloured(group.rgb[chosen].float() / 255, rng) - 0.5
            maps, nearness = _other_cues(group.maps[chosen].float(), rng), group.nearness[chosen].float()
            if rng.random() < 0.5:
                picture, maps, nearness = picture.flip(3), maps.flip(3), nearness.flip(3)
            yield torch.cat([functional.pixel_unshuffle(picture, 2), maps], 1), nearness


def _recoloured(picture: Tensor, rng: np.random.Generator) -> Tensor:
    count = len(picture)

    def some(share: float) -> Tensor:
        return torch.from_numpy((rng.random((count, 1, 1, 1)) < share).astype(np.float32))

    odd = functional.conv2d(picture, torch.from_numpy(_random_filter(rng)), padding=1)
    picture = picture + some(ODD_FILTER) * (0.7 * (odd - odd.mean((2, 3), keepdim=True) - picture
                                                   + picture.mean((2, 3), keepdim=True)))
    picture = picture + some(ODD_COLOURS) * (picture[:, torch.from_numpy(rng.permutation(3))] - picture)
    gain = torch.from_numpy(rng.normal(1, 0.15, (count, 3, 1, 1)).astype(np.float32))
    shift = torch.from_numpy(rng.normal(0, 0.05, (count, 1, 1, 1)).astype(np.float32))
    gamma = torch.from_numpy(np.exp(rng.normal(0, 0.25, (count, 1, 1, 1))).astype(np.float32))
    picture = (picture * gain + shift).clamp(1e-3, 1) ** gamma
    return picture + some(GREY) * (picture.mean(1, keepdim=True) - picture)


def _other_cues(maps: Tensor, rng: np.random.Generator) -> Tensor:
    """Haze and sharpness, the last two, as another camera might show them; now and then they tell nothing."""
    shape = (len(maps), 2, 1, 1)
    gain = rng.normal(1, 0.15, shape) * (rng.random(shape) > SILENT)
    shift = rng.normal(0, 0.07, shape)
    changed = maps[:, -2:] * torch.from_numpy(gain.astype(np.float32)) + torch.from_numpy(shift.astype(np.float32))
    return torch.cat([maps[:, :-2], changed], 1)


def _random_filter(rng: np.random.Generator) -> np.ndarray:
    """A filter over the colours and the nearest neighbours, different in each batch: surfaces look new."""
    weights = rng.normal(0, 0.25, (3, 3, 3, 3))
    weights[:, :, 1, 1] += rng.normal(0, 0.4, (3, 3)) + 0.5 * np.eye(3)
    return (weights / np.abs(weights).sum((1, 2, 3), keepdims=True) * 1.5).astype(np.float32)


def loss(predicted: Tensor, nearness: Tensor, fused: Tensor, rng: np.random.Generator) -> Tensor:
    """Error after the best scale and shift, of slopes, of the order of points; and how far the scale left the cues'."""
    target, own = _normalised(nearness), _normalised(predicted)
    flat, wanted = own.flatten(1), target.flatten(1)
    scale = ((flat * wanted).mean(1) / (flat * flat).mean(1).clamp(min=1e-4)).clamp(min=0)
    total = (scale[:, None] * flat - wanted).abs().clamp(max=4).mean()
    difference = own - target
    for step in (1, 2, 4):
        part = difference[:, :, ::step, ::step]
        total = total + 0.15 * ((part[..., 1:] - part[..., :-1]).abs().mean()
                                + (part[:, :, 1:] - part[:, :, :-1]).abs().mean())
    middle, spread = _moments(predicted)
    cue_middle, cue_spread = _moments(fused)
    tie = (((middle - cue_middle) / cue_spread).square() + (spread / cue_spread).log().square()).mean()
    # Where it knows nothing it should leave the cues alone.
    change = ((predicted - fused).flatten(1).abs() / cue_spread).mean()
    return total + 0.6 * _order(own, target, rng) + 0.03 * tie + 0.1 * change


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    flat = values.flatten(1)
    middle = flat.mean(1, keepdim=True)
    return middle, (flat - middle).abs().mean(1, keepdim=True) + 1e-3


def _normalised(values: Tensor) -> Tensor:
    middle, spread = _moments(values)
    return ((values.flatten(1) - middle) / spread).view_as(values)


def _order(own: Tensor, target: Tensor, rng: np.random.Generator) -> Tensor:
    """Softly counts pairs in the wrong order, among those that differ by more than 5 % of the range."""
    a, b = (torch.from_numpy(rng.integers(0, own[0].numel(), 1000)) for _ in range(2))
    own, target = own.flatten(1), target.flatten(1)
    apart, truth = own[:, a] - own[:, b], target[:, a] - target[:, b]
    reach = target.amax(1, keepdim=True) - target.amin(1, keepdim=True)
    clear = (truth.abs() > 0.05 * reach).float()
    return (functional.softplus(-3 * apart * truth.sign()) * clear).sum() / (clear.sum() + 1)


def export(network: nn.Module, target: Path) -> None:
    """As ONNX for OpenCV's DNN, which takes other sizes than the one written, as long as 4 divides them."""
    network = copy.deepcopy(network).eval()
    torch.onnx.export(network, (torch.zeros(1, CHANNELS, 24, 40),), str(target),
                      input_names=["picture_and_maps"], output_names=["correction"], opset_version=13, dynamo=False)


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, keep: float) -> None:
    for own, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if own.dtype.is_floating_point:
            own.lerp_(new, 1 - keep)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("correction.onnx"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", type=Path, help="weights (.pt) to go on from")
    parser.add_argument("--small", action="store_true", help="the network of 0.21 million parameters")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="the highest learning rate")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    store = Store(options.folder)
    network = CorrectionNetwork(small=options.small).to(memory_format=torch.channels_last)
    if options.resume:
        network.load_state_dict(torch.load(options.resume, weights_only=True))
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=0.02, fused=True)
    began, said, step, running = time.monotonic(), 0.0, 0, 0.0
    for x, nearness in batches(store, rng):
        share = (time.monotonic() - began) / (60 * options.minutes)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1.0, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * share))
        fused = x[:, -MAPS : 1 - MAPS]
        value = loss(fused + network(x.contiguous(memory_format=torch.channels_last)), nearness, fused, rng)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        step += 1
        if step % 8 == 0:
            _follow(average, network, min(AVERAGE, step / (step + 20)) ** 8)
        running += (value.item() - running) / min(step, 200)
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"{share:5.1%}  step {step}  loss {running:.3f}  cues {loss(fused, nearness, fused, rng).item():.3f}"
                  f"  {time.process_time():.0f} s", flush=True)
            export(average, options.output)
            torch.save(average.state_dict(), options.output.with_suffix(".pt"))
    export(average, options.output)
    torch.save(average.state_dict(), options.output.with_suffix(".pt"))
    print(f"{step} steps of {BATCH} pictures, loss {running:.3f}")


if __name__ == "__main__":
    main()
