"""How a step is computed: the same mathematics, faster or plainer."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """What is done for speed. None of it changes what is learnt, but for rounding."""

    bfloat16: bool  # the networks run in bfloat16 under autocast; losses and weights stay float32
    channels_last: bool  # pictures and kernels lie channel by channel, as tensor cores want them
    compiled: bool  # what varies faces becomes one program, the forward pass with the losses another

    @property
    def layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def uncompiled(self) -> AbstractContextManager[object]:
        """Within, what was to be compiled runs as it is written: for steps that are not worth a program."""
        return torch.compiler.set_stance("force_eager") if self.compiled else nullcontext()

    @staticmethod
    def fast(device: torch.device) -> Precision:
        """What pays on ``device``: everything on CUDA, where a compiler is installed; on a CPU bfloat16 is slower."""
        cuda = device.type == "cuda"
        return Precision(bfloat16=cuda, channels_last=True, compiled=cuda and _has_compiler())

    @staticmethod
    def plain() -> Precision:
        """float32, step by step, as it is written."""
        return Precision(bfloat16=False, channels_last=False, compiled=False)


def _has_compiler() -> bool:
    """Whether torch's compiler can make kernels: Triton comes with torch on Linux, and is a package of its own elsewhere."""
    from torch.utils._triton import has_triton

    return bool(has_triton())
