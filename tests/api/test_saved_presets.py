from __future__ import annotations

from pathlib import Path

import pytest

from video3d.api.saved_presets import PresetStore
from video3d.errors import MissingError, SettingsError


def test_saved_listed_replaced_deleted(tmp_path: Path) -> None:
    store = PresetStore(tmp_path)
    store.save("", "my TV", {"strength": 2})
    store.save("", "CON", {"layout": "half-sbs"})
    store.save("", "my TV", {"strength": 3})
    assert [(preset.name, preset.values) for preset in store.all("")] == [
        ("CON", {"layout": "half-sbs"}), ("my TV", {"strength": 3})]
    assert store.get("", "my TV").values == {"strength": 3}
    store.delete("", "my TV")
    with pytest.raises(MissingError):
        store.get("", "my TV")
    with pytest.raises(MissingError):
        store.delete("", "my TV")


def test_names_that_a_file_system_confuses_stay_apart(tmp_path: Path) -> None:
    store = PresetStore(tmp_path)
    names = ["a", "A", "a/b", "a_b", "../a", "a?", "a*", "\u00e4" * 80]
    for n, name in enumerate(names):
        store.save("", name, {"quality": n})
    assert {preset.name: preset.values["quality"] for preset in store.all("")} == {name: n for n, name in
                                                                                   enumerate(names)}
    assert all(file.parent.parent == tmp_path for file in tmp_path.rglob("*.json"))


def test_each_owner_has_his_own(tmp_path: Path) -> None:
    store = PresetStore(tmp_path)
    store.save("ann", "a", {"quality": 1})
    assert store.all("bob") == []
    assert store.all("") == []
    assert [preset.name for preset in store.all("ann")] == ["a"]


@pytest.mark.parametrize(("name", "values"), [
    ("a", {"strength": 99}), ("a", {"nonsense": 1}), ("", {}), (" ", {}), ("x" * 81, {}),
])  # fmt: skip
def test_what_is_no_preset_is_refused_and_leaves_nothing(tmp_path: Path, name: str, values: dict) -> None:
    with pytest.raises(SettingsError):
        PresetStore(tmp_path).save("", name, values)
    assert list(tmp_path.rglob("*.*")) == []


def test_a_broken_file_is_passed_over(tmp_path: Path) -> None:
    store = PresetStore(tmp_path)
    store.save("", "a", {})
    for broken in ("", "[]", '{"name": "x", "values": 3}', "{"):
        next(tmp_path.rglob("a-*.json")).with_name("b.json").write_text(broken)
        assert [preset.name for preset in store.all("")] == ["a"]
