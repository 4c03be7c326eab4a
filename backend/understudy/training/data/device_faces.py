"""Where the faces of a training lie: on the device, as far as they fit, and else beside it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from understudy.model.device import send

SHARE = 0.6
"""Part of a GPU's free memory that faces may take; the rest is for networks and what they compute."""

GIB = 2**30


class MemoryBudget:
    """The memory of a device that is left for faces; everybody's faces of a training share it."""

    def __init__(self, device: torch.device, gib: float | None = None) -> None:
        """``gib``: GiB in all; when left out, :data:`SHARE` of what is free on a GPU, and no limit elsewhere."""
        self.device = device
        self.left: float = float("inf")
        if gib is not None:
            self.left = gib * GIB
        elif device.type == "cuda":
            self.left = SHARE * torch.cuda.mem_get_info(device)[0]

    def take(self, count: int, each: int) -> int:
        """Take room for as many of ``count`` things of ``each`` bytes as there is; returns how many."""
        fit = count if count * each <= self.left else int(self.left // each)
        self.left -= fit * each
        return fit


@dataclass(frozen=True)
class DeviceFaces:
    """Packed faces (N, 8, R, R): the first of them on the device, the others in the host's memory."""

    near: torch.Tensor
    far: torch.Tensor

    @staticmethod
    def place(packed: torch.Tensor, room: MemoryBudget) -> DeviceFaces:
        """Lay ``packed`` (N, 8, R, R), which is in the host's memory, where there is room."""
        fit = room.take(len(packed), packed[:1].nbytes)
        near, far = packed[:fit].to(room.device), packed[fit:]
        # A view would keep what went to the device in the host's memory too.
        return DeviceFaces(near, far.clone() if 0 < fit < len(packed) else far)

    def __len__(self) -> int:
        return len(self.near) + len(self.far)

    @property
    def device(self) -> torch.device:
        return self.near.device

    def gather(self, picks: torch.Tensor, there: torch.Tensor | None = None) -> torch.Tensor:
        """The faces at ``picks`` (n,), numbers on the CPU, as float32 (n, 8, R, R) on the device.

        ``there``: the same numbers on the device, where they have been sent before. On CUDA nobody waits: faces that are
        not on the device are collected in pinned memory and copied while the host goes on.
        """
        if not len(self.far):
            rows = send(picks, self.device) if there is None else there
            return self.near.index_select(0, rows).float()  # faster than indexing on a processor
        away = picks >= len(self.near)
        wanted = picks[away] - len(self.near)
        pinned = self.device.type == "cuda"
        fetched = torch.empty((len(wanted), *self.far.shape[1:]), dtype=self.far.dtype, pin_memory=pinned)
        torch.index_select(self.far, 0, wanted, out=fetched)
        here = self.near.index_select(0, send(picks[~away], self.device))
        both = torch.cat([here, fetched.to(self.device, non_blocking=pinned)])
        # Where in ``both`` each of the picks is: those that were here come first, then those that were fetched.
        order = torch.argsort(torch.argsort(away.long(), stable=True))
        return both[send(order, self.device)].float()
