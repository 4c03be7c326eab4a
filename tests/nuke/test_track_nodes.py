from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from made_tracks import HEIGHT, made_shot
from understudy.face.geometry import CROP_SIDE, crop_matrix
from understudy.imaging.affine import apply
from understudy.nuke.track_nodes import corner_pin, tracker_node
from understudy.tracks.landmark_names import indices


def _run(script: str) -> tuple[str, dict[str, Any], Any]:
    """The node of a script, as Nuke gets it: by running the script in Tcl. Returns class, knobs, and the interpreter."""
    tkinter = pytest.importorskip("tkinter", reason="Python was built without Tcl, which reads Nuke's scripts here")
    tcl = tkinter.Tcl()
    tcl.eval("proc stack {n} {return n$n}; proc version {a b} {}; proc push {n} {set ::input $n}")
    for name in ("CornerPin2D", "Tracker4"):
        tcl.eval(f"proc {name} {{body}} {{set ::kind {name}; set ::body $body}}")
    tcl.eval(script)
    assert tcl.getvar("input") == "n0"
    words = tcl.splitlist(tcl.getvar("body"))
    return tcl.getvar("kind"), dict(zip(words[::2], words[1::2], strict=True)), tcl


def _curve(tcl: Any, text: str) -> dict[int, float]:
    """The keys of a curve: xFRAME VALUE, over and over."""
    head, *words = tcl.splitlist(text)
    assert head == "curve"
    return {int(at[1:]): float(value) for at, value in zip(words[::2], words[1::2], strict=True) if at[0] == "x"}


@pytest.mark.parametrize("kind", CROP_SIDE)
def test_a_corner_pin_lays_the_crop_where_it_was_cut(kind) -> None:
    track, size = made_shot().tracks[1], 200
    name, knobs, tcl = _run(corner_pin(track, HEIGHT, kind, size))
    assert name == "CornerPin2D" and knobs["name"] == "face3"
    pins = []
    for corner in range(1, 5):
        x, y = (_curve(tcl, curve) for curve in tcl.splitlist(knobs[f"to{corner}"]))
        assert list(x) == list(y) == list(track.frames), "keys only where there is a face"
        pins.append([tuple(map(float, tcl.splitlist(knobs[f"from{corner}"]))), x, y])
    assert [start for start, _, _ in pins] == [(0, 0), (size, 0), (size, size), (0, size)]
    for frame, face in track.frames.items():
        start = np.array([pin[0] for pin in pins], np.float32)
        end = np.array([(x[frame], y[frame]) for _, x, y in pins], np.float32)
        pinned = cv2.getPerspectiveTransform(start, end)
        # What the crop shows at a pixel, y up, comes to lie at the landmark in the plate, y up.
        crop = apply(crop_matrix(face.head, kind, size), face.landmarks)
        crop[:, 1] = size - crop[:, 1]
        placed = cv2.perspectiveTransform(crop[None], pinned)[0]
        assert np.allclose(placed, face.landmarks * [1, -1] + [0, HEIGHT], atol=0.01)


def test_a_tracker_holds_a_track_for_each_point_in_nukes_table() -> None:
    track, points = made_shot().tracks[1], indices(["corners"])
    name, knobs, tcl = _run(tracker_node(track, HEIGHT, points))
    assert name == "Tracker4"
    head, columns, rows = map(tcl.splitlist, tcl.splitlist(knobs["tracks"]))
    names = [tcl.splitlist(column)[3] for column in columns]
    assert head == ("1", str(len(columns)), str(len(points))) and names[:4] == ["enable", "name", "track_x", "track_y"]
    assert len(rows) == len(points)
    for point, row in zip(points, rows, strict=True):
        cells = dict(zip(names, tcl.splitlist(row), strict=True))
        x, y = _curve(tcl, cells["track_x"]), _curve(tcl, cells["track_y"])
        expected = {frame: face.landmarks[point].tolist() for frame, face in track.frames.items()}
        assert x == pytest.approx({frame: place[0] for frame, place in expected.items()}, abs=1e-4)
        assert y == pytest.approx({frame: HEIGHT - place[1] for frame, place in expected.items()}, abs=1e-4)
    called = [tcl.splitlist(row)[1] for row in rows]
    assert called[0] == "right_eye_outer" and len(set(called)) == len(called)
