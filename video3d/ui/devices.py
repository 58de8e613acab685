"""The device presets as the page shows them."""

from __future__ import annotations

from typing import Any

from video3d.presets import Preset, presets

OWN_SETTINGS = "none"
"""The choice that leaves all to the other settings."""
_FIRST = "quest-3"


def device_choices() -> list[tuple[str, str]]:
    """(label, id), the most likely first, "my own settings" last."""
    ordered = sorted(presets(), key=lambda preset: preset.id != _FIRST)
    return [*((preset.label, preset.id) for preset in ordered), ("My own settings", OWN_SETTINGS)]


def device_facts() -> list[dict[str, Any]]:
    """What the script shows of each."""
    return [_facts(preset) for preset in presets()]


def _facts(preset: Preset) -> dict[str, Any]:
    return {"id": preset.id, "label": preset.label, "why": preset.why, "hint": preset.hint,
            "layouts": [layout.value for layout in preset.layouts], "container": preset.container.value}
