from __future__ import annotations

import json
from pathlib import Path

import pytest

from video3d.cli import main
from video3d.cli.arguments import DONE, FAILED, WRONG_USAGE


def test_time_and_size_are_guessed(small_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(small_clip), "--layout", "full-tab", "--json"]) == DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["width"], told["height"]) == (320, 360)
    assert told["seconds"] > 0
    assert told["bytes"] > 1000
    assert main(["estimate", str(small_clip)]) == DONE
    assert "MB" in capsys.readouterr().out
    assert main(["estimate", "none.mp4"]) == FAILED


def test_settings_are_kept_under_a_name(small_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["presets", "save", "my TV", "--layout", "half-tab", "--strength", "2"]) == DONE
    assert main(["presets", "save", "bad", "--strength", "9"]) == WRONG_USAGE
    capsys.readouterr()
    assert main(["presets", "show", "my TV"]) == DONE
    kept = capsys.readouterr().out
    assert json.loads(kept) == {"layout": "half-tab", "strength": 2.0}
    (tmp_path / "tv.json").write_text(kept)
    assert main(["estimate", str(small_clip), "--settings", str(tmp_path / "tv.json")]) == DONE
    capsys.readouterr()
    assert main(["presets"]) == DONE
    assert "my TV" in capsys.readouterr().out
    assert main(["presets", "delete", "my TV"]) == DONE
    assert main(["presets", "delete", "my TV"]) == FAILED
