"""What goes over the wire, for the OpenAPI document and for checking requests. Works on pydantic 1 and 2.

Answers are built from our own values by the `…_body` functions; the models describe them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Union

import pydantic
from pydantic import BaseModel, Field

PYDANTIC_2 = pydantic.VERSION.startswith("2")


def _strict_base() -> type[BaseModel]:
    """A model that refuses fields it does not know, as each pydantic wants it said."""
    said: Any = {"extra": "forbid"}
    config: Any = said if PYDANTIC_2 else type("Config", (), said)
    return pydantic.create_model("StrictModel", __config__=config)


StrictModel: Any = _strict_base()


def plain(model: Any) -> Dict[str, Any]:
    """A model's fields by name."""
    return model.model_dump() if PYDANTIC_2 else model.dict()


class Problem(BaseModel):
    """What went wrong, and what to do next."""

    error: str = Field(description="Kind of error, such as SourceError.")
    message: str = Field(description="What happened, in plain words.")
    stage: str = Field(description="The part of the work that failed, or nothing.")
    remedy: str = Field(description="What to do next, or nothing.")


class Deleted(BaseModel):
    """It is gone."""

    deleted: str


class UploadBody(BaseModel):
    """A video that was sent, or is being sent."""

    id: str = Field(description="Unguessable.")
    name: str = Field(description="The file's name, made safe.")
    size: Optional[int] = Field(description="Bytes announced, or all of them once complete; null where not announced.")
    received: int = Field(description="Bytes that are here.")
    complete: bool
    created: float = Field(description="Seconds since 1970.")


class UploadList(BaseModel):
    """The caller's uploads, oldest first."""

    uploads: List[UploadBody]


class TrackBody(BaseModel):
    """One stream of a video."""

    index: int
    kind: str = Field(description="video, audio, subtitle, attachment or data.")
    codec: str
    language: str
    title: str
    details: str


class VideoBody(BaseModel):
    """What a video is."""

    name: str
    bytes: int
    container: str
    codec: str
    width: int = Field(description="Pixels, as shown.")
    height: int
    frame_rate: Optional[float] = Field(description="Frames per second as the file states them.")
    duration: Optional[float] = Field(description="Seconds as the file states them.")
    frames: Optional[int] = Field(description="About so many.")
    bit_depth: int
    hdr: bool
    interlaced: bool
    rotation: int = Field(description="Degrees counter-clockwise that the picture is turned by.")
    chapters: int
    tracks: List[TrackBody]
    notices: List[str]


class ProgressBody(BaseModel):
    """How far a job is."""

    stage: str
    done: int
    total: Optional[int]
    frames_per_second: float
    seconds_left: Optional[float]


class JobProblemBody(BaseModel):
    """Why a job failed."""

    error: str
    message: str
    stage: str
    remedy: str


class JobBody(BaseModel):
    """A job as it is now."""

    id: str = Field(description="Unguessable.")
    name: str = Field(description="What its source is called.")
    result_name: str = Field(description="The file that it makes.")
    state: str = Field(description="waiting, running, paused, done, failed or cancelled.")
    asked: Optional[str] = Field(description="What a running job is about to become: paused or cancelled.")
    priority: int = Field(description="Higher ones go first.")
    progress: Optional[ProgressBody]
    notices: List[str]
    error: Optional[JobProblemBody]
    created: float = Field(description="Seconds since 1970.")
    started: Optional[float]
    finished: Optional[float]
    frames: Optional[int] = Field(description="Of the result, once done.")
    settings: Dict[str, Any]
    shots_edited: bool = Field(description="Whether somebody edited its shots.")
    version: int = Field(description="Rises with every change.")


class JobList(BaseModel):
    """The caller's jobs, oldest first."""

    version: int = Field(description="Give it as `after` to wait for the next change.")
    jobs: List[JobBody]


class JobOrderBody(StrictModel):
    """A video to convert. Name either an upload or a path."""

    upload: Optional[str] = Field(None, description="An upload's id.")
    path: Optional[str] = Field(None, description="A file on the server, where that is allowed.")
    settings: Dict[str, Any] = Field({}, description="Settings by name, as GET /settings lists them; others stay.")
    preset: Optional[str] = Field(None, description="A device's or a saved preset: settings go over it.")
    name: Optional[str] = Field(None, description="Name of the result.")
    folder: Optional[str] = Field(None, description="Folder on the server for the result, where that is allowed.")
    shots: Optional[Dict[str, Any]] = Field(None, description="An edited list of shots, as /shots gives it; without, "
                                            "the one that was saved for this video, if any.")
    priority: int = Field(0, ge=-1000, le=1000, description="Higher ones go first.")
    keep_upload: bool = Field(True, description="Whether the upload stays when the job is done.")


class JobChangeBody(StrictModel):
    """What can be changed of a job that is there."""

    priority: int = Field(ge=-1000, le=1000, description="Higher ones go first.")


class PreviewBody(StrictModel):
    """One moment of a video, as the settings would make it. Name either an upload or a path."""

    upload: Optional[str] = Field(None, description="An upload's id.")
    path: Optional[str] = Field(None, description="A file on the server, where that is allowed.")
    settings: Dict[str, Any] = Field({}, description="Settings by name, as GET /settings lists them.")
    moment: float = Field(0, ge=0, le=1e7, description="Seconds from the start of the video.")
    view: str = Field("left-right", description="original, depth, left-right, anaglyph, packed or wiggle.")
    format: str = Field("jpeg", description="jpeg, png or webp; a wiggle is webp or gif.")
    largest_side: int = Field(1280, ge=16, le=8192, description="Pixels of the picture's longer side, at most.")


class PresetValues(StrictModel):
    """Settings to keep under a name."""

    values: Dict[str, Any] = Field(description="Settings by name; others stay at their defaults.")


class SavedPresetBody(BaseModel):
    """Settings that were saved under a name."""

    name: str
    values: Dict[str, Any]


class DevicePresetBody(BaseModel):
    """What suits a device or a service."""

    id: str
    label: str
    why: str
    hint: str
    layouts: List[str] = Field(description="The best first.")
    container: str
    codecs: List[str]


class PresetList(BaseModel):
    """All presets."""

    devices: List[DevicePresetBody]
    saved: List[SavedPresetBody]


class SettingBody(BaseModel):
    """How one setting is shown."""

    name: str
    group: str
    label: str
    help: str
    allowed: str
    unit: str
    advanced: bool
    choices: List[str]
    minimum: Optional[float]
    maximum: Optional[float]
    step: Optional[float]
    none_means: str = Field(description="The word that stands for no value, or nothing.")
    kind: str = Field(description="boolean, integer, number or string.")


class SettingsBody(BaseModel):
    """All settings."""

    defaults: Dict[str, Any]
    settings: List[SettingBody]
    json_schema: Dict[str, Any] = Field(description="JSON Schema of settings by name.")


class ModelBody(BaseModel):
    """A depth model."""

    id: str
    label: str
    licence: str
    non_commercial: bool
    availability: str = Field(description="ready, on disk, or to download.")
    bytes: int = Field(description="To download.")
    needs: str = Field(description="A package that is missing here and without which it cannot run, or nothing.")
    chosen: bool = Field(description="Whether auto takes it.")
    slow: bool = Field(description="Whether a picture takes it seconds here, for want of a graphics card.")
    download: Optional[ProgressBody] = Field(description="Of a download that is under way.")
    error: Optional[JobProblemBody] = Field(description="Why the last download failed.")


class ModelList(BaseModel):
    """Depth models, best first."""

    models: List[ModelBody]


class StatusBody(BaseModel):
    """Where this is."""

    version: str
    host: str
    devices: List[str]
    logged_in: str = Field(description="Your name, where one has to log in.")
    paths_allowed: bool = Field(description="Whether files on the server may be named.")
    upload_bytes: int = Field(description="Largest upload.")
    waiting: int
    running: int
    notices: List[str] = Field(description="What you should know, such as that the webui must be started anew.")


class ShotsOfBody(StrictModel):
    """Whose shots are meant. Name either an upload, a path or a job."""

    upload: Optional[str] = Field(None, description="An upload's id.")
    path: Optional[str] = Field(None, description="A file on the server, where that is allowed.")
    job: Optional[str] = Field(None, description="A job's id.")


class EstimateBody(StrictModel):
    """A conversion that somebody thinks of. Name either an upload or a path."""

    upload: Optional[str] = Field(None, description="An upload's id.")
    path: Optional[str] = Field(None, description="A file on the server, where that is allowed.")
    settings: Dict[str, Any] = Field({}, description="Settings by name, as GET /settings lists them.")


class ShotBody(BaseModel):
    """A shot."""

    index: int
    start: float = Field(description="Seconds from the first frame.")
    end: float = Field(description="Seconds from the first frame, as far as is known.")
    strength: Union[float, str] = Field(description="Per cent of the width, or auto: what the settings say.")
    convergence: Union[float, str] = Field(description="Nearness on the screen, 0 to 1, or auto: what the settings "
                                                       "say.")
    thumbnail: str = Field(description="Where a picture of it is, relative to the routes; empty while there is none.")


class ShotsBody(BaseModel):
    """Shots, edited or found so far; ask again until it is complete. `video3d convert --shots` takes this too."""

    format: str
    shots: List[ShotBody] = Field(description="As a conversion will take them.")
    edited: bool = Field(description="Whether somebody edited them.")
    starts: List[float] = Field(description="Where shots were found: seconds from the first frame.")
    covered: float = Field(description="Seconds that were looked through.")
    complete: bool = Field(description="Whether the search is over.")


class ShotToSaveBody(StrictModel):
    """A shot. It ends where the next one begins."""

    start: float = Field(ge=0, le=1e7, description="Seconds from the first frame.")
    strength: Union[float, str, None] = Field(None, description="Per cent of the width, or auto.")
    convergence: Union[float, str, None] = Field(None, description="Nearness on the screen, 0 to 1, or auto.")
    index: Optional[int] = Field(None, description="Not read.")
    end: Optional[float] = Field(None, description="Not read.")
    thumbnail: Optional[str] = Field(None, description="Not read.")


class ShotsToSaveBody(ShotsOfBody):
    """An edited list. An entry left out merges its shot with the one before, one more splits."""

    shots: List[ShotToSaveBody] = Field(description="By rising start.")


class ShotEditBody(ShotsOfBody):
    """One change of the list as it is."""

    action: str = Field(description="merge (a shot with the one before it), split (at a moment), or set (a shot's "
                                    "strength and convergence, both).")
    shot: Optional[int] = Field(None, description="Which one, to merge or to set: its index.")
    at: Optional[float] = Field(None, description="Where to split: seconds from the first frame.")
    strength: Union[float, str, None] = Field(None, description="Per cent of the width, or auto.")
    convergence: Union[float, str, None] = Field(None, description="Nearness on the screen, 0 to 1, or auto.")


class ExpectedBody(BaseModel):
    """Guesses."""

    seconds: float = Field(description="Of work.")
    bytes: int
    width: int = Field(description="Pixels of the result's frame.")
    height: int


class PlayableBody(BaseModel):
    """Something that browsers play."""

    state: str = Field(description="making, copy, or result where the result itself plays.")
    share: float = Field(description="0 to 1 of the copy that is being made.")
    address: str = Field(description="Where it is, relative to the routes.")


class OpenedBody(BaseModel):
    """It is on the screen."""

    opened: bool
