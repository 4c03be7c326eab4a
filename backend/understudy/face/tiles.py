"""The parts of a plate that a detector is shown, each at the size of its network and any way up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.boxes import Box
from understudy.face.interfaces import Detection, Image
from understudy.imaging.affine import apply


@dataclass(frozen=True)
class Tile:
    """A square of the picture, black beyond the picture's edges, shown after some quarter turns counterclockwise."""

    left: int  # pixels of the picture
    top: int
    side: int
    turns: int = 0  # 0..3

    def cuts(self, box: Box, width: int, height: int) -> bool:
        """Whether the view's edge, not the picture's, may cut a face."""
        margin = 0.02 * self.side
        right, bottom = self.left + self.side, self.top + self.side
        return bool(
            (self.left > 0 and box[0] < self.left + margin)
            or (self.top > 0 and box[1] < self.top + margin)
            or (right < width and box[2] > right - margin)
            or (bottom < height and box[3] > bottom - margin)
        )


def views(width: int, height: int, finest: float) -> Iterator[Tile]:
    """What to look at, from the padded whole to tiles of ``finest`` pixels.

    Tiles overlap by a third of their side and grow threefold from level to level, so that every face is whole in
    some square in which it is neither too small nor too large for the network.
    """
    longest = max(width, height)
    padded = 2 * longest
    yield Tile((width - padded) // 2, (height - padded) // 2, padded)
    yield Tile(0, 0, longest)
    side = math.ceil(finest)
    while side < longest:
        for top in _starts(height, side):
            for left in _starts(width, side):
                yield Tile(left, top, side)
        side *= 3


def show(image: Image, view: Tile, target: int) -> tuple[Image, NDArray[np.float64]]:
    """The view's pixels, reduced to ``target`` pixels a side at most, and the (2, 3) matrix from them to the picture's."""
    height, width = image.shape[:2]
    scale = min(1.0, target / view.side)
    x0, y0 = max(view.left, 0), max(view.top, 0)
    x1, y1 = min(view.left + view.side, width), min(view.top + view.side, height)
    size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    shown = np.asarray(cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA), np.uint8)
    before_x, before_y = round((x0 - view.left) * scale), round((y0 - view.top) * scale)
    if (before_x, before_y) != (0, 0):
        extent = round(view.side * scale) + 1
        framed = np.zeros((extent, extent, 3), np.uint8)
        framed[before_y : before_y + size[1], before_x : before_x + size[0]] = shown
        shown = framed
    turn = _turned_back(view.turns, shown.shape[1], shown.shape[0])
    matrix = turn / scale
    matrix[:, 2] += (view.left, view.top)
    return np.ascontiguousarray(np.rot90(shown, view.turns)), matrix


def placed(face: Detection, matrix: NDArray[np.float64]) -> Detection:
    """A detection under a matrix that :func:`show` gave: in the picture's pixels; points keep the face's own order."""
    corners = apply(matrix, face.box.reshape(2, 2))
    points = None if face.points is None else apply(matrix, face.points).astype(np.float32)
    return Detection(np.concatenate([corners.min(0), corners.max(0)]).astype(np.float32), face.score, points, face.raw)


def _turned_back(turns: int, width: int, height: int) -> NDArray[np.float64]:
    """From the pixels of a ``width`` x ``height`` picture that was turned counterclockwise to its own."""
    by_turns = {
        0: [(1, 0, 0), (0, 1, 0)],
        1: [(0, -1, width), (1, 0, 0)],
        2: [(-1, 0, width), (0, -1, height)],
        3: [(0, 1, 0), (-1, 0, height)],
    }
    return np.array(by_turns[turns], np.float64)


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = math.ceil((length - side) / (side * 2 / 3)) + 1
    return [round(index * (length - side) / (count - 1)) for index in range(count)]
