"""How the kernels are compiled."""

from __future__ import annotations

import importlib.util
from typing import Any

HAS_NUMBA = importlib.util.find_spec("numba") is not None


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
