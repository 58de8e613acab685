"""The webui as a place to run in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from video3d.depth_model import DepthModel
from video3d.host import GpuTurn, GpuUse, StandaloneHost
from video3d.types import PlateInpainter
from video3d.webui.borrowed import Borrowed
from video3d.webui.places import Places
from video3d.webui.turn import SharedGpu
from video3d.webui.versions import loaded_sources

UPDATED = "2D→3D Video was updated while the webui ran. Start the webui anew to use it."


@dataclass(frozen=True)
class WebuiHost:
    """See `Host`. What may change while the webui runs is asked for each time."""

    name: str
    gpu: SharedGpu
    places: Places
    torch_devices: Callable[[], Iterable[str]]
    """Best first."""
    networks: Callable[[], Iterable[Borrowed]]
    """Loaded by parts of the webui."""
    more_models: Callable[[], Iterable[Path]]
    """Folders that options or flags name, in which extensions make folders for depth models."""
    results: Callable[[], Path]
    """Where the user wants 3D videos."""
    name_pattern: Callable[[], str]
    """How the user wants them called."""
    preferred: Callable[[], Mapping[str, Any]]
    """Settings of a conversion that the user prefers."""
    work: Path

    @property
    def processors(self) -> int:
        """As on the command line."""
        return StandaloneHost().processors

    @property
    def devices(self) -> tuple[str, ...]:
        """See `Host`."""
        return tuple(dict.fromkeys([*self.torch_devices(), "cpu"]))

    def models_folders(self) -> tuple[Path, ...]:
        """See `Host`: our own, and those of the webui's other parts, so that nobody downloads twice."""
        return self.places.depth_models(self.more_models())

    def depth_models(self) -> Sequence[DepthModel]:
        """See `Host`."""
        models = {borrowed.id: borrowed.model() for borrowed in self.networks()}
        return tuple(models.values())

    def plate_inpainter(self) -> PlateInpainter | None:
        """See `Host`: the webui's own inpainting checkpoint is not offered yet."""
        return None

    def work_folder(self) -> Path:
        """See `Host`."""
        return self.work

    def output_folder(self) -> Path:
        """See `Host`."""
        return self.results()

    def result_name(self, name: str) -> Path:
        """See `Host`: by the user's pattern."""
        from video3d.webui.naming import result_name

        return result_name(self.name_pattern(), name, datetime.now().astimezone())

    def defaults(self) -> Mapping[str, Any]:
        """See `Host`: what the webui's Settings say."""
        return self.preferred()

    def notices(self) -> Sequence[str]:
        """See `Host`."""
        return (UPDATED,) if loaded_sources().have_changed() else ()

    def gpu_turn(self, use: GpuUse | None = None) -> AbstractContextManager[GpuTurn]:
        """See `Host`: a turn in the webui's own queue."""
        return self.gpu.turn(use)
