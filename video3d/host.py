"""What the program needs of the place it runs in. The entry point says which host it is; nothing is guessed."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from video3d.depth_model import DepthModel
from video3d.types import PlateInpainter


def _never() -> bool:
    return False


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class GpuUse:
    """What a network needs of the GPU."""

    memory: int = 0
    """Bytes while it works, about; 0 where that is not known. Others' networks move out when there is less."""
    leave: Callable[[], None] = _nothing
    """Called before others get the GPU who had to move out: take the network off the GPU, it is loaded again later."""
    is_cancelled: Callable[[], bool] = _never
    """Asked while others have the GPU; when it says so, waiting ends with `Cancelled`."""


class GpuTurn(Protocol):
    """The right to use the GPU, held for as long as nobody else waits for it."""

    def share(self) -> None:
        """Call between batches: gives the turn away where somebody waits, and returns when it is ours again."""
        ...


class Host(Protocol):
    """A place to run in: a command line, or a webui."""

    @property
    def name(self) -> str:
        """Such as "stand-alone" or "AUTOMATIC1111 1.10.1"."""
        ...

    @property
    def processors(self) -> int:
        """Threads that the program's own stages may use."""
        ...

    @property
    def devices(self) -> tuple[str, ...]:
        """torch's names of the devices that networks may use, best first, such as ("cuda:0", "cpu").

        Empty where torch itself is to be asked, once a network is loaded.
        """
        ...

    def models_folders(self) -> tuple[Path, ...]:
        """Where depth models may lie, best first; downloads go to the first."""
        ...

    def depth_models(self) -> Sequence[DepthModel]:
        """Models that only this host has: networks that the webui holds in memory."""
        ...

    def plate_inpainter(self) -> PlateInpainter | None:
        """What invents, once per shot, the background that no frame shows; None: it is filled from beside it."""
        ...

    def work_folder(self) -> Path:
        """Where uploads, the queue, previews and caches lie. It may not exist yet."""
        ...

    def output_folder(self) -> Path:
        """Where results go that the user names no place for. It may not exist yet."""
        ...

    def result_name(self, name: str) -> Path:
        """Where in the output folder the result of a video of this name goes; its layout is added to the name."""
        ...

    def defaults(self) -> Mapping[str, Any]:
        """Settings that this place's user prefers, by name; all others have their own defaults."""
        ...

    def notices(self) -> Sequence[str]:
        """What the user should know about this place, in sentences."""
        ...

    def gpu_turn(self, use: GpuUse | None = None) -> AbstractContextManager[GpuTurn]:
        """Hold it while a network runs: take it for each batch, which costs nothing as long as nobody waits.

        Never nested, and by one thread at a time. Raises Cancelled where `use` says so.
        """
        ...


class StandaloneHost:
    """The command line, the tests, the stand-alone server."""

    name = "stand-alone"

    @property
    def processors(self) -> int:
        """As many as this process may run on, at most four: the encoder needs the others."""
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(4, count))

    @property
    def devices(self) -> tuple[str, ...]:
        """Whatever torch finds, if it is there at all."""
        return ()

    def models_folders(self) -> tuple[Path, ...]:
        """A folder of the user's, in the place that the system has for such things."""
        return (_user_folder() / "models",)

    def depth_models(self) -> Sequence[DepthModel]:
        """None of its own."""
        return ()

    def plate_inpainter(self) -> PlateInpainter | None:
        """None of its own."""
        return None

    def work_folder(self) -> Path:
        """Beside the models."""
        return _user_folder() / "work"

    def output_folder(self) -> Path:
        """Where the user keeps videos."""
        return Path.home() / "Videos" / "3D"

    def result_name(self, name: str) -> Path:
        """As the video is called."""
        return Path(name)

    def defaults(self) -> Mapping[str, Any]:
        """None of its own."""
        return {}

    def notices(self) -> Sequence[str]:
        """None."""
        return ()

    @contextmanager
    def gpu_turn(self, use: GpuUse | None = None) -> Generator[GpuTurn, None, None]:
        """Nobody else is here."""
        del use
        yield _Alone()


class _Alone:
    def share(self) -> None:
        """Nobody waits."""


def _user_folder() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".local" / "share") / "video3d"
