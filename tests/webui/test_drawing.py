"""The tab in the webui's page. `modules.errors` is a double with the webui's own call."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from video3d.webui.drawing import DrawnTab


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, str]]:
    """What the webui was given to show on its console."""
    shown: list[tuple[Any, str]] = []
    modules, errors = ModuleType("modules"), ModuleType("modules.errors")
    errors.display = lambda error, task: shown.append((error, task))  # type: ignore[attr-defined]
    modules.errors = errors  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "modules", modules)
    monkeypatch.setitem(sys.modules, "modules.errors", errors)
    return shown


def test_it_is_drawn_when_the_webui_builds_its_page(displayed: list[Any]) -> None:
    drawn: list[str] = []
    tab = DrawnTab(lambda: drawn.append("controls"))
    assert not drawn
    tab.render()
    tab.render()
    assert drawn == ["controls", "controls"]
    assert not displayed


def test_the_webui_starts_where_it_cannot_be_drawn(displayed: list[Any]) -> None:
    error = TypeError("a gradio that nobody knows")

    def draw() -> None:
        raise error

    DrawnTab(draw).render()
    assert displayed == [(error, "drawing the tab 2D→3D Video")]


def test_the_webui_can_be_stopped_while_it_is_drawn(displayed: list[Any]) -> None:
    def draw() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DrawnTab(draw).render()
    assert not displayed


def test_the_webui_finds_no_values_to_keep() -> None:
    assert list(DrawnTab(lambda: None).children) == []
