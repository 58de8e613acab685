"""Somebody else's network is run as it is. Real torch, a tiny network."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from video3d.depth_model import DepthInput, DepthKind, InputSize, LoadOptions
from video3d.errors import DepthError
from video3d.webui.borrowed import Borrowed

pytestmark = pytest.mark.needs("torch")


def picture(value: float) -> DepthInput:
    return DepthInput(np.full((6, 8, 3), value, np.float32), None, starts_shot=True, seconds=0.0)


def channel_sum() -> Any:
    """A network whose map is the sum of the normalised channels."""
    import torch

    network = torch.nn.Conv2d(3, 1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    return network


def borrowed(network: Any, **facts: Any) -> Borrowed:
    return Borrowed(**{"id": "theirs", "label": "Theirs", "owner": "them", "licence": "MIT", "quality": 5,
                       "find": lambda: network, "device": "cpu", "size": InputSize(6), **facts})


def test_the_registrys_entry_says_whose_it_is() -> None:
    model = borrowed(None, non_commercial=True, kind=DepthKind.METRIC_DEPTH, memory=7).model()
    assert (model.id, model.location, model.kind, model.memory) == ("theirs", "them", DepthKind.METRIC_DEPTH, 7)
    assert model.is_borrowed
    assert model.needs_gpu_turn
    assert model.non_commercial


def test_pictures_are_normalised_as_the_network_wants_them() -> None:
    symmetric = borrowed(channel_sum(), is_imagenet=False).model().load(LoadOptions())
    (depth,) = symmetric.estimate([picture(0.75)])
    assert depth.shape == (6, 8)
    np.testing.assert_allclose(depth, 3 * 0.5, atol=1e-6)
    imagenet = borrowed(channel_sum()).model().load(LoadOptions())
    (depth,) = imagenet.estimate([picture(0.5)])
    expected = sum((0.5 - mean) / deviation for mean, deviation in zip(
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True))
    np.testing.assert_allclose(depth, expected, atol=1e-5)


def test_a_network_that_is_called_in_its_own_way() -> None:
    class Metric:
        """Stands for ZoeDepth, which answers with a dictionary."""

        def __init__(self) -> None:
            self.inner = channel_sum()

        def parameters(self) -> Any:
            return self.inner.parameters()

        def to(self, device: object) -> None:
            self.inner.to(device)

        def metres(self, pictures: Any) -> dict[str, Any]:
            return {"metric_depth": self.inner(pictures)}

    model = borrowed(Metric(), run=lambda network, pictures: network.metres(pictures)["metric_depth"]).model()
    (depth,) = model.load(LoadOptions()).estimate([picture(0.5)])
    assert depth.shape == (6, 8)


def test_it_runs_inside_its_owners_context() -> None:
    entered: list[bool] = []

    def autocast() -> Any:
        entered.append(True)
        return nullcontext()

    estimator = borrowed(channel_sum(), context=autocast).model().load(LoadOptions())
    estimator.estimate([picture(0.5)])
    assert entered


class Moving:
    """Stands for a network on a GPU: remembers where it was sent."""

    def __init__(self) -> None:
        self.inner = channel_sum()
        self.sent: list[str] = []

    def parameters(self) -> Any:
        return self.inner.parameters()

    def to(self, device: object) -> None:
        self.sent.append(str(device))

    def __call__(self, pictures: Any) -> Any:
        return self.inner(pictures)


def test_it_goes_to_the_device_for_the_work_and_back_where_it_was() -> None:
    network = Moving()
    done: list[bool] = []
    estimator: Any = borrowed(network, done=lambda: done.append(True)).model().load(LoadOptions())
    assert network.sent == []
    estimator.estimate([picture(0.5)])
    estimator.leave()
    estimator.estimate([picture(0.5)])
    estimator.close()
    assert network.sent == ["cpu"] * 4
    assert done == [True]


def test_a_network_that_its_owners_hooks_move_is_not_moved() -> None:
    network = Moving()
    estimator = borrowed(network, moves=False).model().load(LoadOptions())
    estimator.estimate([picture(0.5)])
    estimator.close()
    assert network.sent == []


def test_a_network_that_was_unloaded_is_said_to_be() -> None:
    estimator = borrowed(None).model().load(LoadOptions())
    with pytest.raises(DepthError, match="unloaded"):
        estimator.estimate([picture(0.5)])
    estimator.close()


def test_it_is_not_looked_for_before_the_first_picture() -> None:
    """Looking may load it, which takes the GPU's turn."""
    found: list[bool] = []
    borrowed(None, find=lambda: found.append(True)).model().load(LoadOptions()).close()
    assert found == []
