"""Every error this program raises on purpose.

    Video3DError
    ├── SettingsError       a setting has an unknown name or a value outside its range
    ├── SourceError         the source is missing, unreadable, or holds no video
    ├── TargetError         the result cannot be written: exists already, not writable, disk full
    ├── ToolError           ffmpeg is missing or failed
    ├── WorkerError         a child process crashed, hung, or ran past its limits
    ├── DepthError          a depth model is unknown, missing, broken, or gave nonsense
    ├── JobError            a job folder cannot be used or resumed
    ├── AccessError         whoever asks may not do or see this
    │   └── LoginError      whoever asks must say who they are
    ├── MissingError        there is no such upload, job, preset or picture
    ├── LimitError          more than this server takes
    └── Cancelled           the user stopped the work

Each message is one or two plain sentences: what happened to which file, and what to do next.
"""

from __future__ import annotations


class Video3DError(Exception):
    """Base of all errors raised on purpose.

    `stage` names the part of the work that failed ("probe", "decode", "encode", …); `remedy` says what to do next;
    `details`, for a log, is what the program that failed said last.
    """

    def __init__(self, message: str, *, stage: str = "", remedy: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.stage = stage
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class SettingsError(Video3DError):
    """A setting has an unknown name or a value outside its range."""


class SourceError(Video3DError):
    """The source is missing, unreadable, or holds no video."""


class TargetError(Video3DError):
    """The result cannot be written."""


class ToolError(Video3DError):
    """ffmpeg is missing, lacks an encoder, or failed."""


class WorkerError(Video3DError):
    """A child process crashed, hung, or ran past its time or memory limit."""


class DepthError(Video3DError):
    """A depth model is unknown, missing, broken, or gave nonsense."""


class JobError(Video3DError):
    """A job folder cannot be used or resumed."""


class AccessError(Video3DError):
    """Whoever asks may not do or see this."""


class LoginError(AccessError):
    """Whoever asks must say who they are."""


class MissingError(Video3DError):
    """There is no such upload, job, preset or picture."""


class LimitError(Video3DError):
    """More than this server takes."""


class Cancelled(Video3DError):  # noqa: N818 - not a fault: the user asked for it
    """The user stopped the work."""
