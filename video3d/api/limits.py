"""How much one server takes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from video3d.errors import LimitError
from video3d.video_info import VideoInfo


@dataclass(frozen=True)
class Limits:
    """All can be set by whoever starts the server."""

    upload_bytes: int = 200 << 30
    """Of one upload."""
    uploads: int = 200
    """Kept at one time, for one caller."""
    free_bytes: int = 1 << 30
    """Left free on the disk, whatever is uploaded."""
    body_bytes: int = 1 << 20
    """Of a JSON body."""
    image_bytes: int = 64 << 20
    """Of a picture that is converted at once."""
    image_pixels: int = 64_000_000
    side: int = 16384
    """Pixels of a picture's longer side."""
    seconds: float | None = None
    """Longest video; None: any."""
    jobs: int = 1000
    """Unfinished ones, for one caller."""
    decoders: int = 2
    """Files looked at, and previews made, at one time."""

    def check_video(self, info: VideoInfo) -> None:
        """LimitError where a video is larger or longer than is taken."""
        name = Path(info.path).name
        if max(info.width, info.height) > self.side:
            raise LimitError(f"{name}: {info.width}x{info.height} is larger than this server takes.", stage="limits",
                             remedy=f"At most {self.side} pixels a side are taken.")
        if self.seconds is not None and info.duration is not None and info.duration > self.seconds:
            raise LimitError(f"{name}: {float(info.duration):.0f} s are longer than this server takes.",
                             stage="limits", remedy=f"At most {self.seconds:g} s are taken.")

    def check_room(self, folder: Path, wanted: int) -> None:
        """LimitError where `wanted` more bytes in `folder` would fill the disk."""
        if shutil.disk_usage(folder).free - wanted < self.free_bytes:
            raise LimitError("The server's disk is nearly full.", stage="limits", remedy="Delete what is not needed.")
