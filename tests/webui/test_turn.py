"""The GPU's turn. The lock is a double shaped like the webui's (see conftest.py)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from video3d.errors import Cancelled
from video3d.host import GpuUse
from video3d.webui import turn
from video3d.webui.turn import SharedGpu, wait_for, waiting_for

from .conftest import NeighboursDouble, QueueLockDouble

SOON = 2.0


@pytest.fixture
def gpu(queue_lock: QueueLockDouble, neighbours: NeighboursDouble) -> Iterator[SharedGpu]:
    made = SharedGpu(queue_lock, neighbours)
    yield made
    made.close()


class ImageGeneration:
    """Waits for the lock as the webui's own work does, and tells when it had it."""

    def __init__(self, lock: QueueLockDouble, work: float = 0.01) -> None:
        self._lock = lock
        self._work = work
        self.waited = 0.0
        self.thread = threading.Thread(target=self._run)
        self.has_begun = threading.Event()
        self.thread.start()

    def _run(self) -> None:
        asked = time.monotonic()
        with self._lock:
            self.waited = time.monotonic() - asked
            self.has_begun.set()
            time.sleep(self._work)


def until_waiting(lock: QueueLockDouble, count: int = 1) -> None:
    deadline = time.monotonic() + SOON
    while (waiting_for(lock) or 0) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def until_free(lock: QueueLockDouble) -> None:
    deadline = time.monotonic() + SOON
    while lock.locked():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_turn_is_the_webuis_lock(gpu: SharedGpu, queue_lock: QueueLockDouble) -> None:
    with gpu.turn():
        assert queue_lock.locked()
        with gpu.holding() as is_held:
            assert is_held


def test_it_is_kept_between_two_uses_while_nobody_waits(gpu: SharedGpu, queue_lock: QueueLockDouble,
                                                       neighbours: NeighboursDouble) -> None:
    for _ in range(3):
        with gpu.turn(GpuUse(memory=5)):
            pass
    assert queue_lock.locked()
    assert neighbours.asked == ["room for 5"]


def test_it_is_given_back_when_nothing_runs_for_a_while(gpu: SharedGpu, queue_lock: QueueLockDouble,
                                                        neighbours: NeighboursDouble,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "IDLE_SECONDS", 0.05)
    with gpu.turn():
        pass
    until_free(queue_lock)
    assert neighbours.asked[-1] == "back"


def test_an_image_waits_no_longer_than_the_batch_that_runs(gpu: SharedGpu, queue_lock: QueueLockDouble) -> None:
    """The webui's lock alone lets us take it again and again: without the pause this starves."""
    with gpu.turn() as ours:
        image = ImageGeneration(queue_lock)
        until_waiting(queue_lock)
        ours.share()
        assert image.has_begun.is_set(), "it has had its turn before we have ours again"
        assert queue_lock.locked()
        image.thread.join()
        with gpu.holding() as is_held:
            assert is_held


def test_several_images_each_get_a_turn_between_our_batches(gpu: SharedGpu, queue_lock: QueueLockDouble) -> None:
    with gpu.turn() as ours:
        images = [ImageGeneration(queue_lock) for _ in range(3)]
        until_waiting(queue_lock, 3)
        ours.share()
        assert sum(image.has_begun.is_set() for image in images) == 3, "those who came before us go before us"
    for image in images:
        image.thread.join()


def test_whoever_waits_gets_it_between_two_uses(gpu: SharedGpu, queue_lock: QueueLockDouble) -> None:
    with gpu.turn():
        pass
    image = ImageGeneration(queue_lock)
    assert image.has_begun.wait(SOON)
    image.thread.join()
    assert image.waited < 0.5


def test_the_end_of_a_use_hands_over_at_once(gpu: SharedGpu, queue_lock: QueueLockDouble) -> None:
    with gpu.turn():
        image = ImageGeneration(queue_lock)
        until_waiting(queue_lock)
    assert image.has_begun.is_set()
    image.thread.join()


def test_the_checkpoint_is_back_before_others_have_their_turn(gpu: SharedGpu, queue_lock: QueueLockDouble,
                                                              neighbours: NeighboursDouble) -> None:
    seen: list[list[str]] = []

    def generate() -> None:
        with queue_lock:
            seen.append(list(neighbours.asked))

    left: list[bool] = []
    with gpu.turn(GpuUse(7, leave=lambda: left.append(queue_lock.locked()))) as ours:
        thread = threading.Thread(target=generate)
        thread.start()
        until_waiting(queue_lock)
        ours.share()
        thread.join()
    assert seen == [["room for 7", "back"]]
    assert left[0], "our network leaves while the turn is still ours"
    assert neighbours.asked[:3] == ["room for 7", "back", "room for 7"]


def test_sharing_costs_nothing_while_nobody_waits(gpu: SharedGpu, neighbours: NeighboursDouble) -> None:
    with gpu.turn() as ours:
        for _ in range(100):
            ours.share()
    assert neighbours.asked == ["room for 0"]


def test_waiting_ends_when_the_job_is_cancelled(gpu: SharedGpu, queue_lock: QueueLockDouble) -> None:
    with queue_lock, pytest.raises(Cancelled), gpu.turn(GpuUse(is_cancelled=lambda: True)):
        pass
    until_free(queue_lock)
    with queue_lock:  # nobody waits any more, and nobody holds it
        assert waiting_for(queue_lock) == 0


def test_our_place_in_the_line_is_kept_while_we_wait(queue_lock: QueueLockDouble) -> None:
    order: list[str] = []

    def ours() -> None:
        wait_for(queue_lock, lambda: False)
        order.append("ours")
        queue_lock.release()

    def theirs() -> None:
        with queue_lock:
            order.append("theirs")

    with queue_lock:
        threads = [threading.Thread(target=ours), threading.Thread(target=theirs)]
        threads[0].start()
        until_waiting(queue_lock, 1)
        threads[1].start()
        until_waiting(queue_lock, 2)
    for thread in threads:
        thread.join()
    assert order == ["ours", "theirs"]


def test_a_failure_to_make_room_leaves_the_lock_free(queue_lock: QueueLockDouble) -> None:
    class Full(NeighboursDouble):
        def make_room(self, memory: int) -> None:
            raise MemoryError(memory)

    gpu = SharedGpu(queue_lock, Full())
    with pytest.raises(MemoryError), gpu.turn():
        pass
    assert not queue_lock.locked()


def test_an_error_inside_does_not_keep_the_turn(gpu: SharedGpu, queue_lock: QueueLockDouble) -> None:
    with pytest.raises(ValueError, match="broken"), gpu.turn():
        raise ValueError("broken")
    image = ImageGeneration(queue_lock)
    image.thread.join(SOON)
    assert image.has_begun.is_set()


def test_a_lock_that_tells_nothing_is_given_back_by_the_clock(neighbours: NeighboursDouble,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        def __init__(self) -> None:
            self.inner = threading.Lock()
            self.taken = 0

        def acquire(self, blocking: bool = True) -> bool:
            self.taken += 1
            return self.inner.acquire(blocking)

        def release(self) -> None:
            self.inner.release()

    monkeypatch.setattr(turn, "TURN_SECONDS", 0.02)
    monkeypatch.setattr(turn, "HAND_OVER_SECONDS", 0.01)
    lock = Plain()
    gpu = SharedGpu(lock, neighbours)
    with gpu.turn() as ours:
        ours.share()
        assert lock.taken == 1
        time.sleep(0.03)
        ours.share()
        assert lock.taken == 2
    gpu.close()
    assert not lock.inner.locked()


def test_our_own_threads_go_by_turns(gpu: SharedGpu) -> None:
    """Several workers, or a preview beside a job: the webui's lock is taken once for all of them."""
    inside, most = [0], [0]
    deciding = threading.Lock()

    def work() -> None:
        for _ in range(10):
            with gpu.turn(GpuUse()):
                with deciding:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0.001)
                with deciding:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_the_wait_for_one_of_our_own_can_be_stopped(gpu: SharedGpu) -> None:
    with gpu.turn():
        refused: list[BaseException] = []

        def wait() -> None:
            try:
                with gpu.turn(GpuUse(is_cancelled=lambda: True)):
                    pass
            except Cancelled as problem:
                refused.append(problem)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert len(refused) == 1
    with gpu.turn():
        pass


def test_all_networks_that_used_the_turn_leave_with_it(gpu: SharedGpu, queue_lock: QueueLockDouble,
                                                       monkeypatch: pytest.MonkeyPatch,
                                                       neighbours: NeighboursDouble) -> None:
    left: list[str] = []
    monkeypatch.setattr(neighbours, "come_back", lambda leave: leave())
    uses = [GpuUse(0, lambda name=name: left.append(name)) for name in ("job", "preview")]
    for use in (*uses, uses[0]):
        with gpu.turn(use):
            pass
    image = ImageGeneration(queue_lock)
    assert image.has_begun.wait(SOON)
    image.thread.join()
    assert left == ["job", "preview"]
