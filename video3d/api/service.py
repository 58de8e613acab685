"""What the routes do, without HTTP: one object that a host makes, starts and closes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from video3d import presets
from video3d.api.downloads import Downloads
from video3d.api.guard import Caller
from video3d.api.limits import Limits
from video3d.api.names import safe_name
from video3d.api.paths import AllowedPaths
from video3d.api.saved_presets import PresetStore
from video3d.api.saved_shots import SavedShots
from video3d.api.uploads import Upload, UploadStore
from video3d.api.watching import StreamStore
from video3d.errors import JobError, LimitError, MissingError, SettingsError
from video3d.host import Host
from video3d.media.source import probe
from video3d.params import from_values, parameters, to_values
from video3d.pipeline import target_name
from video3d.preview import Previewer
from video3d.queue import JobOrder, JobQueue, JobState, JobView
from video3d.renditions import Renditions
from video3d.scouting import ShotScout
from video3d.settings import ConversionSettings
from video3d.shot_edits import shots_of
from video3d.video_info import VideoInfo

CLEANING_SECONDS = 3600.0
"""How often, at most, old uploads are looked for."""


@dataclass(frozen=True)
class SourceName:
    """Which video is meant: one that was uploaded, or one on the server's disk."""

    upload: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Source:
    """A video that may be read, and what its owner calls it."""

    file: Path
    name: str
    is_upload: bool


@dataclass(frozen=True)
class Order:
    """A job as it is asked for."""

    source: SourceName
    settings: Mapping[str, Any]
    preset: str | None = None
    name: str | None = None
    """Of the result; without, the source's name and the layout."""
    folder: str | None = None
    """For the result, on the server's disk; without, the host's output folder."""
    priority: int = 0
    keep_source: bool = True
    shots: Mapping[str, Any] | None = None
    """An edited list of shots; without, the one that was saved for the video, if any."""


class Service:
    """Everything that may wait for a disk or a child process is said to; call it from a thread."""

    def __init__(self, host: Host, queue: JobQueue, *, paths: AllowedPaths | None = None,
                 limits: Limits | None = None) -> None:
        self.host = host
        self.queue = queue
        self.paths = paths or AllowedPaths()
        self.limits = limits or Limits()
        self.uploads = UploadStore(host.work_folder() / "uploads", self.limits)
        self.open_folder: Callable[[Path], None] | None = None
        """Shows a folder on the server's own screen; set where the user sits before it."""
        self.scout = ShotScout()
        self.renditions = Renditions(host.work_folder() / "copies")
        self.presets = PresetStore(host.work_folder() / "presets")
        self.saved_shots = SavedShots(host.work_folder() / "shots")
        self.downloads = Downloads()
        self.previewer = Previewer(host)
        self.streams = StreamStore(host.work_folder() / "streams")
        self._cleaned = -CLEANING_SECONDS

    def paths_of(self, caller: Caller) -> AllowedPaths:
        """Which files of this machine they may name."""
        return self.paths.for_caller(is_here=caller.is_here)

    # -- videos

    def source(self, caller: Caller, named: SourceName) -> Source:
        """The video meant; waits for the disk. AccessError, MissingError or SourceError where it cannot be had."""
        if (named.upload is None) == (named.path is None):
            raise SettingsError("Name either an upload or a path.", stage="source", remedy="Give one of the two.")
        if named.upload is not None:
            upload = self.uploads.get(caller.name, named.upload)
            return Source(self.uploads.complete_file(upload), upload.name, is_upload=True)
        file = self.paths_of(caller).file(named.path or "")
        return Source(file, file.name, is_upload=False)

    def look_at(self, source: Source) -> VideoInfo:
        """What the video is; starts a child process and waits for it."""
        info = probe(source.file)
        self.limits.check_video(info)
        return info

    # -- settings

    def settings(self, caller: Caller, values: Mapping[str, Any], preset: str | None = None) -> ConversionSettings:
        """`values` over those of a saved preset over the host's defaults; paths among them are checked.

        Waits for the disk.
        """
        saved = self.presets.get(caller.name, preset).values if preset is not None and not is_device(preset) else {}
        chosen = from_values(ConversionSettings, {**self.host.defaults(), **saved, **values})
        given = chosen.depth.depth_video
        if given is None:
            return chosen
        allowed = self.paths_of(caller).file_or_folder(given)
        return from_values(ConversionSettings, {**to_values(chosen), "depth_video": str(allowed)})

    # -- jobs

    def submit(self, caller: Caller, order: Order) -> JobView:
        """Look at the video and put it into the queue; waits for a child process."""
        unfinished = [job for job in self.queue.jobs(caller.name) if not job.state.is_over]
        if len(unfinished) >= self.limits.jobs:
            raise LimitError(f"{self.limits.jobs} jobs are waiting already.", stage="queue",
                             remedy="Wait for them, or cancel some.")
        source = self.source(caller, order.source)
        settings = self.settings(caller, order.settings, order.preset)
        saved = self.saved_shots.get(caller.name, source.file)
        shots = saved if order.shots is None else shots_of(dict(order.shots))
        info = self.look_at(source)
        if order.preset is not None and is_device(order.preset):
            settings = presets.apply(presets.preset(order.preset), settings, info.width, info.height,
                                     frame_rate=info.frame_rate, bit_depth=info.pixel_format.bit_depth).settings
        target = self._target(caller, source, settings, order)
        confined = [] if source.is_upload else [source.file]
        confined += [target.parent] if target is not None and order.folder is not None else []
        confined += [Path(given)] if (given := settings.depth.depth_video) is not None else []
        return self.queue.submit(JobOrder(
            source=source.file, target=target, settings=settings, owner=caller.name,
            priority=order.priority, display_name=source.name, confined=tuple(confined),
            keep_source=order.keep_source or not source.is_upload, shots=shots,
        ))

    def jobs(self, caller: Caller) -> list[JobView]:
        """The caller's own, oldest first."""
        return self.queue.jobs(caller.name)

    def job(self, caller: Caller, job_id: str) -> JobView:
        """MissingError where there is none of this id, or it is another's."""
        try:
            view = self.queue.job(job_id)
        except JobError:
            view = None
        if view is None or view.owner != caller.name:
            raise MissingError("There is no such job.", stage="queue", remedy="Choose one of the list.")
        return view

    def result(self, caller: Caller, job_id: str) -> Path:
        """The finished video; JobError while it is none, MissingError where it was moved away."""
        view = self.job(caller, job_id)
        if view.state is not JobState.DONE:
            raise JobError(f"This job is {view.state.value}: there is no result yet.", stage="queue",
                           remedy="Wait until it is done.")
        if not view.target.is_file():
            raise MissingError(f"{view.target.name}: the result is no longer where it was made.", stage="queue",
                               remedy="Look where it was moved, or convert the video again.")
        return view.target

    def new_upload(self, caller: Caller, name: str, size: int | None) -> Upload:
        """Room for a video; now and then, uploads that nobody used for long are deleted. Waits for the disk."""
        if time.monotonic() - self._cleaned > CLEANING_SECONDS:
            self._cleaned = time.monotonic()
            used = frozenset(job.source for job in self.queue.jobs() if not job.state.is_over)
            self.uploads.clean(used, time.time())
            self.saved_shots.clean()
            self.streams.clean(frozenset(job.id for job in self.queue.jobs()))
        return self.uploads.create(caller.name, name, size)

    def delete_upload(self, upload: Upload) -> None:
        """Forget an upload; the video itself stays as long as unfinished jobs need it. Waits for the disk."""
        if upload.complete and self.queue.release_source(self.uploads.path(upload)):
            self.uploads.hide(upload)
        else:
            self.uploads.delete(upload)

    def close(self) -> None:
        """Stop what runs beside the queue; waits for child processes."""
        self.previewer.close()
        self.downloads.close()
        self.scout.close()
        self.renditions.close()

    def public(self, text: str) -> str:
        """`text` without the folders of this server."""
        if "/" not in text and "\\" not in text:  # most words of an answer: no folder is in them
            return text
        for folder in (self.host.work_folder(), self.host.output_folder()):
            text = re.sub(re.escape(str(folder)) + r"[/\\](?:[\w-]+[/\\])*", "", text)
        return text

    def _target(self, caller: Caller, source: Source, settings: ConversionSettings, order: Order) -> Path | None:
        if order.name is None and order.folder is None:
            return None
        folder = self.host.output_folder() if order.folder is None else self.paths_of(caller).folder(order.folder)
        named = Path(safe_name(order.name or source.name))
        extension = f".{settings.output.container.value}"
        if order.name is None:
            named = Path(target_name(named, settings))
        elif named.suffix.lower() != extension:
            named = named.with_name(named.name + extension)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / named


def is_device(preset: str) -> bool:
    """Whether this is one of the presets that come with the program."""
    return any(preset == known.id for known in presets.presets())


def defaults() -> dict[str, Any]:
    """All settings at their defaults, flat and by name."""
    return {parameter.name: parameter.to_json(parameter.default) for parameter in parameters(ConversionSettings)}
