"""Random weights that make a network's output depend on all of them, and checkouts of reference implementations."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks are slower on several threads, the more so where these have no core of their own."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def transformers(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Hugging Face's library, imported once: it starts nothing and asks nobody while a test runs."""
    tool("transformers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        import transformers

        transformers.utils.logging.disable_progress_bar()
        assert transformers.DepthAnythingForDepthEstimation
        assert transformers.DPTForDepthEstimation
        yield transformers


@pytest.fixture
def randomise() -> Callable[[Any], None]:
    """`randomise(module)`: weights of a size that keeps values in range; the last bias keeps ReLU's output above 0."""
    import torch

    def fill(module: Any, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        module.eval()
        for name, value in module.state_dict().items():
            if not value.is_floating_point() or name.endswith(".pe"):
                continue
            if value.ndim <= 1:
                offset = 1.0 if name.endswith(("running_var", "gamma", "lambda1", "norm.weight")) else 0.0
                value.copy_(0.1 * torch.rand(value.shape, generator=generator) + offset)
            else:
                spread = 1.3 / value[0].numel() ** 0.5
                value.copy_(torch.randn(value.shape, generator=generator) * spread)
        last = [value for name, value in module.state_dict().items() if name.endswith("bias") and value.shape == (1,)]
        assert len(last) == 1
        last[0].fill_(4.0)

    return fill


@pytest.fixture
def assert_equal() -> Callable[[Any, Any], None]:
    """Equal to 1e-4 of the expected values' range, or of 1 where that is less: sums in another order differ by less."""

    def check(actual: Any, expected: Any) -> None:
        assert actual.shape == expected.shape
        spread = float(expected.max() - expected.min())
        assert spread > 0.01
        assert float(abs(actual - expected).max()) <= 1e-4 * max(1.0, spread)

    return check


@pytest.fixture
def checkout() -> Iterator[Callable[[str], Path]]:
    """`checkout("VIDEO3D_MIDAS")`: the folder that the variable names, importable while the test runs.

    The references need packages of their own (timm, einops, easydict, torchvision), so these tests are run by hand:
    where the variable is missing they are skipped by its name.
    """
    before, known = list(sys.path), set(sys.modules)

    def find(variable: str) -> Path:
        if variable not in os.environ:
            pytest.skip(f"{variable} names no checkout of the reference implementation")
        folder = Path(os.environ[variable])
        sys.path.insert(0, str(folder))
        return folder

    yield find
    sys.path[:] = before
    for name in set(sys.modules) - known:
        if name.partition(".")[0] in ("video_depth_anything", "depth_anything_v2", "midas", "utils", "geffnet"):
            del sys.modules[name]
