"""File names that others chose, made safe on every system."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120
"""Bytes in UTF-8: a result's name is longer, and 255 is what file systems take."""
_LONGEST_SUFFIX = 12
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])(?:\.|$)",
                       re.IGNORECASE)


def safe_name(name: str, *, otherwise: str = "video") -> str:
    """`name` as a plain file name: the last part of a path, without what any file system or terminal trips over.

    Left out: control and formatting characters (they can turn text round), characters that Windows forbids, dots and
    spaces at the ends. A device name of Windows gets an underscore before it. `otherwise` stands where nothing is left.
    """
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(letter for letter in unicodedata.normalize("NFC", last) if unicodedata.category(letter)[0] != "C")
    plain = _FORBIDDEN.sub("_", kept).strip(" .")
    stem, suffix = _split(plain)
    stem = _shortened(stem, LONGEST - len(suffix.encode())).strip(" .") or otherwise
    return ("_" if _RESERVED.match(stem) else "") + stem + suffix


def _split(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > _LONGEST_SUFFIX or not suffix.isalnum():
        return name, ""
    return stem, dot + suffix


def _shortened(text: str, length: int) -> str:
    return text.encode()[:length].decode(errors="ignore")
