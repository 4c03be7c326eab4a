"""Code values of pictures: see :mod:`understudy.model.log_curve`. A step of them is a ratio of light."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.model.log_curve import BRIGHTEST, DARKEST, decode, encode

SPAN = BRIGHTEST - DARKEST
"""No two predictions differ by more."""


def coded(linear: NDArray[Any]) -> NDArray[np.float32]:
    """Scene-linear values of any shape as code values, float32."""
    return np.asarray(encode(torch.from_numpy(np.array(linear, np.float32))).numpy(), np.float32)


def decoded(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of :func:`coded`."""
    return np.asarray(decode(torch.from_numpy(codes)).numpy(), np.float32)
