"""What is kept is shown, as text and as JSON, and thrown away when asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from video3d.cli import main
from video3d.cli.arguments import DONE
from video3d.depth_cache.levels import to_levels
from video3d.depth_cache.store import MapKey
from video3d.depth_stage import depth_cache
from video3d.host import StandaloneHost


def test_the_cache_is_shown_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    entry = depth_cache(StandaloneHost(), 1).entry("key", source="film.mp4", model="net")
    entry.put(MapKey(0, 0), to_levels(np.eye(9, dtype=np.float32)))
    entry.flush()
    assert main(["cache"]) == DONE
    shown = capsys.readouterr().out
    assert "film.mp4 (net)" in shown
    assert "1 maps" in shown
    assert main(["cache", "--json"]) == DONE
    said = json.loads(capsys.readouterr().out)
    assert said["entries"][0]["source"] == "film.mp4"
    assert said["bytes"] == said["entries"][0]["bytes"] > 0
    assert main(["cache", "clear", "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["entries"] == []
    assert not list(tmp_path.rglob("*.maps"))
