from __future__ import annotations

import pytest

from video3d.video_info import ColourTags


@pytest.mark.parametrize(("transfer", "hdr"), [(1, False), (2, False), (16, True), (18, True)])
def test_hdr_is_told_by_the_transfer(transfer: int, hdr: bool) -> None:
    assert ColourTags(transfer=transfer).is_hdr is hdr
