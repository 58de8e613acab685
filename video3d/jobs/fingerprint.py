"""All that the bytes of a result depend on, so that a change of it between two attempts is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from video3d import __version__
from video3d.depth_model import DepthModel
from video3d.params import to_values
from video3d.pipeline import Conversion
from video3d.settings import ConversionSettings

LIBRARIES = ("av", "numba", "numpy", "opencv-python", "opencv-python-headless")
"""What computes pixels, apart from ffmpeg."""
_END_BYTES = 1 << 20
_SAMPLES = 62
_SAMPLE_BYTES = 1 << 16


def fingerprint(conversion: Conversion) -> dict[str, Any]:
    """As JSON: name by name, what must be the same for an unfinished conversion to go on."""
    ffmpeg = conversion.shared.ffmpeg
    settings = to_values(with_chosen_model(conversion.settings, conversion))
    del settings["depth_cache"]  # changes how soon, not what
    return {
        "source": digest(Path(conversion.info.path)), "settings": settings,
        "shots": conversion.shots.to_json() if conversion.shots else None,
        "program": __version__, "encoder": conversion.shared.encode.encoder,
        "ffmpeg": f"{ffmpeg.version} {digest(Path(ffmpeg.path))[:16]}",
        "libraries": _libraries(), "depth_model": _model(conversion.model),
        "given_depth": _given(conversion.settings.depth.depth_video),
    }


def with_chosen_model(settings: ConversionSettings, conversion: Conversion) -> ConversionSettings:
    """The settings with the depth model that "auto" came to: a later attempt must not choose anew."""
    if settings.depth.depth_video is not None:
        return settings
    return replace(settings, depth=replace(settings.depth, depth_model=conversion.model.id))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What is not the same, in words; empty where nothing is."""
    words = [_difference(name, before.get(name), now[name]) for name in now if before.get(name) != now[name]]
    return ", ".join(words)


def digest(file: Path) -> str:
    """Size, both ends and 62 places between them: enough to notice another file without reading all of a film."""
    size = file.stat().st_size
    found = hashlib.sha256(str(size).encode())
    places = [(0, _END_BYTES), *((size * n // (_SAMPLES + 1), _SAMPLE_BYTES) for n in range(1, _SAMPLES + 1)),
              (max(0, size - _END_BYTES), _END_BYTES)]
    with file.open("rb") as opened:
        for place, length in places:
            opened.seek(place)
            found.update(opened.read(length))
    return found.hexdigest()


def _difference(name: str, before: object, now: object) -> str:
    if name == "shots" or not isinstance(before, dict) or not isinstance(now, dict):
        return name.replace("_", " ")
    old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", now)
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    if name != "settings":
        return f"{name.replace('_', ' ')} ({', '.join(key.replace('_', ' ') for key in changed)})"
    return ", ".join(f"--{key.replace('_', '-')} ({old.get(key)} → {new.get(key)})" for key in changed)


def _libraries() -> dict[str, str]:
    return {name: installed for name in LIBRARIES if (installed := _installed(name))}


def _installed(package: str) -> str:
    with suppress(PackageNotFoundError):
        return version(package)
    return ""


def _model(model: DepthModel) -> dict[str, str]:
    """The model's id, and digests of its weights: as published, and of the file that lies here."""
    location = Path(model.location) if model.location else None
    here = digest(location) if location is not None and location.is_file() else ""
    return {"id": model.id, "weights": " ".join(weights.sha256 for weights in model.weights), "file": here}


def _given(path: str | None) -> str:
    """A digest of depth that was made elsewhere."""
    if path is None:
        return ""
    place = Path(path)
    if place.is_file():
        return digest(place)
    names = "\n".join(f"{file.name} {file.stat().st_size}" for file in sorted(place.glob("*")))
    return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()
