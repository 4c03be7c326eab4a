"""Cryptomatte: who and what a pixel shows, and how much of it, so that a compositor picks a face's parts by name.

Written from the published specification 1.2: a name becomes the float whose bits are its MurmurHash3; each pixel
lists the names it shows by falling coverage, as pairs (id, coverage), two pairs a layer; a manifest in the header
tells which name an id is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import mmh3
import numpy as np
from numpy.typing import NDArray

LEVELS = 3
"""Layers of two pairs each: six names to a pixel."""

CHANNELS = ("r", "g", "b", "a")
"""In small letters, for these are no colours: no host converts them, and no lossy compression of EXR touches them."""


def cryptomatte(
    name: str, coverage: Mapping[str, NDArray[np.floating[Any]]]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """The layers of a Cryptomatte called ``name``, and what the file's header has to say of it.

    ``coverage`` holds (h, w) pictures in 0..1 by object, at least one, which add up to 1 at most. Returns the layers
    ``name00``, ``name01``, ``name02``, each (h, w, 4) float32 with :data:`CHANNELS`: id, coverage, id, coverage; and the
    attributes ``cryptomatte/...``. Ids are floats made of bits: they must be stored as 32-bit floats, without loss, and
    never be filtered.
    """
    names = list(coverage)
    stack = np.stack([np.asarray(coverage[one], np.float32) for one in names])  # (n, h, w)
    numbers = np.array([float_id(one) for one in names], np.float32)
    order = np.argsort(-stack, axis=0, kind="stable")[: 2 * LEVELS]
    covered = np.take_along_axis(stack, order, axis=0)
    pairs = np.zeros((2 * LEVELS, 2, *stack.shape[1:]), np.float32)
    pairs[: len(order), 0] = np.where(covered > 0, numbers[order], 0)
    pairs[: len(order), 1] = covered
    layers = {
        f"{name}{level:02}": np.ascontiguousarray(
            pairs[2 * level : 2 * level + 2].reshape(4, *stack.shape[1:]).transpose(1, 2, 0)
        )
        for level in range(LEVELS)
    }
    return layers, header(name, names)


def header(name: str, names: Sequence[str]) -> dict[str, str]:
    """The attributes of a Cryptomatte called ``name`` of the objects ``names``.

    They are the same on every frame of a shot whose ``names`` are, also on one that shows none of them.
    """
    key = f"cryptomatte/{f'{_hash(name):08x}'[:7]}"
    manifest = {one: f"{int(np.float32(float_id(one)).view(np.uint32)):08x}" for one in names}
    return {
        f"{key}/name": name,
        f"{key}/hash": "MurmurHash3_32",
        f"{key}/conversion": "uint32_to_float32",
        f"{key}/manifest": json.dumps(manifest, separators=(",", ":")),
    }


def float_id(name: str) -> float:
    """The float that stands for ``name``: the bits of its hash, with one flipped where they would be no ordinary number."""
    bits = _hash(name)
    if (bits >> 23) & 255 in (0, 255):
        bits ^= 1 << 23
    return float(np.uint32(bits).view(np.float32))


def _hash(text: str) -> int:
    return int(mmh3.hash(text, signed=False))
