"""An update below a running program is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from video3d.webui.versions import PACKAGE, Sources, loaded_sources


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "module.py").write_text("one = 1\n")
    (tmp_path / "room" / "picture.jpg").write_bytes(b"1")
    return tmp_path


def test_nothing_has_changed_at_first(package: Path) -> None:
    assert not Sources.of(package).have_changed()


def test_a_changed_an_added_and_a_removed_module_are_noticed(package: Path) -> None:
    module = package / "room" / "module.py"
    before = Sources.of(package)
    module.write_text("one = 2\n")
    os.utime(module, ns=(1, 1))
    assert before.have_changed()
    before = Sources.of(package)
    (package / "more.py").touch()
    assert before.have_changed()
    before = Sources.of(package)
    module.unlink()
    assert before.have_changed()


def test_what_is_no_program_does_not_matter(package: Path) -> None:
    before = Sources.of(package)
    (package / "room" / "picture.jpg").write_bytes(b"22")
    assert not before.have_changed()


def test_the_running_program_is_remembered_as_it_was_loaded() -> None:
    assert loaded_sources() is loaded_sources()
    assert loaded_sources().root == PACKAGE
    assert (PACKAGE / "webui" / "versions.py").is_file()
