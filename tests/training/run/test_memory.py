from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from understudy.errors import OutOfMemoryError
from understudy.training.run.memory import SPARE, CudaGauge, Portions, largest_batch, round_down


@dataclass
class MadeMemory:
    """A device on which a network takes ``fixed`` bytes and each example ``each``, of ``total``."""

    total: int
    fixed: int
    each: int
    tried: list[int] = field(default_factory=list)
    held: int = 0

    def step(self, batch: int) -> None:
        self.tried.append(batch)
        self.held = self.fixed + self.each * batch
        if self.held > self.total:
            raise torch.OutOfMemoryError("made")

    def budget(self) -> int:
        return self.total

    def peak(self, work: Callable[[], None]) -> int:
        work()
        return self.held


@pytest.mark.parametrize(
    ("total", "fixed", "each", "limit", "batch"),
    [
        (1000, 50, 10, 256, 64),  # (850 - 50) / 10 = 80
        (1000, 50, 8, 256, 96),  # exactly 100
        (1000, 50, 10, 16, 16),
        (1000, 50, 10, 20, 16),
        (1000, 50, 10, 3, 3),
        (1000, 50, 10, 2, 2),
        (1000, 50, 10, 1, 1),
        (1000, 800, 40, 256, 1),  # four fit, but leave nothing to spare
        (1000, 900, 40, 256, 2),  # four do not fit
        (1000, 990, 40, 256, 1),
        (1000, 50, 0, 48, 48),
    ],
)
def test_the_batch_is_the_largest_that_leaves_memory_to_spare(total, fixed, each, limit, batch):
    memory = MadeMemory(total, fixed, each)
    assert largest_batch(memory.step, limit, memory) == batch
    assert max(memory.tried, default=0) <= 4, "only small batches are tried"
    if batch > 2:
        assert fixed + each * batch <= SPARE * total


def test_batches_are_powers_of_two_and_one_and_a_half_of_them():
    assert [round_down(batch) for batch in (0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 23, 24, 255)] == [
        *(1, 1, 2, 3, 4, 4, 6, 6, 8, 8, 12, 12, 16, 16, 24, 192)
    ]


@pytest.mark.parametrize(
    ("batch", "fits", "tries"), [(8, 8, [1]), (8, 2, [1, 2, 4]), (6, 1, [1, 2, 6]), (5, 1, [1, 5])]
)
def test_a_step_that_does_not_fit_is_done_in_more_parts(batch, fits, tries):
    tried = []

    def work(parts: int) -> str:
        tried.append(parts)
        assert batch % parts == 0
        if batch // parts > fits:
            raise torch.OutOfMemoryError("made")
        return "done"

    portions = Portions(batch)
    assert portions.run(work) == "done"
    assert tried == tries
    assert portions.run(work) == "done"
    assert tried == [*tries, tries[-1]], "what is known to fit is tried at once"


def test_an_example_too_large_for_the_device_is_told():
    def work(parts: int) -> None:
        raise torch.OutOfMemoryError("made")

    with pytest.raises(OutOfMemoryError, match="Not even one face") as told:
        Portions(8).run(work)
    assert "--resolution" in told.value.hint


def test_another_failure_is_not_tried_again():
    tried = []

    def work(parts: int) -> None:
        tried.append(parts)
        raise RuntimeError("another")

    with pytest.raises(RuntimeError, match="another"):
        Portions(8).run(work)
    assert tried == [1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_cuda_device_is_measured():
    device = torch.device("cuda")
    gauge = CudaGauge(device)
    each = 64 * 2**20

    def step(batch: int) -> None:
        torch.empty(batch * each, dtype=torch.uint8, device=device)

    room = gauge.budget()
    assert 4 * each <= gauge.peak(lambda: step(4)) <= 5 * each
    assert largest_batch(step, 10**6, gauge) == pytest.approx(SPARE * room / each, rel=0.35)
