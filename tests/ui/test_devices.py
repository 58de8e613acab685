from __future__ import annotations

from video3d.presets import presets
from video3d.ui.devices import OWN_SETTINGS, device_choices, device_facts
from video3d.ui.words import FIRST_VALUES


def test_every_preset_can_be_chosen_and_none() -> None:
    ids = [value for _, value in device_choices()]
    assert set(ids) == {preset.id for preset in presets()} | {OWN_SETTINGS}
    assert ids[0] == FIRST_VALUES["preset"]
    assert ids[-1] == OWN_SETTINGS
    assert len({words for words, _ in device_choices()}) == len(ids)


def test_the_script_knows_what_each_sets() -> None:
    by_id = {facts["id"]: facts for facts in device_facts()}
    assert by_id["tv-3d"]["layouts"][0] == "half-sbs"
    assert by_id["quest-3"]["container"] == "mp4"
