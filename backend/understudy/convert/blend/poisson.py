"""Blending by gradients (Perez, Gangnet and Blake, "Poisson image editing", 2003): the new face's own, on the plate's edge."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.convert.blend.multigrid import membrane
from understudy.convert.colour.log_pixels import SPAN, coded, decoded
from understudy.imaging.extent import extent

REACH = 2.0
"""Spread in pixels of the average from which the plate's edge is taken: a pixel alone would flicker with its grain."""

MOST = 64.0
"""No difference of light counts for more: new faces are held to as much, and a glint of the sun must not flood one."""


def gradient_domain(
    swap: NDArray[np.float32], plate: NDArray[Any], matte: NDArray[np.float32], *, log: bool
) -> NDArray[np.float32]:
    """``swap`` (h, w, 3) with its own gradients, and the colours of ``plate`` (h, w, 3) where ``matte`` (h, w) begins.

    Both are scene-linear in the same space. What is added to the swap is the membrane (Laplace's equation) over the
    matte's support through the difference of plate and swap along its edge: a sum of light, or with ``log`` a ratio (a
    sum of the network's code values), which suits a face in another exposure. The difference along the edge is a
    Gaussian average of :data:`REACH` pixels over the support's own outermost pixels, so that neither grain nor what lies
    behind the face's outline or before it (a wall, a hand) bleeds into the face. At the edges of the array, where the
    face goes on outside the frame, nothing is held. Pixels that are no numbers are left out. Outside the support, and
    where nothing is held, the swap stays what it was. Returns (h, w, 3) float32, finite where the swap is.
    """
    support = matte > 0
    result = np.array(swap, np.float32)
    rows, columns = extent(support, 1)
    support, new = support[rows, columns], result[rows, columns]
    given = np.asarray(plate[rows, columns], np.float32)
    if not support.any():
        return result
    if log:
        new, given = coded(new), coded(given)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = given - new
    values, held = _edge(difference, support, SPAN if log else MOST)
    new = new + membrane(support, values, held).transpose(1, 2, 0)
    if log:
        new = decoded(new)
    result[rows, columns][support] = new[support]
    return result


def _edge(
    difference: NDArray[np.float32], support: NDArray[np.bool_], most: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The pixels just outside ``support`` (h, w) that are held, and their values (3, h, w): normalised Gaussian averages."""
    seen = support & np.isfinite(difference).all(-1)
    bounded = np.clip(np.where(seen[..., None], difference, 0), -most, most)
    weighted = np.dstack([bounded, seen]).astype(np.float32)
    blurred = cv2.GaussianBlur(weighted, (0, 0), REACH, borderType=cv2.BORDER_CONSTANT).transpose(2, 0, 1)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    beside = cv2.dilate(support.astype(np.uint8), cross).astype(bool) & ~support
    held = beside & (blurred[3] > 1e-4)
    return np.where(held, blurred[:3] / np.where(held, blurred[3], 1), 0).astype(np.float32), held
