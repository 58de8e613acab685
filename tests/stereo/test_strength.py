from __future__ import annotations

import numpy as np
import pytest

from video3d.stereo.strength import StrengthAdvisor


def posts(count, height=0.9):
    """`count` near posts before a far ground, away from the sides."""
    nearness = np.zeros((90, 160), np.float32)
    for index in range(count):
        x = 10 + index * 140 // max(count, 1)
        nearness[:, x:x + 4] = height
    return nearness


def suggest(*maps, model="depth-model"):
    advisor = StrengthAdvisor(model)
    for nearness in maps:
        advisor.push(nearness)
    return advisor.suggest()


def test_nothing_seen_is_the_usual_strength():
    assert suggest() == 2.5
    assert suggest(model="builtin") == 1.5


def test_a_slope_tears_nothing():
    assert suggest(np.tile(np.linspace(0, 0.7, 160, dtype=np.float32), (90, 1))) == 3.0


def test_more_edges_less_strength():
    suggestions = [suggest(posts(count)) for count in (0, 1, 2, 3, 12)]
    assert suggestions == sorted(suggestions, reverse=True)
    assert suggestions[0] == 3.0
    assert suggestions[-1] == 1.5


def test_the_share_of_holes_is_kept_by_hand():
    # One post of 1.3 on each row: Σ = 1.3, so 3 % of holes at 100 · 0.03 / 1.3 = 2.3 %.
    assert suggest(posts(1, 1.3)) == pytest.approx(2.3)


def ground(left=0.0):
    """Ground that comes nearer towards the viewer; `left` of the height, from below, a near thing at the left side."""
    nearness = np.tile(np.linspace(0.1, 0.95, 90, dtype=np.float32)[:, None], (1, 160))
    nearness[90 - round(90 * left):, :12] = 0.9
    return nearness


def test_near_things_at_the_sides_take_a_fifth_off():
    assert suggest(ground(left=0.7)) == 2.0
    assert suggest(np.fliplr(ground(left=0.7))) == 2.0
    assert suggest(ground(left=0.7), model="builtin") == 1.2


def test_the_ground_at_the_corners_is_no_thing_at_the_sides():
    assert suggest(ground()) == 3.0
    assert suggest(ground(), model="builtin") == 1.5


def test_what_is_near_all_over_is_no_thing_at_the_sides():
    assert suggest(np.full((90, 160), 0.9, np.float32)) == 3.0


def test_built_in_depth_never_gets_more_than_usual():
    assert suggest(posts(0), model="builtin") == 1.5


def test_one_odd_frame_of_many_does_not_decide():
    assert suggest(*[posts(1)] * 20, posts(20)) == suggest(posts(1))
