"""What the webui calls: the tab, the routes, the settings section, and the end before it builds its page anew."""

# The webui's modules are not here to be looked at.
# pyright: reportMissingImports=false
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from video3d.depth_model import Role
from video3d.webui.kinds import Kind, make_host
from video3d.webui.versions import loaded_sources

if TYPE_CHECKING:
    from video3d.ui import PlayerOptions
    from video3d.webui.host import WebuiHost
    from video3d.webui.opening import Closable, Opening

TITLE = "2D→3D Video"
ELEMENT = "video3d"
PREFIX = "/video3d/v1"
PATIENCE_SECONDS = 5.0
"""How long the building of a new page waits for the end of what runs."""


class Extension:
    """Lives as long as the page: the webui runs the script again for each new one."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._host: WebuiHost | None = None
        self._running: Opening | None = None
        self._changing = threading.Lock()

    def register(self, callbacks: Any) -> None:
        """`callbacks`: the webui's `modules.script_callbacks`.

        For each callback it looks through the call stack, and at every module for every frame whose module it does not
        find: 0.1 s and more, as deep down as it runs scripts. A thread's stack is short.
        """
        loaded_sources()
        with ThreadPoolExecutor(1, "video3d-registering") as short_stack:
            short_stack.submit(self._register, callbacks).result()

    def _register(self, callbacks: Any) -> None:
        callbacks.on_ui_settings(self.settings)
        callbacks.on_ui_tabs(self.tabs)
        callbacks.on_app_started(self.started)
        callbacks.on_script_unloaded(self.close)

    @property
    def host(self) -> WebuiHost:
        """Made when the webui is far enough."""
        if self._host is None:
            self._host = make_host(self._kind)
        return self._host

    def settings(self) -> None:
        """The section in Settings."""
        from modules import paths_internal, shared

        from video3d.depth.registry import available_models
        from video3d.webui import options

        folder = Path(paths_internal.default_output_dir) / options.FOLDER_NAME
        options.add_options(shared, folder, lambda: [model.id for model in available_models(self.host)
                                                     if model.role is Role.ESTIMATES])

    def tabs(self) -> list[tuple[Any, str, str]]:
        """The tab, to be drawn in the webui's page."""
        from modules import shared

        from video3d.ui import TabOptions, draw_tab
        from video3d.webui.drawing import DrawnTab
        from video3d.webui.flags import opens_folders, takes_paths

        flags = shared.cmd_opts
        options = TabOptions(
            player=_player(),
            allow_paths=takes_paths(flags),
            allow_open_folder=opens_folders(flags), send_to_images=True,
        )
        return [(DrawnTab(lambda: draw_tab(self.host, options)), TITLE, ELEMENT)]

    def started(self, demo: Any, app: Any) -> None:
        """The server runs: add the routes, and go on with what waits in the queue. `demo` is None under --nowebui."""
        from modules import call_queue, shared

        from video3d.webui.opening import Opening

        del demo
        host = self.host

        def open_all() -> Closable:
            from video3d.webui.running import Running

            return Running.open(host, app, shared.cmd_opts, shared.state, call_queue.queue_lock)

        with self._changing:
            self._end()
            self._running = Opening(app, PREFIX, open_all)

    def close(self) -> None:
        """Before the webui runs the script again: end every thread, free what is held. Unfinished jobs go on later."""
        with self._changing:
            self._end()

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        # A network that is being loaded cannot be stopped: the page does not wait for it, and the next queue stands by
        # until this one has ended.
        closing = threading.Thread(target=running.close, name="video3d-closing", daemon=True)
        closing.start()
        closing.join(PATIENCE_SECONDS)


def _player() -> PlayerOptions:
    from modules import shared

    from video3d.webui import options

    return options.player(shared)
