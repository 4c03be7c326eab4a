"""The families of networks, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.model.comb import CombArchitecture, CombNetwork
from understudy.model.deep import DeepArchitecture
from understudy.model.df import DfArchitecture, DfNetwork
from understudy.model.liae import LiaeArchitecture, LiaeNetwork
from understudy.model.morph import MorphArchitecture, MorphNetwork
from understudy.model.network import Architecture, SwapNetwork
from understudy.model.quick import QuickArchitecture, QuickNetwork, small

DEEP: dict[str, type[DeepArchitecture]] = {
    kind.family: kind for kind in (DfArchitecture, LiaeArchitecture, CombArchitecture, MorphArchitecture)
}
"""The large families, which have the same options."""

FAMILIES = {
    "quick": "small and fast: learns on a processor in minutes",
    "df": "a decoder for each person: keeps the shape of the new face",
    "liae": "one decoder for both: takes the target's light and pose more readily",
    "comb": "any number of people in one network",
    "morph": "who is painted is a slider from the target to the source",
}
"""Every family, and what it is for."""

_WIDTHS: tuple[tuple[int, dict[str, Any]], ...] = (
    (96, {"bottleneck": 128, "encoder_width": 48, "decoder_width": 48, "mask_width": 16}),
    (320, {}),
    (512, {"texture": True}),
    (1024, {"bottleneck": 192, "encoder_width": 48, "decoder_width": 48, "mask_width": 16, "texture": True}),
)
"""Options that suit pictures up to so many pixels, where they are not the usual ones."""


def build(arch: Architecture) -> SwapNetwork:
    """A network of ``arch``, its weights still meaningless. Raises ``ValueError`` for an architecture of no family."""
    match arch:
        case QuickArchitecture():
            return QuickNetwork(arch)
        case DfArchitecture():
            return DfNetwork(arch)
        case LiaeArchitecture():
            return LiaeNetwork(arch)
        case CombArchitecture():
            return CombNetwork(arch)
        case MorphArchitecture():
            return MorphNetwork(arch)
        case _:
            raise ValueError(f"no family of networks has the architecture {arch!r}")


def architecture_from_json(data: Mapping[str, Any]) -> Architecture:
    """What ``to_json`` of an architecture gave.

    Raises ``ValueError`` for an unknown family, and for data that is not whole or out of its ranges.
    """
    family = data.get("family")
    if family == QuickArchitecture.family:
        return QuickArchitecture.from_json(data)
    if isinstance(family, str) and family in DEEP:
        return DEEP[family].from_json(data)
    raise ValueError(f"unknown model family {family!r}")


def default_architecture(family: str, resolution: int, **words: Any) -> Architecture:
    """Sizes of ``family`` that suit ``resolution``, in pixels; ``words`` are fields of its architecture that are wanted so.

    Raises ``ValueError`` for an unknown family or a resolution that it cannot have, ``TypeError`` for a strange word.
    """
    if family == QuickArchitecture.family:
        if words:
            raise TypeError(f"the quick family has no {', '.join(words)}")
        return small(resolution)
    if family not in DEEP:
        raise ValueError(f"unknown model family {family!r}")
    usual = next((widths for limit, widths in _WIDTHS if resolution <= limit), {})
    halved = {"half_resolution_decoder": resolution % 32 == 0}
    return DEEP[family](resolution, **{**halved, **usual, **words})
