"""A bundle for bug reports: versions, settings, the job's log; no private paths, no names, no secrets."""

from __future__ import annotations

import getpass
import io
import json
import os
import platform
import re
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from video3d import __version__
from video3d.depth.registry import available_models
from video3d.errors import JobError, TargetError, Video3DError
from video3d.host import Host
from video3d.jobs import read_description
from video3d.jobs.log import LOG_NAME
from video3d.media.ffmpeg import find_ffmpeg
from video3d.queue import JobQueue, JobView

PACKAGES = ("numpy", "opencv-python", "opencv-python-headless", "av", "numba", "Pillow", "imageio-ffmpeg", "torch",
            "onnxruntime", "gradio", "fastapi", "pydantic", "transformers")
LOG_BYTES = 1 << 20
"""Of a log, its end."""
_SECRET = re.compile(r"(?i)((?:api[_-]?key|token|passw(?:or)?d|secret|authorization)[\"']?\s*[:=]\s*)"
                     r"(\"[^\"]*\"|'[^']*'|(?:bearer\s+)?[^\s,;&]+)")
_LOGIN = re.compile(r"(\w+://)[^/\s:@]+:[^/\s@]+@")
_FOLDERS = re.compile(r"(?<![\w:/.])(?:[A-Za-z]:)?(?:[\\/]{1,2}[^\\/\s:\"'<>|]+)+[\\/]{1,2}(?=[^\\/\s:\"'<>|])")
_SHORTEST_NAME = 3


@dataclass(frozen=True)
class Evidence:
    """What is known of one job."""

    description: dict[str, Any]
    log: str
    private: tuple[Path, ...]
    """Files whose folders and names are nobody's business."""


def evidence_of(what: str, host: Host, queue: JobQueue | None) -> Evidence:
    """Of a job's folder, a result that was not finished, or a job of the queue; JobError where there is none."""
    del host
    for folder in (Path(what), Path(f"{what}.video3d-job")):
        if (folder / "job.json").is_file() and not _is_record(folder):
            job = read_description(folder)
            return Evidence({"settings": dict(job.settings), "fingerprint": dict(job.fingerprint)},
                            _end_of(folder / LOG_NAME), (Path(job.source), folder))
    if queue is None:
        raise JobError(f"{what}: there is no such job.", stage="diagnostics",
                       remedy="Name a job's folder or an id that `video3d jobs` lists.")
    return evidence_of_job(queue.find(what), queue)


def evidence_of_job(view: JobView, queue: JobQueue) -> Evidence:
    """Of a job of the queue."""
    description = view.to_json()
    for name in ("owner", "display_name", "source", "target"):
        description.pop(name)
    named = Path(view.source.parent, view.display_name)
    return Evidence(description, _end_of(queue.store.folder_of(view.id) / LOG_NAME),
                    (view.source, view.target, named))


def bundle(host: Host, evidence: Evidence | None) -> bytes:
    """The bundle as a ZIP file; starts ffmpeg to ask for its version."""
    clean = Cleaner(evidence.private if evidence else ())
    files = {"versions.json": json.dumps(_versions(host), indent=1), "models.json": json.dumps(_models(host), indent=1)}
    if evidence is not None:
        files["job.json"] = json.dumps(evidence.description, indent=1)
        files["log.txt"] = evidence.log
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name, clean(text))
    return packed.getvalue()


def write_bundle(target: Path, host: Host, evidence: Evidence | None, *, overwrite: bool = False) -> None:
    """Write the bundle to a file; TargetError where that cannot be."""
    data = bundle(host, evidence)
    try:
        with target.open("wb" if overwrite else "xb") as file:
            file.write(data)
    except FileExistsError:
        raise TargetError(f"{target}: it is there already.", stage="diagnostics",
                          remedy="Add --overwrite, or choose another name with -o.") from None
    except OSError as problem:
        target.unlink(missing_ok=True)
        raise TargetError(f"{target}: it cannot be written ({problem.strerror or problem}).", stage="diagnostics",
                          remedy="Choose another place with -o.") from None


class Cleaner:
    """Takes from a text what says who and where: folders, the names of the videos, the user, the machine, secrets."""

    def __init__(self, private: Iterable[Path], folders: Iterable[Path] = ()) -> None:
        """`private` are files whose folders and names go; of `folders` what lies in them keeps its name."""
        self._words: list[tuple[re.Pattern[str], str]] = []
        for folder in folders:
            self._hide_folder(folder)
        for number, path in enumerate(private):
            self._hide_folder(path.parent)
            self._hide_folder(path.resolve().parent)
            self._hide(path.name, f"<file {number}>{path.suffix if len(path.suffix) < 8 else ''}")
            self._hide(path.stem, f"<file {number}>")
        self._hide(str(Path.home()), "<home>")
        for word, stand_in in ((_user(), "<user>"), (platform.node(), "<machine>")):
            if len(word) >= _SHORTEST_NAME:
                self._words.append((re.compile(rf"(?<!\w){re.escape(word)}(?!\w)"), stand_in))

    def __call__(self, text: str) -> str:
        """The text without them."""
        for pattern, stand_in in self._words:
            text = pattern.sub(lambda _, stand_in=stand_in: stand_in, text)
        text = _SECRET.sub(r"\1<secret>", _LOGIN.sub(r"\1<login>@", text))
        return _FOLDERS.sub("<folder>/", text)

    def _hide_folder(self, folder: Path) -> None:
        if len(folder.parts) > 1:
            self._hide(str(folder), "<folder>")

    def _hide(self, text: str, stand_in: str) -> None:
        """As it is, and as JSON writes it."""
        for form in {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], text.replace("\\", "/")}:
            if len(form) >= _SHORTEST_NAME:
                self._words.append((re.compile(re.escape(form)), stand_in))


def _versions(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = {
        "video3d": __version__, "python": platform.python_version(), "system": platform.platform(),
        "machine": platform.machine(), "processors": os.cpu_count(), "host": host.name, "devices": list(host.devices),
        "packages": {name: installed for name in PACKAGES if (installed := _installed(name))},
    }
    try:
        ffmpeg = find_ffmpeg()
        found["ffmpeg"] = {"version": ffmpeg.version, "encoders": sorted(
            name for name in ffmpeg.encoders if any(word in name for word in ("264", "265", "hevc", "av1")))}
    except Video3DError as problem:
        found["ffmpeg"] = str(problem)
    return found


def _models(host: Host) -> list[dict[str, Any]]:
    return [{"id": model.id, "label": model.label, "availability": model.availability.value}
            for model in available_models(host)]


def _installed(package: str) -> str:
    with suppress(PackageNotFoundError):
        return version(package)
    return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user on this system
        return ""


def _end_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - LOG_BYTES))
            return opened.read().decode(errors="replace")
    except OSError:
        return "There is no log."


def _is_record(folder: Path) -> bool:
    """Whether it is a job's folder in a queue, which is asked for by its id."""
    return (folder.parent / "changes").exists()
