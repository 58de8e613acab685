"""The routes come a moment after the webui has started, so that its start does not wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
PATIENCE_SECONDS = 60.0


class Closable(Protocol):
    """What was opened."""

    def close(self) -> None:
        """End it."""
        ...


class Opening:
    """Calls `open_all` in a thread; requests that come before it is done wait for it."""

    def __init__(self, app: Any, prefix: str, open_all: Callable[[], Closable]) -> None:
        """`app`: the webui's FastAPI; `open_all` adds the routes to it. What it raises goes to the console."""
        self._app = app
        self._open_all = open_all
        self._done = threading.Event()
        self._opened: Closable | None = None
        self._add_early_route(prefix)
        self._thread = threading.Thread(target=self._open, name="video3d-opening", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait until it is opened, and close it."""
        self._thread.join()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _open(self) -> None:
        try:
            self._opened = self._open_all()
            self._app.router.routes.remove(self._early)
            self._app.openapi_schema = None  # it may have been asked for already
        finally:
            self._done.set()

    def _add_early_route(self, prefix: str) -> None:
        from fastapi import Request
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import JSONResponse, Response
        from starlette.routing import Route

        async def early(request: Request) -> Response:
            is_done = await run_in_threadpool(self._done.wait, PATIENCE_SECONDS)
            if is_done and self._opened is not None:
                query = f"?{request.url.query}" if request.url.query else ""
                # The same address again, relative to itself: whatever a proxy has put before it stays.
                return Response(status_code=307, headers={"Location": request.url.path.rpartition("/")[2] + query})
            return JSONResponse({
                "error": "StartError", "message": "2D→3D Video could not start.", "stage": "start",
                "remedy": "The webui's console says why.",
            }, 503)

        self._early = Route(f"{prefix}/{{rest:path}}", early, methods=METHODS, include_in_schema=False)
        self._app.router.routes.insert(0, self._early)
