"""MiDaS 2.1 small: laws that need no reference, and equality with the authors' code where a checkout is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from video3d.depth.networks.midas_small import MidasSmall, MidasSmallShape, StageShape  # noqa: E402 - it needs torch
from video3d.depth.networks.resnet import pad_same  # noqa: E402

Fill, Check, Checkout = Callable[[Any], None], Callable[[Any, Any], None], Callable[[str], Path]

TINY = MidasSmallShape(8, 8, tuple(StageShape(8 * (n + 1), 1, 3, 2 if n in (0, 1, 2, 4) else 1) for n in range(6)), 16)


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (32, 64)])
def test_a_map_has_the_pictures_size(size: tuple[int, int], randomise: Fill) -> None:
    module = MidasSmall(TINY)
    randomise(module)
    with torch.no_grad():
        depth = module(torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0)))
    assert depth.shape == (2, *size)
    assert depth.std() > 0


@pytest.mark.parametrize(("side", "kernel", "stride", "expected"), [(8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)),
                                                                    (8, 5, 1, (2, 2)), (8, 1, 2, (0, 0))])
def test_padding_is_tensorflows(side: int, kernel: int, stride: int, expected: tuple[int, int]) -> None:
    padded = pad_same(torch.ones(1, 1, side, side), kernel, stride)[0, 0]
    row = padded[kernel // 2].tolist()
    assert (row.index(1.0), row[::-1].index(1.0)) == expected
    assert (len(row) - kernel) // stride + 1 == -(-side // stride)


def test_output_equals_the_authors_code(randomise: Fill, assert_equal: Check, checkout: Checkout,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole network; run by hand with VIDEO3D_MIDAS, and VIDEO3D_GEFFNET for its backbone."""
    checkout("VIDEO3D_MIDAS")
    checkout("VIDEO3D_GEFFNET")
    assert os.environ["VIDEO3D_GEFFNET"]
    import geffnet
    from midas.midas_net_custom import MidasNet_small

    def load(repository: str, name: str, *, pretrained: bool, exportable: bool) -> Any:
        assert (repository, pretrained) == ("rwightman/gen-efficientnet-pytorch", True)
        return geffnet.create_model(name, pretrained=False, exportable=exportable)

    monkeypatch.setattr(torch.hub, "load", load)  # the same network from a folder, without the internet
    theirs = MidasNet_small(None, features=64, backbone="efficientnet_lite3", exportable=True, non_negative=True,
                            blocks={"expand": True})
    randomise(theirs)
    ours = MidasSmall().eval()
    ours.load_state_dict(theirs.state_dict())
    for size in [(256, 256), (192, 352), (320, 128)]:
        pictures = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(size[0]))
        with torch.no_grad():
            expected = theirs(pictures)
            assert_equal(ours(pictures), expected)
