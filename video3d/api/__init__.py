"""The HTTP API, under /video3d/v1: the same routes in a webui and stand-alone.

`create_router` is what a host mounts, `create_app` a server of its own. Importing this package loads neither fastapi
nor pydantic.
"""

from __future__ import annotations

from typing import Any

from video3d.api.guard import Caller, Guard
from video3d.api.limits import Limits
from video3d.api.paths import AllowedPaths
from video3d.api.service import Service

PREFIX = "/video3d/v1"

__all__ = ["PREFIX", "AllowedPaths", "Caller", "Guard", "Limits", "Service", "create_app", "create_router"]


def create_router(service: Service, guard: Guard, *, for_tab_alone: bool = False) -> Any:
    """All routes, as a `fastapi.APIRouter` for `app.include_router`; `for_tab_alone`: those that the tab needs."""
    from video3d.api.router import build_router

    return build_router(service, guard, PREFIX, for_tab_alone=for_tab_alone)


def create_app(service: Service, guard: Guard) -> Any:
    """A `fastapi.FastAPI` with all routes, and nothing else. Whoever runs it starts the queue, and closes it."""
    from video3d.api.router import build_app

    return build_app(service, guard, PREFIX)
