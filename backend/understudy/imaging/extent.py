"""The rectangle of a picture in which there is anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def extent(shown: NDArray[Any], margin: int = 0, step: int = 1) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle outside of which ``shown`` (h, w) is 0; empty where it is 0 all over.

    With ``margin`` more on each side, and then on to multiples of ``step``, as far as there are any: so the rectangle
    stays what it was while what is shown changes a little.
    """
    height, width = shown.shape
    return _span(shown.any(1), height, margin, step), _span(shown.any(0), width, margin, step)


def _span(any_shown: NDArray[np.bool_], length: int, margin: int, step: int) -> slice:
    found = np.flatnonzero(any_shown)
    if not len(found):
        return slice(0, 0)
    first, last = int(found[0]) - margin, int(found[-1]) + 1 + margin
    return slice(max(first, 0) // step * step, min(-(-last // step) * step, length))
