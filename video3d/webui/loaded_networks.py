"""Depth networks that parts of the webui hold in memory: found without importing, loading or changing anything.

Each part keeps its network where only its own code looks, so every look is by name and takes nothing for granted: a
part that is not there, has loaded nothing, or was rewritten, offers nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from video3d.depth_model import Availability, DepthKind, InputSize
from video3d.webui.borrowed import PATCH, Borrowed

DINO = InputSize(518, PATCH)
DPT = InputSize(384, 32)
MIT = "MIT"
APACHE = "Apache 2.0"
NON_COMMERCIAL = "CC BY-NC 4.0"
GIGABYTE = 1 << 30


def checkpoint_network(checkpoint: Any, device: str,
                       autocast: Callable[[], AbstractContextManager[Any]]) -> Iterator[Borrowed]:
    """The MiDaS DPT-Hybrid inside a Stable Diffusion 2 depth checkpoint that is loaded (`model_data.sd_model`)."""
    if getattr(getattr(checkpoint, "depth_model", None), "model", None) is None:
        return
    yield Borrowed(
        "webui-checkpoint-midas", "MiDaS DPT-Hybrid (depth checkpoint)", "the loaded depth checkpoint", MIT, 40,
        lambda: getattr(checkpoint, "depth_model", None), device, DPT, is_imagenet=False, context=autocast,
        moves=not getattr(checkpoint, "lowvram", False), memory=GIGABYTE,
    )


@dataclass(frozen=True)
class _Kind:
    """A model of the depth extension, by its number there."""

    id: str
    label: str
    licence: str
    quality: int
    size: InputSize
    is_imagenet: bool
    file: str = ""
    """Where its weights lie below the webui's models folder, for those that only the extension can load."""


_EXTENSION_KINDS = {
    1: _Kind("midas-beit-512", "MiDaS 3.1 BEiT-Large 512", MIT, 46, InputSize(512, 32, follows_setting=False), False,
             "midas/dpt_beit_large_512.pt"),
    2: _Kind("midas-beit-384", "MiDaS 3.1 BEiT-Large 384", MIT, 44, InputSize(384, 32, follows_setting=False), False,
             "midas/dpt_beit_large_384.pt"),
    3: _Kind("midas-dpt-large", "MiDaS DPT-Large", MIT, 42, DPT, False),
    4: _Kind("midas-dpt-hybrid", "MiDaS DPT-Hybrid", MIT, 40, DPT, False),
    5: _Kind("midas-v21", "MiDaS v2.1", MIT, 32, DPT, True),
    6: _Kind("midas-v21-small", "MiDaS v2.1 small", MIT, 30, InputSize(256, 32), True),
    11: _Kind("depth-anything-large", "Depth Anything Large", APACHE, 60, DINO, True),
    12: _Kind("depth-anything-v2-small", "Depth Anything V2 Small", APACHE, 60, DINO, True),
    13: _Kind("depth-anything-v2-base", "Depth Anything V2 Base", NON_COMMERCIAL, 70, DINO, True),
    14: _Kind("depth-anything-v2-large", "Depth Anything V2 Large", NON_COMMERCIAL, 80, DINO, True),
}


def extension_networks(models: Path, device: Any) -> Iterator[Borrowed]:
    """The depth extension's (stable-diffusion-webui-depthmap-script).

    Its loaded model, and those that only it can load from files below `models`. `device` is torch's.
    """
    core = sys.modules.get("src.core")
    holder: Any = getattr(core, "model_holder", None)
    if core is None or not hasattr(holder, "depth_model"):
        return
    loaded = getattr(holder, "depth_model_type", None)
    for number, kind in _EXTENSION_KINDS.items():
        if number == loaded and not getattr(holder, "tiling_mode", False):
            yield _of_extension(kind, Availability.READY, lambda: holder.depth_model, device)
        elif kind.file and (models / kind.file).is_file():
            keeper = _ExtensionLoader(core, number, device)
            yield _of_extension(kind, Availability.ON_DISK, keeper.load, device, keeper.unload)


def _of_extension(kind: _Kind, availability: Availability, find: Callable[[], Any], device: Any,
                  done: Callable[[], None] = lambda: None) -> Borrowed:
    return Borrowed(
        f"webui-depth-{kind.id}", f"{kind.label} (depth extension)", "the depth extension", kind.licence,
        kind.quality, find, str(device), kind.size, is_imagenet=kind.is_imagenet, availability=availability, done=done,
        non_commercial=kind.licence == NON_COMMERCIAL, memory=2 * GIGABYTE,
    )


class _ExtensionLoader:
    """Has the depth extension load a model, and unload it if it is still that one."""

    def __init__(self, core: Any, number: int, device: Any) -> None:
        self._core = core
        self._number = number
        self._device = device
        self._loaded: Any = None

    def load(self) -> Any:
        holder = self._core.model_holder
        holder.update_settings(**self._core.backbone.gather_ops())
        holder.ensure_models(self._number, self._device, False)
        self._loaded = holder.depth_model
        return self._loaded

    def unload(self) -> None:
        holder = self._core.model_holder
        if self._loaded is not None and holder.depth_model is self._loaded:
            holder.unload_models()
        self._loaded = None


def annotator_networks(owner: str, module: str, device: str) -> Iterator[Borrowed]:
    """Those of ControlNet's annotators that have run once. `module` is where it keeps them.

    "scripts.preprocessor.legacy.processor" in sd-webui-controlnet, "legacy_preprocessors.preprocessor" in Forge.
    """
    keeper = sys.modules.get(module)
    if keeper is None:
        return
    if _inner(keeper, "model_depth_anything_v2") is not None:
        yield Borrowed("webui-annotator-depth-anything-v2-large", f"Depth Anything V2 Large ({owner})", owner,
                       NON_COMMERCIAL, 80, lambda: _inner(keeper, "model_depth_anything_v2"), device, DINO,
                       non_commercial=True, memory=2 * GIGABYTE)
    if _inner(keeper, "model_depth_anything") is not None:
        yield Borrowed("webui-annotator-depth-anything-large", f"Depth Anything Large ({owner})", owner, APACHE, 60,
                       lambda: _inner(keeper, "model_depth_anything"), device, DINO, memory=2 * GIGABYTE)
    if _inner(keeper, "model_zoe_depth") is not None:
        yield Borrowed("webui-annotator-zoe", f"ZoeDepth ({owner})", owner, MIT, 38,
                       lambda: _inner(keeper, "model_zoe_depth"), device, InputSize(384, 32, follows_setting=False),
                       is_imagenet=False, kind=DepthKind.METRIC_DEPTH, run=_run_zoe, memory=2 * GIGABYTE)
    if getattr(sys.modules.get("annotator.midas"), "model", None) is not None:
        yield Borrowed("webui-annotator-midas", f"MiDaS DPT-Hybrid ({owner})", owner, MIT, 40,
                       lambda: getattr(sys.modules.get("annotator.midas"), "model", None), device, DPT,
                       is_imagenet=False, memory=GIGABYTE)


def _inner(keeper: Any, name: str) -> Any:
    """The network inside a detector, which is None before its first use."""
    return getattr(getattr(keeper, name, None), "model", None)


def _run_zoe(network: Any, pictures: Any) -> Any:
    # It normalises by itself: from −1…1 back to 0…1.
    return network(pictures * 0.5 + 0.5)["metric_depth"]
