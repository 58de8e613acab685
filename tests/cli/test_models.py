"""`models` lists; `models download` fetches because it was asked to, from a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED, WRONG_USAGE

UNSIGNED = "depth-anything-v2-metric-indoor-small"
"""A model whose publisher states no digest: any bytes will do."""
FILE = "depth_anything_v2_metric_hypersim_vits.pth"
PLACE = "depth-anything/Depth-Anything-V2-Metric-Hypersim-Small/resolve/main"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "mirror"
    (folder / PLACE).mkdir(parents=True)
    (folder / PLACE / FILE).write_bytes(b"weights" * 1000)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_the_list_says_state_size_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if line.startswith("depth-anything-v2-large "))
    assert "to download" in line
    assert "1341 MB" in line
    assert "CC-BY-NC-4.0" in line
    assert any(line.startswith("builtin ") and "ready" in line for line in lines)
    assert "would be better" in lines[-1]


def test_a_download_goes_to_the_models_folder_and_is_found(mirror: str, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    assert main(["models", "download", UNSIGNED, "--mirror", mirror, "--json"]) == DONE
    target = tmp_path / "user" / "video3d" / "models" / FILE
    assert target.read_bytes() == b"weights" * 1000
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(str(target) in event.get("message", "") for event in told)
    assert any("licence Apache-2.0" in event.get("message", "") for event in told)
    assert any(event["event"] == "progress" and event["done"] == 7000 for event in told)
    assert main(["models", "--json"]) == DONE
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert next(event for event in listed if event.get("id") == UNSIGNED)["state"] == "on disk"


def test_wrong_bytes_are_an_error_and_leave_nothing(mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
                                                    ) -> None:
    place = tmp_path / "mirror" / "isl-org/MiDaS/releases/download/v2_1"
    place.mkdir(parents=True)
    (place / "midas_v21_small_256.pt").write_bytes(b"other weights")
    folder = tmp_path / "models"
    assert main(["models", "download", "midas-v21-small", "--mirror", mirror, "--folder", str(folder)]) == FAILED
    assert "not the file" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["download"], WRONG_USAGE, "name one or more"), (["download", "nonsense"], WRONG_USAGE, "There is no depth model"),
    (["download", "builtin"], FAILED, "needs no download"),
])
def test_what_cannot_be_downloaded_is_said(arguments: list[str], code: int, said: str,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", *arguments]) == code
    assert said in capsys.readouterr().err
