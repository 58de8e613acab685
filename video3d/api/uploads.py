"""Videos that were sent here, in a folder of their own each, under ids that nobody can guess.

    FOLDER/ID/upload.json      what it is
    FOLDER/ID/NAME             the video; NAME.part until all of it is here
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from video3d.api.limits import Limits
from video3d.api.names import safe_name
from video3d.errors import JobError, LimitError, MissingError
from video3d.serial import from_json, to_json

ID_BYTES = 16
KEPT_SECONDS = 7 * 24 * 3600.0
"""Uploads that nobody used for so long are deleted."""
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_RECORD = "upload.json"


@dataclass(frozen=True)
class Upload:
    """A video that was sent, or is being sent."""

    id: str
    owner: str
    name: str
    """As the sender calls it, made safe."""
    size: int | None
    """Bytes announced; None where they were not."""
    created: float
    """Seconds since 1970."""
    received: int = 0
    complete: bool = False
    deleted: bool = False
    """Nobody sees it any more; the video stays until the jobs are done that need it."""


class UploadStore:
    """Keeps uploads. Every method may wait for the disk."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._writing = threading.Lock()

    def create(self, owner: str, name: str, size: int | None) -> Upload:
        """Make room for a video; LimitError where it is too large."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.check_size(size or 0)
        self._limits.check_room(self._folder, size or 0)
        if len(self.all(owner)) >= self._limits.uploads:
            raise LimitError(f"{self._limits.uploads} uploads are kept already.", stage="upload",
                             remedy="Delete those that are not needed.")
        upload = Upload(secrets.token_urlsafe(ID_BYTES), owner, safe_name(name), size, time.time())
        folder = self._folder / upload.id
        folder.mkdir(mode=0o700)
        self._part(upload).touch()
        self._save(upload)
        return upload

    def append(self, upload: Upload, offset: int, parts: Sequence[bytes]) -> int:
        """Write `parts` from `offset` on, which must be where the file ends; returns where it ends now."""
        size = sum(len(part) for part in parts)
        end = offset + size
        self.check_size(end)
        if upload.size is not None and end > upload.size:
            raise LimitError(f"{upload.name}: more was sent than the {upload.size} bytes announced.", stage="upload",
                             remedy="Start again with the right size.")
        self._limits.check_room(self._folder, size)
        with self._writing, self._open_part(upload) as file:
            if file.seek(0, 2) != offset:
                raise JobError(f"{upload.name}: {file.tell()} bytes are here, and {offset} were expected.",
                               stage="upload", remedy="Ask how much was received, and go on from there.")
            file.writelines(parts)
        return end

    def finish(self, upload: Upload) -> Upload:
        """All that was announced is here: from now on it is a video. Otherwise it waits for the rest."""
        received = self._part(upload).stat().st_size
        if upload.size is not None and received < upload.size:
            return replace(upload, received=received)
        finished = replace(upload, size=received, received=received, complete=True)
        self._part(upload).replace(self.path(upload))
        self._save(finished)
        return finished

    def get(self, owner: str, upload_id: str) -> Upload:
        """MissingError where there is none of this id, or it is another owner's."""
        found = self._load(upload_id)
        if found is None or found.owner != owner:
            raise MissingError("There is no such upload.", stage="upload", remedy="Upload the video again.")
        return found

    def all(self, owner: str) -> list[Upload]:
        """The owner's, oldest first."""
        if not self._folder.is_dir():
            return []
        found = [self._load(entry.name) for entry in self._folder.iterdir()]
        return sorted((upload for upload in found if upload is not None and upload.owner == owner),
                      key=lambda upload: upload.created)

    def complete_file(self, upload: Upload) -> Path:
        """Where the video lies; JobError while it is on its way, MissingError once it was used up."""
        if not upload.complete:
            raise JobError(f"{upload.name}: only {upload.received} bytes of it are here.", stage="upload",
                           remedy="Send the rest first.")
        if not self.path(upload).is_file():
            raise MissingError(f"{upload.name}: this upload was deleted.", stage="upload", remedy="Upload it again.")
        return self.path(upload)

    def hide(self, upload: Upload) -> None:
        """Forget it, but for jobs that need the video."""
        self._save(replace(upload, deleted=True))

    def delete(self, upload: Upload) -> None:
        """Forget it, and delete the video."""
        shutil.rmtree(self._folder / upload.id, ignore_errors=True)

    def path(self, upload: Upload) -> Path:
        """Where the video is, or will be."""
        return self._folder / upload.id / upload.name

    def clean(self, used: frozenset[Path], now: float) -> None:
        """Delete what is older than a week, or hidden, or has no video any more, and is not in `used`."""
        for entry in self._folder.iterdir() if self._folder.is_dir() else ():
            upload = self._read(entry.name)
            if upload is None or self.path(upload) in used:
                continue
            is_empty = upload.complete and not self.path(upload).is_file()
            if upload.deleted or is_empty or now - upload.created > KEPT_SECONDS:
                self.delete(upload)

    def _part(self, upload: Upload) -> Path:
        return self._folder / upload.id / f"{upload.name}.part"

    def _open_part(self, upload: Upload) -> IO[bytes]:
        try:
            return self._part(upload).open("r+b")
        except FileNotFoundError:
            raise JobError(f"{upload.name}: all of it is here already, or it was deleted.", stage="upload",
                           remedy="Start a new upload.") from None

    def _load(self, upload_id: str) -> Upload | None:
        found = self._read(upload_id)
        return None if found is None or found.deleted else found

    def _read(self, upload_id: str) -> Upload | None:
        if not _ID.fullmatch(upload_id):
            return None
        try:
            text = (self._folder / upload_id / _RECORD).read_text(encoding="utf-8")
            upload = from_json(Upload, json.loads(text))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with suppress(OSError):
            return upload if upload.complete else replace(upload, received=self._part(upload).stat().st_size)
        return upload

    def _save(self, upload: Upload) -> None:
        record = self._folder / upload.id / _RECORD
        part = record.with_suffix(".part")
        part.write_text(json.dumps(to_json(upload)), encoding="utf-8")
        part.replace(record)

    def check_size(self, size: int) -> None:
        """LimitError where an upload of `size` bytes is not taken."""
        if size > self._limits.upload_bytes:
            raise LimitError(f"The video is larger than {self._limits.upload_bytes} bytes.", stage="upload",
                             remedy="Convert it with the command line, or have the limit raised.")
