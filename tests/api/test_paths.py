from __future__ import annotations

from pathlib import Path

import pytest

from video3d.api.paths import AllowedPaths
from video3d.errors import AccessError, SourceError


@pytest.fixture
def allowed(tmp_path: Path) -> AllowedPaths:
    (tmp_path / "in" / ".hidden").mkdir(parents=True)
    for name in ("in/a.mp4", "in/.hidden/b.mp4", "secret.mp4"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "in" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (tmp_path / "in" / "ring").symlink_to(tmp_path / "in" / "ring")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "c.mp4").write_bytes(b"x")
    return AllowedPaths((tmp_path / "in",))


def test_files_inside_may_be_named(allowed: AllowedPaths, tmp_path: Path) -> None:
    assert allowed.file(str(tmp_path / "in" / "a.mp4")) == tmp_path / "in" / "a.mp4"
    assert allowed.file(str(tmp_path / "inner" / ".." / "in" / "a.mp4")) == tmp_path / "in" / "a.mp4"
    assert allowed.folder(str(tmp_path / "in")) == tmp_path / "in"


@pytest.mark.parametrize("name", [
    "secret.mp4", "in/../secret.mp4", "in/link.mp4", "inner/c.mp4", "in/.hidden/b.mp4", "in/ring", "in/a\0.mp4",
    "nowhere/at-all.mp4",
])  # fmt: skip
def test_all_else_may_not(allowed: AllowedPaths, tmp_path: Path, name: str) -> None:
    with pytest.raises(AccessError, match="not among the folders"):
        allowed.file(f"{tmp_path}/{name}")


@pytest.mark.parametrize("name", [
    "\\\\attacker\\share\\a.mp4", "//attacker/share/a.mp4", "~nobody-like-this/a", "in/a.mp4",
])  # fmt: skip
def test_no_shares_users_or_relative_names(allowed: AllowedPaths, name: str) -> None:
    with pytest.raises(AccessError):
        allowed.file(name)


def test_what_is_not_there_inside_is_said_so(allowed: AllowedPaths, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        allowed.file(str(tmp_path / "in" / "b.mp4"))


def test_without_roots_no_path_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(AccessError, match="not taken here"):
        AllowedPaths().file(str(tmp_path / "a.mp4"))
