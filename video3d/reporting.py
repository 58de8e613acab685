"""How far the work is, what the user should know, and whether to stop: arguments, never globals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Progress:
    """How far the work is. `total` is None while the plan still grows."""

    stage: str
    done: int
    total: int | None
    frames_per_second: float = 0.0
    seconds_left: float | None = None


class Reporter(Protocol):
    """Progress out, cancellation in: passed as an argument, never a global."""

    def progress(self, progress: Progress) -> None:
        """Called often, from the thread that does the work; must return at once."""
        ...

    def notice(self, message: str) -> None:
        """One plain sentence the user should read."""
        ...

    def is_cancelled(self) -> bool:
        """True once the user wants to stop."""
        ...


@dataclass
class SilentReporter:
    """A reporter that only remembers its notices."""

    notices: list[str] = field(default_factory=list[str])

    def progress(self, progress: Progress) -> None:
        """Ignored."""

    def notice(self, message: str) -> None:
        """Kept, once each."""
        if message not in self.notices:
            self.notices.append(message)

    def is_cancelled(self) -> bool:
        """Never."""
        return False
