"""Where networks run, and how numbers get there."""

from __future__ import annotations

import torch

from understudy.errors import ComponentError, UsageError


def choose_device(name: str) -> torch.device:
    """``auto`` (CUDA, else Apple's GPU, else the CPU) or a torch device name.

    Raises :class:`UsageError` for a name that torch does not know and :class:`ComponentError` for a device that is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(
            f"There is no kind of device called {name!r}.", "Use auto, cpu, cuda, cuda:1 or mps."
        ) from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ComponentError(f"This machine has no device {name}.", "See what there is: understudy doctor")
    return device


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """``tensor``, which is in the host's memory, on ``device``; on CUDA nobody waits for it to arrive.

    It goes there from pinned memory: out of any other, all that the GPU was told before may have to be done first.
    Other devices are not known to keep what is on its way to them.
    """
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.contiguous().pin_memory().to(device, non_blocking=True)
