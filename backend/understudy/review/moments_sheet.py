"""The same moments of several versions of a shot below each other, as a person compares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.faceset.record import Face
from understudy.plate.colour import ColourManager
from understudy.plate.reader import probe, read_frame
from understudy.plate.sequence import open_plate
from understudy.plate.sheet import comparison_sheet

MOMENTS = 8
"""Moments of a shot on a sheet."""

SIDE = 300
"""Pixels of a picture on the sheet, each way."""

_AROUND = 1.55  # of the height of the landmarks: hair and chin, and little else


def compare_moments(
    versions: Mapping[str, str], faces: Sequence[Face], title: str, colour_space: str | None = None
) -> NDArray[np.uint8]:
    """``versions``, patterns by name, a row each, at moments spread evenly over ``faces``, which say where to look.

    Each picture is a square around the head, the same in all rows; display-encoded (H, W, 3) uint8. Raises what reading
    a plate raises.
    """
    count = min(MOMENTS, len(faces))
    picks = [faces[round(i * (len(faces) - 1) / max(count - 1, 1))] for i in range(count)]
    colour = ColourManager.discover()
    rows: list[list[NDArray[np.floating[Any]]]] = []
    for pattern in versions.values():
        plate = open_plate(pattern)
        space = colour.input_space(plate, probe(plate), colour_space).name
        row = []
        for face in picks:
            rgb = read_frame(plate, face.frame).rgb
            x0, y0, x1, y1 = _around(face, rgb.shape[1], rgb.shape[0])
            row.append(colour.to_display(colour.to_working(rgb[y0:y1, x0:x1], space)))
        rows.append(row)
    return comparison_sheet(rows, list(versions), [str(face.frame) for face in picks], SIDE, title)


def _around(face: Face, width: int, height: int) -> tuple[int, int, int, int]:
    """A square around a face inside the frame."""
    low, high = face.landmarks.min(0), face.landmarks.max(0)
    side = int(min(_AROUND * (high[1] - low[1]), width, height))
    x0, y0 = (np.clip((low + high) / 2 - side / 2, 0, (width - side, height - side))).astype(int)
    return int(x0), int(y0), int(x0) + side, int(y0) + side
