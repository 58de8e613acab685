"""What the benchmarks measure with: right on what can be reckoned by hand, apart from the kernels it measures."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from video3d.stereo import synthesize

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("benchmark_of_stereo", FOLDER / "stereo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def hand_made(bench, unknown=()):
    """A box (disparity 6, columns 10 to 19) before a wall (disparity 2), 40 columns."""
    disparity = np.full((6, 40), 2.0, np.float32)
    disparity[:, 10:20] = 6.0
    known = np.ones(disparity.shape, bool)
    known[:, list(unknown)] = False
    picture = np.zeros((6, 40, 3), np.uint8)
    return bench.Pair("by hand", picture, picture, disparity, known)


def columns_of(mask):
    assert (mask == mask[0]).all()
    return np.flatnonzero(mask[0]).tolist()


def test_regions_are_those_of_geometry(bench):
    """The box lands on 4 to 13; the wall's right part on 18 to 37; nothing shows 14 to 17, nor 38 and 39."""
    where = bench.regions(hand_made(bench))
    assert columns_of(where.hole) == [14, 15, 16, 17]
    assert columns_of(where.border) == [38, 39]
    assert columns_of(where.seen) == [*range(14), *range(18, 38)]


def test_what_rests_on_unknown_disparity_belongs_nowhere(bench):
    where = bench.regions(hand_made(bench, unknown=[30]))
    everything = where.seen | where.hole | where.border
    # The unknown pixel lands on 28; two columns to each side are left out with it.
    assert sorted(set(range(40)) - set(columns_of(everything))) == [26, 27, 28, 29, 30]


def test_one_missing_column_is_no_hole(bench):
    """A slope that is sampled too coarsely leaves single columns: sampling, not a disocclusion."""
    disparity = np.zeros((2, 30), np.float32)
    disparity[:, :15] = 2.0
    picture = np.zeros((2, 30, 3), np.uint8)
    pair = bench.Pair("", picture, picture, disparity, np.ones(disparity.shape, bool))
    assert columns_of(bench.regions(pair).hole) == [13, 14]
    disparity[:, :15] = 1.0
    assert not bench.regions(pair).hole.any()


def test_measures_of_like_and_unlike_pictures(bench):
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 250, (40, 60, 3)).astype(np.uint8)
    everywhere = np.ones((40, 60), bool)
    assert bench.psnr(picture, picture, everywhere) == 60
    assert bench.psnr(picture, picture + 5, everywhere) == pytest.approx(20 * np.log10(255 / 5))
    assert np.isnan(bench.psnr(picture, picture, ~everywhere))
    assert np.allclose(bench.ssim_map(picture, picture), 1)
    assert bench.ssim_map(picture, picture[::-1]).mean() < 0.2
    assert bench.stereo_iou(picture, picture, picture[:, ::-1]) == 1
    assert bench.gradients(cv2.GaussianBlur(picture, (0, 0), 2)).mean() < 0.3 * bench.gradients(picture).mean()


@pytest.fixture
def quick(bench, monkeypatch):
    """Textures that repeat: large ones take seconds to draw."""
    large = bench.texture
    monkeypatch.setattr(bench, "texture", lambda rng: np.tile(large(rng, 128), (8, 8, 1)))


def test_made_pairs_are_scored_and_ours_is_nearer_than_the_left_picture(bench, quick):
    (pair,) = bench.made_pairs(160, 90, 1)
    ours, left = (bench.scores(pair, picture) for picture in (synthesize(pair.left, pair.disparity), pair.left))
    assert len(ours) == len(bench.COLUMNS)
    assert np.isfinite(ours).all()
    for name in ("PSNR all", "seen", "hole", "SSIM", "SIoU"):
        at = bench.COLUMNS.index(name)
        assert ours[at] > left[at], name


def test_holes_over_time_are_measured(bench, quick):
    hole, seen, flicker = bench._over_time(bench.LayeredScene(0, 96, 54, 3.0), True, 1)
    assert 10 < hole < seen
    assert flicker > 0


@pytest.mark.skipif(sys.platform != "linux", reason="the fuzzer counts processes as Linux lists them")
def test_damaged_files_and_requests_become_sentences(tmp_path: Path) -> None:
    """A short run of `fuzz.py`; the long one and its figures are in docs/measurements.md."""
    done = subprocess.run([sys.executable, str(FOLDER / "fuzz.py"), "--files", "160", "--labels", "160",
                           "--requests", "250", "--seed", "5"], capture_output=True, text=True, timeout=240,
                          check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(FOLDER.parent)})
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    outcomes = figures["files"]["outcomes"]
    assert sum(outcomes.values()) == 160
    assert outcomes["pictures"] > 10, "some are read in spite of all"
    assert outcomes["SourceError"] > 10
    assert outcomes["a picture"] > 2
    assert not [said for said in outcomes if said.startswith("unexpected")]
    outcomes = figures["labels"]["outcomes"]
    assert sum(outcomes.values()) == 160
    assert outcomes["labelled"] > 10
    assert outcomes["refused"] > 10
    assert sum(figures["requests"]["codes"].values()) == 250
