"""What all tests share: where data and tools are, small clips, and the check that a test leaves nothing behind.

VIDEO3D_FFMPEG_MATRIX names a folder of ffmpeg programs whose file names contain their versions, such as those in the
imageio-ffmpeg wheels 0.5.1, 0.6.0 and 0.8.1; they read our files, as the program's own ffmpeg always does.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON_MODULES = frozenset({"torch", "transformers", "onnx", "onnxruntime", "schemathesis", "openapi_python_client",
                            "playwright"})
NODE_MODULES = frozenset({"mp4box"})
GRACE_SECONDS = 3.0


def find_tool(name: str) -> str | None:
    """Where a tool is: a Python module's or a node module's folder, or a program on PATH; None where it is missing."""
    if name in PYTHON_MODULES:
        spec = importlib.util.find_spec(name)
        return spec.origin if spec else None
    if name in NODE_MODULES:
        folders = [*os.environ.get("NODE_PATH", "").split(os.pathsep), str(ROOT / "node_modules")]
        found = [Path(folder, name) for folder in folders if folder and Path(folder, name).is_dir()]
        return str(found[0]) if found and shutil.which("node") else None
    return shutil.which(name)


def require_tool(name: str) -> str:
    """Where the tool is. A missing one skips the test by its name, or fails it with VIDEO3D_REQUIRE_TOOLS=1."""
    found = find_tool(name)
    if found:
        return found
    if os.environ.get("VIDEO3D_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{name} is missing, and VIDEO3D_REQUIRE_TOOLS=1 demands it", pytrace=False)
    pytest.skip(f"{name} is missing")


def pytest_configure() -> None:
    # A suite that was started in the background ignores Ctrl-C, and so would all programs that it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.needs("mediainfo", ...)`: skipped, or failed, by the name of the missing tool."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            require_tool(name)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """`tool("mkvinfo")` is its path; where it is missing the test is skipped, or failed, by its name."""
    return require_tool


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real clips and ground truth: the folder VIDEO3D_DATA, or shared/data next to the repository."""
    folder = Path(os.environ.get("VIDEO3D_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the test data is missing: set VIDEO3D_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The ffmpeg that the program itself uses."""
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(params=["own", "4.2.2", "7.0.2", "9.0.2"])
def reader(request: pytest.FixtureRequest, ffmpeg: str) -> str:
    """An ffmpeg program."""
    if request.param == "own":
        return ffmpeg
    folder = os.environ.get("VIDEO3D_FFMPEG_MATRIX")
    found = sorted(Path(folder).glob(f"*{request.param}*")) if folder else []
    if found:
        return str(found[0])
    words = f"ffmpeg {request.param} is missing in VIDEO3D_FFMPEG_MATRIX"
    if os.environ.get("VIDEO3D_REQUIRE_TOOLS") == "1":
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


MP4BOX_SCRIPT = """
const [, , folder, path] = process.argv;
const { createFile } = require(folder + '/dist/mp4box.all.cjs');
const bytes = require('fs').readFileSync(path);
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
buffer.fileStart = 0;
const file = createFile();
file.onError = (error) => { throw new Error(error); };
file.onReady = (info) => {
  const entry = file.moov.traks[0].mdia.minf.stbl.stsd.entries[0];
  const keys = file.moov.traks[0].samples.filter((sample) => sample.is_sync);
  console.log(JSON.stringify({
    duration: info.duration / info.timescale, headerFirst: info.isProgressive,
    tracks: info.tracks.map((track) => [track.type, track.nb_samples, track.language]),
    codecs: info.tracks.map((track) => track.codec), size: [entry.width, entry.height],
    boxes: entry.boxes.map((box) => box.type), keys: keys.map((sample) => sample.cts / sample.timescale),
    places: file.moov.traks.map((track) => track.samples.map((sample) => [sample.offset, sample.size])),
  }));
};
file.appendBuffer(buffer);
file.flush();
"""


@pytest.fixture(scope="session")
def mp4box(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Any]:
    """`mp4box(file)`: what MP4Box.js finds in it; read once a session."""
    script = tmp_path_factory.mktemp("mp4box") / "read.cjs"
    script.write_text(MP4BOX_SCRIPT)

    @functools.cache
    def read(path: Path) -> Any:
        done = subprocess.run(["node", str(script), tool("mp4box"), str(path)], capture_output=True, text=True,
                              check=True, timeout=60)
        return json.loads(done.stdout)

    return read


CHROMIUM_PAGE = """
<body>{videos}<pre id="found"></pre><script>
window.onload = () => {{
  const found = [...document.querySelectorAll('video')].map((video) => {{
    const [width, height] = [video.videoWidth, video.videoHeight];
    if (!width) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const data = context.getImageData(0, 0, width, height).data;
    let sum = 0;
    for (const value of data) sum = (sum * 31 + value) >>> 0;
    const green = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < data.length; i += 4) {{
      const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
      green[Math.floor(4 * x / width) + 4 * Math.floor(2 * y / height)] += data[i + 1] * 8 / (width * height);
    }}
    return [width, height, video.duration, sum, green];
  }});
  document.getElementById('found').textContent = JSON.stringify(found);
}};
</script></body>
"""


@pytest.fixture
def chromium(tool: Callable[[str], str], tmp_path: Path) -> Callable[..., list[Any]]:
    """`chromium(file, …)`: for each what its `<video>` shows of it: width, height, seconds, a sum over the first
    picture's bytes, and its mean green in four columns of two rows; None where it plays nothing."""

    def look(*paths: Path) -> list[Any]:
        page = tmp_path / "page.html"
        page.write_text(CHROMIUM_PAGE.format(videos="".join(
            f'<video preload="auto" muted src="{path.as_uri()}"></video>' for path in paths)))
        # Its sound library leaves a folder where temporary files are, and a socket's path must be short.
        command = [tool("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
                   f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
        with tempfile.TemporaryDirectory(prefix="chromium", dir=Path("/tmp"), ignore_cleanup_errors=True) as short:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                                  env={**os.environ, "TMPDIR": short})
        found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout)
        assert found is not None, done.stderr
        pictures: list[Any] = json.loads(found[1])
        return pictures

    return look


@pytest.fixture(scope="session")
def make_clip(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`make_clip("-f", "lavfi", "-i", "testsrc2=d=1", suffix=".mp4")`: what ffmpeg makes of it, once a session."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[tuple[str, ...], Path] = {}

    def make(*arguments: str, suffix: str = ".mp4") -> Path:
        key = (*arguments, suffix)
        if key not in made:
            target = folder / f"clip{len(made)}{suffix}"
            command = [ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", *arguments, str(target)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stderr
            made[key] = target
        return made[key]

    return make


@pytest.fixture(scope="session")
def small_clip(make_clip: Callable[..., Path]) -> Path:
    """2 s of 320x180 at 24 frames/s: H.264, stereo AAC, a cut after one second."""
    return make_clip(
        "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=1",
        "-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=24:end_pts=24",
        "-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000:duration=2",
        "-filter_complex", "[1:v]trim=duration=1,format=yuv420p[b];[0:v]format=yuv420p[a];[a][b]concat=n=2:v=1:a=0[v]",
        "-map", "[v]", "-map", "2:a", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-ac", "2",
    )  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def private_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Temporary files of the tests, and of the programs that they start, go to a folder that can be watched."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("TMPDIR", "TEMP", "TMP"):
            patch.setenv(variable, str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def no_models_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Depth models that this machine's user has are not found: tests bring their own."""
    folder = tmp_path_factory.mktemp("no models")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME"):
            patch.setenv(variable, str(folder))
        yield


@pytest.fixture(autouse=True)
def nothing_left_behind(private_temporary_folder: Path) -> Iterator[None]:
    """No child process, thread or temporary file outlives the test that made it."""
    before = _traces(private_temporary_folder)
    yield
    left = _traces(private_temporary_folder) - before
    deadline = time.monotonic() + GRACE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = _traces(private_temporary_folder) - before
    assert not left, "left behind: " + ", ".join(sorted(left))


def _traces(folder: Path) -> set[str]:
    threads = {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate()}
    files = {f"temporary file {entry.name}" for entry in folder.iterdir()}
    return threads | files | set(_children())


def _children() -> Iterator[str]:
    # Only Linux lists a process's children without more tools. Python's own resource tracker stays by design.
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            children = listing.read_text().split()
        except (FileNotFoundError, ProcessLookupError):  # that thread has just ended
            continue
        for child in children:
            command_line = Path("/proc", child, "cmdline")
            try:
                words = command_line.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if "multiprocessing.resource_tracker" not in words:
                yield f"process {child} {words or '(ended, not waited for)'}"
