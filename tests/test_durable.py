"""Files are the old or the new ones, never half; locks end with who held them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from video3d import durable
from video3d.durable import lock, locked, sync_file, sync_folder, write_text


def test_a_text_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_text(file, "old")
    write_text(file, "new ö", sync=False)
    assert file.read_bytes() == "new ö".encode()
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_leaves_the_old_text_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write_text(file, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_text(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_files_and_folders_can_be_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    sync_file(tmp_path / "file")
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_file(tmp_path / "none")


def test_a_lock_has_one_holder_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("a+b") as first, path.open("a+b") as second:
        assert lock(first.fileno())
        assert not lock(second.fileno())
    with path.open("a+b") as third:
        assert lock(third.fileno())


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = ("import os, sys; from video3d.durable import lock; file = open(sys.argv[1], 'a+b'); "
            "assert lock(file.fileno()); os._exit(9)")
    root = str(Path(durable.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": root}, check=False)
    with path.open("a+b") as file:
        assert lock(file.fileno())


def test_others_wait_for_a_lock(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "lock"):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(tmp_path / "lock"):
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
