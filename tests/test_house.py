"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "video3d"
FLOORS = {
    "errors": 0, "params": 0, "types": 0, "video_info": 0, "reporting": 0,
    "serial": 0, "allocator": 0, "prefetch": 0, "durable": 0, "lifeline": 0, "order_statistics": 0, "reducing": 0,
    "settings": 1, "depth_model": 1, "host": 1, "motion": 1, "presets": 1,
    "media": 2, "shots": 2, "depth": 2, "stabilise": 2, "keyframes": 2, "depth_cache": 2, "stereo": 2, "sample": 2,
    "shot_edits": 3, "shot_list": 3,
    "planning": 3, "single_pass": 3, "devices": 3, "unit_files": 3, "unit_frames": 3, "nearness": 3,
    "estimated_depth": 3, "depth_stage": 3,
    "converting": 3, "preparing": 3, "deciding": 3, "finishing": 3, "pipeline": 3,
    "jobs": 4, "depth_export": 4, "queue": 4, "executors": 4, "preview": 4, "advice": 4, "diagnostics": 4,
    "estimating": 4, "scouting": 4, "renditions": 4,
    "console": 5, "cli": 5, "api": 5, "ui": 5, "player": 5, "__main__": 5,
    "webui": 6,
}  # fmt: skip
"""A module or package of `video3d`, and its floor: it imports from its own floor (without circles) and from below."""
STRANGERS = 2
"""On this floor, the stages', nothing imports its neighbours."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
ACROSS = frozenset({"media/test_label_readers.py", "media/test_hostile.py", "ui/test_journey.py",
                    "webui/test_doors.py"})
"""Tests of several modules together."""
FOREIGN = {"torch": ("depth", "stereo"), "gradio": ("ui",), "fastapi": ("api", "webui"), "modules": ("webui",),
           "starlette": ("api", "ui", "webui"), "pydantic": ("api",), "uvicorn": ("api", "ui"), "anyio": ("api",)}
"""Who alone may import what, and never while being imported itself, except for those below."""
IN_TORCH = PACKAGE / "depth" / "networks"
EDGES = {IN_TORCH: {"torch"}, PACKAGE / "api": {"fastapi", "starlette", "pydantic", "anyio"}}
"""Folders whose modules are written in these from end to end: imported inside functions alone, by whoever needs them.
Where such a folder is a room of its own, its `__init__` loads them inside functions too."""


def room_of(path: Path) -> str:
    """The module or package of `video3d` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Full names of all that is imported, at the top or inside functions, TYPE_CHECKING included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    names = imported(ast.parse(path.read_text(encoding="utf-8")), package)
    inside = {name.split(".")[1] for name in names if name.startswith("video3d.")}
    return {room for room in inside if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()}


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        assert not rooms_imported(path)
        return
    assert room in FLOORS, "a new room needs a floor"
    others = {other: FLOORS[other] for other in rooms_imported(path) - {room}}
    highest = FLOORS[room] - (FLOORS[room] == STRANGERS)
    assert not {other for other, floor in others.items() if floor > highest}


def test_rooms_of_one_floor_import_each_other_in_no_circle() -> None:
    below: dict[str, set[str]] = {}
    for path in MODULES:
        below.setdefault(room_of(path), set()).update(rooms_imported(path) - {room_of(path)})
    # prepare() refuses a circle by name.
    TopologicalSorter(below).prepare()


def test_the_import_reader_sees_every_form() -> None:
    source = "import a.b\nfrom video3d.media import x\ndef f():\n    from . import y\n    from ..stereo.z import w\n"
    names = set(imported(ast.parse(source), "video3d.depth"))
    assert names == {"a.b", "video3d.media.x", "video3d.depth.y", "video3d.stereo.z.w"}


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_foreign_packages_stay_in_their_rooms(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_top = {name.partition(".")[0] for node in tree.body for name in imported(ast.Module([node], []), "video3d")
              if not isinstance(node, (ast.FunctionDef, ast.ClassDef))}  # fmt: skip
    is_room = path.name == "__init__.py" and path.parent.parent == PACKAGE
    may = {name for folder, names in EDGES.items() if folder in path.parents and not is_room for name in names}
    assert not at_top & (set(FOREIGN) - may)
    for name in imported(tree, "video3d"):
        allowed = FOREIGN.get(name.partition(".")[0])
        assert allowed is None or room_of(path) in allowed, name


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_networks_are_imported_inside_functions_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    at_top = {name for node in tree.body for name in imported(ast.Module([node], []), package)
              if not isinstance(node, (ast.FunctionDef, ast.ClassDef))}  # fmt: skip
    assert IN_TORCH in path.parents or not any(name.startswith(module_of(IN_TORCH)) for name in at_top)


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_no_path_edits_and_no_print(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "path" and isinstance(node.value, ast.Name):
            assert node.value.id != "sys", f"sys.path in line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"print in line {node.lineno}"


def test_tests_mirror_the_package() -> None:
    tests = {path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    about_the_house = {Path("test_house.py"), Path("test_imports.py"), Path("test_start.py"),
                       Path("test_docs.py"), Path("test_training.py"),
                       Path("test_install.py"), Path("test_benchmarks.py")}
    strays = {path.as_posix() for path in tests - about_the_house if not _is_mirror(path)}
    assert strays == {name for name in ACROSS if (ROOT / "tests" / name).is_file()}, "tests of no module"


def _is_mirror(test: Path) -> bool:
    """Of a module beside it, or of the package whose folder it is in."""
    subject = test.stem.removeprefix("test_")
    return (PACKAGE / test.parent / f"{subject}.py").is_file() or subject == test.parent.name


def test_every_package_and_module_at_the_top_has_tests() -> None:
    rooms = {room_of(path) for path in MODULES} - {"__init__", "__main__", "presets"}
    tested = {entry.name for entry in (ROOT / "tests").iterdir() if entry.is_dir() and any(entry.glob("test_*.py"))}
    tested |= {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert not rooms - tested


def tracked_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True,
                          check=False)  # fmt: skip
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def test_files_speak_of_the_project_alone() -> None:
    # Written in pieces, so that this file does not find itself.
    words = "|".join(("/wo" + "rk/", "/ro" + "ot/", r"/ho" + r"me/\w", "/opt/" + "pypi", r"C:\\Us" + "ers"))
    for path in tracked_files():
        content = path.read_bytes() if path.is_file() else b""
        found = re.search(words.encode(), content) if b"\0" not in content else None
        assert found is None, f"{path.relative_to(ROOT)} names a machine's path: {found[0]!r}"


def test_the_pins_satisfy_the_ranges_of_the_package() -> None:
    """Each package of pyproject.toml is pinned in requirements.txt, and nothing else is."""
    ranges = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert ranges is not None
    wanted = {re.split(r"[<>=]", name)[0].lower() for name in re.findall(r'"([^"]+)"', ranges[1])}
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    pinned = [line.split("==") for line in lines]
    assert all(len(parts) == 2 for parts in pinned)
    assert {name.lower() for name, _ in pinned} == wanted
