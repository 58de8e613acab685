"""Where things lie in a webui: models of all its parts, results, our own work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OWN_FOLDER = "video3d"
KINDS = ("midas", "depth_anything_v2", "depth_anything", "zoedepth", "leres")
"""The folders that extensions make for depth models, in one folder or another."""
CONTROLNET_DOWNLOADS = "*/annotator/downloads"
PREPROCESSORS = "ControlNetPreprocessor"


@dataclass(frozen=True)
class Places:
    """The webui's folders."""

    root: Path
    """The webui's program: what extensions call "." while it runs."""
    data: Path
    """The user's data (`--data-dir`)."""
    models: Path
    """`--models-dir`."""
    extensions: tuple[Path, ...]
    """Folders that hold extensions."""

    @property
    def work(self) -> Path:
        """Uploads, the queue, previews and caches. Not in a folder that begins with a dot: the webui serves none."""
        return self.data / "video3d-work"

    def depth_models(self, also: Iterable[Path] = ()) -> tuple[Path, ...]:
        """Folders where depth models lie or may be put, the latter first. `also`: roots that options or flags name."""
        own = self.models / OWN_FOLDER
        roots = [self.models, self.root / "models", self.models / PREPROCESSORS, *also]
        for extensions in self.extensions:
            roots += sorted(extensions.glob(CONTROLNET_DOWNLOADS))
        folders = [folder for root in roots for folder in (*(root / kind for kind in KINDS), *_loose(root))]
        found: dict[Path, Path] = {}
        for folder in folders:
            if folder.is_dir():
                found.setdefault(folder.resolve(), folder)
        found.pop(own.resolve(), None)
        return (own, *found.values())

    def results(self, chosen: str, default: Path) -> Path:
        """The folder that the user chose, which may be relative to the webui's program, or the default."""
        return self.root / chosen if chosen.strip() else default


def _loose(root: Path) -> tuple[Path, ...]:
    """A preprocessor folder may hold files of its own; the models folder itself holds only folders."""
    return (root,) if root.name == PREPROCESSORS or root.name == "downloads" else ()
