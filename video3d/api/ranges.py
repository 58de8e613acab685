"""Files over HTTP: whole or in part, as players and resumed downloads ask for them (RFC 9110 §13 and §14)."""

from __future__ import annotations

import os
import re
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import anyio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

UNKNOWN_TYPE = "application/octet-stream"
CHUNK = 256 << 10
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
FILE_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/quicktime",
          ".webm": "video/webm", ".m3u8": "application/vnd.apple.mpegurl", ".m4s": "video/iso.segment"}


class FileAnswer(Response):
    """A file for GET and HEAD: 200, 206, 304, 412 or 416, with an ETag that changes with the file.

    One range is served; where several are asked for, the whole file comes, as RFC 9110 §14.2 allows.
    """

    def __init__(self, path: Path, *, name: str = "", download: bool = False) -> None:
        """`name` is what the file is called to the caller; `download` asks a browser to save it."""
        self._path = path
        name = name or path.name
        kind = "attachment" if download else "inline"
        # Nothing else: what somebody sent must not become a page.
        super().__init__(media_type=FILE_TYPES.get(path.suffix.lower(), UNKNOWN_TYPE), headers={
            "Content-Disposition": f"{kind}; filename*=UTF-8''{quote(name, safe='')}",
            "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
        })

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        del receive
        asked = Headers(scope=scope)
        if "gzip" in asked.get("accept-encoding", ""):
            self.headers["Content-Encoding"] = "identity"  # keeps a host's GZip middleware off
        file = await anyio.open_file(self._path, "rb")
        async with file:
            facts = os.fstat(file.wrapped.fileno())
            tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
            self.headers.update({"ETag": tag, "Last-Modified": formatdate(facts.st_mtime, usegmt=True)})
            part = self._decide(asked, tag, facts)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD" and part:
                await file.seek(part.start)
                left = len(part)
                while left > 0 and (data := await file.read(min(CHUNK, left))):
                    left -= len(data)
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _decide(self, asked: Headers, tag: str, facts: os.stat_result) -> range:
        """Sets the status, and says which bytes go out."""
        size = facts.st_size
        if "if-match" in asked and not _has(asked["if-match"], tag):
            return self._only(412, 0)
        if "if-none-match" in asked:
            if _has(asked["if-none-match"], tag):
                return self._only(304, None)
        elif "if-modified-since" in asked and _is_unchanged(asked["if-modified-since"], facts.st_mtime):
            return self._only(304, None)
        wanted = asked.get("range") if _is_current(asked.get("if-range"), tag, facts.st_mtime) else None
        part = _part(wanted or "", size)
        if part is None:
            self.headers["Content-Length"] = str(size)
            return range(size)
        if not part:
            self.headers["Content-Range"] = f"bytes */{size}"
            return self._only(416, 0)
        self.status_code = 206
        self.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        self.headers["Content-Length"] = str(len(part))
        return part

    def _only(self, status: int, length: int | None) -> range:
        self.status_code = status
        if length is None:
            del self.headers["Content-Length"]
        else:
            self.headers["Content-Length"] = str(length)
        return range(0)


def _part(wanted: str, size: int) -> range | None:
    """The bytes asked for, none of them where they lie behind the end; None where no single range is asked for."""
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _has(tags: str, tag: str) -> bool:
    return tags.strip() == "*" or tag in [given.strip().removeprefix("W/") for given in tags.split(",")]


def _is_current(condition: str | None, tag: str, modified: float) -> bool:
    """If-Range: a strong tag, or the very date."""
    return condition is None or condition == tag or condition == formatdate(modified, usegmt=True)


def _is_unchanged(date: str, modified: float) -> bool:
    try:
        return int(modified) <= parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return False
