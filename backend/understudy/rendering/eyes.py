"""The light on the eyes. Their whites are white with everybody: they show the light of a shot without the skin's colour.

So eyes are not made as much brighter or redder as the skin is, where two people's skins differ.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import at_landmarks
from understudy.imaging.affine import apply
from understudy.rendering.footage import Footage
from understudy.rendering.light import SkinLight, log_light

EYES = (slice(36, 42), slice(42, 48))

_LUMA = np.array([0.27, 0.67, 0.06])
_FRONT, _TRUSTED = 40.0, 0.5  # degrees of yaw, and trust in the lids: where whites are measured
_SHUT, _OPEN = 0.3, 0.7  # of the usual opening: no white is seen, and it is seen well
_IRISES = (468, 473)  # of the landmarker's mesh; four points around each follow
_AROUND = 1.15  # of an iris's radius: its rim is no white
_LEAST = 8  # pixels of white
_COLOUR = 0.5  # how far the colour of so few pixels is believed
_MOST = 1.5  # of log light


def eye_gain(source: Footage, own: SkinLight, plate: Footage, target: SkinLight) -> NDArray[np.float64]:
    """(3,) log gain of the eyes beyond that of the skin; 0 where either person's whites are never seen."""
    pair = [_whites(footage, light) for footage, light in ((plate, target), (source, own))]
    if pair[0] is None or pair[1] is None:
        return np.zeros(3)
    gain = np.clip(pair[0] - pair[1], -_MOST, _MOST)
    return np.asarray(gain.mean() + _COLOUR * (gain - gain.mean()))


def whites_mask(places: NDArray[np.float64], height: int, width: int, lids: NDArray[np.float64]) -> NDArray[np.float32]:
    """(height, width) 0..1 what lies between the lids of a head whose vertices are at ``places`` (468, 2) x y pixels.

    ``lids`` (2,) are how far they are open, 1 as usual: of an eye that is shut there is nothing.
    """
    mask = np.zeros((height, width), np.float32)
    for eye, open_by in zip(EYES, np.clip((lids - _SHUT) / (_OPEN - _SHUT), 0, 1), strict=True):
        canvas = np.zeros((height * 4, width * 4), np.uint8)
        outline = np.round((at_landmarks(places)[eye] * 4 - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(canvas, [outline], (255,), cv2.LINE_8, 4)
        mask += np.float32(open_by / 255) * cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return mask


def _whites(footage: Footage, light: SkinLight) -> NDArray[np.float64] | None:
    """(3,) the median over frames of the whites' log light, against that of the skin on the same frame."""
    found = []
    for index, face in enumerate(footage.faces):
        seen = footage.openings.trust[index].min() >= _TRUSTED and footage.openings.lids[index].min() >= _OPEN
        if not seen or abs(face.pose[0]) > _FRONT or face.dense is None or len(face.dense) <= max(_IRISES) + 4:
            continue
        picture = footage.picture(index)
        height, width = picture.shape[:2]
        white = whites_mask(footage.places(index), height, width, footage.openings.lids[index]) > 0.9
        white &= ~_irises(apply(face.matrix, face.dense), height, width)
        pixels = picture[white]
        if len(pixels) < _LEAST:
            continue
        luma = pixels @ _LUMA
        found.append(log_light(np.median(pixels[luma >= np.median(luma)], axis=0)) - light.mean(index))
    return np.asarray(np.median(found, axis=0)) if found else None


def _irises(dense: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """(height, width) where the irises are, by the landmarker's mesh ``dense`` (478, 2) in x y pixels."""
    y, x = np.mgrid[:height, :width] + 0.5
    covered = np.zeros((height, width), np.bool_)
    for centre in _IRISES:
        radius = _AROUND * np.linalg.norm(dense[centre + 1 : centre + 5] - dense[centre], axis=1).mean()
        covered |= np.hypot(x - dense[centre, 0], y - dense[centre, 1]) < radius
    return covered
