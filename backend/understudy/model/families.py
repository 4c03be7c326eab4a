"""The families of networks, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.model.network import Architecture, SwapNetwork
from understudy.model.quick import QuickArchitecture, QuickNetwork


def build(arch: Architecture) -> SwapNetwork:
    """A network of ``arch``, its weights still meaningless. Raises ``ValueError`` for an architecture of no family."""
    if isinstance(arch, QuickArchitecture):
        return QuickNetwork(arch)
    raise ValueError(f"no family of networks has the architecture {arch!r}")


def architecture_from_json(data: Mapping[str, Any]) -> Architecture:
    """What ``to_json`` of an architecture gave.

    Raises ``ValueError`` for an unknown family, and ``KeyError``, ``TypeError`` or ``ValueError`` for data that is not
    whole.
    """
    if data.get("family") == QuickArchitecture.family:
        return QuickArchitecture.from_json(data)
    raise ValueError(f"unknown model family {data.get('family')!r}")
