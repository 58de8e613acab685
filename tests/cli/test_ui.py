from __future__ import annotations

import importlib.util

import pytest

from video3d import cli


def test_what_is_missing_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gradio" else object())
    assert cli.main(["ui"]) == cli.FAILED
    told = capsys.readouterr().err
    assert "gradio" in told
    assert "start.py ui" in told
