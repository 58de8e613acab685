"""Downloads of depth models, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from video3d.depth.download import download_model
from video3d.depth_model import DepthModel
from video3d.errors import Cancelled, Video3DError
from video3d.reporting import Progress


@dataclass
class _Download:
    """One that is under way, or was; it is its own reporter."""

    stopped: threading.Event = field(default_factory=threading.Event)
    state: Progress | None = None
    problem: Video3DError | None = None
    thread: threading.Thread | None = None

    def progress(self, progress: Progress) -> None:
        """Kept for whoever asks."""
        self.state = progress

    def notice(self, message: str) -> None:
        """Nobody reads it."""

    def is_cancelled(self) -> bool:
        """Whether it was stopped."""
        return self.stopped.is_set()


class Downloads:
    """Thread-safe; at most one download for each model."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._downloads: dict[str, _Download] = {}

    def start(self, model: DepthModel, folder: Path) -> None:
        """Begin, unless it is under way."""
        with self._lock:
            known = self._downloads.get(model.id)
            if known is not None and known.thread is not None and known.thread.is_alive():
                return
            download = self._downloads[model.id] = _Download()
            download.thread = threading.Thread(target=_run, args=(download, model, folder), name=f"download {model.id}")
            download.thread.start()

    def stop(self, model_id: str) -> None:
        """End it, and wait until it has ended."""
        with self._lock:
            download = self._downloads.get(model_id)
        if download is not None and download.thread is not None:
            download.stopped.set()
            download.thread.join()

    def close(self) -> None:
        """End all."""
        for model_id in list(self._downloads):
            self.stop(model_id)

    def told(self, model_id: str, publish: Callable[[str], str]) -> dict[str, Any]:
        """How the model's download is: `download` while it is under way, `error` where it failed."""
        download = self._downloads.get(model_id)
        if download is None or download.thread is None:
            return {"download": None, "error": None}
        state = download.state or Progress("download", 0, None)
        problem = download.problem
        return {
            "download": asdict(state) if download.thread.is_alive() else None,
            "error": None if problem is None else {
                "error": type(problem).__name__, "message": publish(problem.message), "stage": problem.stage,
                "remedy": publish(problem.remedy)},
        }


def _run(download: _Download, model: DepthModel, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        download_model(model, folder, download)
    except Cancelled:
        return
    except Video3DError as problem:
        download.problem = problem
    except OSError as problem:
        download.problem = Video3DError(f"{model.label}: the download failed ({problem.strerror}).", stage="download",
                                        remedy="Try again.")
