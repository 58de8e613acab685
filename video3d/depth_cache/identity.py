"""What a cache entry is called: a digest of all that raw depth depends on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from video3d import __version__

_SAMPLES = 64
_SAMPLE_BYTES = 1 << 16


def entry_key(**parts: object) -> str:
    """A name for these parts (their `repr` counts) and this version of the program."""
    text = json.dumps({"program": __version__, **{name: repr(part) for name, part in parts.items()}}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_digest(path: Path) -> str:
    """Of a file's size and of 64 samples of 64 KiB, its ends among them: a film need not be read whole."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        last = max(0, size - _SAMPLE_BYTES)
        for place in sorted({last * n // (_SAMPLES - 1) for n in range(_SAMPLES)}):
            file.seek(place)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
