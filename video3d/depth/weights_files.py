"""Where weights lie: in the folders of the host and in the caches that other programs share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from video3d.depth.catalogue import Published

SUFFIXES = (".safetensors", ".pth", ".pt")
"""The safe form first."""
ONNX_SUFFIX = ".onnx"
LEVELS = 2
"""Folders inside the named ones that are looked into."""
TRANSFORMERS_FILE = "model.safetensors"


class WeightsFinder:
    """Knows the files of the folders, as they were when it was made."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Earlier folders go before later ones."""
        self._folders = folders
        self._files: dict[str, Path] = {}
        for folder in folders:
            for file in _files(folder, LEVELS):
                if file.suffix.lower() in SUFFIXES:
                    self._files.setdefault(file.name.lower(), file)

    def find(self, model: Published) -> Path | None:
        """The model's weights, `.safetensors` before other forms; None where there are none.

        Known by the publisher's name, by those that other publishers and programs give them, or by their repository.
        """
        stems = [Path(model.weights.file_name).stem, *model.other_names]
        for name in (f"{stem}{suffix}".lower() for suffix in SUFFIXES for stem in stems):
            if name in self._files:
                return self._files[name]
        return _in_transformers_form(model, self._folders)


def shared_caches() -> tuple[Path, ...]:
    """Where Hugging Face's and torch's own downloads lie, on this system."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or cache / "huggingface") / "hub"
    return Path(hub), Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"


def _in_transformers_form(model: Published, folders: Sequence[Path]) -> Path | None:
    """`model.safetensors` in a folder of the repository's name, or in the hub's cache of that repository."""
    for repository in model.repositories:
        name = repository.rpartition("/")[2]
        for folder in folders:
            for file in (folder / name / TRANSFORMERS_FILE, folder / repository / TRANSFORMERS_FILE):
                if file.is_file():
                    return file
            for file in _files(folder / f"models--{repository.replace('/', '--')}" / "snapshots", 1):
                if file.name == TRANSFORMERS_FILE:
                    return file
    return None


def _files(folder: Path, levels: int) -> Iterator[Path]:
    """Files of the folder and of those inside it, in the order of their names; none where it cannot be read."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.is_file():
            yield entry
        elif levels > 0 and entry.is_dir() and not entry.name.startswith("."):
            # The hub's cache has one level more: models--…/snapshots/revision/.
            yield from _files(entry, levels if entry.name.startswith("models--") else levels - 1)
