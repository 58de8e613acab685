from __future__ import annotations

import asyncio
import json
import re
from html import unescape
from typing import Any

import pytest

from video3d import __version__
from video3d.ui.page import ROOT, WithHead, head, scripts, translations

pytestmark = pytest.mark.filterwarnings("error")


BODY = b"<html><head></head><body></body></html>"


def answered(path: str, *, method: str = "GET", body: bytes = BODY) -> dict[str, Any]:
    """What comes out of `WithHead` around a page that arrives in two pieces."""
    sent: list[Any] = []
    asked: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked.update(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5"), (b"x", b"y")]})
        await send({"type": "http.response.body", "body": body[:9], "more_body": True})
        await send({"type": "http.response.body", "body": body[9:]})

    async def collect(message: Any) -> None:
        sent.append(message)

    async def never() -> Any:
        raise AssertionError

    scope = {"type": "http", "path": path, "method": method,
             "headers": [(b"accept-encoding", b"br"), (b"cookie", b"c")]}  # fmt: skip
    asyncio.run(WithHead(application, "<b>ours</b>")(scope, never, collect))
    return {"asked": asked, "headers": dict(sent[0]["headers"]), "body": b"".join(each["body"] for each in sent[1:])}


def test_the_page_gets_our_head_once() -> None:
    got = answered("/")
    assert got["body"] == b"<html><head><b>ours</b></head><body></body></html>"
    assert got["headers"] == {b"x": b"y", b"content-length": str(len(got["body"])).encode()}
    assert got["asked"]["headers"] == [(b"cookie", b"c")], "what is compressed could not be read"


@pytest.mark.parametrize(("path", "method"), [("/config", "GET"), ("/", "POST")])
def test_everything_else_passes_untouched(path: str, method: str) -> None:
    got = answered(path, method=method)
    assert b"ours" not in got["body"]
    assert got["headers"][b"content-length"] == b"5"


def test_the_head_names_all_files_by_relative_addresses() -> None:
    text = head()
    addresses = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert len(addresses) == len(scripts()) + 1
    assert not [address for address in addresses if address.startswith(("/", "http"))]
    held = json.loads(unescape(re.findall(r'content="([^"]+)"', text)[0]))
    assert held == translations()


def test_the_script_has_the_programs_version() -> None:
    """By it a page notices that the program was updated, and must be started again."""
    assert f'const VERSION = "{__version__}";' in (ROOT / "javascript" / "video3d.js").read_text(encoding="utf-8")


def test_the_scripts_ask_no_other_server() -> None:
    for path in [*scripts(), ROOT / "style.css"]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")  # a name that nobody fetches
        assert not re.search(r"(?:https?:)?//[\w.-]+\.\w+/|@import|url\(", text.replace("// ", "")), path.name
        assert not re.search(r"fetch\(\s*[\"'`]/", text), f"{path.name}: an address that --subpath breaks"


def test_the_core_is_loaded_first() -> None:
    assert scripts()[0].name == "video3d.js"
