"""The published networks are described completely, and as their licences have it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from video3d.depth.catalogue import PUBLISHED, Network, Published
from video3d.depth_model import DepthKind

WITHOUT_DIGEST = {"depth-anything-v2-metric-indoor-small"}
"""Their publisher's page with the digest could not be found."""


def test_all_the_promised_models_are_there() -> None:
    sizes = ("small", "base", "large")
    assert {model.id for model in PUBLISHED} == {
        *(f"depth-anything-v2-{size}" for size in sizes),
        *(f"depth-anything-v2-metric-{place}-{size}" for place in ("indoor", "outdoor") for size in sizes),
        "video-depth-anything-small", "midas-dpt-large", "midas-dpt-hybrid", "midas-v21-small",
    }
    assert {model.network for model in PUBLISHED} == set(Network)


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.id)
def test_a_description_is_complete(model: Published) -> None:
    weights = model.weights
    assert urlsplit(weights.url).scheme == "https"
    assert weights.url.endswith("/" + weights.file_name)
    assert weights.size > 50_000_000
    assert model.memory > weights.size
    assert (model.kind is DepthKind.METRIC_DEPTH) == (model.max_depth is not None)
    if model.id in WITHOUT_DIGEST:
        assert weights.sha256 == ""
    else:
        assert re.fullmatch("[0-9a-f]{64}", weights.sha256)


def test_a_digest_begins_as_the_publishers_file_name_says() -> None:
    """MiDaS names its files by the first digits."""
    for model in PUBLISHED:
        for name in model.other_names:
            stated = re.search(r"-([0-9a-f]{8})$", name)
            assert stated is None or model.weights.sha256.startswith(stated[1])


def test_base_and_large_are_for_non_commercial_use() -> None:
    for model in PUBLISHED:
        depth_anything = model.id.startswith("depth-anything")
        assert model.non_commercial == (depth_anything and not model.id.endswith("small"))


def test_no_two_models_share_a_rank_or_a_file() -> None:
    assert len({model.quality for model in PUBLISHED}) == len(PUBLISHED)
    names = [name for model in PUBLISHED for name in (model.weights.file_name.rpartition(".")[0], *model.other_names)]
    assert len(set(names)) == len(names)
