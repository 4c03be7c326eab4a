"""The processes that train one model together, each with its part of every batch.

All draw the same random numbers and each takes its own of them (see
:class:`understudy.training.data.random_draws.BatchRandom`), and the gradients are averaged: ``size`` processes with a
batch of b do what one does with a batch of ``size * b``. Two channels join them: gradients go through NCCL where
there is CUDA, words (:meth:`Group.agree`) through gloo, which waits for no GPU.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType

import torch
import torch.distributed as dist

from understudy.errors import ComponentError, PeerError
from understudy.events import beating
from understudy.training.distributed.process_rank import ProcessRank, place_of_process
from understudy.training.distributed.rendezvous import JOINING, meet

PATIENCE = datetime.timedelta(minutes=10)
"""How long a silent process is waited for. One that has died is noticed at once: its connections close. A host that has
to make its programs first is silent for minutes, where another one finds its own made."""

BEATS = 60
"""Signs of life in :data:`PATIENCE` while main is busy alone."""

BUCKET = 64 * 2**20
"""Bytes of gradients that travel together: enough to hide the latency, little beside what else a step needs."""


class Group:
    """All processes, seen from this one. Alone, nothing is sent and nobody is waited for.

    Everybody has to call the same methods in the same order. Each raises :class:`PeerError` when another process is
    gone; there is no going on from that but by starting all of them again. A context manager.
    """

    def __init__(self, place: ProcessRank, device: torch.device) -> None:
        """See :meth:`join`."""
        self.rank, self.size, self.is_main = place.rank, place.size, place.is_main
        self.device = device
        if self.size == 1:
            return
        self.device = _own_device(device, place.local_rank)
        over_nccl = device.type == "cuda" and dist.is_nccl_available()
        if over_nccl:
            torch.cuda.set_device(self.device)
        self._channel_device = self.device if over_nccl else torch.device("cpu")
        try:
            dist.init_process_group("gloo", store=meet(place), rank=self.rank, world_size=self.size, timeout=JOINING)
            self._words = dist.new_group(backend="gloo", timeout=PATIENCE)
            self._gradients = dist.new_group(backend="nccl" if over_nccl else "gloo", timeout=PATIENCE)
        except (RuntimeError, OSError) as error:
            raise PeerError(
                f"Process {self.rank} did not meet the others, {self.size} in all, at {place.address}:{place.port}.",
                "All must be started with the same address and port, those of the host of process 0, "
                "and each with a number of its own.",
            ) from error

    @staticmethod
    def alone() -> Group:
        """This process only, wherever its networks are."""
        return Group(ProcessRank(), torch.device("cpu"))

    @staticmethod
    def join(device: torch.device) -> Group:
        """Meet the processes that the environment tells of, see :func:`place_of_process`; else be alone.

        ``device`` is the kind asked for; :attr:`device` is this process's own one of that kind. Raises
        :class:`UsageError` for an environment that makes no sense, :class:`PeerError` when somebody does not come, and
        :class:`ComponentError` when this host has fewer GPUs than processes.
        """
        return Group(place_of_process(), device)

    def __enter__(self) -> Group:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a failure, NCCL would wait for what will never come: the end of the process closes its connections.
        if kind is None or self.size == 1 or self._channel_device.type == "cpu":
            self.close()

    def close(self) -> None:
        """Leave the group. Whoever still waits for this process gets a :class:`PeerError`."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def assemble(self) -> None:
        """Return once everybody has prepared, each at its own pace: one host may read its faces much slower than others."""
        if self.size > 1:
            with self._together():
                dist.barrier()

    def average_gradients(self, parameters: Iterable[torch.Tensor]) -> None:
        """Replace every gradient by its mean over all processes. Parameters without one have to lack it everywhere."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.reshape(-1) for gradient in bucket]).to(self._channel_device)
            with self._together():
                dist.all_reduce(flat, group=self._gradients)
            parts = torch.split(flat / self.size, [gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view(gradient.shape))

    def agree(self, values: Sequence[float]) -> list[float]:
        """Main's ``values`` for everybody; all call it with as many. Waits while main is :meth:`busy`."""
        if self.size == 1:
            return list(values)
        ready = torch.ones(1, dtype=torch.float64)
        told = torch.tensor(values, dtype=torch.float64)
        with self._together():
            dist.broadcast(ready, 0, group=self._words)
            while not ready.item():
                dist.broadcast(ready, 0, group=self._words)
            dist.broadcast(told, 0, group=self._words)
        return [float(value) for value in told]

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any of the processes."""
        if self.size == 1:
            return flag
        raised = torch.tensor([float(flag)], dtype=torch.float64)
        with self._together():
            dist.all_reduce(raised, dist.ReduceOp.MAX, group=self._words)
        return bool(raised.item())

    def same(self, value: float) -> bool:
        """Whether ``value`` is the same in all of the processes; all get the same answer."""
        return not self.any(self.agree([value]) != [value])

    def wait(self) -> None:
        """Return once everybody is here. Waits while main is :meth:`busy`."""
        self.agree([])
        self.any(False)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """What main does alone and the others wait for, such as writing a checkpoint, however long it takes.

        The others pass through at once. For everybody, what follows has to be :meth:`agree` or :meth:`wait`.
        """
        if self.size == 1 or not self.is_main:
            yield
            return

        def beat() -> None:
            # Whether the others are still there is asked once the work is done: a checkpoint is worth finishing.
            with contextlib.suppress(RuntimeError):
                dist.broadcast(torch.zeros(1, dtype=torch.float64), 0, group=self._words)

        with beating(PATIENCE.total_seconds() / BEATS, beat):
            yield

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """Turns what torch says of a lost connection into a sentence."""
        try:
            yield
        except RuntimeError as error:
            raise PeerError(
                f"Process {self.rank} of {self.size} has lost the others: one of them ended or does not answer.",
                "Start all of them again to go on from the last checkpoint; "
                "torchrun does so by itself, up to --max-restarts times.",
            ) from error


def _own_device(device: torch.device, local_rank: int) -> torch.device:
    """The process's own device of the kind asked for: the GPU of its number, unless one was named."""
    if str(device) != "cuda":  # not a GPU, or one with its number
        return device
    visible = torch.cuda.device_count()
    if visible == 1 and os.environ.get("CUDA_VISIBLE_DEVICES"):
        return torch.device("cuda", 0)  # the launcher shows each process its own
    if local_rank >= visible:
        raise ComponentError(
            f"Process {local_rank} of this host has no GPU of its own: there are only {visible}.",
            "Start one process for each GPU.",
        )
    return torch.device("cuda", local_rank)


def _buckets(gradients: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Gradients of one type each, in their order, of about :data:`BUCKET` bytes."""
    for dtype in sorted({gradient.dtype for gradient in gradients}, key=str):
        bucket: list[torch.Tensor] = []
        for gradient in gradients:
            if gradient.dtype != dtype:
                continue
            bucket.append(gradient)
            if sum(held.nbytes for held in bucket) >= BUCKET:
                yield bucket
                bucket = []
        if bucket:
            yield bucket
