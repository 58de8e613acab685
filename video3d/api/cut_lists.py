"""The shots of videos and of jobs: found, edited, saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from video3d.api.guard import Caller
from video3d.api.service import Service, SourceName
from video3d.errors import JobError, MissingError, SettingsError
from video3d.queue import JobView
from video3d.scouting import ShotList
from video3d.shot_edits import LATE, EditedShot, ShotEdits
from video3d.shot_list import FoundShot


@dataclass(frozen=True)
class ShotsOf:
    """Whose shots are meant: those of a video, or those that a job makes of one. One of the three is given."""

    upload: str | None = None
    path: str | None = None
    job: str | None = None


@dataclass(frozen=True)
class CutList:
    """The shots of a video as a conversion of it would take them."""

    found: ShotList
    edits: ShotEdits | None
    """None where nobody edited them."""

    @property
    def shots(self) -> tuple[EditedShot, ...]:
        """Those edited, or those found so far."""
        return self.edits.shots if self.edits is not None else tuple(EditedShot(start) for start in self.found.starts)

    def end(self, index: int) -> float:
        """Seconds from the first frame at which a shot of `shots` ends, as far as is known."""
        shots = self.shots
        return shots[index + 1].start if index + 1 < len(shots) else max(shots[index].start, self.found.covered)


class CutLists:
    """Every method may wait for the disk; `look` and `edit` for a child process too."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def look(self, caller: Caller, named: ShotsOf) -> CutList:
        """What is known by now; the first question starts the search."""
        job, file = self._meant(caller, named)
        found = self._service.scout.shots(file)
        if found.problem is not None:
            raise found.problem
        return CutList(found, job.shots if job else self._service.saved_shots.get(caller.name, file))

    def save(self, caller: Caller, named: ShotsOf, edits: ShotEdits | None) -> CutList:
        """`edits` count from now on, for a job or for conversions of a video to come; None: what is found counts."""
        job, file = self._meant(caller, named)
        if job is not None:
            self._service.queue.set_shots(job.id, edits)
        elif edits is None:
            self._service.saved_shots.delete(caller.name, file)
        else:
            self._service.saved_shots.save(caller.name, file, edits)
        return self.look(caller, named)

    def edit(self, caller: Caller, named: ShotsOf, change: Callable[[ShotEdits], ShotEdits]) -> CutList:
        """One change of the list as it is; JobError while its shots are not all found yet."""
        now = self.look(caller, named)
        if now.edits is None and not now.found.complete:
            raise JobError("The shots of this video are still being searched.", stage="shots",
                           remedy="Ask for them again until they are complete.")
        return self.save(caller, named, change(ShotEdits(now.shots)))

    def picture(self, caller: Caller, named: ShotsOf, seconds: float) -> bytes:
        """A JPEG of the found shot that a moment is in; MissingError while there is none."""
        _, file = self._meant(caller, named)
        inside = [shot for shot in self._service.scout.shots(file).shots if _holds(shot, seconds)]
        if not inside or inside[0].thumbnail is None:
            raise MissingError("There is no picture of this shot yet.", stage="shots",
                               remedy="Ask for the shots again until they are complete.")
        return inside[0].thumbnail

    def _meant(self, caller: Caller, named: ShotsOf) -> tuple[JobView | None, Path]:
        given = [word for word in (named.upload, named.path, named.job) if word is not None]
        if len(given) != 1:
            raise SettingsError("Name either an upload, a path or a job.", stage="source",
                                remedy="Give one of the three.")
        if named.job is None:
            return None, self._service.source(caller, SourceName(named.upload, named.path)).file
        job = self._service.job(caller, named.job)
        if not job.source.is_file():
            raise MissingError(f"{job.display_name}: the video of this job is no longer there.", stage="shots",
                               remedy="Upload it again.")
        return job, job.source


def _holds(shot: FoundShot, seconds: float) -> bool:
    return shot.start - float(LATE) <= seconds < shot.end or (shot.start == shot.end == seconds)
