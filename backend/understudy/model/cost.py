"""What a network costs, counted without making it: on torch's meta device, where pictures have shapes and no pixels.

``python -m understudy.model.cost`` prints the page ``docs/networks.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from understudy.model.families import FAMILIES, build, default_architecture
from understudy.model.growth import grown_architecture
from understudy.model.network import SIDES, Architecture, SwapNetwork, parameter_count

COPIES = 5
"""Float32 numbers that training keeps for each weight: it, its gradient, the optimiser's two moments, its average."""

SIZES = (64, 128, 256, 512, 1024)
"""Resolutions of the page, in pixels."""

BATCH = 8
"""Faces of each side in a step of the page."""


@dataclass(frozen=True)
class Cost:
    """What an architecture costs; a multiplication with its addition counts as two operations."""

    weights: int
    memory_bytes: int  # of training, whatever the batch: all that is kept for each weight
    tflop_per_step: float  # forwards and backwards, look-alikes of the target painted as the source included
    gflop_per_swap: float  # one face encoded and painted as the source


def cost(arch: Architecture, batch: int) -> Cost:
    """The cost of ``arch`` and of a training step on ``batch`` faces of each side."""
    with torch.device("meta"):
        network = build(arch)
        swap = _count(network, batch=1, learn=False)
        step = _count(network, batch=batch, learn=True)
    weights = parameter_count(network)
    return Cost(weights, weights * COPIES * 4, step / 1e12, swap / 1e9)


def _count(network: SwapNetwork, *, batch: int, learn: bool) -> int:
    """Operations of a swap of ``batch`` faces, or of learning from as many of each side."""
    faces = torch.empty(batch * (1 + learn), 3, network.arch.resolution, network.arch.resolution)
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(learn):
        code = network.encode(faces)
        painted = list(network.decode(code, SIDES[0]))
        if learn:
            painted += network.decode(code[batch:], SIDES[1])
            torch.stack([part.sum() for part in painted]).sum().backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def table(resolutions: Iterable[int] = SIZES, batch: int = BATCH) -> str:
    """Every family at every resolution, each in the sizes that suit it, as a table in Markdown."""
    lines = [
        f"| family | picture | weights | memory of training | a step of {batch} + {batch} faces | a swapped face |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for family in FAMILIES:
        for resolution in resolutions:
            counted = cost(default_architecture(family, resolution), batch)
            lines.append(
                f"| {family} | {resolution} px | {counted.weights / 1e6:.1f} M | {counted.memory_bytes / 2**30:.2f} GiB "
                f"| {counted.tflop_per_step:.3f} TFLOP | {counted.gflop_per_swap:.1f} GFLOP |"
            )
    return "\n".join(lines)


def page() -> str:
    """``docs/networks.md``: the families, and what they cost."""
    families = "\n".join(f"- `{family}`: {purpose}" for family, purpose in FAMILIES.items())
    begun = default_architecture("liae", 256)
    grown = cost(grown_architecture(begun, 512), BATCH)
    return f"""# Networks

{families}

The options of all but `quick`, and what DeepFaceLab calls them:

| option | there | |
|---|---|---|
| `bottleneck` | `ae_dims` | length of the code that an inter reads |
| `encoder_width`, `decoder_width`, `mask_width` | `e_dims`, `d_dims`, `d_mask_dims` | channels |
| `normalised_code` | `u` | codes have spread 1, whatever the picture's contrast |
| `half_resolution_decoder` | `d` | all but the last pixels are made at half the resolution, for a quarter of the work |
| `texture` | `t` | a layer more in the encoder and the decoder, and residual blocks in the encoder |
| `cosine` | `c` | x cos x in place of the leaky rectifiers |

With the same numbers a `df` or `liae` network has the same layers as there, and within 0.5 % as many weights, besides a
mean face for each person, from which painting starts.

## Growing

A trained network grows by doubling: to 128 px from 64 px, to 512 px from 256 px or 128 px. It gets a filter before its
encoder and a layer after its decoder, and paints from the first step what it painted before, only larger. What knows the
face stays as it is, so a `liae` of 256 px that has grown to 512 px has {grown.weights / 1e6:.1f} M weights and
a step of {BATCH} + {BATCH} faces takes {grown.tflop_per_step:.1f} TFLOP.

## Costs

What each costs in the sizes that suit a picture, counted by `python -m understudy.model.cost`. The memory is that of the
weights, their gradients, the optimiser's moments and the averaged weights, in float32; what a batch passes through comes
on top and grows with it. A multiplication with its addition counts as two operations.

{table()}
"""


if __name__ == "__main__":
    print(page(), end="")
