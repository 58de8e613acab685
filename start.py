#!/usr/bin/env python3
"""Turns a 2D video into a 3D video with nothing but Python: makes its own environment in .venv, then works in it.

    python3 start.py convert my.mp4 [options]    the same as `python -m video3d convert my.mp4 [options]`
    python3 start.py ui [options]                open the page in a browser
    python3 start.py serve [options]             offer the HTTP API
    python3 start.py demo [folder] [options]     draw a sample clip into the folder (default: output) and convert it
    python3 start.py test [pytest options]       run the test suite
    python3 start.py setup                       make the environment, with all that the checks need, and stop
    python3 start.py setup --with torch          add torch, which depth networks need (200 MB to 3 GB), and stop

Any other word and its options go to `python -m video3d` as they are: probe, models, settings, ...
Needs Python 3.10 to 3.13 and, the first time, the internet (PyPI). Only the standard library is used here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
OLDEST, NEWEST = (3, 10), (3, 13)
RUNTIME = ROOT / "requirements.txt"
SERVER = ROOT / "requirements-serve.txt"
CHECKS = ROOT / "requirements-check.txt"
TORCH = ROOT / "requirements-torch.txt"
PAGE = ROOT / "requirements-ui.txt"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
OFFLINE_SIGNS = (
    "NewConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "Max retries", "getaddrinfo",
    "Temporary failure in name resolution", "Name or service not known", "Network is unreachable", "SSLError",
)  # fmt: skip


class StartError(Exception):
    """One plain sentence for the user: what is wrong and what to do."""


def main(arguments: list[str]) -> int:
    """Does what the arguments say; the exit code is that of the program started (on POSIX it replaces this one)."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    # An ended shell or a service's stop unwinds like Ctrl-C does, so that no child is left behind.
    signal.signal(signal.SIGTERM, _stopped)
    try:
        check_python()
        prepare(ENVIRONMENT, requirement_files(arguments[0], arguments[1:]))
        return run(arguments[0], arguments[1:])
    except StartError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _stopped(number: int, _: object) -> None:
    sys.exit(128 + number)


def say(message: str) -> None:
    """To standard error: standard output belongs to the program that is started."""
    print(f"start.py: {message}", file=sys.stderr, flush=True)


def check_python() -> None:
    """Refuses a Python that cannot carry the environment."""
    version = sys.version_info[:2]
    allowed = f"{_dotted(OLDEST)} to {_dotted(NEWEST)}"
    if not OLDEST <= version <= NEWEST:
        word = "old" if version < OLDEST else "new"
        raise StartError(f"Python {_dotted(version)} is too {word}: install Python {allowed} from python.org "
                         f"and start this file with it, such as `python{_dotted(NEWEST)} start.py`.")
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise StartError(f"this Python ({sys.executable}) came without its module {module}. On Debian or Ubuntu: "
                             f"`sudo apt install python{_dotted(version)}-venv`; elsewhere install Python {allowed} "
                             "from python.org.")


def requirement_files(word: str, arguments: list[str]) -> list[Path]:
    """What the command needs installed."""
    if word == "setup" and arguments:
        if arguments not in (["--with", "torch"], ["--with=torch"]):
            raise StartError("setup takes no options but `--with torch`.")
        return [RUNTIME, TORCH]
    more = {"test": [SERVER, CHECKS], "setup": [SERVER, CHECKS], "serve": [SERVER], "ui": [SERVER, PAGE]}
    return [RUNTIME, *more.get(word, [])]


def stamp_text(requirements: Path) -> str:
    """Changes whenever what is installed would no longer be what is asked for."""
    content = requirements.read_bytes().replace(b"\r\n", b"\n")
    facts = [_dotted(sys.version_info[:2]), platform.python_implementation(), sys.platform, platform.machine()]
    return hashlib.sha256(content + "\n".join(facts).encode()).hexdigest()


def stamp_file(environment: Path, requirements: Path) -> Path:
    """Written last, when all of `requirements` is installed: without it the installation is begun again."""
    return environment / f"{requirements.stem}.installed"


def is_prepared(environment: Path, requirements: list[Path]) -> bool:
    """Whether all of it is installed, for this Python."""
    def stamped(file: Path) -> bool:
        stamp = stamp_file(environment, file)
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == stamp_text(file)

    return python_of(environment).exists() and all(stamped(file) for file in requirements)


def prepare(environment: Path, requirements: list[Path]) -> None:
    """Makes the environment and installs what is missing; within milliseconds where nothing is."""
    if is_prepared(environment, requirements):
        return
    try:
        with one_at_a_time(environment):
            if not is_prepared(environment, requirements):
                _make(environment)
                _install(environment, requirements)
        _compile(environment)
    except OSError as error:
        raise StartError(f"cannot set up {environment}: {error.strerror or error}. "
                         "Make room there, or move this folder to a place that you can write to.") from error


@contextlib.contextmanager
def one_at_a_time(environment: Path) -> Generator[None, None, None]:
    """Holds a lock inside the environment's folder; it also marks the folder as made by this program."""
    lock = environment / "start.lock"
    if environment.exists() and not lock.exists() and any(environment.iterdir()):
        raise StartError(f"{environment} was not made by start.py, which leaves it alone: move it away, "
                         "or use it directly (pip install -r requirements.txt, then python -m video3d).")
    environment.mkdir(exist_ok=True)
    with lock.open("a+b") as handle:
        while not _locked(handle.fileno()):
            time.sleep(0.2)
        yield


def _locked(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _make(environment: Path) -> None:
    version = _dotted(sys.version_info[:2])
    complete = environment / "environment.made"
    sound = python_of(environment).exists() and not _half_installed(environment).exists()
    if sound and complete.is_file() and complete.read_text(encoding="utf-8") == version:
        return
    say(f"making an environment in {environment} ...")
    for entry in environment.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != "start.lock":
            entry.unlink()
    command = [sys.executable, "-I", "-m", "venv", str(environment)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False,
                          env=_clean_variables())
    if done.returncode:
        raise StartError(f"Python's venv failed: {_last_line(done.stdout + done.stderr)} "
                         f"On Debian or Ubuntu `sudo apt install python{version}-venv` helps.")
    # A relative entry survives a move of the folder, and needs no encoding.
    packages = environment / ("Lib" if os.name == "nt" else f"lib/python{version}") / "site-packages"
    (packages / "video3d.pth").write_text(os.path.relpath(environment.parent, packages) + "\n", encoding="ascii")
    complete.write_text(version, encoding="utf-8")


def _install(environment: Path, requirements: list[Path]) -> None:
    say("installing the packages it needs (once; about 200 MB) ...")
    for file in requirements:
        stamp_file(environment, file).unlink(missing_ok=True)
    _half_installed(environment).touch()
    command = [str(python_of(environment)), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
               "--retries", "2", "--only-binary", ":all:"]  # fmt: skip
    for file in requirements:
        command += ["-r", str(file)]
    # pip's progress is shown; its warnings are only read, to say in one sentence what went wrong.
    done = subprocess.run(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, errors="replace", check=False,
                          env=_clean_variables())
    # A pip that gave up by itself has undone what it began; one that was killed has not.
    _half_installed(environment).unlink()
    if done.returncode:
        raise StartError(explain_pip(done.stderr))
    for file in requirements:
        stamp_file(environment, file).write_text(stamp_text(file), encoding="utf-8")


def _compile(environment: Path) -> None:
    """Does ahead what the first conversion would wait for. What does not come of it, that conversion does."""
    say("preparing for this processor (once; about 40 s) ...")
    command = [str(python_of(environment)), "-I", "-X", "utf8", "-c",
               "from video3d.preparing import main; raise SystemExit(main())"]  # fmt: skip
    # Its standard input is its life line: it ends when this program does, however that ends.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=_variables()) as process:  # fmt: skip
        process.wait()


def _half_installed(environment: Path) -> Path:
    return environment / "installation.begun"


def explain_pip(errors: str) -> str:
    """What pip's messages mean, in one sentence with the remedy."""
    if any(sign in errors for sign in OFFLINE_SIGNS):
        return ("the packages cannot be fetched from PyPI: connect to the internet (or set pip's proxy or index-url) "
                "and start again; what is already there is kept.")
    if "No space left" in errors:
        return f"the disk is full: make about 1 GB of room for {ENVIRONMENT} and start again."
    if "No matching distribution" in errors:
        return (f"a package has no ready-made build for this machine: {_last_line(errors)} Use a 64-bit Python "
                f"{_dotted(OLDEST)} to {_dotted(NEWEST)} on Linux (glibc 2.28 or newer), macOS or Windows.")
    return f"pip failed: {_last_line(errors)}"


def run(word: str, arguments: list[str]) -> int:
    """Runs the command inside the environment."""
    if word == "setup":
        say(f"the environment is ready: {python_of(ENVIRONMENT)}")
        return 0
    if word == "test":
        os.chdir(ROOT)
        return _become(["-m", "pytest", *arguments])
    if word == "demo":
        return _demo(arguments)
    return _become(["-m", "video3d", word, *arguments])


def _demo(arguments: list[str]) -> int:
    named = bool(arguments) and not arguments[0].startswith("-")
    folder = Path(arguments[0] if named else "output")
    sample = folder / "sample.mp4"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"cannot write to {folder}: {error.strerror}. "
                         "Name another folder: start.py demo FOLDER.") from error
    if not sample.exists():
        say(f"drawing a sample clip, {sample} ...")
        drawn = subprocess.run(_command(["-m", "video3d.sample", str(sample)]), env=_variables(), check=False)
        if drawn.returncode:
            return drawn.returncode
    options = arguments[1 if named else 0 :]
    # Only a result of the demo's own is replaced; a name that the user gives is treated as in any conversion.
    replace = [] if {"-o", "--output"} & set(options) else ["--overwrite"]
    return _become(["-m", "video3d", "convert", str(sample), *replace, *options])


def _become(arguments: list[str]) -> int:
    """Runs Python in the environment, in the user's current folder, in place of this process where that can be done."""
    sys.stdout.flush()
    if os.name != "nt":
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execve(python_of(ENVIRONMENT), _command(arguments), _variables())
    with subprocess.Popen(_command(arguments), env=_variables()) as process:
        while True:
            # Ctrl-C reaches the child too: it cleans up, and its exit code says how it went.
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


def _command(arguments: list[str]) -> list[str]:
    # Isolated: a queue.py, say, in the user's current folder is not imported.
    return [str(python_of(ENVIRONMENT)), "-I", "-X", "utf8", *arguments]


def _variables() -> dict[str, str]:
    return {**_clean_variables(), "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}


def _clean_variables() -> dict[str, str]:
    # Settings meant for another Python would lead this one astray.
    astray = {"PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in astray}


def python_of(environment: Path) -> Path:
    """The environment's interpreter."""
    return environment / "Scripts" / "python.exe" if os.name == "nt" else environment / "bin" / "python"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("[notice]")]
    return lines[-1] if lines else "it gave no reason."


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
