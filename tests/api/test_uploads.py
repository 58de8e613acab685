from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from video3d.api.limits import Limits
from video3d.api.uploads import KEPT_SECONDS, UploadStore
from video3d.errors import JobError, LimitError, MissingError


@pytest.fixture
def store(tmp_path: Path) -> UploadStore:
    return UploadStore(tmp_path / "uploads", Limits(upload_bytes=100, uploads=3))


def test_pieces_become_a_file(store: UploadStore) -> None:
    upload = store.create("ann", "../a.mp4", 6)
    assert store.append(upload, 0, [b"abc"]) == 3
    assert store.get("ann", upload.id).received == 3
    assert not store.finish(upload).complete
    with pytest.raises(JobError, match="only 3 bytes"):
        store.complete_file(store.get("ann", upload.id))
    store.append(upload, 3, [b"def"])
    assert store.finish(upload).complete
    found = store.get("ann", upload.id)
    assert (found.name, found.size, found.received) == ("a.mp4", 6, 6)
    assert store.complete_file(found).read_bytes() == b"abcdef"


def test_a_piece_goes_on_where_the_file_ends(store: UploadStore) -> None:
    upload = store.create("", "a.mp4", 6)
    store.append(upload, 0, [b"abc"])
    for offset in (0, 2, 4):
        with pytest.raises(JobError, match="3 bytes are here"):
            store.append(upload, offset, [b"x"])
    with pytest.raises(LimitError, match="6 bytes announced"):
        store.append(upload, 3, [b"defg"])
    assert store.get("", upload.id).received == 3


def test_limits(store: UploadStore, tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="larger than 100"):
        store.create("", "a.mp4", 101)
    upload = store.create("", "a.mp4", None)
    with pytest.raises(LimitError, match="larger than 100"):
        store.append(upload, 0, [b"x" * 101])
    store.create("", "b.mp4", 1)
    store.create("", "c.mp4", 1)
    with pytest.raises(LimitError, match="3 uploads"):
        store.create("", "d.mp4", 1)
    store.create("another", "d.mp4", 1)
    full = UploadStore(tmp_path / "full", Limits(free_bytes=1 << 60))
    with pytest.raises(LimitError, match="nearly full"):
        full.create("", "a.mp4", 1)


@pytest.mark.parametrize("upload_id", ["", "..", "../../etc", "a" * 8, "x" * 100, "a/b", "\0" * 8])
def test_there_is_nothing_under_other_ids(store: UploadStore, upload_id: str) -> None:
    with pytest.raises(MissingError):
        store.get("", upload_id)


def test_another_owner_sees_nothing(store: UploadStore) -> None:
    upload = store.create("ann", "a.mp4", 0)
    with pytest.raises(MissingError):
        store.get("bob", upload.id)
    assert store.all("bob") == []
    assert [found.id for found in store.all("ann")] == [upload.id]


def test_what_nobody_used_goes(store: UploadStore) -> None:
    uploads = [store.finish(store.create("", name, 0)) for name in ("used.mp4", "old.mp4")]
    store.clean(frozenset({store.path(uploads[0])}), time.time() + KEPT_SECONDS - 60)
    assert len(store.all("")) == 2
    store.clean(frozenset({store.path(uploads[0])}), time.time() + KEPT_SECONDS + 60)
    assert [upload.name for upload in store.all("")] == ["used.mp4"]
    store.delete(uploads[0])
    store.delete(replace(uploads[0]))
    assert store.all("") == []


def test_a_hidden_one_is_there_for_jobs_alone(store: UploadStore) -> None:
    upload = store.finish(store.create("", "a.mp4", 0))
    store.hide(upload)
    assert store.all("") == []
    with pytest.raises(MissingError):
        store.get("", upload.id)
    store.clean(frozenset({store.path(upload)}), time.time())
    assert store.path(upload).is_file()
    store.clean(frozenset(), time.time())
    assert not store.path(upload).parent.exists()


def test_an_upload_whose_video_went_with_its_job_is_forgotten(store: UploadStore) -> None:
    upload = store.finish(store.create("", "a.mp4", 0))
    store.path(upload).unlink()
    store.clean(frozenset(), time.time())
    assert store.all("") == []


def test_ids_cannot_be_guessed(store: UploadStore) -> None:
    upload = store.create("", "a.mp4", 0)
    assert len(upload.id) >= 22
    assert store.path(upload).parent.stat().st_mode & 0o077 == 0
