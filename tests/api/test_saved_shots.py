from __future__ import annotations

from pathlib import Path

import pytest

from video3d.api.saved_shots import SavedShots
from video3d.shot_edits import EditedShot, ShotEdits, ShotValues, read_shots

EDITS = ShotEdits((EditedShot(0.0), EditedShot(1.0, ShotValues(2.0))))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    file = tmp_path / "video.mp4"
    file.write_bytes(b"one")
    return file


def test_everybody_has_his_own(tmp_path: Path, video: Path) -> None:
    saved = SavedShots(tmp_path / "shots")
    saved.save("ann", video, EDITS)
    assert saved.get("ann", video) == EDITS
    assert saved.get("bob", video) is None
    (file,) = (tmp_path / "shots").iterdir()
    assert read_shots(file.read_text()) == EDITS, "the command line takes it too"
    saved.delete("bob", video)
    assert saved.get("ann", video) == EDITS
    saved.delete("ann", video)
    assert saved.get("ann", video) is None


def test_another_video_of_that_name_has_none(tmp_path: Path, video: Path) -> None:
    saved = SavedShots(tmp_path / "shots")
    saved.save("", video, EDITS)
    saved.clean()
    assert saved.get("", video) == EDITS
    video.write_bytes(b"another")
    assert saved.get("", video) is None
    saved.clean()
    assert list((tmp_path / "shots").iterdir()) == []
    saved.save("", video, EDITS)
    video.unlink()
    saved.clean()
    assert list((tmp_path / "shots").iterdir()) == []
