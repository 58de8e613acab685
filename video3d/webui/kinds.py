"""The host as each webui gives it: what they have in common, and where they differ."""

# The webui's modules are not here to be looked at.
# pyright: reportMissingImports=false
from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from video3d.webui import options
from video3d.webui.borrowed import Borrowed
from video3d.webui.host import WebuiHost
from video3d.webui.loaded_networks import annotator_networks, checkpoint_network, extension_networks
from video3d.webui.memory import CheckpointNeighbours, ManagedNeighbours
from video3d.webui.places import Places
from video3d.webui.turn import Neighbours, SharedGpu


class Kind(str, enum.Enum):
    """Which webui this is."""

    AUTOMATIC1111 = "AUTOMATIC1111"
    REFORGE = "reForge"
    FORGE = "Forge"


_MANAGERS = {Kind.FORGE: "backend.memory_management", Kind.REFORGE: "ldm_patched.modules.model_management"}
"""What manages the GPU's memory there."""
_ANNOTATORS = {
    Kind.AUTOMATIC1111: ("ControlNet", "scripts.preprocessor.legacy.processor"),
    Kind.REFORGE: ("ControlNet", "legacy_preprocessors.preprocessor"),
    Kind.FORGE: ("ControlNet", "legacy_preprocessors.preprocessor"),
}


def kind_of_webui() -> Kind:
    """Told by the module that each has, and the others have not; the webui has imported it already."""
    for kind, module in _MANAGERS.items():
        if module in sys.modules:
            return kind
    return Kind.AUTOMATIC1111


def make_host(kind: Kind) -> WebuiHost:
    """The running webui as a host."""
    from modules import call_queue, launch_utils, paths_internal, shared

    places = Places(
        root=Path(paths_internal.cwd), data=Path(paths_internal.data_path), models=Path(paths_internal.models_path),
        extensions=(Path(paths_internal.extensions_dir), Path(paths_internal.extensions_builtin_dir)),
    )
    default = Path(paths_internal.default_output_dir) / options.FOLDER_NAME
    return WebuiHost(
        name=f"{kind.value} {launch_utils.git_tag()}",
        gpu=SharedGpu(call_queue.queue_lock, _neighbours(kind)), places=places,
        torch_devices=lambda: (_device_name(),), networks=lambda: _networks(kind, places), more_models=_more_models,
        results=lambda: places.results(str(options.option(shared, options.OUTPUT_FOLDER, default)), default),
        name_pattern=lambda: str(options.option(shared, options.NAME_PATTERN, "")),
        preferred=lambda: options.preferred(shared),
        work=Path(getattr(shared.cmd_opts, "video3d_work_dir", None) or places.work).absolute(),
    )


def _neighbours(kind: Kind) -> Neighbours:
    if kind in _MANAGERS:
        return ManagedNeighbours(sys.modules[_MANAGERS[kind]])
    return CheckpointNeighbours()


def _device() -> Any:
    from modules import devices

    return devices.get_device_for("video3d")


def _device_name() -> str:
    return str(_device())


def _networks(kind: Kind, places: Places) -> Iterator[Borrowed]:
    device = _device()
    if kind is Kind.AUTOMATIC1111:
        from modules import devices, sd_models

        yield from checkpoint_network(sd_models.model_data.sd_model, str(device), devices.autocast)
    yield from annotator_networks(*_ANNOTATORS[kind], str(device))
    yield from extension_networks(places.root / "models", device)


def _more_models() -> Iterator[Path]:
    """Where ControlNet was told to keep its annotators' models."""
    from modules import paths_internal, shared

    named = (options.option(shared, "control_net_modules_path", ""),
             getattr(shared.cmd_opts, "controlnet_annotator_models_path", None),
             _forge_preprocessors())
    for name in named:
        if name:
            yield Path(paths_internal.data_path, name)


def _forge_preprocessors() -> Any:
    module = sys.modules.get("modules_forge.shared")
    return getattr(module, "preprocessor_dir", None)
