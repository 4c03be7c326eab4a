"""Solved tracks as Nuke nodes: a corner pin of the crop and a tracker of landmarks, to be pasted into a script.

Nuke counts pixels from the bottom left corner with y up; centres lie at +0.5 there too. So y is the plate's height less
ours. Curves have keys only on frames where there is a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import CropKind, crop_matrix
from understudy.imaging.affine import apply, invert
from understudy.nuke.script import Tcl, Value, pasted
from understudy.tracks.landmark_names import name_of
from understudy.tracks.track import Track

# The columns of a Tracker4's table: type, whether it is shown, width; read by Nuke 7 and later.
_TRACKER_COLUMNS = (
    ("5 1 20", "enable"), ("3 1 75", "name"), ("2 1 58", "track_x"), ("2 1 58", "track_y"), ("2 1 63", "offset_x"),
    ("2 1 63", "offset_y"), ("4 1 27", "T"), ("4 1 27", "R"), ("4 1 27", "S"), ("2 0 45", "error"),
    ("1 1 0", "error_min"), ("1 1 0", "error_max"), ("1 1 0", "pattern_x"), ("1 1 0", "pattern_y"),
    ("1 1 0", "pattern_r"), ("1 1 0", "pattern_t"), ("1 1 0", "search_x"), ("1 1 0", "search_y"), ("1 1 0", "search_r"),
    ("1 1 0", "search_t"), ("2 1 0", "key_track"), ("2 1 0", "key_search_x"), ("2 1 0", "key_search_y"),
    ("2 1 0", "key_search_r"), ("2 1 0", "key_search_t"), ("2 1 0", "key_track_x"), ("2 1 0", "key_track_y"),
    ("2 1 0", "key_track_r"), ("2 1 0", "key_track_t"), ("2 1 0", "key_centre_offset_x"),
    ("2 1 0", "key_centre_offset_y"),
)  # fmt: skip


def corner_pin(track: Track, height: int, kind: CropKind, size: int) -> str:
    """A CornerPin2D node that lays a ``size`` x ``size`` crop of ``kind`` into a plate of ``height`` pixels.

    Corners 1 to 4 are the crop's bottom left, bottom right, top right and top left, as in Nuke.
    """
    corners = np.array([(0, size), (size, size), (size, 0), (0, 0)], np.float64)
    frames = list(track.frames)
    placed = np.stack(
        [apply(invert(crop_matrix(face.head, kind, size)), corners) for face in track.frames.values()]
    )  # (frames, 4, 2)
    knobs: dict[str, Value] = {}
    for number, (x, y) in enumerate(corners, 1):
        knobs[f"to{number}"] = Tcl(f"{{{_curves(frames, placed[:, number - 1], height)}}}")
        knobs[f"from{number}"] = Tcl(f"{{{x:g} {size - y:g}}}")
    about = f"Understudy: track {track.number}, {kind} crop of {size} px"
    return pasted("CornerPin2D", knobs | {"name": f"face{track.number}", "label": about, "selected": True})


def tracker_node(track: Track, height: int, points: Sequence[int]) -> str:
    """A Tracker4 node with a track for each of the landmarks ``points``, on a plate of ``height`` pixels."""
    frames = list(track.frames)
    places = np.stack([face.landmarks for face in track.frames.values()]).astype(np.float64)
    columns = "\n".join(f"{{ {form} {name} {name} 1 }}" for form, name in _TRACKER_COLUMNS)
    first, empty = frames[0], " {}" * 11
    rows = "\n".join(
        f' {{ {{curve K x{first} 1}} "{name_of(point)}" {_curves(frames, places[:, point], height)}'
        f" {{curve K x{first} 0}} {{curve K x{first} 0}} 1 0 0 {{curve x{first} 0}} 1 0"
        f" -32 -32 32 32 -22 -22 22 22{empty} }}"
        for point in points
    )
    table = Tcl(f"{{ {{ 1 {len(_TRACKER_COLUMNS)} {len(points)} }}\n{{ {columns}\n}}\n{{\n{rows}\n}}\n}}")
    return pasted("Tracker4", {"tracks": table, "name": f"face{track.number}", "selected": True})


def _curves(frames: Sequence[int], places: NDArray[np.floating[Any]], height: int) -> str:
    """The x and y curves of a point at ``places`` (frames, 2), plate pixels from the top left corner."""
    x, y = places[:, 0], height - places[:, 1]
    return " ".join(
        "{curve " + " ".join(f"x{frame} {value:.6f}" for frame, value in zip(frames, values, strict=True)) + "}"
        for values in (x, y)
    )
