"""The tab without a webui: the HTTP API's server, with the page before its routes."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from video3d.api import Guard, Service, create_app
from video3d.api.server import ServerSettings, Site, serve
from video3d.host import Host
from video3d.ui.gate import Guarded
from video3d.ui.page import ASSETS, ROOT, WithHead, head
from video3d.ui.tab import TabOptions, create_tab

SYSTEM_FONTS = ("system-ui", "sans-serif")
"""The page asks no other server for anything."""


def serve_page(settings: ServerSettings, host: Host, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; `say` gets the page's address."""

    def build(service: Service, guard: Guard) -> Any:
        service.open_folder = open_folder if settings.is_local else None
        options = TabOptions(allow_paths=bool(service.paths.roots), allow_open_folder=settings.is_local)
        return create_application(service, guard, options)

    serve(settings, host, say, Site(build, "/"))


def create_application(service: Service, guard: Guard, options: TabOptions) -> Any:
    """Page and routes as one ASGI application."""
    from starlette.staticfiles import StaticFiles

    gradio = importlib.import_module("gradio")
    app = create_app(service, guard)
    app.mount(f"/{ASSETS}/javascript", StaticFiles(directory=ROOT / "javascript"))
    app.add_route(f"/{ASSETS}/style.css", _style)
    theme = gradio.themes.Default(font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace"))
    # gradio 6 takes the theme where the page is mounted, older ones where it is made.
    known = inspect.signature(gradio.mount_gradio_app).parameters
    mounting = {"theme": theme, "footer_links": [], "ssr_mode": False}
    made_with = {} if "theme" in known else {"theme": theme}
    blocks = create_tab(service.host, options, **made_with)
    chosen = {name: value for name, value in mounting.items() if name in known}
    return Guarded(WithHead(gradio.mount_gradio_app(app, blocks, path="/", **chosen), head()), guard)


def open_folder(folder: Path) -> None:
    """In the system's own file manager."""
    if sys.platform == "win32":
        os.startfile(folder)
        return
    program = "open" if sys.platform == "darwin" else "xdg-open"
    with suppress(OSError, subprocess.TimeoutExpired):  # a machine without a screen has no file manager
        subprocess.run([program, str(folder)], capture_output=True, check=False, timeout=10)


def _style(_: Any) -> Any:
    from starlette.responses import FileResponse

    return FileResponse(ROOT / "style.css", media_type="text/css")
