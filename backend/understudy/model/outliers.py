"""What among the code values of a face cannot be light of a face: fireflies, broken pixels, a lamp before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SPREADS = 6.0
"""Robust standard deviations from the median beyond which a code value is an outlier."""

REACH = 0.7
"""And code values: about ten times mid grey, and well below no light. Highlights of a face of even light stay below it."""

_NORMAL = 1.4826  # of normal numbers: the standard deviation over the median of the distances from the median
_MOST = 1 << 14  # samples that are looked at


def plausible_range(codes: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest (C,) of what is believed of ``codes`` (N, C), N at least 1, finite.

    Median and median distance from it hold as long as less than half is wrong, however wrong (Huber 1981).
    """
    some = np.asarray(codes[:: -(-len(codes) // _MOST)], np.float64)
    middle = np.median(some, axis=0)
    reach = np.maximum(SPREADS * _NORMAL * np.median(np.abs(some - middle), axis=0), REACH)
    return middle - reach, middle + reach
