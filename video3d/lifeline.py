"""How a child process of ours ends when its parent does, however that ends."""

from __future__ import annotations

import os
import threading

ORPHANED = 3
"""Exit code of a child whose parent is gone."""


def end_with_parent() -> None:
    """In a child whose standard input is a pipe that the parent holds open: end with it, whatever is at work."""

    def wait() -> None:
        # Below Python's own buffer, whose lock the main thread needs at exit.
        while os.read(0, 4096):
            continue
        os._exit(ORPHANED)  # libraries' threads may be at work: no orderly way out is left

    threading.Thread(target=wait, daemon=True).start()
