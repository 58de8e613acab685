"""The webui's own logins before our routes: it does not put them before an extension's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from video3d.api.guard import LOCAL_NAMES, Guard
from video3d.api.paths import AllowedPaths
from video3d.webui.flags import named_folders, opens_folders

COOKIE = "access-token"
"""Gradio's cookies begin so: "access-token", "access-token-unsecure", since 4.x with an id behind them."""


def guard_of(options: Any, app: Any) -> Guard:
    """What `--api-auth` and `--gradio-auth` demand. `options` are the webui's flags, `app` its FastAPI."""
    return Guard(users=_users(getattr(options, "api_auth", None)), session=_session(app), here=LOCAL_NAMES,
                 origins=_origins(getattr(options, "cors_allow_origins", None)))


def allowed_paths(options: Any, home: Path) -> AllowedPaths:
    """Files that may be named by their path: all where only this machine's user can ask, else those that flags name.

    A proxy may stand before a webui that listens to this machine alone, so each request is looked at as well.
    """
    named = named_folders(options)
    if not opens_folders(options):
        return AllowedPaths(named)
    everywhere = dict.fromkeys(Path(folder.anchor) for folder in (home, Path.cwd()))
    return AllowedPaths((*named, *everywhere), elsewhere=named)


def _users(flag: str | None) -> dict[str, str]:
    """`name:password,name:password`, as the webui's own API reads it."""
    pairs = [entry.partition(":") for entry in (flag or "").split(",") if ":" in entry]
    return {name: password for name, _, password in pairs}


def _session(app: Any) -> Callable[[Mapping[str, str]], str | None] | None:
    """Who is logged in to gradio; None where it asks for no login, as where there is no page (--nowebui)."""
    if getattr(app, "auth", None) is None:
        return None

    def name_of(cookies: Mapping[str, str]) -> str | None:
        tokens: Mapping[str, str] = getattr(app, "tokens", {})
        for cookie, token in cookies.items():
            if cookie.startswith(COOKIE) and token in tokens:
                return tokens[token]
        return None

    return name_of


def _origins(flag: str | None) -> frozenset[str]:
    return frozenset(origin.strip() for origin in (flag or "").split(",") if origin.strip())
