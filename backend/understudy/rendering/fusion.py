"""A rendered face in better light, by the fusion network: it sees every face at one size, and its shares hold at any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from understudy.face.geometry import crop_matrix
from understudy.face.mesh import Posed
from understudy.imaging.affine import scale_of
from understudy.model.fusion import MATTE, PER_UNIT, SIDE, SKIN, Fusion, fused
from understudy.rendering.light import Relight

_SMALLER = 0.8  # a picture made smaller than this is blurred before, for the same reason
_ALIASED = 0.4  # pixels of the smaller picture over which it is


@dataclass(frozen=True, eq=False)
class Candidates:
    """What the face may be made of, over one rectangle of the plate; scene-linear (h, w, 3)."""

    rendered: NDArray[np.float32]  # the new face in the plate's light, on the bent plate
    mesh: NDArray[np.float32]  # the same without the plate's own broad light
    carrier: NDArray[np.float32]  # the plate bent to the new face's shape
    plate: NDArray[np.float32]
    maps: NDArray[np.float32]  # (h, w, MAPS) see model.fusion


class Canvas:
    """The upright square in which the network sees a head."""

    def __init__(self, posed: Posed, corner: tuple[int, int]) -> None:
        """``corner`` is the plate's pixel at the first pixel of the rectangle that is looked at."""
        crop = crop_matrix(posed.head, "whole", SIDE)
        turn = PER_UNIT / (posed.head.scale * scale_of(crop)) * crop[:, :2]
        middle = SIDE / 2 + PER_UNIT / (posed.head.scale * scale_of(crop)) * (crop[:, 2] - SIDE / 2)
        self.matrix = np.column_stack([turn, middle + turn @ np.array(corner, np.float64)])
        """(2, 3) from pixels of the rectangle to pixels of the canvas, both with centres at +0.5."""

    def light(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """(SIDE, SIDE, 3) a picture (h, w, 3) of the rectangle; beyond its edge the edge repeats."""
        scale = scale_of(self.matrix)
        if scale < _SMALLER:
            blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), _ALIASED / scale), np.float32)
            return self._drawn(blurred, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
        return self._drawn(picture, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)

    def maps(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """(SIDE, SIDE, C) maps (h, w, C) of the rectangle; beyond its edge there is nothing."""
        parts = np.array_split(maps, -(-maps.shape[2] // 4), axis=2)  # OpenCV takes four channels at once
        return np.dstack([self._drawn(part, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT) for part in parts])

    def back(self, shares: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
        """Shares (SIDE, SIDE, C) over the canvas as shares (height, width, C) over the rectangle; C is 2."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(shares, _centred(self.matrix), (width, height), flags=flags), np.float32)

    def _drawn(self, picture: NDArray[np.float32], kernel: int, border: int) -> NDArray[np.float32]:
        size, matrix = (SIDE, SIDE), _centred(self.matrix)
        drawn = cv2.warpAffine(np.ascontiguousarray(picture), matrix, size, flags=kernel, borderMode=border)
        return np.asarray(drawn, np.float32)


def find_shares(network: Fusion, canvas: Canvas, seen: Candidates) -> NDArray[np.float32]:
    """(h, w, SHARES) what the ``network`` wants of the light of the face that is ``seen``, over its rectangle."""
    pictures = np.stack([canvas.light(one) for one in (seen.rendered, seen.mesh, seen.carrier, seen.plate)])
    with torch.inference_mode():
        shares = network(torch.from_numpy(pictures).permute(0, 3, 1, 2)[None], _tensor(canvas.maps(seen.maps)))
    return canvas.back(_array(shares), *seen.plate.shape[:2])


def strength_of(relight: Relight, hardness: float) -> float:
    """0..1 how far the network is followed: as far as ``relight`` asks for the plate's light, and as that is not hard.

    In hard light shadows are taken over to their edges already, and what the network learnt of it on some people made it
    worse on others.
    """
    return relight.strength * relight.broad * (1 - hardness) if relight.part == "all" else 0.0


def fuse(
    shares: NDArray[np.float32], candidates: Candidates, unit: float, strength: float = 1.0
) -> NDArray[np.float32]:
    """(h, w, 3) the rendered face as the ``shares`` (h, w, SHARES) want it, with a ``strength`` of 0..1.

    ``unit`` are pixels per mean-face unit.
    """
    rendered, mesh, carrier = (_tensor(one) for one in (candidates.rendered, candidates.mesh, candidates.carrier))
    matte, skin = (_tensor(candidates.maps[..., layer, None]) for layer in (MATTE, SKIN))
    with torch.inference_mode():
        return _array(fused(strength * _tensor(shares), rendered, mesh, carrier, matte, skin, unit))


def _tensor(picture: NDArray[np.floating[Any]]) -> Tensor:
    """(1, C, h, w) of (h, w, C)."""
    return torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]


def _array(picture: Tensor) -> NDArray[np.float32]:
    """(h, w, C) of (1, C, h, w)."""
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())


def _centred(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same for pixel centres at whole numbers, which OpenCV counts from."""
    return np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ (0.5, 0.5) - 0.5])
