"""A faceset at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError
from understudy.faceset.aligned import evenly
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply
from understudy.plate.sheet import contact_sheet

SHEET = "contact_sheet.png"
"""The picture in a faceset's folder."""

_TILE = 128
_WARNING = (1.0, 0.35, 0.1)
_POINT = (0.2, 1.0, 0.4)


def faceset_sheet(
    faceset: Faceset,
    to_display: Callable[[NDArray[np.float32]], NDArray[Any]],
    columns: int = 12,
    most: int = 96,
) -> NDArray[np.uint8]:
    """A picture (H, W, 3) uint8 of at most ``most`` faces, chosen evenly over the set, in order of frames.

    ``to_display`` turns a linear crop (S, S, 3) float32 into a display-encoded one in 0..1 (or uint8). Landmarks
    are drawn on each, frame and yaw stand below; the tenth with the lowest confidence is outlined.
    Raises :class:`FacesetError` when the set is empty.
    """
    faces = faceset.faces()
    if not faces:
        raise FacesetError(f"The faceset {faceset.folder} holds no face.", "Run extract first.")
    shown = evenly(faces, most)
    doubtful = sorted(shown, key=lambda face: face.confidence)[: max(1, len(shown) // 10)]
    captions = [f"{face.frame}  yaw {face.pose[0]:+.0f}" for face in shown]
    return sheet_of(faceset, shown, captions, to_display, columns=columns, outlined=doubtful)


def sheet_of(
    faceset: Faceset,
    faces: Sequence[Face],
    captions: Sequence[str],
    to_display: Callable[[NDArray[np.float32]], NDArray[Any]],
    *,
    columns: int = 12,
    outlined: Sequence[Face] = (),
    title: str = "",
) -> NDArray[np.uint8]:
    """A picture (H, W, 3) uint8 of these ``faces`` in their order, with their landmarks and ``captions``."""
    tiles = []
    for face in faces:
        display = np.asarray(to_display(faceset.read(face)[..., :3].astype(np.float32)))
        if display.dtype == np.uint8:
            display = display / 255.0
        tile = np.ascontiguousarray(
            cv2.resize(display.astype(np.float32), (_TILE, _TILE), interpolation=cv2.INTER_AREA), np.float32
        )
        for x, y in apply(face.matrix, face.landmarks) * (_TILE / face.crop_size):
            if 0 <= x < _TILE and 0 <= y < _TILE:
                tile[int(y), int(x)] = _POINT
        if face in outlined:
            cv2.rectangle(tile, (1, 1), (_TILE - 2, _TILE - 2), _WARNING, 3)
        tiles.append(tile)
    return contact_sheet(tiles, captions, columns, _TILE, title)
