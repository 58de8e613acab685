"""The webui's own networks make room on the GPU for ours, and come back."""

# The webui's modules are not here to be looked at.
# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any

UNKNOWN_NEED = 2 << 30
"""Bytes made free for a network that does not say what it needs."""
TIGHT_SHARE = 0.3
"""Where less of the GPU's memory than this is free, our network leaves before others have their turn."""


class CheckpointNeighbours:
    """AUTOMATIC1111 keeps the Stable Diffusion checkpoint on the GPU: it is moved out and back as a whole."""

    def __init__(self) -> None:
        self._moved_out: Any = None

    def make_room(self, memory: int) -> None:
        """See `Neighbours`. Nothing moves without a CUDA device, or where the webui itself keeps the model outside."""
        from modules import devices, sd_models

        model = sd_models.model_data.sd_model
        if self._moved_out is not None or model is None or getattr(model, "lowvram", False):
            return
        wanted = memory or UNKNOWN_NEED
        if _has(wanted):
            return
        devices.torch_gc()
        if not _has(wanted):
            sd_models.send_model_to_cpu(model)
            self._moved_out = model

    def come_back(self, leave: Callable[[], None]) -> None:
        """See `Neighbours`."""
        from modules import devices, sd_models

        model, self._moved_out = self._moved_out, None
        if model is not None or _is_tight():
            leave()
            devices.torch_gc()
        if model is not None and model is sd_models.model_data.sd_model:
            sd_models.send_model_to_device(model)


def _has(wanted: int) -> bool:
    memory = _cuda_memory()
    return memory is None or memory[0] >= wanted


def _is_tight() -> bool:
    memory = _cuda_memory()
    return memory is not None and memory[0] < TIGHT_SHARE * memory[1]


def _cuda_memory() -> tuple[int, int] | None:
    """(free, all) bytes; None where the webui does not know, as without CUDA."""
    from modules import shared

    return None if shared.mem_mon.disabled else shared.mem_mon.cuda_mem_get_info()


class ManagedNeighbours:
    """Forge and reForge manage the GPU's memory: what is moved out comes back by itself when it is used next."""

    def __init__(self, manager: Any) -> None:
        """`manager`: Forge's `backend.memory_management`, reForge's `ldm_patched.modules.model_management`."""
        self._manager = manager

    def make_room(self, memory: int) -> None:
        """See `Neighbours`."""
        device = self._manager.get_torch_device()
        if self._manages(device) and self._manager.get_free_memory(device) < (memory or UNKNOWN_NEED):
            self._manager.free_memory(memory or UNKNOWN_NEED, device)

    def come_back(self, leave: Callable[[], None]) -> None:
        """See `Neighbours`: only our network has to go, where memory is short."""
        device = self._manager.get_torch_device()
        if not self._manages(device):
            return
        if self._manager.get_free_memory(device) < TIGHT_SHARE * self._manager.get_total_memory(device):
            leave()
            self._manager.soft_empty_cache()

    def _manages(self, device: Any) -> bool:
        return getattr(device, "type", "") not in ("cpu", "mps")
