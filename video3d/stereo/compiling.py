"""How the kernels are compiled."""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

HAS_NUMBA = importlib.util.find_spec("numba") is not None


class NotCompiledError(Exception):
    """A kernel would have to be compiled first, which takes long and cannot be stopped."""

    def __init__(self, can_be_kept: bool) -> None:
        """`can_be_kept`: whether there is a folder that numba can keep it in."""
        super().__init__(can_be_kept)
        self.can_be_kept = can_be_kept


@contextmanager
def from_cache_alone() -> Generator[None, None, None]:
    """Inside, and in this thread, importing a kernel that numba does not hold in its cache raises NotCompiledError."""
    if not HAS_NUMBA:
        yield
        return
    # The whole first: two threads that import it from two ends would each wait for the other's half.
    importlib.import_module("numba")
    from numba.core import event

    here = threading.get_ident()

    class Refusal(event.Listener):
        def on_start(self, event: Any) -> None:
            if threading.get_ident() == here:
                raise NotCompiledError(event.data["dispatcher"].stats.cache_path is not None)

        def on_end(self, event: Any) -> None:
            del event

    with event.install_listener("numba:compile", Refusal()):
        yield


def compiled(*signatures: str) -> Any:
    """njit for these signatures, without the GIL; cached on disk where numba finds a writable folder for it.

    Without numba the function stays as it is; `plain` and `plain_edges` then do the work.
    """

    def decorate(function: Any) -> Any:
        if not HAS_NUMBA:
            return function
        import numba

        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        try:
            return numba.njit(list(signatures), cache=True, **options)(function)
        except RuntimeError:  # numba's word for "no folder to cache in"
            return numba.njit(list(signatures), **options)(function)

    return decorate


def helper(function: Any) -> Any:
    """njit for what kernels of the same file call: compiled with them, and not loaded where they are cached."""
    if not HAS_NUMBA:
        return function
    import numba

    return numba.njit(nogil=True, error_model="numpy")(function)
