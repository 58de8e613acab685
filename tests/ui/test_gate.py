from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from video3d.api import Guard

pytest.importorskip("starlette", reason="starlette is missing")


def status(guard: Guard, **headers: str) -> int:
    from video3d.ui.gate import Guarded

    sent: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def collect(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    named = {"host": "localhost", **headers}
    scope = {"type": "http", "path": "/config", "method": "GET",
             "headers": [(name.encode(), value.encode()) for name, value in named.items()]}  # fmt: skip
    asyncio.run(Guarded(application, guard)(scope, receive, collect))
    return sent[0]["status"]


def test_without_logins_everybody_comes_in() -> None:
    assert status(Guard()) == 200


def test_with_logins_gradios_own_routes_ask_too() -> None:
    guard = Guard(users={"anna": "secret"})
    assert status(guard) == 401
    assert status(guard, authorization="Basic " + base64.b64encode(b"anna:secret").decode()) == 200
    assert status(guard, authorization="Basic " + base64.b64encode(b"anna:wrong").decode()) == 401


def test_other_names_of_the_server_are_refused() -> None:
    assert status(Guard(hosts=frozenset({"localhost"}))) == 200
    assert status(Guard(hosts=frozenset({"localhost"})), host="evil.example") == 403
