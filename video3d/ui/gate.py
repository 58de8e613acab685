"""The API's guard before everything, gradio's own routes included."""

from __future__ import annotations

from video3d.api import Guard
from video3d.errors import AccessError, LoginError
from video3d.ui.page import Application, Receive, Scope, Send


class Guarded:
    """An application that only those get to see whom the guard lets in."""

    def __init__(self, application: Application, guard: Guard) -> None:
        self._application = application
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        from starlette.requests import HTTPConnection
        from starlette.responses import PlainTextResponse

        answer: Application = self._application
        if scope["type"] in ("http", "websocket"):
            try:
                self._guard.admit(scope.get("method", "GET"), HTTPConnection(scope))
            except LoginError as problem:
                answer = PlainTextResponse(str(problem), 401, {"WWW-Authenticate": 'Basic realm="video3d"'})
            except AccessError as problem:
                answer = PlainTextResponse(str(problem), 403)
        await answer(scope, receive, send)
