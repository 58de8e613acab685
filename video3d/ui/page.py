"""Our scripts and style in a page that gradio renders: no version of gradio does it in the same way as another."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from video3d.errors import SettingsError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ROOT = Path(__file__).resolve().parent.parent.parent
"""The checkout: the webui looks for scripts, style and translations here, and nowhere else."""
ASSETS = "video3d-assets"


def scripts() -> list[Path]:
    """The browser's scripts, in the order in which the webui loads them too."""
    found = sorted((ROOT / "javascript").glob("*.js"))
    if not found:
        raise SettingsError(f"{ROOT}: the page's scripts are missing.", stage="ui",
                            remedy="Start from a checkout of the repository: `python3 start.py ui`.")
    return found


def translations() -> dict[str, dict[str, str]]:
    """Texts by language: what `localizations/*.json` holds; the webui merges the same files into its own."""
    files = sorted((ROOT / "localizations").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def head() -> str:
    """What the page's head needs, with addresses relative to the page."""
    style = ROOT / "style.css"
    tags = [f'<link rel="stylesheet" href="{ASSETS}/{style.name}?{_digest(style)}">']
    tags += [f'<script src="{ASSETS}/javascript/{path.name}?{_digest(path)}"></script>' for path in scripts()]
    texts = html.escape(json.dumps(translations(), ensure_ascii=False))
    return f'<meta name="video3d-translations" content="{texts}">' + "".join(tags)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


class WithHead:
    """An application whose page at "/" gets something more into its head."""

    def __init__(self, application: Application, addition: str) -> None:
        self._application = application
        self._addition = addition.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self._application(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        page = _Page(send, self._addition)
        await self._application({**scope, "headers": plain}, receive, page.send)


class _Page:
    """Holds the answer back until it is whole."""

    def __init__(self, send: Send, addition: bytes) -> None:
        self._send = send
        self._addition = addition
        self._start: Message = {}
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._body.replace(b"</head>", self._addition + b"</head>", 1)
        headers = [(name, value) for name, value in self._start["headers"] if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
