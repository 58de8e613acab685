"""Copying: the right bytes, bounded blocks, and nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from video3d.errors import SourceError, TargetError
from video3d.media import rewriting


@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 10), (3, 100), (99, 100)])
def test_a_range_is_copied_in_blocks(start: int, end: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "COPY_BLOCK", 7)
    content = bytes(range(100))
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    with source.open("rb") as reader, target.open("wb") as writer:
        rewriting.copy_range(reader, writer, start, end, source)
    assert target.read_bytes() == content[start:end]


def test_a_source_that_becomes_shorter_is_noticed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"12345")
    with source.open("rb") as reader, (tmp_path / "target").open("wb") as writer, \
            pytest.raises(SourceError, match="became shorter"):
        rewriting.copy_range(reader, writer, 0, 6, source)


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_nothing_stays_after_a_failure_of_any_kind(fault: type[BaseException], tmp_path: Path) -> None:
    target = tmp_path / "target"

    def fail() -> None:
        with rewriting.removed_on_failure(target):
            target.write_bytes(b"half")
            raise fault

    with pytest.raises(fault):
        fail()
    assert not target.exists()


def test_what_succeeds_stays(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with rewriting.removed_on_failure(target), rewriting.writing(target) as writer:
        writer.write(b"whole")
    assert target.read_bytes() == b"whole"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"no/target cannot be written"), \
            rewriting.writing(tmp_path / "no" / "target"):
        pass
