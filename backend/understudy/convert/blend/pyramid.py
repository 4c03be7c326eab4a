"""Blending by scales (Burt and Adelson, "A multiresolution spline", 1983): broad tones widely, fine detail narrowly."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.convert.colour.log_pixels import SPAN, coded, decoded

PART = 4.0
"""The broadest scale is a quarter of the radius of a disc as large as the matte: in its middle all tones are the face's."""


def pyramid_blend(swap: NDArray[np.float32], plate: NDArray[Any], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """``swap`` (h, w, 3) drawn to the tones of ``plate`` (h, w, 3) towards the edge of ``matte`` (h, w).

    Both are scene-linear in the same space. Their difference in code values, a ratio of light, is split into octaves, each
    as the matte sees it: what lies outside does not bleed in. The finest is left to the matte alone; each broader one
    fades from the plate's to the swap's over a way as long as its own scale, from the matte's edge inwards. So nothing
    reaches beyond the matte, and where tones differ neither seam nor halo is left. The broadest scale follows the matte's
    area, without steps. Pixels that are no numbers are left out; where nothing differs the swap keeps its values. Returns
    (h, w, 3) float32, finite where the swap is.
    """
    # A swap of half opacity blends as a whole one does.
    matte = np.asarray(matte / max(float(matte.max()), 1e-6), np.float32)
    radius = math.sqrt(float(matte.sum(dtype=np.float64)) / math.pi)
    octaves = math.log2(max(radius / PART, 1.0))
    mattes = _ever_coarser(matte, math.ceil(octaves))
    codes = coded(swap)
    tones = _tones(codes, coded(plate), matte, math.ceil(octaves))
    share, drawn = np.zeros_like(matte), np.zeros_like(tones[0])
    for level in range(1, len(mattes)):
        band = np.dstack([tones[level] - _finer(tones[level + 1], mattes[level].shape), mattes[level]])
        for finer in mattes[level - 1 :: -1]:
            band = _finer(band, finer.shape)
        narrower, share = share, _plates_share(band[..., 3])
        if level == len(mattes) - 1:
            # The broadest octave counts by how much of it there is.
            whole = np.float32(octaves - math.ceil(octaves) + 1)
            share = whole * share + (1 - whole) * narrower
        drawn += share[..., None] * band[..., :3]
    return np.where(drawn == 0, swap, decoded(codes + drawn))


def _tones(
    swap: NDArray[np.float32], plate: NDArray[np.float32], matte: NDArray[np.float32], octaves: int
) -> list[NDArray[np.float32]]:
    """What ``matte`` sees of the difference plate - swap in code values: as it is, ``octaves`` times coarser, and nothing."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = plate - swap
    seen = np.where(np.isfinite(difference).all(-1), matte, 0).astype(np.float32)
    bounded = np.clip(np.where(seen[..., None] > 0, difference, 0), -SPAN, SPAN)
    sums, weights = _ever_coarser(bounded * seen[..., None], octaves), _ever_coarser(seen, octaves)
    tones = [np.zeros_like(sums[-1])]
    for sum_, weight in zip(reversed(sums), reversed(weights), strict=True):
        tones.insert(0, _means(sum_, weight, _finer(tones[0], weight.shape)))
    return tones


def _plates_share(matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of a scale is the plate's, of the ``matte`` at that scale: all at an edge, where that is one half."""
    inside = np.clip(2 * matte - 1, 0, 1)
    return np.asarray(1 - inside * inside * (3 - 2 * inside), np.float32)


def _means(sums: NDArray[Any], weight: NDArray[Any], otherwise: NDArray[Any]) -> NDArray[np.float32]:
    """(h, w, 3) weighted sums as means; where there is hardly any weight (h, w), what they are ``otherwise``."""
    trust = np.float32(1e-6)
    return np.asarray((sums + trust * otherwise) / (weight + trust)[..., None], np.float32)


def _ever_coarser(picture: NDArray[np.float32], octaves: int) -> list[NDArray[np.float32]]:
    """``picture``, and that at half, quarter, ... the size; it goes on evenly at the array's edges."""
    pictures = [picture]
    for _ in range(octaves):
        pictures.append(np.asarray(cv2.pyrDown(pictures[-1], borderType=cv2.BORDER_REPLICATE), np.float32))
    return pictures


def _finer(picture: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Twice as many pixels each way, (h, w) of ``shape``; what is of that shape already stays."""
    return np.asarray(picture if picture.shape[:2] == shape else cv2.pyrUp(picture, dstsize=shape[::-1]), np.float32)
