"""A chosen model is loaded for the host that it runs in."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from video3d.depth.constant import ConstantDepth
from video3d.depth.opening import choose_device, open_estimator
from video3d.depth.registry import available_models, find_model
from video3d.depth_model import DepthInput, DepthModel, LoadOptions
from video3d.errors import Cancelled
from video3d.host import GpuTurn, GpuUse, StandaloneHost
from video3d.reporting import SilentReporter
from video3d.settings import DepthSettings
from video3d.types import FloatMap

PICTURE = DepthInput(np.zeros((4, 4, 3), np.float32), None, starts_shot=True, seconds=0.0)


class Leaving(ConstantDepth):
    has_left = False

    def leave(self) -> None:
        self.has_left = True


class BusyHost(StandaloneHost):
    """Another one waits for the GPU after each batch."""

    devices = ("cuda:1", "cpu")

    def __init__(self) -> None:
        self.uses: list[GpuUse | None] = []

    @contextmanager
    def gpu_turn(self, use: GpuUse | None = None) -> Generator[GpuTurn, None, None]:
        self.uses.append(use)
        if use is not None and use.is_cancelled():
            raise Cancelled("Stopped.", stage="depth")
        with super().gpu_turn(use) as turn:
            yield turn
        if use is not None:
            use.leave()


class Stopped(SilentReporter):
    def is_cancelled(self) -> bool:
        return True


def network(seen: list[LoadOptions], estimator: ConstantDepth) -> DepthModel:
    def load(options: LoadOptions) -> ConstantDepth:
        seen.append(options)
        return estimator

    base = find_model("constant", available_models(StandaloneHost()))
    return replace(base, loader=load, needs_gpu_turn=True, memory=123)


@pytest.mark.parametrize(("asked", "devices", "expected"), [
    ("auto", ("cuda:1", "cpu"), "cuda:1"), ("auto", (), "auto"), ("cpu", ("cuda:1", "cpu"), "cpu"),
    ("mps", (), "mps"),
])
def test_the_users_device_goes_before_the_hosts(asked: str, devices: Sequence[str], expected: str) -> None:
    assert choose_device(asked, devices) == expected


def test_a_network_works_in_turns_and_leaves_when_told() -> None:
    seen: list[LoadOptions] = []
    inner, host, reporter = Leaving(), BusyHost(), SilentReporter()
    estimator = open_estimator(network(seen, inner), DepthSettings(compile_depth=True), host, reporter)
    maps: list[FloatMap] = estimator.estimate([PICTURE, PICTURE])
    estimator.close()
    assert len(maps) == 2
    assert inner.has_left
    assert [use.memory for use in host.uses if use] == [123]
    assert (seen[0].device, seen[0].compiled) == ("cuda:1", True)


class Sharing(BusyHost):
    """Counts how often a turn is offered to others."""

    shares = 0

    @contextmanager
    def gpu_turn(self, use: GpuUse | None = None) -> Generator[GpuTurn, None, None]:
        with super().gpu_turn(use):
            yield self

    def share(self) -> None:
        self.shares += 1


class Slow(Leaving):
    """Remembers how many pictures it got at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[int] = []

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        self.pieces.append(len(batch))
        time.sleep(0.02 * len(batch))
        return super().estimate(batch)


def test_a_slow_batch_is_worked_in_pieces_with_an_offer_after_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the GPU waits for a piece, not for the batch."""
    monkeypatch.setattr("video3d.depth.opening.PIECE_SECONDS", 0.03)
    inner, host = Slow(), Sharing()
    estimator = open_estimator(network([], inner), DepthSettings(), host, SilentReporter())
    assert len(estimator.estimate([PICTURE] * 5)) == 5
    assert inner.pieces == [1] * 5
    assert host.shares == 4


def test_a_fast_network_gets_its_batches_whole_once_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video3d.depth.opening.PIECE_SECONDS", 100.0)
    inner = Slow()
    estimator = open_estimator(network([], inner), DepthSettings(), Sharing(), SilentReporter())
    assert len(estimator.estimate([PICTURE] * 5) + estimator.estimate([PICTURE] * 5)) == 10
    assert inner.pieces == [1, 4, 5]


def test_a_compiled_network_sees_batches_of_one_length() -> None:
    """Each other length would be compiled anew."""
    inner = Slow()
    estimator = open_estimator(network([], inner), DepthSettings(compile_depth=True), Sharing(), SilentReporter())
    estimator.estimate([PICTURE] * 5)
    assert inner.pieces == [5]


def test_notices_of_a_network_reach_the_user() -> None:
    seen: list[LoadOptions] = []
    reporter = SilentReporter()
    open_estimator(network(seen, Leaving()), DepthSettings(), BusyHost(), reporter)
    assert seen[0].notice is not None
    seen[0].notice("It is slower now.")
    assert reporter.notices == ["It is slower now."]


def test_waiting_for_the_gpu_ends_when_the_user_stops() -> None:
    estimator = open_estimator(network([], Leaving()), DepthSettings(), BusyHost(), Stopped())
    with pytest.raises(Cancelled):
        estimator.estimate([PICTURE])


def test_a_model_without_a_network_takes_no_turn() -> None:
    host = BusyHost()
    model = find_model("builtin", available_models(host))
    open_estimator(model, DepthSettings(), host, SilentReporter()).estimate([PICTURE])
    assert host.uses == []


def test_somebody_elses_network_takes_turns_on_the_processor_too() -> None:
    """Its owner may be using it."""
    host = BusyHost()
    model = replace(network([], Leaving()), is_borrowed=True)
    estimator = open_estimator(model, DepthSettings(device="cpu"), host, SilentReporter())
    estimator.estimate([PICTURE])
    assert len(host.uses) == 1
