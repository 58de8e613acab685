"""Server-sent events (WHATWG HTML, 9.2): JSON, one object a message."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse


def event_stream(request: Request, events: AsyncIterator[dict[str, Any] | None]) -> StreamingResponse:
    """`events` as they come; None is a sign of life. Each message's id is its object's `version`."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "identity"  # a host's GZip middleware would hold messages back
    return StreamingResponse(_messages(events), media_type="text/event-stream", headers=headers)


async def _messages(events: AsyncIterator[dict[str, Any] | None]) -> AsyncIterator[str]:
    async for event in events:
        if event is None:
            yield ": still here\n\n"
        else:
            yield f"id: {event['version']}\ndata: {json.dumps(event)}\n\n"
