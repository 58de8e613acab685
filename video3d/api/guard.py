"""Who may come in, and from where. The same guard stands before every route."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from video3d.errors import AccessError, LoginError

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
PROXY_HEADERS = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
"""Sent by what stands between a server and those who ask."""


class Asked(Protocol):
    """What the guard sees of a request (starlette's `HTTPConnection` is one)."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, whatever its case."""
        ...

    @property
    def cookies(self) -> Mapping[str, str]:
        """By name."""
        ...


@dataclass(frozen=True)
class Caller:
    """Whoever asks; without logins everybody is the same nameless one."""

    name: str = ""
    is_here: bool = True
    """False where the request may come from another machine, or from a page that knows this one by another name."""


@dataclass(frozen=True)
class Guard:
    """Lets a request in, or says why not.

    With neither `users` nor `tokens` nor `session` nobody has to log in.
    """

    users: Mapping[str, str] = field(default_factory=dict[str, str])
    """Passwords by name, for HTTP Basic."""
    tokens: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names by token, for `Authorization: Bearer`."""
    session: Callable[[Mapping[str, str]], str | None] | None = None
    """The name that a login's cookies belong to; given where the host knows logins."""
    hosts: frozenset[str] | None = None
    """Names that this server goes by; None: any. A list keeps foreign pages from reaching it under a name of theirs."""
    here: frozenset[str] | None = None
    """Names under which only this machine's user asks; None: nobody is told apart."""
    origins: frozenset[str] = frozenset()
    """Foreign origins, such as "https://example.org", whose pages may change things here."""

    @property
    def needs_login(self) -> bool:
        """Whether nameless callers are refused."""
        return bool(self.users or self.tokens or self.session)

    def admit(self, method: str, asked: Asked) -> Caller:
        """Who asks; LoginError where they must say so first, AccessError where they may not."""
        self._check_host(asked)
        if method not in READING:
            self._check_origin(asked)
        is_here = self._is_here(asked)
        if not self.needs_login:
            return Caller(is_here=is_here)
        name = self._authorised(asked.headers.get("authorization", ""))
        if name is None and self.session is not None:
            name = self.session(asked.cookies)
        if name is None:
            raise LoginError("This server asks for a name and a password.", stage="access",
                             remedy="Log in, or send them with the request (HTTP Basic).")
        return Caller(name, is_here)

    def _is_here(self, asked: Asked) -> bool:
        """A proxy tells for whom it asks; a foreign page that had its own name point here still goes by that name."""
        if self.here is None:
            return True
        return _host_of(asked) in self.here and not any(header in asked.headers for header in PROXY_HEADERS)

    def _check_host(self, asked: Asked) -> None:
        if self.hosts is not None and _host_of(asked) not in self.hosts:
            raise AccessError("This server does not go by that name.", stage="access",
                              remedy="Use the address that it printed when it started.")

    def _check_origin(self, asked: Asked) -> None:
        """A browser says which page a change comes from; other programs need not."""
        origin = asked.headers.get("origin")
        site = asked.headers.get("sec-fetch-site")
        if site in ("same-origin", "none") or (origin is None and site is None) or origin in self.origins:
            return
        is_own = origin is not None and urlsplit(origin).netloc == asked.headers.get("host")
        if not is_own or site is not None:
            raise AccessError("A page of another site asked for this.", stage="access",
                              remedy="Use this server's own page, or a program that is no browser.")

    def _authorised(self, header: str) -> str | None:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic":
            return self._by_password(value.strip())
        if scheme.lower() == "bearer":
            given = value.strip().encode()
            known = [name for token, name in self.tokens.items() if secrets.compare_digest(token.encode(), given)]
            return known[0] if known else None
        return None

    def _by_password(self, encoded: str) -> str | None:
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        # Every name takes the same time, those that are not there too.
        wanted = self.users.get(name, secrets.token_hex())
        is_right = secrets.compare_digest(wanted.encode(), password.encode())
        return name if is_right and name in self.users else None


def _host_of(asked: Asked) -> str:
    """The name that the server was asked by; empty where the header is missing or broken."""
    try:
        return urlsplit("//" + asked.headers.get("host", "")).hostname or ""
    except ValueError:
        return ""
