"""How truly the ``st`` layer lays a picture of the aligned face into the plate, read back from disk."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from understudy.convert.inverse_warp import Placer
from understudy.events import Events
from understudy.imaging.affine import FloatArray, apply, invert
from understudy.imaging.region import Region
from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, write_layers
from understudy.plate.reader import read_channel

_SIDE = 192  # of the aligned picture, in pixels
_SPOT = 4.0  # spread of a spot in the plate, in pixels


def measure(events: Events) -> dict[str, Any]:
    """Two maps as conversion makes them, written as float EXR, read back, and used as compositing programs use an ST map.

    Returns ``identity_error``, the largest difference of a checkerboard of single pixels (0 and 1) from itself through the
    map of a crop that is the plate, and ``affine_error_px``, the largest distance in plate pixels between where spots on the
    aligned face land and where a known affine (turned, enlarged and moved) sends them.
    """
    y, x = np.mgrid[:_SIDE, :_SIDE]
    board = ((x + y) % 2).astype(np.float32)
    identity = np.abs(_through(board, _from_disk(np.eye(2, 3), _SIDE)) - board).max()
    events.raise_if_stopping()
    angle, scale = math.radians(17), 0.8
    turned = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = np.column_stack([turned, (4.3, -53.7)])  # plate -> crop
    maps = _from_disk(matrix, 320)
    errors = []
    for spot in np.stack(np.meshgrid((40.25, 96.0, 150.5), (42.75, 96.0, 147.5)), axis=-1).reshape(-1, 2):
        aligned = np.exp(-((x + 0.5 - spot[0]) ** 2 + (y + 0.5 - spot[1]) ** 2) / (2 * (_SPOT * scale) ** 2))
        landed = _centroid(_through(aligned.astype(np.float32), maps))
        errors.append(float(np.linalg.norm(landed - apply(invert(matrix), spot[None])[0])))
    return {"identity_error": float(identity), "affine_error_px": max(errors)}


def _from_disk(matrix: FloatArray, side: int) -> NDArray[np.float32]:
    """The ``st`` of ``matrix`` over a plate of ``side`` x ``side`` pixels, (side, side, 2), written and read again."""
    st = Placer(matrix, _SIDE, Region(0, 0, side, side)).st
    window = Window(0, 0, side, side)
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        path = Path(folder) / "st.exr"
        write_layers(path, [Layer("st", ("u", "v"), st)], Header(window, window), profile="flat", interop_id=None)
        return np.stack([read_channel(path, f"st.{axis}") for axis in "uv"], axis=-1)


def _through(picture: NDArray[np.float32], st: NDArray[np.float32]) -> NDArray[np.float64]:
    """``picture`` (h, w) seen through an ST map (H, W, 2): (0, 0) is its bottom left corner, (1, 1) its top right one."""
    height, width = picture.shape
    rows, columns = (1 - st[..., 1].astype(np.float64)) * height - 0.5, st[..., 0].astype(np.float64) * width - 0.5
    seen: NDArray[np.float64] = map_coordinates(picture.astype(np.float64), [rows, columns], order=3, mode="nearest")
    return np.asarray(np.where((st == 0).all(-1), 0.0, seen))


def _centroid(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """The centre of weight in pixels, (x, y), centres at +0.5."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    return np.array([(x * picture).sum() / picture.sum(), (y * picture).sum() / picture.sum()])
