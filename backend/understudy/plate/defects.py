"""Pixels that show no light: what is no number, fireflies of a renderer, hot and dead pixels of a sensor.

They are found so that a picture can be measured and made anew without them; what is delivered keeps them. One firefly in
two thousand pixels of a face is enough to raise its spread by half, and every filter spreads one over its neighbours.
Pictures here are (h, w, C) float32 and scene-linear in any primaries; at least what is known of them is known in place, so
they are to be looked at before they are resampled.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.imaging.extent import extent

MOST_LIGHT = 65504.0
"""What is beyond, either way, is no light: the largest finite half float."""

LARGEST = 64
"""Longest side in pixels of a patch that is taken for broken: what is larger, and finite, is a lamp, or black."""

_GLARE = 20.0  # times the picture's usual light: so bright may a patch of several pixels be
_LEAST_USUAL = 0.18  # scene-linear: the usual light of a dark picture counts for as much
_CLIFF = 16.0  # a bright patch is this much brighter than what it ends at; lamps and glints have a bloom
_BRIGHT = 4.0  # times the usual light: so bright must a single pixel be to be looked at
_ALONE = 10.0  # times what is around it: so bright may a pixel be that stands alone
_SPECK = 2  # pixels of a patch that is hardly more than one
_FAINT = 0.05  # scene-linear light below which no ratio tells anything
_LIT = 0.05  # scene-linear: around a dead patch there is at least that much light
_EVEN = 0.5  # of its mean: and it is even, or else what is black is the shade between lips, or hair
_PATCH = 9  # pixels of a patch; of one so large it is enough that beside most of its edge there is
_MOSTLY, _STEP, _LEVEL = 0.7, 0.02, 0.3  # (so much of it) so much light, and of what is a pixel farther on so much
_SAMPLES = 64  # rows and columns in which the usual light is looked for
_MARGIN = 8  # pixels around what is filled that are looked at, at least
_NEAR = 0.02  # of a Gaussian: so much of it must lie on sound pixels


def without_defects(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """``picture`` (h, w, C), its :func:`defects` filled in from around. A sound picture is returned as it is."""
    broken = defects(picture)
    return filled(picture, broken) if broken.any() else picture


def defects(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(h, w) which pixels of ``picture`` (h, w, C) are broken.

    Those are: what is not finite, or more than a half float holds; patches up to :data:`LARGEST` far brighter than the
    picture, of either sign, with a hard edge; single pixels far brighter than all around them; and patches without any light,
    with a hard edge, on what is evenly lit. A catchlight has shoulders, a lamp is large or blooms, and a hair is a line.
    """
    usual = max(float(np.quantile(_some(picture), 0.75)), _LEAST_USUAL)
    least, most = float(picture.min()), float(picture.max())  # of no number and any other the least is no number
    broken = np.zeros(picture.shape[:2], np.bool_)
    if not max(-least, most) <= _BRIGHT * usual:
        broken = _too_bright(_most(np.abs(picture)), usual)
    if not least > 0:
        brightest = np.where(broken, np.float32(usual), _most(picture))
        if (dark := brightest <= 0).any():
            broken |= _dead(brightest, dark)
    return broken


def filled(picture: NDArray[np.float32], broken: NDArray[np.bool_]) -> NDArray[np.float32]:
    """``picture`` (h, w, C) where the ``broken`` pixels (h, w) are the mean of the sound ones around; black without any.

    Near sound pixels a narrow Gaussian of them, farther off ever coarser means (pull and push: Gortler et al. 1996).
    """
    result = np.array(picture)
    rows, columns = extent(broken)
    side = max(rows.stop - rows.start, columns.stop - columns.start, _MARGIN)
    part = extent(broken, side)  # as much around as there is to be filled
    known, missing = result[part], broken[part]
    known[missing] = 0
    count = cv2.GaussianBlur((~missing).astype(np.float32), (0, 0), 1.0)[..., None]
    light = cv2.GaussianBlur(known, (0, 0), 1.0).reshape(known.shape)
    near = missing & (count[..., 0] > _NEAR)
    known[near] = (light / np.maximum(count, _NEAR))[near]
    far = missing & ~near
    if far.any():
        known[far] = _pulled(known, (~far).astype(np.float32))[far]
    return result


def _pulled(known: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """``known`` (h, w, C), which is 0 where its ``weight`` (h, w) is, with means of what is around there."""
    height, width = weight.shape
    if weight.all() or max(height, width) == 1:
        return known
    size = -(-width // 2), -(-height // 2)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    light = cv2.resize(known, size, interpolation=cv2.INTER_AREA).reshape(*share.shape, -1)
    coarse = np.where(share[..., None] > 0, light / np.maximum(share, 1e-6)[..., None], 0).astype(np.float32)
    coarse = _pulled(coarse, (share > 0).astype(np.float32))
    wide = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(known.shape)
    return np.where(weight[..., None] > 0, known, wide)


def specks(strange: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) those of ``strange`` pixels that stand alone, or by two."""
    patches = _patches(strange)
    taken = patches.area <= _SPECK
    taken[0] = False
    return np.asarray(taken[patches.of_pixel])


def _too_bright(light: NDArray[np.float32], usual: float) -> NDArray[np.bool_]:
    """(h, w) what of ``light`` (h, w), which need be no number, is too bright where it is."""
    broken = ~(light <= MOST_LIGHT)
    light = np.where(broken, np.float32(0), light)
    glaring = light > _GLARE * usual
    if glaring.any():
        broken |= _fireflies(light, glaring)
        light[broken] = 0
    around = cv2.morphologyEx(light, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    alone = (light + _FAINT > _ALONE * (around + _FAINT)) & (light > _BRIGHT * usual)
    if alone.any():
        broken |= _hot(light, alone)
    return broken


class _Patches(NamedTuple):
    """Connected patches, of which the first is all that is in none."""

    of_pixel: NDArray[np.int32]  # (h, w)
    side: NDArray[np.intp]  # (n,) the longer one of their boxes
    area: NDArray[np.intp]
    around: NDArray[np.int32]  # (h, w) the patch that a pixel stands beside


def _patches(mask: NDArray[np.bool_]) -> _Patches:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    wide = cv2.dilate(labels.astype(np.float32), np.ones((3, 3), np.uint8)).astype(np.int32)
    side = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    areas = np.asarray(stats[:, cv2.CC_STAT_AREA], np.intp)
    return _Patches(np.asarray(labels, np.int32), np.asarray(side, np.intp), areas, np.where(mask, 0, wide))


def _fireflies(light: NDArray[np.float32], glaring: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Patches of what is ``glaring`` that are small and end at once, and the pixels around the larger of them."""
    patches = _patches(glaring)
    within, around = (_mean(light, labels, len(patches.side)) for labels in (patches.of_pixel, patches.around))
    taken = (patches.side <= LARGEST) & (within > _CLIFF * around)
    taken[0] = False
    spread = taken & (patches.area > _SPECK)
    return np.asarray(taken[patches.of_pixel] | spread[patches.around])


def _hot(light: NDArray[np.float32], alone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Patches of one or two pixels among those that stand ``alone``."""
    patches = _patches(alone)
    count = len(patches.side)
    peak = _greatest(light, patches.of_pixel, count) + _FAINT
    taken = (patches.area <= _SPECK) & (peak > _ALONE * (_greatest(light, patches.around, count) + _FAINT))
    taken[0] = False
    return np.asarray(taken[patches.of_pixel])


def _dead(brightest: NDArray[np.float32], dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Small patches of what is ``dark`` beside which everything is lit, and evenly."""
    patches = _patches(dark)
    count = len(patches.side)
    mean = _mean(brightest, patches.around, count)
    least = -_greatest(-brightest, patches.around, count)
    # Of grain no patch is made, and where light fades to black it does so pixel by pixel all around.
    lit = brightest > np.maximum(_STEP, _LEVEL * cv2.dilate(brightest, np.ones((5, 5), np.uint8)))
    hard = (patches.area >= _PATCH) & (_mean(lit.astype(np.float32), patches.around, count) >= _MOSTLY)
    taken = (patches.side <= LARGEST) & (mean > _LIT) & (hard | (least >= _EVEN * mean))
    taken[0] = False
    return np.asarray(taken[patches.of_pixel])


def _mean(values: NDArray[np.float32], labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """(count,) means of (h, w) ``values`` by their ``labels``; 0 where there are none."""
    sums = np.bincount(labels.ravel(), values.ravel(), count)
    return np.asarray(sums / np.maximum(np.bincount(labels.ravel(), minlength=count), 1))


def _greatest(values: NDArray[np.float32], labels: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """(count,) the greatest of (h, w) ``values`` by their ``labels``; hugely negative where there are none."""
    some = labels > 0
    most = np.full(count, -2 * MOST_LIGHT, np.float32)
    np.maximum.at(most, labels[some], values[some])
    return most


def _most(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) the greatest channel of (h, w, C); no number where one is none."""
    most = np.array(picture[..., 0])
    for channel in range(1, picture.shape[2]):
        np.maximum(most, picture[..., channel], out=most)
    return most


def _some(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The brightest channel of pixels from all over a ``picture`` (h, w, C), where that is light."""
    height, width = picture.shape[:2]
    some = _most(picture[:: -(-height // _SAMPLES), :: -(-width // _SAMPLES)])
    return np.where(np.abs(some) <= MOST_LIGHT, some, np.float32(0))
