"""How much longer a webui takes to start with the extension, in processor time.

    cd WEBUI && PYTHONPATH=. venv/bin/python …/benchmarks/webui_start.py --pairs 8 -- --api …

A start takes so long, and varies so much from one to the next, that a few whole ones show nothing. So the webui is
started once, up to the point where it looks for extensions, and goes on from there in two children at a time, one that
finds this extension and one that finds none: to its "Startup time", both on one processor, which each has in short
turns. Whatever else the machine does slows both alike. What lies before that point is the same with and without, but
for the few lines of `preload.py`. Processor time is that of the whole process; it is larger than on a quiet machine,
as two programs push each other out of the caches. Only for systems that fork.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import runpy
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WITH, WITHOUT = "with", "without"
STAGE = "modules.initialize"
"""The webui's module whose `initialize_rest` looks for extensions and loads their scripts."""


class When(MetaPathFinder):
    """Calls `then` with the webui's module as soon as it is imported: in its turn, so that the start stays as it is."""

    def __init__(self, then: Callable[[ModuleType], None]) -> None:
        self._then = then

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """See `MetaPathFinder`."""
        if name != STAGE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def run_and_tell(module: ModuleType) -> None:
            run(module)
            self._then(module)

        spec.loader.exec_module = run_and_tell  # type: ignore[method-assign]
        return spec


def main() -> None:
    """Starts the webui in the folder at hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--port", type=int, default=7990, help="the first of two that are free")
    parser.add_argument("flags", nargs="*", help="the webui's own, after --")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results")
        sys.argv = ["launch.py", *chosen.flags]
        sys.meta_path.insert(0, When(lambda module: pairs(module, chosen.pairs, chosen.port, Path(folder), results)))
        runpy.run_path("launch.py", run_name="__main__")


def pairs(stage: ModuleType, count: int, port: int, folder: Path, results: Path) -> None:
    """Has two children run on from here, `count` times, and ends; in a child it returns, and the webui starts."""
    for name in (WITH, WITHOUT):
        (folder / name).mkdir()
    (folder / WITH / "video3d").symlink_to(ROOT)
    go_on = stage.initialize_rest

    def measured(**how: Any) -> None:
        for pair in range(count):
            children: list[int] = []
            for turn, name in enumerate((WITH, WITHOUT) if pair % 2 else (WITHOUT, WITH)):
                child = os.fork()
                if child == 0:
                    prepare(name, folder / name, port + turn, pair, results)
                    return go_on(**how)
                children.append(child)
            for child in children:
                os.waitpid(child, 0)
        tell(results)
        shutil.rmtree(folder)
        os._exit(0)

    stage.initialize_rest = measured  # type: ignore[attr-defined]


def prepare(name: str, extensions: Path, port: int, pair: int, results: Path) -> None:
    """In the child: where it looks for extensions, and what it writes at the end."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[pair % len(processors)]})
    for module in ("modules.extensions", "modules.paths_internal"):
        importlib.import_module(module).extensions_dir = str(extensions)  # type: ignore[attr-defined]
    importlib.import_module("modules.shared").cmd_opts.port = port
    begun, clock = time.process_time(), time.monotonic()

    def end(_: Any) -> str:
        told = {"pair": pair, "name": name, "processor": time.process_time() - begun, "clock": time.monotonic() - clock}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        os._exit(0)

    importlib.import_module("modules.timer").Timer.summary = end  # type: ignore[attr-defined]


def tell(results: Path) -> None:
    """One line for processor time, one for the clock: both means, their difference and its standard error, seconds."""
    told = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    for measure in ("processor", "clock"):
        found = {(each["pair"], each["name"]): each[measure] for each in told}
        whole = sorted({pair for pair, _ in found if (pair, WITH) in found and (pair, WITHOUT) in found})
        more = [found[pair, WITH] - found[pair, WITHOUT] for pair in whole]
        error = statistics.stdev(more) / len(more) ** 0.5 if len(more) > 1 else float("nan")
        means = [statistics.mean(found[pair, name] for pair in whole) for name in (WITH, WITHOUT)]
        print(f"{measure}: {means[0]:.2f} with, {means[1]:.2f} without, {statistics.mean(more):+.3f} ± {error:.3f} "
              f"({len(more)} pairs: {', '.join(f'{each:+.2f}' for each in more)})", file=sys.stderr)


if __name__ == "__main__":
    main()
