"""Another video, another key; the same one, the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from video3d.depth_cache.identity import entry_key, file_digest


def test_keys_depend_on_every_part_and_on_nothing_else() -> None:
    first = entry_key(model="a", size=(1, 2))
    assert first == entry_key(size=(1, 2), model="a")
    assert len({first, entry_key(model="b", size=(1, 2)), entry_key(model="a", size=(1, 3)), entry_key(model="a")}) == 4


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(bytes(100))
    other.write_bytes(bytes(100))
    assert file_digest(one) == file_digest(other)
    other.write_bytes(bytes(101))
    assert file_digest(one) != file_digest(other)


@pytest.mark.parametrize("place", [0, 1 << 20, (5 << 20) - 1])
def test_a_change_at_either_end_or_in_the_middle_is_seen(tmp_path: Path, place: int) -> None:
    file = tmp_path / "film"
    content = bytearray(5 << 20)
    file.write_bytes(content)
    before = file_digest(file)
    content[place] = 1
    file.write_bytes(content)
    assert file_digest(file) != before
