"""The gradios that the tab is tried on: this environment's, and those of the environments in VIDEO3D_GRADIO_MATRIX."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = "stand-alone"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--autoplay-policy=no-user-gesture-required")  # fmt: skip
WEBUI = os.environ.get("VIDEO3D_WEBUI_URL")


def pythons() -> dict[str, str]:
    """Interpreters that have a gradio, by what they stand for."""
    found = {OWN: sys.executable} if importlib.util.find_spec("gradio") else {}
    folder = os.environ.get("VIDEO3D_GRADIO_MATRIX")
    if folder:
        found |= {entry.name: str(entry / "bin" / "python") for entry in sorted(Path(folder).iterdir())
                  if (entry / "bin" / "python").exists() and entry.name.startswith("gradio")}
    return found


def environment(home: Path) -> dict[str, str]:
    """For a program that finds this package, and keeps what it writes in `home`."""
    temporary = home / "temporary"
    temporary.mkdir(exist_ok=True)
    places = {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP")}
    return {**os.environ, **places, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "HOME": str(home),
            "XDG_DATA_HOME": str(home), "GRADIO_ANALYTICS_ENABLED": "False", "PYTHONUNBUFFERED": "1"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`python` is each interpreter in turn; without any, the test is skipped by name.

    What gradio has no part in is tried on the first one alone: such tests ask for `once`.
    """
    if "python" not in metafunc.fixturenames:
        return
    is_journey = "address" in metafunc.fixturenames
    found = {"webui": ""} if WEBUI and is_journey else pythons()
    names = list(found)[:1 if "once" in metafunc.fixturenames else None] or ["gradio"]
    metafunc.parametrize("python", [found.get(name) for name in names], ids=names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter that has a gradio."""
    if request.param is None:
        if os.environ.get("VIDEO3D_REQUIRE_TOOLS") == "1":
            pytest.fail("gradio is missing, and VIDEO3D_REQUIRE_TOOLS=1 demands it", pytrace=False)
        pytest.skip("gradio is missing")
    return request.param


@pytest.fixture(scope="session")
def once(python: str) -> str:
    """For what gradio has no part in: see `pytest_generate_tests`."""
    return python


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs under test write."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def told(python: str, home: Path) -> Callable[[str], str]:
    """`told(code)`: what a snippet prints, run by that interpreter."""

    def run(code: str) -> str:
        done = subprocess.run([python, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False,
                              timeout=180, env=environment(home))  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def webui() -> bool:
    """Whether the page is a tab of a real webui."""
    return bool(WEBUI)


@pytest.fixture(scope="module")
def browser(tool: Callable[[str], str]) -> Iterator[Any]:
    """One Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=tool("chromium"), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def command(python: str, home: Path) -> Callable[..., subprocess.Popen[str]]:
    """`command(...)` starts the server with more flags; its address is the first line that it writes."""

    def start(*more: str) -> subprocess.Popen[str]:
        words = [python, "-W", "ignore", "-m", "video3d", "ui", "--port", "0", "--json", "--no-browser", *more]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment(home), cwd=home)

    return start


@pytest.fixture(scope="module")
def address(command: Callable[..., subprocess.Popen[str]]) -> Iterator[str]:
    """Where the page is: of a server that this starts, or of the webui that is named."""
    if WEBUI:
        yield WEBUI
        return
    with command() as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["address"]
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(30)
            finally:
                server.kill()


@pytest.fixture(scope="session")
def open_tab() -> Callable[[Any, str], Any]:
    """`open_tab(context, address)`: a page with the tab in front; what its script complains of is kept."""

    def open_it(context: Any, address: str) -> Any:
        page = context.new_page()
        page.video3d_complaints = []
        page.on("pageerror", lambda error: page.video3d_complaints.append(str(error)))
        page.goto(address)
        show_tab(page)
        return page

    return open_it


@pytest.fixture(scope="session")
def reopen() -> Callable[[Any], None]:
    """Load the page again."""

    def load(page: Any) -> None:
        page.reload()
        show_tab(page)

    return load


def show_tab(page: Any) -> None:
    """In a webui the tab must be chosen first."""
    page.wait_for_selector("#video3d_generate", state="attached", timeout=300_000)
    if WEBUI:
        page.get_by_role("tab", name="2D→3D Video").or_(page.get_by_role("button", name="2D→3D Video")).first.click()
    page.wait_for_selector(".video3d-frame >> visible=true", timeout=60_000)
    page.wait_for_selector(".video3d-drop, #video3d_card", timeout=60_000)
    page.wait_for_function("video3d.settings.isSettled", timeout=60_000)


@pytest.fixture(scope="session")
def long_clip(make_clip: Callable[..., Path]) -> Path:
    """A clip that takes a while, whose first part is soon done: 100 s of 320x180, a cut after 9 s."""
    return make_clip("-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=9", "-f", "lavfi", "-i",
                     "testsrc2=size=320x180:rate=25:duration=91", "-filter_complex",
                     "[0:v]format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]concat=n=2:v=1:a=0[v]", "-map", "[v]",
                     "-c:v", "libx264", "-preset", "ultrafast")  # fmt: skip


@pytest.fixture(scope="session")
def odd_clip(make_clip: Callable[..., Path]) -> Path:
    """Another small clip: Matroska, without sound."""
    return make_clip("-f", "lavfi", "-i", "mandelbrot=size=240x160:rate=20:end_pts=20", "-t", "1", "-c:v", "libx264",
                     "-preset", "ultrafast", "-pix_fmt", "yuv420p", suffix=".mkv")  # fmt: skip
