"""Depth takes over the picture's edges."""

from __future__ import annotations

import cv2
import numpy as np

from video3d.depth.refine import guided_filter


def test_a_constant_stays_constant() -> None:
    guide = np.random.default_rng(0).random((40, 60)).astype(np.float32)
    assert np.allclose(guided_filter(guide, np.full((20, 30), 0.3, np.float32), 3, 1e-3), 0.3, atol=1e-4)


def test_a_soft_edge_becomes_as_sharp_as_the_pictures() -> None:
    guide = np.full((60, 80), 0.2, np.float32)
    guide[:, 40:] = 0.8
    soft = cv2.GaussianBlur(guide, (0, 0), 4)
    refined = guided_filter(guide, soft, 8, 1e-4)
    steepest = [float(np.abs(np.diff(m, axis=1)).max()) for m in (soft, refined)]
    assert steepest[1] > 4 * steepest[0]


def test_detail_of_the_picture_alone_leaves_no_trace() -> None:
    guide = np.random.default_rng(1).random((60, 80)).astype(np.float32)
    flat = np.full((60, 80), 0.5, np.float32)
    assert guided_filter(guide, flat, 4, 1e-3).std() < 1e-3


def test_a_smaller_map_comes_out_at_the_guides_size() -> None:
    guide = np.random.default_rng(2).random((90, 160)).astype(np.float32)
    assert guided_filter(guide, guide[::4, ::4].copy(), 3, 1e-3).shape == (90, 160)
