"""Video Depth Anything: what its memory does, and equality with the authors' code where a checkout is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video3d.depth_model import DepthInput

torch = pytest.importorskip("torch")

from video3d.depth.networks.depth_anything import DepthAnythingShape  # noqa: E402 - they need torch
from video3d.depth.networks.dinov2 import Dinov2Shape  # noqa: E402
from video3d.depth.networks.estimator import IMAGENET  # noqa: E402
from video3d.depth.networks.published import SMALL  # noqa: E402
from video3d.depth.networks.video_depth_anything import (  # noqa: E402
    MOMENTS,
    REMEMBERED,
    StreamingEstimator,
    VideoDepthAnything,
)

Fill, Check, Checkout = Callable[[Any], None], Callable[[Any, Any], None], Callable[[str], Path]

TINY = DepthAnythingShape(Dinov2Shape(48, 4, 3, (0, 1, 2, 3), grid=5), 32, (32, 32, 64, 64))


def frames(count: int, *, size: tuple[int, int] = (28, 42), seed: int = 0) -> list[DepthInput]:
    rng = np.random.default_rng(seed)
    return [DepthInput(rng.random((*size, 3), np.float32), None, starts_shot=number == 0, seconds=number / 25)
            for number in range(count)]


@pytest.fixture
def module(randomise: Fill) -> VideoDepthAnything:
    made = VideoDepthAnything(TINY)
    randomise(made)
    return made


def test_how_frames_are_batched_changes_nothing(module: VideoDepthAnything) -> None:
    shot = frames(9)
    together = StreamingEstimator(module, IMAGENET).estimate(shot)
    one_by_one = StreamingEstimator(module, IMAGENET)
    alone = [one_by_one.estimate([item])[0] for item in shot]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_shot_knows_nothing_of_the_one_before(module: VideoDepthAnything) -> None:
    estimator = StreamingEstimator(module, IMAGENET)
    estimator.estimate(frames(5, seed=1))
    after = estimator.estimate(frames(4, seed=2))
    np.testing.assert_allclose(after, StreamingEstimator(module, IMAGENET).estimate(frames(4, seed=2)), atol=1e-5)


def test_the_past_is_seen(module: VideoDepthAnything) -> None:
    last = frames(6, seed=3)[-1]
    with_past = StreamingEstimator(module, IMAGENET).estimate(frames(6, seed=3))[-1]
    other_past = StreamingEstimator(module, IMAGENET).estimate([*frames(5, seed=4), last])[-1]
    assert np.abs(with_past - other_past).max() > 1e-3


def test_memory_is_bounded_and_keeps_the_first_frame(module: VideoDepthAnything) -> None:
    estimator = StreamingEstimator(module, IMAGENET)
    first = None
    for item in frames(50, size=(28, 28)):
        estimator.estimate([item])
        first = first or estimator._memory.frames[0]
        assert len(estimator._memory.frames) <= REMEMBERED
        assert estimator._memory.frames[0] is first
        assert all(state.shape[1] == MOMENTS - 1 for state in estimator._memory.seen())
    estimator.leave()
    estimator.close()
    assert not estimator._memory.frames


def test_memory_is_kept_only_when_the_batch_was_good(module: VideoDepthAnything, monkeypatch: pytest.MonkeyPatch
                                                     ) -> None:
    shot = frames(8)
    expected = StreamingEstimator(module, IMAGENET).estimate(shot)
    estimator = StreamingEstimator(module, IMAGENET)
    backbone = module.pretrained.forward

    def only_two(pictures: torch.Tensor) -> list[torch.Tensor]:
        if len(pictures) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")  # a double for a small card
        return backbone(pictures)

    monkeypatch.setattr(module.pretrained, "forward", only_two)
    np.testing.assert_allclose(estimator.estimate(shot), expected, atol=1e-5)


def test_output_equals_the_authors_code(randomise: Fill, assert_equal: Check, checkout: Checkout) -> None:
    """The whole small network, 48 frames one after the other and a window of 6; by hand with VIDEO3D_VIDEO_DEPTH_ANYTHING."""  # noqa: E501
    checkout("VIDEO3D_VIDEO_DEPTH_ANYTHING")
    from video_depth_anything.video_depth_stream import VideoDepthAnything as Reference

    theirs = Reference("vits", SMALL.features, out_channels=list(SMALL.channels))
    randomise(theirs)
    ours = VideoDepthAnything(SMALL).eval()
    ours.load_state_dict(theirs.state_dict())
    shot = frames(48, size=(56, 84), seed=5)
    maps = StreamingEstimator(ours, IMAGENET).estimate(shot)
    features = [theirs.forward_features(_normalised(item)[None]) for item in shot]
    with torch.no_grad():
        for number, depth in enumerate(_streamed(theirs, features, _normalised(shot[0])[None].shape)):
            assert_equal(maps[number], depth)
        window = torch.cat([_normalised(item) for item in shot[:6]])
        assert_equal(ours(window), theirs(window[None])[0])


def _normalised(item: DepthInput) -> torch.Tensor:
    values = (item.rgb - IMAGENET.mean) / IMAGENET.deviation
    return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None]


def _streamed(theirs: Any, features: list[Any], shape: Any) -> list[Any]:
    """What the authors' `infer_video_depth_one` does once a frame has the network's size."""
    from video_depth_anything.video_depth_stream import INFER_LEN

    depth, kept = theirs.forward_depth(features[0], shape)
    maps, caches = [depth[0, 0].numpy()], [kept] * INFER_LEN
    for number, feature in enumerate(features[1:], start=1):
        chosen = caches[0:2] + caches[-INFER_LEN + 3:]
        joined = [torch.cat([cache[place] for cache in chosen], dim=1) for place in range(len(chosen[0]))]
        depth, kept = theirs.forward_depth(feature, shape, cached_hidden_state_list=joined)
        maps.append(depth[0, 0].numpy())
        caches.append(kept)
        if number + INFER_LEN > theirs.gap + 1:
            del caches[1]
    return maps
