"""A depth network that another part of the webui has loaded, run as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from video3d.depth_model import Availability, DepthEstimator, DepthInput, DepthKind, DepthModel, InputSize, LoadOptions
from video3d.errors import DepthError
from video3d.types import FloatMap

PATCH = 14
"""Of DINOv2."""


def _direct(network: Any, pictures: Any) -> Any:
    return network(pictures)


@dataclass(frozen=True)
class Borrowed:
    """What is known of somebody else's network."""

    id: str
    label: str
    owner: str
    """Whose it is, for the user."""
    licence: str
    quality: int
    """On the registry's scale."""
    find: Callable[[], Any]
    """The torch module; None where its owner has let it go. Called while the GPU's turn is held, so it may load."""
    device: str
    size: InputSize
    is_imagenet: bool = True
    """How pictures are normalised: by ImageNet's means and deviations, or to −1…1."""
    kind: DepthKind = DepthKind.RELATIVE_INVERSE
    run: Callable[[Any, Any], Any] = _direct
    """(network, pictures [n, 3, h, w]) → maps [n, h', w'] or [n, 1, h', w']."""
    context: Callable[[], AbstractContextManager[Any]] | None = None
    """Entered around each run: the owner's autocast, where it has one."""
    moves: bool = True
    """Whether it may be moved to the device and back; False where hooks of its owner do that."""
    done: Callable[[], None] = field(default=lambda: None)
    """Called when it is no longer needed."""
    availability: Availability = Availability.READY
    non_commercial: bool = False
    memory: int = 0

    def model(self) -> DepthModel:
        """The registry's entry."""
        return DepthModel(
            self.id, self.label, self.kind, self.licence, self.size, self.quality, self._load,
            availability=self.availability, non_commercial=self.non_commercial, needs_gpu_turn=True,
            is_borrowed=True, memory=self.memory, location=self.owner,
        )

    def _load(self, options: LoadOptions) -> DepthEstimator:
        del options  # it runs where its owner has it
        return BorrowedDepth(self)


class BorrowedDepth:
    """Its network is found at the first picture, moved to the device for the work, and back afterwards."""

    def __init__(self, borrowed: Borrowed) -> None:
        self._borrowed = borrowed
        self._network: Any = None
        self._home: Any = None
        self._estimator: Any = None

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """See `DepthEstimator`. The GPU's turn must be held."""
        network = self._network or self._open()
        if self._borrowed.moves:
            network.to(self._borrowed.device)
        return self._estimator.estimate(batch)

    def leave(self) -> None:
        """Back to where the owner had it."""
        if self._network is not None and self._borrowed.moves and self._home is not None:
            self._network.to(self._home)

    def close(self) -> None:
        """See `DepthEstimator`."""
        self.leave()
        if self._estimator is not None:
            self._estimator.close()
            self._borrowed.done()
        self._network = self._estimator = None

    def _open(self) -> Any:
        from video3d.depth.networks.estimator import IMAGENET, SYMMETRIC, NetworkEstimator, Running

        network = self._borrowed.find()
        if network is None:
            raise DepthError(f"{self._borrowed.label}: the webui has unloaded it.", stage="depth",
                             remedy="Load it again there, or choose another depth model.")
        self._network = network
        first = next(iter(network.parameters()), None)
        self._home = None if first is None else first.device
        self._estimator = NetworkEstimator(
            _Call(network, self._borrowed.run),  # type: ignore[arg-type]
            IMAGENET if self._borrowed.is_imagenet else SYMMETRIC,
            Running(device=self._borrowed.device, is_borrowed=True, context=self._borrowed.context),
        )
        return network


class _Call:
    """As much of a torch module as running a borrowed one needs."""

    def __init__(self, network: Any, run: Callable[[Any, Any], Any]) -> None:
        self._network = network
        self._run = run

    def __call__(self, pictures: Any) -> Any:
        return self._run(self._network, pictures)

    def parameters(self) -> Iterable[Any]:
        return self._network.parameters()
