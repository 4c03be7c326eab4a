"""What a reader is to the fuzz runs: how its inputs are made, and how it takes them in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz_mutations import spoilt_bytes, spoilt_document

Make = Callable[[random.Random], bytes]
Read = Callable[[bytes, Path], object]


@dataclass(frozen=True)
class Reader:
    """``make`` gives a spoilt input, ``read`` takes it in; ``share`` is how many of all inputs it gets."""

    make: Make
    read: Read
    share: float = 1.0


def bytes_of(*seeds: Callable[[], bytes]) -> Make:
    """Spoilt bytes of one of the ``seeds``, which are made when they are wanted."""
    return lambda dice: spoilt_bytes(dice.choice(seeds)(), dice)


def documents_of(*seeds: Callable[[], Any]) -> Make:
    """Spoilt JSON of one of the ``seeds``."""
    return lambda dice: spoilt_document(dice.choice(seeds)(), dice)


def either(*makers: Make) -> Make:
    return lambda dice: dice.choice(makers)(dice)


def written(name: str, read: Callable[[Path], object]) -> Read:
    """``read`` given a file that is called ``name``."""

    def from_file(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return from_file


def text_of(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
