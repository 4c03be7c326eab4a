"""A value of every frame, as the backend takes it in a job document: a number, or the keys that give it again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_PRECISION = 1e-6
"""How far a straight line may miss a value, as a part of the largest: Blender keeps single precision."""


def keyed(first: int, values: Sequence[float]) -> float | dict[str, Any]:
    """The ``values`` of the frames from ``first`` on: a number where they are all one, else linear keys.

    Keys are set where they are needed alone, so that the straight lines between them meet every value to single
    precision; the backend holds the end keys' values outside. Frames are text, as in any JSON document.
    """
    rounded = [single(value) for value in values]
    places = _corners(rounded, _PRECISION * max(map(abs, rounded)))
    while len(places) > 1 and rounded[places[0]] == rounded[places[1]]:
        del places[0]
    while len(places) > 1 and rounded[places[-1]] == rounded[places[-2]]:
        del places[-1]
    if len(places) == 1:
        return rounded[places[0]]
    return {"keys": {str(first + place): rounded[place] for place in places}, "interpolation": "linear"}


def single(value: float) -> float:
    """A number of single precision as it was written: Blender's 0.05 comes back as 0.05000000074505806."""
    return float(f"{value:.7g}")


def _corners(values: Sequence[float], slack: float) -> list[int]:
    """The places between which straight lines meet ``values`` within ``slack``, the first and the last among them.

    From each corner on it is kept which slopes meet all that was passed: as soon as the next value lies outside, the
    one before it is a corner.
    """
    corners, low, high = [0], -math.inf, math.inf
    for place in range(1, len(values)):
        if not low <= _slope(values, corners[-1], place) <= high:
            corners.append(place - 1)
            low, high = -math.inf, math.inf
        slope, give = _slope(values, corners[-1], place), slack / (place - corners[-1])
        low, high = max(low, slope - give), min(high, slope + give)
    return corners if corners[-1] == len(values) - 1 else [*corners, len(values) - 1]


def _slope(values: Sequence[float], start: int, end: int) -> float:
    return (values[end] - values[start]) / (end - start)
