"""Which of the routes the tab needs: a webui without `--api` has these and no others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

TAB_ROUTES = frozenset({
    ("GET", "/status"),
    # videos: sent, looked at, given up
    ("POST", "/uploads"), ("DELETE", "/uploads/{upload_id}"), ("GET", "/uploads/{upload_id}/info"),
    ("GET", "/files/info"), ("POST", "/estimate"), ("POST", "/preview"),
    ("POST", "/shots"), ("POST", "/shots/edit"), ("DELETE", "/shots"), ("GET", "/shots/picture"),
    # conversions: begun, watched, steered, shown
    ("POST", "/jobs"), ("GET", "/jobs"), ("PATCH", "/jobs/{job_id}"), ("DELETE", "/jobs/{job_id}"),
    ("POST", "/jobs/{job_id}/pause"), ("POST", "/jobs/{job_id}/resume"), ("POST", "/jobs/{job_id}/cancel"),
    ("POST", "/jobs/{job_id}/retry"), ("POST", "/jobs/{job_id}/folder"), ("POST", "/jobs/{job_id}/playable"),
    ("GET", "/jobs/{job_id}/preview"), ("GET", "/jobs/{job_id}/comfort.png"),
    ("GET", "/jobs/{job_id}/stream/playlist.m3u8"), ("GET", "/jobs/{job_id}/stream/{name}"),
    ("GET", "/jobs/{job_id}/result"), ("GET", "/jobs/{job_id}/copy"),
    # what is kept, settings under a name, depth models; what a bug report needs
    ("GET", "/diagnostics"),
    ("GET", "/presets"), ("PUT", "/presets/{name}"), ("DELETE", "/presets/{name}"),
    ("GET", "/models"), ("POST", "/models/{model_id}/download"), ("DELETE", "/models/{model_id}/download"),
})
"""Method and path below the prefix; whoever may GET may ask for the HEAD."""


def is_for_tab(methods: Iterable[str], path: str) -> bool:
    """Whether the tab needs this route."""
    return any(("GET" if method == "HEAD" else method, path) in TAB_ROUTES for method in methods)


def keep_for_tab(routes: list[Any]) -> None:
    """Take out of `routes` (starlette's) all that the tab does not need."""
    routes[:] = [route for route in routes if is_for_tab(route.methods, route.path)]
