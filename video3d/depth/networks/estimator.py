"""A torch network as a depth estimator: batches, half precision, and a way on when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from video3d.depth_model import DepthInput
from video3d.errors import DepthError
from video3d.types import FloatMap

Tensor = torch.Tensor
OUT_OF_MEMORY_SIGNS = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""What torch's errors say where no class of their own exists: on MPS, DirectML and the processor."""
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Normalisation:
    """What is done to a picture of 0…1 before a network sees it: (value − mean) / deviation, by channel."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Of DINOv2 and EfficientNet."""
SYMMETRIC = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""−1…1: MiDaS with a transformer."""


@dataclass(frozen=True)
class Running:
    """How a network is run."""

    device: str = "cpu"
    half: bool | None = None
    """Half precision: float16 on CUDA, bfloat16 elsewhere. None takes it where it is fast, on CUDA."""
    compiled: bool = False
    """Through torch.compile: a slow first picture of each size, faster ones after it."""
    is_borrowed: bool = False
    """The network belongs to somebody else: it is run where and as it is, never moved, converted or freed."""
    context: Callable[[], AbstractContextManager[Any]] | None = None
    """Entered around each run, in place of our own autocast: the owner's, of a borrowed network."""
    notice: Callable[[str], None] | None = None
    """Told in a sentence what the user should know."""


def best_device() -> str:
    """What "auto" means where the host leaves it to torch."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class NetworkEstimator:
    """Runs `module` over batches of pictures.

    The module takes float [n, 3, h, w], normalised, and gives [n, h', w'] or [n, 1, h', w']. Pictures must have the
    size that it needs (multiples of its patch). Not for threads to share.
    """

    def __init__(self, module: nn.Module, normalisation: Normalisation, running: Running | None = None) -> None:
        self._running = running or Running()
        self._module = module if self._running.is_borrowed else _channels_last(module.eval())
        self._normalisation = normalisation
        self._device = _device(self._running.device)
        self._half = self._half_type()
        self._largest_batch: int | None = None
        self._callable: Callable[[Tensor], Tensor] = self._module
        if self._running.compiled and not self._running.is_borrowed:
            self._callable = torch.compile(self._module)
        self._is_here = self._running.is_borrowed

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """One float32 map per picture; DepthError where the network cannot be run or gives no numbers."""
        maps: list[FloatMap] = []
        while len(maps) < len(batch):
            maps += self._run(self._next_part(batch[len(maps):]))
        return maps

    def leave(self) -> None:
        """Off the GPU, for now: the next `estimate` brings the network back."""
        if self._running.is_borrowed or self._device == CPU:
            return
        self._module.to(CPU)
        self._is_here = False
        _free(self._device)

    def close(self) -> None:
        """Give the memory back; a borrowed network stays with its owner."""
        self._callable = self._module = nn.Identity()
        _free(self._device)

    def _next_part(self, batch: Sequence[DepthInput]) -> Sequence[DepthInput]:
        """The first pictures, of one size, as many as go at once."""
        count = 1
        limit = len(batch) if self._largest_batch is None else min(len(batch), self._largest_batch)
        while count < limit and batch[count].rgb.shape == batch[0].rgb.shape:
            count += 1
        return batch[:count]

    def _run(self, part: Sequence[DepthInput]) -> list[FloatMap]:
        """Maps of the whole part, or of none: then less is tried the next time."""
        pictures = np.stack([item.rgb for item in part])
        try:
            maps = self._maps(pictures, part)
        except RuntimeError as problem:
            if not is_out_of_memory(problem):
                raise DepthError(f"The depth network failed on {self._device}: {_first_line(problem)}", stage="depth",
                                 remedy="Choose another depth model or another --device.") from problem
            self._make_room(len(part))
            return []
        self._accept()
        return list(maps)

    def _maps(self, pictures: npt.NDArray[np.float32], part: Sequence[DepthInput]) -> FloatMap:
        self._arrive()
        result = self._forward(pictures, part, self._half)
        if not np.isfinite(result).all() and self._half is not None and self._running.context is None:
            self._half = None  # some networks leave half precision's range
            self._tell("The depth network needs full precision here; it runs slower.")
            result = self._forward(pictures, part, None)
        if not np.isfinite(result).all():
            raise DepthError("The depth network gave values that are no numbers.", stage="depth",
                             remedy="Its weights may be damaged: download them again, or choose another depth model.")
        return result

    def _forward(self, pictures: npt.NDArray[np.float32], part: Sequence[DepthInput], half: torch.dtype | None
                 ) -> FloatMap:
        # no_grad for what is borrowed: tensors that it keeps must not become inference tensors for its owner.
        gradients = torch.no_grad() if self._running.is_borrowed else torch.inference_mode()
        with gradients, self._precision(half):
            raw = self._infer(self._upload(pictures), part)
        if raw.ndim == 4:
            raw = raw[:, 0]
        return raw.float().cpu().numpy()  # the one point where this side waits for the GPU

    def _infer(self, pictures: Tensor, part: Sequence[DepthInput]) -> Tensor:
        """Raw maps [n, h', w'] or [n, 1, h', w'] of normalised pictures [n, 3, h, w], those of `part`."""
        del part
        try:
            return self._callable(pictures)
        except RuntimeError as problem:
            if self._callable is self._module or is_out_of_memory(problem):
                raise
        self._callable = self._module  # no compiler here, or one that cannot do this
        self._tell("The depth network cannot be compiled here; it runs as it is.")
        return self._callable(pictures)

    def _accept(self) -> None:
        """The part was good: networks with a memory keep it from here on."""

    def _upload(self, pictures: npt.NDArray[np.float32]) -> Tensor:
        """[n, h, w, 3] on this side → normalised [n, 3, h, w] there, channels last as they come."""
        tensor = torch.from_numpy(pictures)
        if self._device.type == "cuda":
            tensor = tensor.pin_memory()
        tensor = tensor.to(self._device, non_blocking=True)
        mean = torch.tensor(self._normalisation.mean, device=self._device)
        deviation = torch.tensor(self._normalisation.deviation, device=self._device)
        tensor = ((tensor - mean) / deviation).permute(0, 3, 1, 2)
        weights = next(self._module.parameters(), None) if self._running.is_borrowed else None
        if weights is not None and weights.is_floating_point() and self._running.context is None:
            return tensor.to(weights.dtype)
        return tensor

    def _precision(self, half: torch.dtype | None) -> AbstractContextManager[Any]:
        if self._running.context is not None:
            return self._running.context()
        return nullcontext() if half is None else torch.autocast(self._device.type, dtype=half)

    def _half_type(self) -> torch.dtype | None:
        wanted = self._running.half
        if wanted is None:
            wanted = self._device.type == "cuda" and not self._running.is_borrowed
        if not wanted:
            return None
        return torch.float16 if self._device.type == "cuda" else torch.bfloat16

    def _arrive(self) -> None:
        if not self._is_here:
            try:
                self._module.to(self._device)
            except (RuntimeError, AssertionError) as problem:  # AssertionError: torch built without CUDA
                if is_out_of_memory(problem):
                    raise
                raise DepthError(f"The device {self._running.device} cannot be used: {_first_line(problem)}",
                                 stage="depth", remedy="Choose --device cpu, or auto.") from problem
            self._is_here = True

    def _make_room(self, failed: int) -> None:
        """After `failed` pictures at once were too many."""
        _free(self._device)
        if failed > 1:
            self._largest_batch = failed // 2
            return
        if self._device == CPU or self._running.is_borrowed:
            raise DepthError("There is not enough memory for the depth network.", stage="depth",
                             remedy="Choose a smaller --depth-size or a smaller depth model, or close other programs.")
        self._tell(f"The memory of {self._device} is full: the depth network goes on on the processor, slower.")
        self._module.to(CPU)
        _free(self._device)
        self._device, self._half, self._is_here = CPU, None, True

    def _tell(self, sentence: str) -> None:
        if self._running.notice is not None:
            self._running.notice(sentence)


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether torch means that memory ran out; it has no one class for that on all devices and in all versions."""
    text = str(problem)
    return isinstance(problem, torch.cuda.OutOfMemoryError) or any(sign in text for sign in OUT_OF_MEMORY_SIGNS)


def _channels_last(module: nn.Module) -> nn.Module:
    convert: Any = module.to  # its stubs have no overload for this
    return convert(memory_format=torch.channels_last)


def _device(name: str) -> torch.device:
    try:
        return torch.device(name)
    except RuntimeError:
        raise DepthError(f"There is no device {name!r}.", stage="depth",
                         remedy="Choose --device cpu, or auto.") from None


def _free(device: torch.device) -> None:
    """Give cached memory back to the system, so that others on this card can have it."""
    if device.type == "cuda" and torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _first_line(problem: BaseException) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]
