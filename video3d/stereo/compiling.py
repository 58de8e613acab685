"""How the kernels are compiled."""

from __future__ import annotations

from typing import Any

import numba


def compiled(*signatures: str) -> Any:
    """njit for these signatures, without the GIL; cached on disk where numba finds a writable folder for it."""

    def decorate(function: Any) -> Any:
        options = {"nogil": True, "error_model": "numpy"}
        try:
            return numba.njit(list(signatures), cache=True, **options)(function)
        except RuntimeError:  # numba's word for "no folder to cache in"
            return numba.njit(list(signatures), **options)(function)

    return decorate
