from __future__ import annotations

from pathlib import Path

import pytest

from video3d.api.limits import Limits
from video3d.errors import LimitError


def test_room_on_the_disk(tmp_path: Path) -> None:
    Limits(free_bytes=0).check_room(tmp_path, 1)
    with pytest.raises(LimitError, match="nearly full"):
        Limits(free_bytes=0).check_room(tmp_path, 1 << 60)
