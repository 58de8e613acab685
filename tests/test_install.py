"""The webui's install step: real pip in a throw-away environment, with tiny packages of its own instead of PyPI."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
import threading
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAME = "2D→3D Video: "
FROZEN = {"numpy": "1.26.2", "torch": "2.1.2+cu121", "pydantic": "1.10.27"}
"""What this webui has, and must keep."""
COMPLETE = {"av": "17.1.0", "imageio_ffmpeg": "0.6.0", "opencv_python": "4.11.0", "Pillow": "9.5.0", "numba": "0.61.0"}
"""What we need, as something else may have installed it."""


def make_wheel(folder: Path, name: str, version: str, module: str = "", needs: str = "") -> None:
    """A package with one empty module."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if needs:
        metadata += f"Requires-Dist: {needs}\n"
    files = {
        f"{module or name.replace('-', '_')}/__init__.py": "",
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{stem}.dist-info/RECORD"
    files[record] = "".join(f"{file},,\n" for file in (*files, record))
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for PyPI: what we need, newer releases of what the webui has, and a numba that wants those."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, version in FROZEN.items():
        make_wheel(folder, name, version)
    make_wheel(folder, "numpy", "2.4.0")
    make_wheel(folder, "torch", "2.9.0")
    make_wheel(folder, "av", "17.1.0")
    make_wheel(folder, "av", "18.0.0")
    make_wheel(folder, "av", "12.3.0")
    make_wheel(folder, "imageio-ffmpeg", "0.6.0")
    make_wheel(folder, "opencv-python-headless", "4.13.0", "cv2", "numpy>=2")
    make_wheel(folder, "opencv-python-headless", "4.11.0", "cv2", "numpy>=1.21")
    make_wheel(folder, "opencv-python", "4.11.0", "cv2")
    make_wheel(folder, "Pillow", "9.5.0", "PIL")
    make_wheel(folder, "numba", "0.68.0", needs="numpy>=2")
    make_wheel(folder, "numba", "0.61.0", needs="numpy>=1.24,<2.2")
    return folder


class Webui:
    """An environment as a webui has it: its own packages, and those that a test puts there."""

    def __init__(self, folder: Path, index: Path) -> None:
        venv.create(folder, with_pip=True)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        (self._packages,) = folder.rglob("site-packages")
        self._index = index
        self._environment = {name: value for name, value in os.environ.items()
                             if not name.startswith(("PIP_", "PYTHON"))}
        self._environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index),
                              "PYTHONIOENCODING": "utf-8"}
        self.put(**FROZEN)
        self._own = set(self._packages.iterdir())

    def reset(self) -> None:
        """Nothing but what it began with."""
        for entry in set(self._packages.iterdir()) - self._own:
            shutil.rmtree(entry)

    def put(self, **versions: str) -> None:
        """Installed by something else."""
        for name, version in versions.items():
            with zipfile.ZipFile(self._index / f"{name}-{version}-py3-none-any.whl") as wheel:
                wheel.extractall(self._packages)

    def install_step(self, **variables: str) -> str:
        """What the webui's console shows of it."""
        return self.run(str(ROOT / "install.py"), **variables)

    def versions(self) -> dict[str, str]:
        code = "import importlib.metadata as m; print(*(f'{d.name}={d.version}' for d in m.distributions()))"
        return dict(pair.split("=", 1) for pair in self.run("-c", code).split())

    def run(self, *words: str, **variables: str) -> str:
        done = subprocess.run([self.python, *words], env=self._environment | variables, capture_output=True,
                              encoding="utf-8", check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def environment(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Webui:
    return Webui(tmp_path_factory.mktemp("webui") / "venv", index)


@pytest.fixture
def webui(environment: Webui) -> Webui:
    environment.reset()
    return environment


def test_what_is_missing_is_added_and_nothing_else_moves(webui: Webui) -> None:
    said = webui.install_step()
    versions = webui.versions()
    assert FROZEN.items() <= versions.items()
    assert versions["av"] == "17.1.0", "18 is not known to work"
    assert (versions["numba"], versions["opencv-python-headless"]) == ("0.61.0", "4.11.0"), "newer ones want numpy 2"
    assert said == f"{NAME}installing av, imageio-ffmpeg, opencv-python-headless, Pillow, numba\n"


def test_it_is_silent_when_nothing_is_missing(webui: Webui) -> None:
    """Another package of OpenCV does as well: two of them in one environment break each other."""
    webui.put(**COMPLETE)
    before = webui.versions()
    assert webui.install_step() == ""
    assert webui.versions() == before


def test_what_something_else_installed_is_not_changed_but_told(webui: Webui) -> None:
    webui.put(**COMPLETE | {"av": "12.3.0"})
    said = webui.install_step()
    assert webui.versions()["av"] == "12.3.0"
    assert "needs av>=17.1,<18, but 12.3.0 is installed" in said
    assert said.count("\n") == 1


def test_offline_it_says_so_in_a_line_and_the_webui_starts(webui: Webui, tmp_path: Path) -> None:
    webui.put(imageio_ffmpeg="0.6.0", opencv_python="4.11.0", Pillow="9.5.0")
    before = webui.versions()
    empty, temporary = tmp_path / "index", tmp_path / "temporary"
    empty.mkdir()
    temporary.mkdir()
    said = webui.install_step(PIP_FIND_LINKS=str(empty), TMPDIR=str(temporary), TEMP=str(temporary),
                              TMP=str(temporary)).splitlines()
    assert [line.startswith(NAME) for line in said] == [True] * 2
    assert "av, numba could not be installed; the tab cannot work without them. Is this machine online?" in said[1]
    assert webui.versions() == before
    assert not list(temporary.iterdir())


def test_what_only_makes_it_slower_is_said_as_that(webui: Webui, tmp_path: Path) -> None:
    webui.put(**{name: version for name, version in COMPLETE.items() if name != "numba"})
    said = webui.install_step(PIP_FIND_LINKS=str(tmp_path)).splitlines()
    assert "numba could not be installed; conversion is slower without it." in said[1]


def test_a_network_that_does_not_answer_is_tried_once(webui: Webui, tmp_path: Path) -> None:
    """Behind a firewall each try waits for its time to run out."""
    calls: list[str] = []

    class Hangup(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            calls.append("one")

    with socketserver.TCPServer(("127.0.0.1", 0), Hangup) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/simple"
        said = webui.install_step(PIP_NO_INDEX="0", PIP_INDEX_URL=address, PIP_FIND_LINKS=str(tmp_path)).splitlines()
        server.shutdown()
    assert len(said) == 2
    assert "could not be installed" in said[1]
    assert len(calls) == 2, "once, and pip's one retry"


def test_one_that_cannot_be_had_does_not_keep_out_the_others(webui: Webui, index: Path, tmp_path: Path) -> None:
    webui.put(imageio_ffmpeg="0.6.0", opencv_python="4.11.0", Pillow="9.5.0")
    shutil.copy(index / "av-17.1.0-py3-none-any.whl", tmp_path)
    said = webui.install_step(PIP_FIND_LINKS=str(tmp_path))
    assert "av" in webui.versions()
    assert said.count("could not be installed") == 1


def test_a_console_that_cannot_write_the_name(webui: Webui) -> None:
    webui.put(**COMPLETE | {"av": "12.3.0"})
    assert webui.install_step(PYTHONIOENCODING="ascii").startswith("2D?3D Video: needs av")


def test_the_needs_are_those_of_the_package() -> None:
    """numpy is the webui's own; everything else that pyproject.toml asks for is looked after."""
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("dependencies = [")[1].split("]")[0]
    wanted = {line.strip().strip('",') for line in declared.splitlines() if line.strip()}
    assert load_install().keys() == {need for need in wanted if not need.startswith("numpy")}


def load_install() -> dict[str, object]:
    """Its requirements, each with its least version in the same words."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("install_step", ROOT / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["install_step"] = module
    spec.loader.exec_module(module)
    for need in module.NEEDS:
        assert ">=" + ".".join(str(part) for part in need.least) in need.requirement
    return {need.requirement: need for need in module.NEEDS}


def test_it_costs_little_when_satisfied(webui: Webui) -> None:
    """Beside the interpreter's own start, which the webui pays in any case."""
    webui.put(**COMPLETE)
    script = str(ROOT / "install.py")
    code = (f"import runpy, time\nbegan = time.process_time()\nrunpy.run_path({script!r}, run_name='__main__')\n"
            "print(time.process_time() - began)")
    assert float(webui.run("-c", code)) < 0.3
