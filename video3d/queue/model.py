"""What is asked of the queue, and what it tells."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from video3d.errors import Video3DError
from video3d.params import to_values
from video3d.reporting import Progress
from video3d.settings import ConversionSettings
from video3d.shot_edits import ShotEdits


class JobState(str, enum.Enum):
    """What a job is doing."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Nothing more happens by itself, and nobody means to go on."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class JobOrder:
    """What is to be converted."""

    source: Path
    target: Path | None = None
    """None: into the host's output folder, under a name that is free."""
    settings: ConversionSettings = field(default_factory=ConversionSettings)
    owner: str = ""
    """Whose job it is, where users log in."""
    priority: int = 0
    """Higher ones go first; equal ones in the order they came."""
    display_name: str = ""
    """What the user calls the source; the name of its file where empty."""
    keep_source: bool = True
    """False for an upload: it is deleted with the job, and once the job is done."""
    shots: ShotEdits | None = None
    """The cut list that a person edited."""
    overwrite: bool = False
    """Replace a `target` that is there already."""
    confined: tuple[Path, ...] = ()
    """Paths that somebody named who may not name any: checked with their links resolved, they must have none later."""


@dataclass(frozen=True)
class JobProblem:
    """Why a job failed."""

    type: str
    """The error's class in `errors.py`."""
    stage: str
    message: str
    remedy: str

    @classmethod
    def of(cls, problem: Video3DError) -> JobProblem:
        """What an error says."""
        return cls(type(problem).__name__, problem.stage, problem.message, problem.remedy)


@dataclass(frozen=True)
class JobView:
    """A job as it is now."""

    id: str
    """Unguessable."""
    owner: str
    display_name: str
    source: Path
    target: Path
    settings: ConversionSettings
    state: JobState
    asked: JobState | None
    """What a running job is about to become, because somebody asked: paused, or cancelled."""
    priority: int
    progress: Progress | None
    """None before the work begins; the last one known in a job that is not running."""
    notices: tuple[str, ...]
    error: JobProblem | None
    created: float
    """Seconds since 1970, as all times here."""
    started: float | None
    """When it ran last."""
    finished: float | None
    frames: int | None
    """Of the result, once done."""
    version: int
    """The queue's version when this job changed last."""
    shots: ShotEdits | None = None
    """The cut list that a person edited."""
    begun: float | None = None
    """When it began what is finished of it; another one once that was thrown away."""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; settings flat, by name, as `video3d settings` prints them."""
        return {
            "id": self.id, "owner": self.owner, "display_name": self.display_name, "source": str(self.source),
            "target": str(self.target), "settings": to_values(self.settings), "state": self.state.value,
            "asked": self.asked.value if self.asked else None, "priority": self.priority,
            "progress": asdict(self.progress) if self.progress else None, "notices": list(self.notices),
            "error": asdict(self.error) if self.error else None, "created": self.created, "started": self.started,
            "finished": self.finished, "frames": self.frames, "version": self.version,
        }
