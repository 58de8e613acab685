"""A chosen model, loaded for this host: on the right device, taking turns at the GPU where it must be shared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol, runtime_checkable

from video3d.depth_model import DepthEstimator, DepthInput, DepthModel, LoadOptions
from video3d.host import GpuUse, Host
from video3d.reporting import Reporter
from video3d.settings import DepthSettings
from video3d.types import FloatMap

AUTO_DEVICE = "auto"
PIECE_SECONDS = 0.75
"""About how long the turn is kept without asking whether somebody waits."""


@runtime_checkable
class CanLeave(Protocol):
    """An estimator that can get off the GPU, and is loaded again by itself."""

    def leave(self) -> None:
        """Off the GPU, for now."""
        ...


def open_estimator(model: DepthModel, settings: DepthSettings, host: Host, reporter: Reporter) -> DepthEstimator:
    """The model, ready to estimate; DepthError says what is missing or broken. Notices go to the reporter."""
    options = LoadOptions(choose_device(settings.device, host.devices), compiled=settings.compile_depth,
                          notice=reporter.notice)
    estimator = model.load(options)
    shares = model.is_borrowed or (model.needs_gpu_turn and options.device != "cpu")
    if not shares:
        return estimator
    use = GpuUse(model.memory, estimator.leave if isinstance(estimator, CanLeave) else _stay, reporter.is_cancelled)
    return TurnTaking(estimator, host, use, in_pieces=not options.compiled)


def choose_device(asked: str, devices: Sequence[str]) -> str:
    """torch's name of the device, or "auto" where torch is to be asked."""
    if asked != AUTO_DEVICE:
        return asked
    return devices[0] if devices else AUTO_DEVICE


def runs_on_processor(model: DepthModel, settings: DepthSettings, host: Host) -> bool:
    """Whether the model's work is done by the processor, as far as can be told without loading it."""
    device = choose_device(settings.device, host.devices)
    if device != AUTO_DEVICE:
        return device == "cpu"
    if not model.needs_gpu_turn:
        return True
    try:
        if version("torch").endswith("+cpu"):  # spares its import
            return True
    except PackageNotFoundError:
        return True
    from video3d.depth.networks.estimator import best_device

    return best_device() == "cpu"


class TurnTaking:
    """An estimator that holds the host's GPU turn while it works, and shares it after each piece of a batch."""

    def __init__(self, estimator: DepthEstimator, host: Host, use: GpuUse, *, in_pieces: bool = True) -> None:
        """`in_pieces`: False for a compiled network, which would be compiled for each length of a piece."""
        self._estimator = estimator
        self._host = host
        self._use = use
        self._in_pieces = in_pieces
        self._picture_seconds = PIECE_SECONDS  # the first picture may have to wait for the weights

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """See `DepthEstimator`; waits for the turn, and raises Cancelled where the user stops that."""
        maps: list[FloatMap] = []
        with self._host.gpu_turn(self._use) as turn:
            while len(maps) < len(batch):
                if maps:
                    turn.share()
                maps += self._piece(batch[len(maps):])
        return maps

    def _piece(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """Maps of as many of the first pictures as take about `PIECE_SECONDS`."""
        count = max(1, int(PIECE_SECONDS / max(self._picture_seconds, 1e-6))) if self._in_pieces else len(batch)
        piece = batch[:count]
        begun = time.monotonic()
        maps = self._estimator.estimate(piece)
        self._picture_seconds = (time.monotonic() - begun) / len(piece)
        return maps

    def close(self) -> None:
        """See `DepthEstimator`."""
        self._estimator.close()


def _stay() -> None:
    """A network that cannot leave."""
