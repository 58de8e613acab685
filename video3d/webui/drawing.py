"""The tab as the webui's page takes it.

The webui asks a tab for two things: to draw itself where the page is being built, and for its parts, whose values it
keeps in ui-config.json. gradio's Blocks can do both, but each is a server's whole program besides, which takes a tenth
of a second of the webui's start.
"""

# The webui's modules are not here to be looked at.
# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class DrawnTab:
    """Stands where the webui expects gradio's Blocks."""

    draw: Callable[[], None]
    """Puts the controls into the page that is being built."""
    children: tuple[Any, ...] = ()
    """None of them is to be kept: ui-config.json would hold today's defaults against every later version's."""

    def render(self) -> None:
        """Draw it; what goes wrong goes to the console, and the webui starts without it."""
        with _Reported("drawing the tab 2D→3D Video"):
            self.draw()


class _Reported:
    """Errors end here, as the webui lets those of a callback end: this is no callback, and its page has no net."""

    def __init__(self, task: str) -> None:
        self._task = task

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        from modules import errors

        errors.display(error, self._task)
        return True
