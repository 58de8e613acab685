"""Importing is free: nothing heavy is loaded, and nothing is done."""

from __future__ import annotations

import ast
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import video3d
from video3d.webui import extension

HEAVY = ("torch", "gradio", "fastapi", "starlette", "pydantic", "uvicorn", "transformers", "onnxruntime")
FOUND = pkgutil.walk_packages(video3d.__path__, "video3d.")
EDGES = ("video3d.api.", "video3d.depth.networks.")
"""Modules that may need a heavy one to be imported: `test_house.py` holds that nobody imports them by the way. The room
`video3d.api` itself needs none."""
MODULES = sorted(module.name for module in FOUND if not module.name.endswith("__main__"))
WATCH = """
import importlib, json, os, sys, threading
opened = []
sys.addaudithook(lambda event, values: opened.append([event, str(values[0])]) if event in (
    "socket.__new__", "os.mkdir", "subprocess.Popen") or event == "open" and "w" in str(values[1] or "r") else None)
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
own = [event for event in opened if "__pycache__" not in event[1]]
print(json.dumps({"modules": sorted(sys.modules), "threads": threading.active_count(), "done": own, "failed": failed}))
"""
BLOCK = """
import sys
from importlib.abc import MetaPathFinder
class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ModuleNotFoundError(name + " is not installed here", name=name)
sys.meta_path.insert(0, Refuse())
"""


LIST = """
from video3d.depth.registry import available_models
from video3d.host import StandaloneHost
available_models(StandaloneHost())
"""
AT_START = {
    "depth", "depth.catalogue", "depth.registry", "depth.weights_files", "depth_model", "errors", "host", "params",
    "presets", "presets.apply", "presets.levels", "presets.model", "presets.table", "settings", "types", "ui",
    "ui.controls", "ui.devices", "ui.tab", "ui.words", "webui", "webui.borrowed", "webui.drawing", "webui.extension",
    "webui.flags", "webui.host", "webui.kinds", "webui.loaded_networks", "webui.memory", "webui.options",
    "webui.places", "webui.turn", "webui.versions",
}
"""All that the webui waits for: its script, its settings and its tab."""


def import_all(names: list[str], before: str = "") -> dict:
    command = [sys.executable, "-X", "utf8", "-c", before + WATCH, *names]
    root = str(Path(video3d.__file__).parents[1])
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120,
                          env={**os.environ, "PYTHONPATH": root, "NUMBA_DISABLE_JIT": "0"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def everything() -> dict:
    return import_all(MODULES, BLOCK % (HEAVY,))


def test_the_package_alone_loads_next_to_nothing() -> None:
    loaded = import_all(["video3d"])["modules"]
    assert not {"numpy", "cv2", "av", "numba", *HEAVY} & set(loaded)


def test_a_webuis_start_loads_no_more_than_this() -> None:
    """What converts would be a third of a second of it, a module here 1 to 10 ms; the routes come in a thread after."""
    tree = ast.parse(Path(extension.__file__).read_text(encoding="utf-8"))
    drawing = [node for node in ast.walk(tree) if getattr(node, "name", "") in ("settings", "tabs")]
    needed = {each.module for function in drawing for each in ast.walk(function)
              if isinstance(each, ast.ImportFrom) and str(each.module).startswith("video3d")}
    loaded = import_all(["video3d.webui.extension", *sorted(map(str, needed))])["modules"]
    assert {name.removeprefix("video3d.") for name in loaded if name.startswith("video3d.")} == AT_START
    assert not {"cv2", "av", "numba", *HEAVY} & set(loaded)


def test_listing_the_models_loads_what_reads_networks_only_where_there_are_some(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert "cv2" not in import_all([], LIST)["modules"]
    folder = tmp_path / "video3d" / "models"
    folder.mkdir(parents=True)
    (folder / "mine.onnx").touch()
    assert "cv2" in import_all([], LIST)["modules"]


def test_every_module_can_be_imported_without_the_heavy_ones(everything: dict) -> None:
    without = {name: why for name, why in everything["failed"].items() if not name.startswith(EDGES)}
    assert without == {}
    assert all("is not installed here" in why for why in everything["failed"].values())
    assert len(MODULES) > 5


def test_imports_start_no_thread_and_open_no_socket_folder_process_or_file(everything: dict) -> None:
    assert everything["threads"] == 1
    assert everything["done"] == []
