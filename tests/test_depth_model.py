"""Which pictures a model is shown."""

from __future__ import annotations

import pytest

from video3d.depth_model import InputSize


@pytest.mark.parametrize(("source", "setting", "expected"), [
    ((1920, 1080), None, (700, 392)),
    ((1920, 1080), 518, (924, 518)),
    ((1080, 1920), None, (392, 700)),
    ((200, 100), None, (196, 98)),
    ((16, 8), None, (14, 14)),
])
def test_input_sizes_are_rounded_and_never_enlarged(source: tuple[int, int], setting: int | None,
                                                    expected: tuple[int, int]) -> None:
    assert InputSize(392, 14).fit(*source, setting) == expected


def test_a_fixed_input_size_ignores_the_setting() -> None:
    assert InputSize(216, follows_setting=False).fit(1920, 1080, 518) == (384, 216)
