"""The API as a server of its own."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from video3d.api.converter import ConverterProcess
from video3d.api.guard import LOCAL_NAMES, Guard
from video3d.api.limits import Limits
from video3d.api.paths import AllowedPaths
from video3d.api.service import Service
from video3d.errors import SettingsError, TargetError
from video3d.host import Host
from video3d.queue import JobQueue

PORT = 7870
USERS_VARIABLE = "VIDEO3D_USERS"
"""Environment variable with names and passwords, `name:password,name:password`."""
ENDING_SECONDS = 3
"""For answers that are under way when the server is told to end."""


@dataclass(frozen=True)
class ServerSettings:
    """How a server is reached, and by whom."""

    address: str = "127.0.0.1"
    port: int = PORT
    """0: any that is free."""
    users: Mapping[str, str] = field(default_factory=dict[str, str])
    names: tuple[str, ...] = ()
    """Further names that the server goes by, such as a proxy's."""
    origins: tuple[str, ...] = ()
    allowed: tuple[Path, ...] | None = None
    """Folders whose files may be named. None: the user's own folder where only this machine gets in, else none."""
    limits: Limits = field(default_factory=Limits)
    workers: int = 1
    """Parts of a video converted at once."""
    devices: tuple[str, ...] = ()
    """torch's names of those that depth networks run on at once; empty: what a job's settings say."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine gets in."""
        if self.address in LOCAL_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False

    def guard(self) -> Guard:
        """SettingsError where everybody of a network could get in without a password."""
        if not self.is_local and not self.users:
            raise SettingsError(f"At {self.address} everybody in the network could use this server.", stage="serve",
                                remedy=f"Give names and passwords with --users FILE or {USERS_VARIABLE}, or leave "
                                       "--address out.")
        names = None if self.users else LOCAL_NAMES | {self.address, *self.names}
        return Guard(users=self.users, hosts=names, origins=frozenset(self.origins))

    def paths(self) -> AllowedPaths:
        """Which files may be named."""
        if self.allowed is not None:
            return AllowedPaths(self.allowed)
        return AllowedPaths((Path.home(),) if self.is_local and not self.users else ())


@dataclass(frozen=True)
class Site:
    """What is served."""

    build: Callable[[Service, Guard], Any]
    """Makes the ASGI application."""
    path: str
    """Where a person begins."""


def serve(settings: ServerSettings, host: Host, say: Callable[[str], None], site: Site | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM; `say` is told where. Jobs that run then go on with the next start.

    `site` has more than the routes alone.
    """
    import uvicorn

    from video3d.api import PREFIX, create_app

    shown = site or Site(create_app, PREFIX)
    guard = settings.guard()
    with closing(_listening(settings)) as listener:
        folder = host.work_folder() / "queue"
        queue = JobQueue(host, folder)
        service = Service(host, queue, paths=settings.paths(), limits=settings.limits)
        config = uvicorn.Config(shown.build(service, guard), log_level="warning", access_log=False, lifespan="off",
                                timeout_graceful_shutdown=ENDING_SECONDS, server_header=False)
        with closing(queue), closing(service), closing(
                ConverterProcess(folder, settings.workers, settings.devices)), _unwinding():
            say(f"http://{_shown(listener)}{shown.path}")
            uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _unwinding() -> Generator[None, None, None]:
    """SIGTERM ends the server like Ctrl-C: uvicorn stops, and then raises it again, for us to leave in order."""
    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def read_users(file: Path | None) -> dict[str, str]:
    """Of a file, one `name:password` a line, or of the environment; SettingsError names a wrong one."""
    if file is None:
        lines = os.environ.get(USERS_VARIABLE, "").split(",")
        where = USERS_VARIABLE
    else:
        where = str(file)
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as problem:
            raise SettingsError(f"{file}: it cannot be read ({problem}).", stage="serve",
                                remedy="One name:password stands in each line.") from None
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        name, colon, password = line.strip().partition(":")
        if line.strip() and not (name and colon and password):
            raise SettingsError(f"{where}: number {number} is no name:password.", stage="serve", remedy="Correct it.")
        if name:
            users[name] = password
    return users


def write_openapi(host: Host) -> str:
    """The API's description, as JSON."""
    from video3d.api import create_app

    queue = JobQueue(host, host.work_folder() / "queue")
    document = create_app(Service(host, queue), Guard(users={"name": "password"})).openapi()
    return json.dumps(document, indent=1)


def _listening(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; without, every answer waits 40 ms for it.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere this would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.address, settings.port))
        listener.listen(256)
    except OSError as problem:
        listener.close()
        raise TargetError(f"{settings.address}:{settings.port}: nothing can listen there ({problem.strerror}).",
                          stage="serve", remedy="Choose another port with --port.") from None
    return listener


def _shown(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
