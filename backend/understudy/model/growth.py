"""A larger network that begins with what a smaller one of its family has learned.

Growing adds a level at either end and leaves everything between as it is: a filter before the encoder that halves the
sides, and after the decoder a layer that enlarges the picture and paints finer detail on it (as Karras et al. 2018 and
2020 grow theirs). So the grown network paints what the small one paints, only larger, from its first step; and its
code and dense layers, which know the face, do not grow with the square of the sides.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F

from understudy.model.deep import DeepArchitecture
from understudy.model.families import build
from understudy.model.network import Architecture, SwapNetwork
from understudy.model.quick import QuickArchitecture


def grown_architecture(arch: Architecture, resolution: int) -> Architecture:
    """The architecture of a network of ``arch`` grown to ``resolution``, in pixels.

    Raises ``ValueError`` where that is not the present resolution doubled one or several times, or is too large.
    """
    doublings = (resolution // arch.resolution).bit_length() - 1
    if doublings < 1 or resolution != arch.resolution * 2**doublings:
        raise ValueError(f"a network of {arch.resolution} px grows by doubling, to {2 * arch.resolution} px at first")
    if not isinstance(arch, QuickArchitecture | DeepArchitecture):
        raise ValueError(f"a {arch.family} network cannot grow")
    return replace(arch, resolution=resolution, grown=arch.grown + doublings)


def grow(network: SwapNetwork, resolution: int) -> SwapNetwork:
    """A network on the CPU that paints what ``network`` paints, at a larger ``resolution``.

    What is new of it begins from torch's random state. Raises ``ValueError`` as :func:`grown_architecture` does.
    """
    grown = build(grown_architecture(network.arch, resolution))
    grown.start({name: torch.zeros(4, resolution, resolution) for name in grown.arch.identities})
    state = grown.state_dict()
    for name, old in network.state_dict().items():
        weight = old.detach().cpu()
        if weight.shape != state[name].shape:  # mean faces, the one thing that has the picture's size
            weight = F.interpolate(weight, size=(resolution, resolution), mode="bicubic", align_corners=False)
        state[name] = weight
    grown.load_state_dict(state)
    return grown
