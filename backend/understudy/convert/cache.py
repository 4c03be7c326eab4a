"""What one process keeps from call to call, so that asking again costs only what has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class LatestCache:
    """The latest of each thing that is slow to make, for as long as what it is made from stays the same.

    ``made_from`` must tell everything that decides about the thing: settings, stamps of files (taken before they are
    read), and other things that are kept, which stand for all that they were made from. A thing that could not be
    made is not kept. Several threads may ask at once; what two of them make at once is made twice.
    """

    def __init__(self) -> None:
        self._things: dict[str, tuple[Hashable, Any]] = {}

    def get(self, name: str, made_from: Hashable, make: Callable[[], T]) -> T:
        """The thing called ``name`` if it was made from an equal ``made_from``, else a new one from ``make``."""
        kept = self._things.get(name)
        if kept is not None and kept[0] == made_from:
            return cast(T, kept[1])
        del kept
        self._things.pop(name, None)  # there need not be room for both
        made = make()
        self._things[name] = made_from, made
        return made
