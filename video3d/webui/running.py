"""All that runs between the start of the webui's server and its end: the queue, the routes, the watch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from video3d.api import Service, create_router
from video3d.queue import JobQueue
from video3d.ui.server import open_folder
from video3d.webui.flags import has_api, opens_folders
from video3d.webui.guarding import allowed_paths, guard_of
from video3d.webui.host import WebuiHost
from video3d.webui.progress import ProgressMirror, WebuiState
from video3d.webui.turn import QueueLock
from video3d.webui.watching import QueueWatch


@dataclass(frozen=True)
class Running:
    """Close it before the webui builds its page anew."""

    host: WebuiHost
    queue: JobQueue
    service: Service
    watch: QueueWatch

    @classmethod
    def open(cls, host: WebuiHost, app: Any, flags: Any, state: WebuiState, lock: QueueLock) -> Running:
        """Add the routes to `app`, and go on with what waits in the queue.

        Without `--api` there are only those that the tab needs.
        """
        queue = JobQueue(host, host.work_folder() / "queue")
        service = Service(host, queue, paths=allowed_paths(flags, Path.home()))
        service.open_folder = open_folder if opens_folders(flags) else None
        app.include_router(create_router(service, guard_of(flags, app), for_tab_alone=not has_api(flags)))
        watch = QueueWatch(queue, ProgressMirror(state, lock, host.gpu))
        queue.start()
        watch.start()
        return cls(host, queue, service, watch)

    def close(self) -> None:
        """End the threads and give the GPU back; unfinished jobs keep what is finished."""
        self.watch.close()
        self.service.close()
        self.queue.close()
        self.host.gpu.close()
