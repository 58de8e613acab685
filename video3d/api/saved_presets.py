"""Settings that users saved under a name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from video3d.api.names import safe_name
from video3d.errors import LimitError, MissingError, SettingsError
from video3d.params import from_values
from video3d.settings import ConversionSettings

MOST = 200
"""For one owner."""


@dataclass(frozen=True)
class SavedPreset:
    """Settings that differ from the defaults, flat and by name."""

    name: str
    values: Mapping[str, Any]


class PresetStore:
    """One JSON file a preset. Every method may wait for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self, owner: str) -> list[SavedPreset]:
        """By name."""
        folder = self._of(owner)
        found = [self._read(file) for file in sorted(folder.glob("*.json"))] if folder.is_dir() else []
        return sorted((preset for preset in found if preset is not None), key=lambda preset: preset.name.lower())

    def get(self, owner: str, name: str) -> SavedPreset:
        """MissingError where there is none of this name."""
        preset = self._read(self._file(owner, name))
        if preset is None:
            raise MissingError(f"There is no preset {name!r}.", stage="presets", remedy="Choose one of the list.")
        return preset

    def save(self, owner: str, name: str, values: Mapping[str, Any]) -> SavedPreset:
        """Keep `values` under `name`, in place of what was there; SettingsError where they are no settings."""
        if not name.strip() or len(name) > 80:
            raise SettingsError("A preset needs a name of at most 80 letters.", stage="presets",
                                remedy="Choose another name.")
        from_values(ConversionSettings, values)
        file = self._file(owner, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() and len(self.all(owner)) >= MOST:
            raise LimitError(f"{MOST} presets are kept already.", stage="presets", remedy="Delete some.")
        part = file.with_suffix(".part")
        part.write_text(json.dumps({"name": name, "values": dict(values)}, indent=1), encoding="utf-8")
        part.replace(file)
        return SavedPreset(name, values)

    def delete(self, owner: str, name: str) -> None:
        """MissingError where there is none of this name."""
        self.get(owner, name)
        self._file(owner, name).unlink(missing_ok=True)

    def _of(self, owner: str) -> Path:
        return self._folder / (hashlib.sha256(owner.encode()).hexdigest()[:16] if owner else "everybody")

    def _file(self, owner: str, name: str) -> Path:
        # The digest keeps apart what a file system, or the making safe of the name, would take for the same.
        digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
        return self._of(owner) / f"{safe_name(name, otherwise='preset')[:60]}-{digest}.json"

    def _read(self, file: Path) -> SavedPreset | None:
        try:
            data: Any = json.loads(file.read_text(encoding="utf-8"))
            name, values = data["name"], data["values"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return SavedPreset(name, cast("dict[str, Any]", values)) if isinstance(values, dict) else None
