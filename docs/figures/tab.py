"""Draws docs/tab/: the page, light and dark, with a preview, with a shot adjusted, at work, with a result, on a phone.

Needs Chromium, and the packages of requirements-ui.txt and requirements-check.txt.

    python docs/figures/tab.py [ADDRESS]

shows the drawn sample clip, in the page at ADDRESS, or else in one that is started.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from video3d.sample import write_sample

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "tab"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
QUALITY = 82
LONG = 600_000


def main(arguments: list[str]) -> None:
    """Draw all of them."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        clip = write_sample(Path(home) / "sample.mp4", seconds=6)
        with nullcontext(arguments[0]) if arguments else served(Path(home)) as address:
            journey(browser, address, clip)
        browser.close()


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a page with nothing in it."""
    words = [sys.executable, "-m", "video3d", "ui", "--port", "0", "--json", "--no-browser"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_DATA_HOME": str(home)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=variables, cwd=home) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["address"]
        finally:
            server.send_signal(signal.SIGINT)


def journey(browser: Any, address: str, clip: Path) -> None:
    """From an empty page to a result."""
    page = browser.new_page(viewport=DESKTOP, locale="en-GB")
    page.goto(address + "?__theme=light")
    page.wait_for_selector(".video3d-drop", timeout=LONG)
    page.wait_for_timeout(1500)
    page.set_input_files("#video3d_file", str(clip))
    wait_for_preview(page)
    page.wait_for_timeout(1500)
    keep(page, "light")
    page.wait_for_selector("#video3d_shot_edit:not([hidden])", timeout=LONG)
    page.locator("#video3d_shot_edit").click()
    page.locator("#video3d_shot_own_strength").check()
    page.wait_for_function("video3d.sources.current.shots.edited", timeout=LONG)
    wait_for_preview(page)
    page.wait_for_timeout(1500)
    keep(page, "shots")
    page.get_by_text("All shots as they were found").click()
    page.wait_for_function("!video3d.sources.current.shots.edited", timeout=LONG)
    page.goto(address + "?__theme=dark")
    wait_for_preview(page)
    page.wait_for_timeout(1500)
    page.locator("[data-view=anaglyph].video3d-tab").click()
    page.wait_for_function("document.querySelector('#video3d_picture').dataset.view === 'anaglyph'", timeout=LONG)
    page.wait_for_timeout(500)
    keep(page, "dark")
    page.locator("#video3d_generate").click()
    page.wait_for_selector(".video3d-live:not([hidden])", timeout=LONG)
    page.wait_for_timeout(1500)
    keep(page, "running")
    page.wait_for_selector("#video3d_player canvas", timeout=LONG)
    page.locator("#video3d_player").evaluate("panel => panel.scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(2500)
    keep(page, "result")
    phone = browser.new_page(viewport=PHONE, locale="de-DE", device_scale_factor=2)
    phone.goto(address + "?__theme=light")
    phone.wait_for_selector(".video3d-drop", timeout=LONG)
    phone.wait_for_timeout(1500)
    phone.set_input_files("#video3d_file", str(clip))
    wait_for_preview(phone)
    phone.wait_for_timeout(1500)
    keep(phone, "phone", full=True)


def wait_for_preview(page: Any) -> None:
    """Until there is a picture, and the card is whole."""
    page.wait_for_selector("#video3d_picture:not([hidden])", timeout=LONG)
    page.wait_for_function("/×/.test(document.querySelector('#video3d_estimate').textContent)", timeout=LONG)


def keep(page: Any, name: str, *, full: bool = False) -> None:
    """As a small JPEG."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full))).convert("RGB")
    if picture.width > DESKTOP["width"] or full:
        picture = picture.resize((picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS)
    picture.save(PICTURES / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
