from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
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
        foreign = r"(?:https?:)?//[\w.-]+\.\w+/|@import|url\((?!.\$\{routes)"
        assert not re.search(foreign, text.replace("// ", "")), path.name
        assert not re.search(r"fetch\(\s*[\"'`]/", text), f"{path.name}: an address that --subpath breaks"


LIVE = """
globalThis.video3d = { t: (text) => text };
const { readFileSync } = require('fs');
const live = eval(readFileSync(process.argv[1], 'utf8') + '; video3d.live');
const bytes = readFileSync(process.argv[2]);
const { createFile } = require(process.argv[3] + '/dist/mp4box.all.cjs');
const file = createFile();
const ours = live.codecs(new Uint8Array(bytes));
file.onReady = (told) => console.log(JSON.stringify([ours, told.tracks.map((each) => each.codec)]));
const copied = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
copied.fileStart = 0;
file.appendBuffer(copied, true);
file.flush();
"""


@pytest.mark.needs("node", "mp4box")
@pytest.mark.parametrize("words", [
    "-c:v libx264 -profile:v baseline -pix_fmt yuv420p", "-c:v libx264 -pix_fmt yuv420p10le",
    "-c:v libx265 -tag:v hvc1 -x265-params log-level=none",
    "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none",
    "-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p10le", "-c:v libx264 -c:a libmp3lame", "-c:v libx264 -c:a libopus",
    "-c:v libx264 -c:a flac -strict -2",
])  # fmt: skip
def test_a_browser_is_asked_for_the_codecs_that_a_stream_has(words: str, make_clip: Callable[..., Path], tool: Any
                                                             ) -> None:
    """MP4Box.js names them by itself."""
    sound = words.split() if "-c:a" in words else [*words.split(), "-c:a", "aac"]
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=128x72:rate=10:duration=0.5", "-f", "lavfi", "-i",
                     "sine=sample_rate=48000:duration=0.5", "-movflags", "+frag_keyframe+delay_moov", *sound)
    script = ROOT / "javascript" / "video3d_6_live.js"
    done = subprocess.run(["node", "-e", LIVE, "--", str(script), str(clip), tool("mp4box")], capture_output=True,
                          text=True, check=False, timeout=30)  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, theirs = json.loads(done.stdout.splitlines()[-1])
    assert re.findall(r'"(.*)"', ours)[0].casefold().split(", ") == [word.casefold() for word in theirs]


TOLD = """
globalThis.window = globalThis;
window.localization = JSON.parse(process.argv[2]);
globalThis.document = { readyState: 'loading', addEventListener: () => {}, querySelector: () => null };
eval(require('fs').readFileSync(process.argv[1], 'utf8'));
console.log(JSON.stringify(JSON.parse(process.argv[3]).map(window.video3d.told)));
"""


@pytest.mark.needs("node")
def test_sentences_that_stand_together_are_translated_one_by_one() -> None:
    words = {"Depth comes from {0} (licence {1}), the best.": "Tiefe: {0} ({1}).", "basic": "einfach",
             "{0} would be better.": "Besser: {0}.", "{0}: a folder is not a video.": "{0}: kein Video."}
    told = {
        "Depth comes from basic (licence MIT), the best. A net would be better.":
            "Tiefe: einfach (MIT). Besser: A net.",
        "Nobody knows this. A net would be better.": "Nobody knows this. Besser: A net.",
        "my. trip.mp4: a folder is not a video.": "my. trip.mp4: kein Video.",
        "Nobody knows this.": "Nobody knows this.", "": "",
    }
    script = ROOT / "javascript" / "video3d.js"
    done = subprocess.run(["node", "-e", TOLD, "--", str(script), json.dumps(words), json.dumps(list(told))],
                          capture_output=True, text=True, check=False, timeout=30)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == list(told.values())


def test_the_core_is_loaded_first() -> None:
    assert scripts()[0].name == "video3d.js"
