"""How much of a batch fits into the device's memory at once, and what to do when it does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import torch

from understudy.errors import OutOfMemoryError

SPARE = 0.85
"""Part of the memory that may be filled: the rest is for what grows later, and for whoever else is there."""

PROBES = (2, 4)
"""Batches that are measured: small, and large enough that what each example costs shows."""

Result = TypeVar("Result")


class Gauge(Protocol):
    """Reads a device's memory, in bytes."""

    def budget(self) -> int:
        """What this process may have in all: what it has, and what is free."""

    def peak(self, work: Callable[[], None]) -> int:
        """The most that is held at once during ``work``. Raises torch.OutOfMemoryError when it does not fit."""


class CudaGauge:
    """The memory of a CUDA device, as torch's allocator sees it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def budget(self) -> int:
        free, _total = torch.cuda.mem_get_info(self.device)
        return free + torch.cuda.memory_reserved(self.device)

    def peak(self, work: Callable[[], None]) -> int:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self.device)
        work()
        torch.cuda.synchronize(self.device)
        return torch.cuda.max_memory_reserved(self.device)


def largest_batch(try_step: Callable[[int], None], limit: int, gauge: Gauge) -> int:
    """The largest batch, at most ``limit``, that leaves some memory to spare: a power of two, or one and a half of it.

    ``try_step(batch)`` does a whole step, the optimiser's part as well, on a batch of that size. Memory is taken to grow
    in proportion to the batch, which two small steps measure. 1 where not even those fit.
    """
    if limit <= 1:
        return 1
    small, large = (min(limit, probe) for probe in PROBES)
    peaks: dict[int, int] = {}
    for batch in (small, large):
        try:
            try_step(batch)  # once for what a first step leaves for good, such as the optimiser's moments
            peaks[batch] = gauge.peak(partial(try_step, batch))
        except torch.OutOfMemoryError:
            return min(peaks, default=1)
    if small == large:
        return small
    each = (peaks[large] - peaks[small]) / (large - small)
    if each <= 0:
        return round_down(limit)
    return round_down(min(limit, int(large + (SPARE * gauge.budget() - peaks[large]) / each)))


def round_down(batch: int) -> int:
    """The largest of 1, 2, 3, 4, 6, 8, 12, 16, 24, ... that is not above ``batch``; at least 1."""
    unit = 1 << max(0, batch.bit_length() - 2)
    return max(1, batch // unit * unit)


class Portions:
    """A batch's way through the networks: whole, or in ``count`` equal portions where memory is too small for it."""

    def __init__(self, batch: int) -> None:
        self.batch, self.count = batch, 1

    def run(self, work: Callable[[int], Result]) -> Result:
        """Do ``work(count)``, a step in so many portions; begun again, it has to do the same.

        When the device's memory runs out it is done again in more portions, and so is every step after it. Raises
        :class:`OutOfMemoryError` when a portion of one example is too much.
        """
        while True:
            try:
                return work(self.count)
            except torch.OutOfMemoryError:
                pass
            # Only now is nothing of the failed step held by its traceback.
            torch.cuda.empty_cache()
            if self.count == self.batch:
                raise OutOfMemoryError(
                    "Not even one face at a time fits into the memory of the device.",
                    "Lower --resolution, choose a smaller network, or close what else is on that device.",
                )
            at_least = min(2 * self.count, self.batch)
            self.count = next(more for more in range(at_least, self.batch + 1) if self.batch % more == 0)
