"""How the C library treats memory that is given back: frames come and go too fast to return each to the system."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of mallopt's parameters in glibc's malloc.h."""
KEPT_BYTES = 256 << 20
"""Above every plane's size, and all that a conversion gives back at a time."""


def keep_freed_memory() -> bool:
    """Let this process use the memory of one frame for the next, instead of fetching fresh pages each time.

    For a program of our own that ends with its work: the memory comes back with the process. False where the C library
    knows no such wish (it is glibc's).
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, KEPT_BYTES)) and bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
