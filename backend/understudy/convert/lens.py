"""What a lens or a poor source does to a picture: out of focus, short of pixels."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from understudy.face.resample import average, lattice, sample
from understudy.model.encoding import decode, encode

COARSEST = 8.0
"""How many pixels of the plate a pixel of the poorest source covers, along x and along y."""

_FINE = 16  # steps to a pixel in which a disc is drawn
_REST = 1e-3  # least part of a disc that must lie on the face


def defocused(picture: NDArray[np.float32], matte: NDArray[Any], radius: float) -> NDArray[np.float32]:
    """``picture`` (h, w, 3), scene-linear, out of focus: each point becomes a disc of ``radius`` pixels.

    Only what ``matte`` (h, w) in 0..1 shows gives light: the face is blurred premultiplied and then made straight again,
    so that no surroundings creep into it. Where no face is in reach the picture stays.
    """
    disc = _disc(radius)
    if disc.shape == (1, 1):
        return picture
    weight = np.asarray(matte, np.float32)
    light = cv2.filter2D(picture * weight[..., None], -1, disc, borderType=cv2.BORDER_REPLICATE)
    seen = cv2.filter2D(weight, -1, disc, borderType=cv2.BORDER_REPLICATE)
    reached = seen > _REST
    return np.where(reached[..., None], light / np.where(reached, seen, 1.0)[..., None], picture)


def degraded(picture: NDArray[np.float32], amount: float, origin: tuple[int, int] = (0, 0)) -> NDArray[np.float32]:
    """``picture`` (h, w, 3), scene-linear, as if enlarged from fewer pixels: up to ``COARSEST`` at ``amount`` 1.

    The coarse pixels lie fast on the plate, of which ``origin`` is the x y of the picture's first pixel. The light in each
    is averaged, and enlarged by a cubic kernel in code values. ``amount`` 0..1 begins with the picture itself.
    """
    if amount <= 0:
        return picture
    pitch = COARSEST**amount
    height, width = picture.shape[:2]
    left, top = (math.floor(start / pitch) for start in origin)
    right, bottom = math.ceil((origin[0] + width) / pitch), math.ceil((origin[1] + height) / pitch)
    to_coarse = np.array([[1 / pitch, 0, origin[0] / pitch - left], [0, 1 / pitch, origin[1] / pitch - top]])
    to_picture = np.array([[pitch, 0, left * pitch - origin[0]], [0, pitch, top * pitch - origin[1]]])
    fine = math.ceil(pitch)
    light = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
    coarse = average(sample(light, lattice(bottom - top, right - left, fine, to_picture)), fine)
    large = decode(sample(encode(coarse), lattice(height, width, 1, to_coarse))).permute(1, 2, 0).numpy()
    # Just above a pitch of 1 the coarse pixels beat with the plate's: there they are mixed in.
    part = np.float32(min(pitch - 1, 1))
    return np.asarray(picture + part * (large - picture), np.float32)


def _disc(radius: float) -> NDArray[np.float32]:
    """A disc that sums to 1, by how much of each pixel it covers; (1, 1) when it is smaller than a pixel."""
    reach = max(math.ceil(radius - 0.5), 0)
    side = 2 * reach + 1
    along = ((np.arange(side * _FINE) + 0.5) / _FINE - side / 2) ** 2
    inside = (along[:, None] + along[None] <= max(radius, 0.5) ** 2).astype(np.float32)
    covered = inside.reshape(side, _FINE, side, _FINE).mean((1, 3))
    return np.asarray(covered / covered.sum(), np.float32)
