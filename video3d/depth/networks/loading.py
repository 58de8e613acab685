"""From a file of weights to an estimator that runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from video3d.depth.catalogue import Published
from video3d.depth.networks.checkpoint import State, read_checkpoint
from video3d.depth.networks.estimator import NetworkEstimator, Running, best_device
from video3d.depth.networks.published import Built, build
from video3d.depth.networks.transformers_names import is_in_transformers_form, published_form
from video3d.depth_model import LoadOptions
from video3d.errors import DepthError

UNUSED = ("pretrained.model.head.", "auxlayer.")
"""Beginnings of names that published files have beside the network: what its backbone was once trained with."""
DISPENSABLE = ("num_batches_tracked", "mask_token")
"""Endings of names that files may lack: nothing of them is used here."""


def load_published(model: Published, file: Path, options: LoadOptions) -> NetworkEstimator:
    """The network with the weights of `file`; DepthError says what is wrong with them."""
    return load_network(lambda: build(model.network, model.max_depth), model.label, file, options)


def load_network(make: Callable[[], Built], label: str, file: Path, options: LoadOptions) -> NetworkEstimator:
    """The network that `make` builds, with the weights of `file`."""
    state = read_checkpoint(file)
    if is_in_transformers_form(state):
        state = published_form(state)
    with torch.device("meta"):  # weights are about to come: random ones would cost seconds
        built = make()
    module = built.module.to_empty(device="cpu")
    fill(module, state, label, file)
    device = best_device() if options.device == "auto" else options.device
    return built.estimator(Running(device, options.half, options.compiled, notice=options.notice))


def fill(module: nn.Module, state: State, label: str, file: Path) -> None:
    """Copy `state` into `module`; DepthError where it is another network's, or not whole."""
    own = module.state_dict()
    missing = [name for name in own if name not in state and not name.endswith(DISPENSABLE)]
    foreign = [name for name in state if name not in own and not name.startswith(UNUSED)]
    unlike = [name for name in own if name in state and own[name].shape != state[name].shape]
    if missing or foreign or unlike:
        raise _mismatch(label, file, missing, foreign, unlike)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state[name]) if name in state else tensor.zero_()


def _mismatch(label: str, file: Path, missing: list[str], foreign: list[str], unlike: list[str]) -> DepthError:
    said = [f"{len(names)} tensors {what}, such as {names[0]}"
            for names, what in ((missing, "are missing"), (unlike, "have another size"), (foreign, "are unknown"))
            if names]
    return DepthError(f"{file}: these are not the weights of {label}: {'; '.join(said)}.", stage="depth",
                      remedy="Delete or rename the file, or get it again.")
