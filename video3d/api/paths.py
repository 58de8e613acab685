"""Which files of the server's own disk may be named from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from video3d.errors import AccessError, SourceError


@dataclass(frozen=True)
class AllowedPaths:
    """Folders whose files may be named; with none, no path is taken at all."""

    roots: tuple[Path, ...] = ()
    elsewhere: tuple[Path, ...] | None = None
    """Those for whoever asks from elsewhere; None: the same."""

    def for_caller(self, *, is_here: bool) -> AllowedPaths:
        """Those for one who sits at this machine, or not."""
        return self if is_here or self.elsewhere is None else AllowedPaths(self.elsewhere)

    def file(self, named: str) -> Path:
        """The video at this path, its links resolved; AccessError where it lies elsewhere."""
        path = self._inside(named)
        if not path.is_file():
            raise SourceError(f"{named}: there is no such file.", stage="probe", remedy="Check the name.")
        return path

    def folder(self, named: str) -> Path:
        """A folder that is there, its links resolved; AccessError where it lies elsewhere."""
        path = self._inside(named)
        if not path.is_dir():
            raise AccessError(f"{named}: there is no such folder.", stage="access", remedy="Make it first.")
        return path

    def file_or_folder(self, named: str) -> Path:
        """What is at this path, its links resolved; AccessError where it lies elsewhere."""
        path = self._inside(named)
        if not path.exists():
            raise SourceError(f"{named}: there is no such file.", stage="probe", remedy="Check the name.")
        return path

    def _inside(self, named: str) -> Path:
        if not self.roots:
            raise AccessError("Paths on the server are not taken here.", stage="access",
                              remedy="Upload the video instead, or have the server's owner allow a folder.")
        try:
            if named.startswith(("\\\\", "//")):  # a share of another machine: to look is to log in there
                raise ValueError(named)
            path = Path(named).expanduser().resolve()
            inside = [root for root in self.roots if path.is_relative_to(root.resolve())]
        except (OSError, RuntimeError, ValueError):  # a circle of links, a zero byte, an unknown user
            inside, path = [], Path()
        hidden = any(part.startswith(".") for root in inside[:1] for part in path.relative_to(root.resolve()).parts)
        if not inside or hidden:
            raise AccessError(f"{named}: this path is not among the folders that may be named.", stage="access",
                              remedy="Upload the video instead, or have the server's owner allow its folder.")
        return path
