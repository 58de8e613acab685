"""The webui runs this at every start, as a program of its own. It adds what is missing and changes nothing else.

Whatever is installed already keeps its version: the webui and its other extensions depend on theirs. Standard library
alone; silent where nothing is missing.
"""

from __future__ import annotations

import enum
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

WEBUI = "2D→3D Video"
PIP_SECONDS = 900
NO_NETWORK_SIGN = b"connection broken by"
"""What pip writes when it cannot reach the index: it waits half a minute for that, once is enough."""


class Outcome(enum.Enum):
    """How an installation ended."""

    DONE = enum.auto()
    FAILED = enum.auto()
    NO_NETWORK = enum.auto()


@dataclass(frozen=True)
class Need:
    """A package that the extension uses."""

    module: str
    requirement: str
    least: tuple[int, ...]
    """The oldest version that works."""
    below: tuple[int, ...] | None = None
    purpose: str = ""
    """What is lost without it; empty where nothing works."""

    @property
    def distribution(self) -> str:
        """Its name on PyPI."""
        return re.split(r"[<>=]", self.requirement)[0]


NEEDS = (
    Need("av", "av>=17.1,<18", (17, 1), (18,)),
    Need("imageio_ffmpeg", "imageio-ffmpeg>=0.6.0", (0, 6)),
    Need("cv2", "opencv-python-headless>=4.8", (4, 8)),
    Need("PIL", "Pillow>=9.5", (9, 5)),
    Need("numba", "numba>=0.60", (0, 60), purpose="conversion is slower"),
)


def main() -> None:
    """Install what is missing; never fails, so that the webui starts whatever happens."""
    missing = [need for need in NEEDS if importlib.util.find_spec(need.module) is None]
    for need in NEEDS:
        if need not in missing and not fits(need):
            say(f"needs {need.requirement}, but {installed_version(need.distribution)} is installed, which something "
                f"else may rely on. If not: pip install \"{need.requirement}\"")
    if not missing:
        return
    say(f"installing {listed(missing)}")
    outcome = install(missing)
    if outcome is Outcome.FAILED and len(missing) > 1:  # one that cannot be had must not keep out the others
        missing = [need for need in missing if install([need]) is not Outcome.DONE]
    if missing and outcome is not Outcome.DONE:
        say(f"{listed(missing)} could not be installed; {effect_of(missing)}. Is this machine online? It is tried "
            "again at the next start.")


def listed(needs: list[Need]) -> str:
    """Their names."""
    return ", ".join(need.distribution for need in needs)


def effect_of(missing: list[Need]) -> str:
    """What the user has to do without."""
    if all(need.purpose for need in missing):
        return "; ".join(f"{need.purpose} without it" for need in missing)
    return f"the tab cannot work without {'it' if len(missing) == 1 else 'them'}"


def fits(need: Need) -> bool:
    """Whether the installed version works. One that tells no version is taken to."""
    version = installed_version(need.distribution)
    if version is None:
        return True
    found = tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])
    return found >= need.least and (need.below is None or found < need.below)


def installed_version(distribution: str) -> str | None:
    """None where it is not installed under this name, as with opencv's four names."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def install(needs: list[Need]) -> Outcome:
    """By pip, with every installed package held at its version. Wheels alone: nothing is compiled here."""
    descriptor, constraints = tempfile.mkstemp(prefix="video3d-constraints-", suffix=".txt")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(installed_packages()))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                   "--only-binary", ":all:", "--retries", "1", "--timeout", "15", "--constraint", constraints,
                   *(need.requirement for need in needs)]
        if os.environ.get("INDEX_URL"):  # the webui's own variable
            command += ["--index-url", os.environ["INDEX_URL"]]
        return run(command)
    finally:
        Path(constraints).unlink()


def installed_packages() -> list[str]:
    """`name==version` of all that is installed: pip may add to them, and change none."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name, version = distribution.metadata["Name"], distribution.version
        if name and version and re.fullmatch(r"[\w.!+-]+", version):
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)  # the first one is the one that is imported
    return sorted(f"{name}=={version}" for name, version in found.items())


def run(command: list[str]) -> Outcome:
    """How pip ended; what it says is kept back, for the webui's console shows one line from us."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PIP_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return Outcome.FAILED
    if done.returncode == 0:
        return Outcome.DONE
    return Outcome.NO_NETWORK if NO_NETWORK_SIGN in done.stderr else Outcome.FAILED


def say(sentence: str) -> None:
    """On the webui's console."""
    print(f"{WEBUI}: {sentence}".encode("ascii", "replace").decode() if _is_plain() else f"{WEBUI}: {sentence}")


def _is_plain() -> bool:
    """A console or a pipe that cannot write our name's arrow."""
    try:
        WEBUI.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return True
    return False


if __name__ == "__main__":
    main()
