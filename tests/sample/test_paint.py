from __future__ import annotations

import numpy as np
import pytest

from video3d.sample import paint


def test_noise_fills_its_range_and_repeats_seamlessly() -> None:
    picture = paint.noise(np.random.default_rng(1), (96, 128), 4)
    assert picture.shape == (96, 128)
    assert (picture.min(), picture.max()) == (0, 1)
    inside = np.abs(np.diff(picture, axis=0)).mean(), np.abs(np.diff(picture, axis=1)).mean()
    assert np.abs(picture[0] - picture[-1]).mean() < 2 * inside[0]
    assert np.abs(picture[:, 0] - picture[:, -1]).mean() < 2 * inside[1]


@pytest.mark.parametrize("draw", [paint.bush, paint.fence, paint.column, paint.skyline,
                                  lambda random: paint.tree(random, (0.4, 0.6, 0.2)),
                                  lambda random: paint.cloud(random, (1, 1, 1), (0.5, 0.5, 0.5)),
                                  lambda _: paint.balloon(((1, 0, 0), (1, 1, 1)))])  # fmt: skip
def test_cutouts_are_multiplied_by_their_alpha(draw) -> None:
    cutout = draw(np.random.default_rng(1))
    for level in cutout.levels:
        assert level.dtype == np.uint8
        assert level.shape[2] == 4
        assert np.all(level[..., :3].max(-1) <= level[..., 3].astype(int) + 1)
    rows, columns = cutout.levels[0].shape[:2]
    assert cutout.height / cutout.width == pytest.approx(rows / columns)
    assert 0.1 < (cutout.levels[0][..., 3] > 127).mean() < 0.98


@pytest.mark.parametrize("draw", [paint.grass, paint.sand, paint.paving])
def test_ground_pictures_come_from_the_seed_alone(draw) -> None:
    first, again, other = (draw(np.random.default_rng(seed), 128) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() > 5


def test_smooth_step_meets_its_ends() -> None:
    assert paint.smooth_step(2, 4, np.array([1, 2, 3, 4, 9])) == pytest.approx([0, 0, 0.5, 1, 1])
