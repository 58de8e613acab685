"""What all routes share: the guard before them, bounded bodies, errors of one shape, work that waits in threads."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive

from video3d.api import bodies
from video3d.api.guard import Caller, Guard
from video3d.api.ranges import FILE_TYPES, UNKNOWN_TYPE
from video3d.api.service import Service
from video3d.errors import (
    AccessError,
    Cancelled,
    DepthError,
    JobError,
    LimitError,
    LoginError,
    MissingError,
    SettingsError,
    SourceError,
    TargetError,
    Video3DError,
    WorkerError,
)

STATUS: tuple[tuple[type[Video3DError], int], ...] = (
    (LoginError, 401), (AccessError, 403), (MissingError, 404), (LimitError, 413), (JobError, 409),
    (TargetError, 409), (Cancelled, 409), (SettingsError, 422), (SourceError, 422), (DepthError, 422),
    (WorkerError, 422),
)
"""The first that fits; any other error of ours is a 500. What a file does to the child that reads it is the file's."""
THREADS = 16
"""For work that waits, over all routes; the host's own pool is left alone."""
LOGIN_PAUSE = 0.3
"""Seconds before a wrong password is answered."""
Value = TypeVar("Value")
_log = logging.getLogger(__name__)


class Context:
    """What a route needs to answer: the service, the guard, and where to wait."""

    def __init__(self, service: Service, guard: Guard) -> None:
        self.service = service
        self.guard = guard
        self._threads: anyio.CapacityLimiter | None = None
        self._decoders: anyio.CapacityLimiter | None = None

    async def wait_for(self, work: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """Run what waits for a disk in a thread, and not more of it than that."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        return await to_thread.run_sync(partial(work, *arguments, **named), limiter=self._threads)

    async def decode(self, work: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """Run what looks into media; few at a time, because each takes a processor."""
        if self._decoders is None:
            self._decoders = anyio.CapacityLimiter(self.service.limits.decoders)
        return await to_thread.run_sync(partial(work, *arguments, **named), limiter=self._decoders)


def caller_of(request: Request) -> Caller:
    """Who asks, as the guard found."""
    return request.state.caller


def route_class(context: Context) -> type[APIRoute]:
    """The class of all our routes."""

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            return _guarded(super().get_route_handler(), context, is_streamed=_is_streamed(self))

    return GuardedRoute


def streamed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a route that reads its body by itself, and checks its length."""
    function.__video3d_streamed__ = True  # type: ignore[attr-defined]
    return function


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for the OpenAPI document."""
    return {status: _documented(status) for status in sorted({400, 401, 403, 413, 422, 500, *statuses})}


def example(body: Any) -> dict[str, Any]:
    """An example of a request's JSON body, for `openapi_extra`."""
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


def answer(model: type[bodies.BaseModel], shown: Any, text: str = "It is as you see.") -> dict[str, Any]:
    """A route's answer, for the OpenAPI document."""
    return {"model": model, "description": text, "content": {"application/json": {"example": shown}}}


def file_route(router: APIRouter, path: str, summary: str, endpoint: Callable[..., Any]) -> None:
    """Registers a route that answers GET and HEAD with a file, or with parts of it."""
    file = answer_bytes(UNKNOWN_TYPE, "The file, or the part of it that was asked for.")
    file["content"] |= dict.fromkeys(FILE_TYPES.values(), file["content"][UNKNOWN_TYPE])
    responses: dict[int | str, dict[str, Any]] = {
        200: file, 206: file, 304: {"description": "It has not changed."}, 412: {"description": "It has changed."},
        416: {"description": "It has no such part."}, **problems(404, 409),
    }
    router.get(path, summary=summary, response_class=Response, responses=responses)(endpoint)
    router.head(path, include_in_schema=False)(endpoint)


def answer_bytes(media_type: str, text: str) -> dict[str, Any]:
    """A route's answer that is no JSON, for the OpenAPI document."""
    return {"description": text, "content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}


def _is_streamed(route: APIRoute) -> bool:
    return getattr(route.endpoint, "__video3d_streamed__", False)


def _guarded(handler: Callable[[Request], Awaitable[Response]], context: Context, *,
             is_streamed: bool) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def handle(request: Request) -> Response:
        try:
            request.state.caller = context.guard.admit(request.method, request)
            if is_streamed:
                return await handler(request)
            limited = _limited(request.receive, context.service.limits.body_bytes)
            return await handler(Request(request.scope, limited))
        except LoginError as problem:
            if "authorization" in request.headers:
                await anyio.sleep(LOGIN_PAUSE)
            return _problem(problem, context.service)
        except Video3DError as problem:
            return _problem(problem, context.service)
        except RequestValidationError as problem:
            return _invalid(problem)
        except ClientDisconnect:
            return Response(status_code=400)
        except HTTPException as problem:
            if isinstance(problem.__cause__, Video3DError):  # raised while fastapi read the body
                return _problem(problem.__cause__, context.service)
            return _body(problem.status_code, "RequestError", str(problem.detail), problem.headers)

    return handle


def _limited(receive: Receive, most: int) -> Receive:
    """`receive` that gives no more than `most` bytes of a body."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise LimitError(f"The request's body is larger than {most} bytes.", stage="request",
                             remedy="Send less, or upload the file.")
        return message

    return limited


def _problem(problem: Video3DError, service: Service) -> Response:
    status = next((status for kind, status in STATUS if isinstance(problem, kind)), 500)
    if status == 500:
        _log.warning("%s", problem)
    headers = {"WWW-Authenticate": 'Basic realm="video3d", charset="UTF-8"'} if status == 401 else None
    return JSONResponse({"error": type(problem).__name__, "message": service.public(problem.message),
                         "stage": problem.stage, "remedy": service.public(problem.remedy)}, status, headers)


def _invalid(problem: RequestValidationError) -> Response:
    errors: Any = problem.errors()
    told = [f"{'.'.join(str(part) for part in error['loc'][1:] or error['loc'])}: {error['msg']}" for error in errors]
    return _body(422, "RequestError", "; ".join(told[:5]) + ".")


def _body(status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {"error": error, "message": message, "stage": "request", "remedy": "See the API's documentation."}
    return JSONResponse(body, status, dict(headers or {}))


def _documented(status: int) -> dict[str, Any]:
    kind, text, message, remedy = _DOCUMENTED[status]
    shown = {"error": kind, "message": message, "stage": "", "remedy": remedy}
    return {"model": bodies.Problem, "description": text, "content": {"application/json": {"example": shown}}}


_DOCUMENTED = {
    400: ("RequestError", "The request is broken.", "There was an error parsing the body",
          "See the API's documentation."),
    401: ("LoginError", "Nobody is logged in.", "This server asks for a name and a password.",
          "Log in, or send them with the request (HTTP Basic)."),
    403: ("AccessError", "This is not allowed.", "Paths on the server are not taken here.",
          "Upload the video instead, or have the server's owner allow a folder."),
    404: ("MissingError", "There is no such thing.", "There is no such job.", "Choose one of the list."),
    409: ("JobError", "Not as things are.", "This job is done: it cannot be paused.",
          "Submit it again to make it anew."),
    413: ("LimitError", "More than is taken.", "The video is larger than 1000000 bytes.",
          "Convert it with the command line, or have the limit raised."),
    422: ("SettingsError", "What was sent cannot be used.", "--strength cannot be 9.",
          "Allowed: a number from 0 to 5 %, or auto."),
    500: ("ToolError", "The program failed.", "ffmpeg's encoder libx264 failed.", "Choose another encoder."),
}
