"""Networks are run in batches, in the precision that fits, and go on when memory runs out."""

from __future__ import annotations

import numpy as np
import pytest

from video3d.depth_model import DepthInput
from video3d.errors import DepthError

torch = pytest.importorskip("torch")

from video3d.depth.networks.estimator import (  # noqa: E402 - they need torch
    IMAGENET,
    SYMMETRIC,
    NetworkEstimator,
    Normalisation,
    Running,
)


def picture(height: int = 6, width: int = 8, value: float | None = None) -> DepthInput:
    rng = np.random.default_rng(height * 100 + width)
    rgb = rng.random((height, width, 3)) if value is None else np.full((height, width, 3), value)
    return DepthInput(rgb.astype(np.float32), None, starts_shot=True, seconds=0.0)


class Mean(torch.nn.Module):
    """Half of the channels' mean; remembers what it was shown."""

    def __init__(self, *, with_channel: bool = False) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.5))
        self.with_channel = with_channel
        self.seen: list[tuple[int, ...]] = []
        self.types: list[torch.dtype] = []

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(pictures.shape))
        self.types.append(pictures.dtype)
        result = pictures.mean(1) * self.weight
        return result[:, None] if self.with_channel else result


class Full(Mean):
    """A double for a card whose memory is full beyond `largest` pictures: raises what torch raises."""

    def __init__(self, largest: int, error: str = "CUDA out of memory. Tried to allocate 2.00 GiB") -> None:
        super().__init__()
        self.largest = largest
        self.error = error

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if len(pictures) > self.largest:
            raise torch.cuda.OutOfMemoryError(self.error) if "CUDA" in self.error else RuntimeError(self.error)
        return super().forward(pictures)


@pytest.mark.parametrize("with_channel", [False, True])
@pytest.mark.parametrize("normalisation", [IMAGENET, SYMMETRIC])
def test_pictures_are_normalised_and_maps_come_back_in_order(with_channel: bool, normalisation: Normalisation) -> None:
    batch = [picture(value=value) for value in (0.0, 0.25, 1.0)]
    maps = NetworkEstimator(Mean(with_channel=with_channel), normalisation).estimate(batch)
    for item, result in zip(batch, maps, strict=True):
        expected = ((item.rgb - normalisation.mean) / normalisation.deviation).mean(-1) * 0.5
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_batch_goes_through_at_once_and_sizes_are_kept_apart() -> None:
    module = Mean()
    batch = [picture(6, 8), picture(6, 8), picture(4, 8), picture(6, 8)]
    maps = NetworkEstimator(module, IMAGENET).estimate(batch)
    assert module.seen == [(2, 3, 6, 8), (1, 3, 4, 8), (1, 3, 6, 8)]
    assert [result.shape for result in maps] == [(6, 8), (6, 8), (4, 8), (6, 8)]


def test_nothing_asked_is_nothing_done() -> None:
    assert NetworkEstimator(Mean(), IMAGENET).estimate([]) == []


@pytest.mark.parametrize("error", ["CUDA out of memory. Tried to allocate 2.00 GiB", "MPS backend out of memory",
                                   "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"])
def test_out_of_memory_halves_the_batch_and_remembers(error: str) -> None:
    module = Full(largest=2, error=error)
    estimator = NetworkEstimator(module, IMAGENET)
    batch = [picture(value=number / 10) for number in range(9)]
    maps = estimator.estimate(batch)
    assert module.seen == [(2, 3, 6, 8)] * 4 + [(1, 3, 6, 8)]
    alone = NetworkEstimator(Mean(), IMAGENET)
    np.testing.assert_array_equal(maps, [alone.estimate([item])[0] for item in batch])
    module.seen.clear()
    estimator.estimate(batch[:4])
    assert module.seen == [(2, 3, 6, 8)] * 2


def test_where_one_picture_is_too_much_the_processor_goes_on_and_the_user_is_told() -> None:
    """Doubles for a card: the device "meta" is one that every torch has, and its pictures stay on the processor."""

    class OnCard(NetworkEstimator):
        def _upload(self, pictures: np.ndarray) -> torch.Tensor:
            module.is_on_card = self._device.type == "meta"
            return torch.from_numpy(pictures).permute(0, 3, 1, 2)

    class FullCard(torch.nn.Module):
        is_on_card = False
        runs = 0

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            self.runs += 1
            if self.is_on_card:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return pictures.mean(1)

    module = FullCard()
    told: list[str] = []
    estimator = OnCard(module, IMAGENET, Running("meta", notice=told.append))
    maps = estimator.estimate([picture(value=0.5), picture(value=0.6)])
    assert len(maps) == 2
    assert module.runs == 4  # two, one, then one by one on the processor
    assert len(told) == 1
    assert "processor" in told[0]


def test_no_memory_on_the_processor_either_is_an_error_with_a_remedy() -> None:
    with pytest.raises(DepthError, match=r"not enough memory.*smaller"):
        NetworkEstimator(Full(largest=0), IMAGENET).estimate([picture()])


def test_a_borrowed_network_is_never_moved_and_its_owner_is_told_of_full_memory() -> None:
    module = Full(largest=0).train().double()
    estimator = NetworkEstimator(module, IMAGENET, Running(is_borrowed=True))
    with pytest.raises(DepthError, match="not enough memory"):
        estimator.estimate([picture()])
    assert module.training
    assert module.weight.dtype == torch.float64
    estimator.leave()
    estimator.close()
    assert module.weight.device.type == "cpu"


def test_a_borrowed_network_sees_its_own_precision_unless_its_owner_casts() -> None:
    module = Mean().double()
    NetworkEstimator(module, IMAGENET, Running(is_borrowed=True)).estimate([picture()])
    assert module.types == [torch.float64]
    entered: list[str] = []

    def context() -> torch.autocast:
        entered.append("autocast")
        return torch.autocast("cpu", dtype=torch.bfloat16)

    NetworkEstimator(Mean(), IMAGENET, Running(is_borrowed=True, context=context)).estimate([picture()])
    assert entered == ["autocast"]


def test_a_network_that_leaves_half_precisions_range_is_run_in_full() -> None:
    class Narrow(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            narrow = torch.is_autocast_enabled("cpu")
            return pictures.mean(1) / (0.0 if narrow else 1.0)

    told: list[str] = []
    estimator = NetworkEstimator(Narrow(), IMAGENET, Running("cpu", half=True, notice=told.append))
    for _ in range(2):
        assert np.isfinite(estimator.estimate([picture()])[0]).all()
    assert told == ["The depth network needs full precision here; it runs slower."]


def test_a_network_that_cannot_be_compiled_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A double for a machine without a compiler."""

    def compiled(module: torch.nn.Module) -> object:
        def fail(pictures: torch.Tensor) -> torch.Tensor:
            raise RuntimeError(f"no compiler for {type(module).__name__} and {len(pictures)} pictures")

        return fail

    monkeypatch.setattr(torch, "compile", compiled)
    told: list[str] = []
    estimator = NetworkEstimator(Mean(), IMAGENET, Running("cpu", compiled=True, notice=told.append))
    for _ in range(2):
        assert estimator.estimate([picture()])[0].shape == (6, 8)
    assert told == ["The depth network cannot be compiled here; it runs as it is."]


def test_values_that_are_no_numbers_are_an_error() -> None:
    class Broken(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return pictures.mean(1) * float("nan")

    with pytest.raises(DepthError, match="no numbers"):
        NetworkEstimator(Broken(), IMAGENET).estimate([picture()])


def test_a_failing_network_is_an_error_that_says_why() -> None:
    class Failing(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            del pictures
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied\nand more")

    with pytest.raises(DepthError, match="cannot be multiplied"):
        NetworkEstimator(Failing(), IMAGENET).estimate([picture()])


@pytest.mark.parametrize("device", ["cuda:9", "nonsense"])
def test_a_device_that_is_not_there_is_an_error_with_a_remedy(device: str) -> None:
    with pytest.raises(DepthError, match=rf"{device}.*--device cpu"):
        NetworkEstimator(Mean(), IMAGENET, Running(device)).estimate([picture()])
