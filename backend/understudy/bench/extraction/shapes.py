"""How near people's heads at rest, with their depth, come to the truth of rendered people."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.events import Events
from understudy.face.mesh import HeadMesh, at_landmarks
from understudy.faceset.store import Faceset
from understudy.rendering.retarget import INNER, bring_together
from understudy.rendering.shape import fit_shape
from understudy.review.truth import read_rest
from understudy.settings import ExtractSettings
from understudy.stages import extract
from understudy.tracks.formats.json_tracks import read_tracks

REGIONS = {"outline": slice(0, 17), "brows": slice(17, 27), "nose": slice(27, 36), "eyes": slice(36, 48)}
"""Landmarks in iBUG order; the mouth's say more of expressions than of the head."""

NAMES = "source_*", "target_*"


def measure_shapes(sample: Path, events: Events) -> dict[str, Any]:
    """Extract the footage of each person of the ``sample`` folder that has a truth document, and fit the head to it.

    Returns by sequence and region the mean distance of the landmarks at rest from the true ones, percent of the distance
    of the outer eye corners: ``track`` as the track knows them, ``fitted`` as rendering.shape does. Both are laid onto the
    true head by the landmarks of brows, eyes, nose and mouth, as two heads are brought together for rendering.
    """
    report: dict[str, Any] = {}
    for document in sorted(path for name in NAMES for path in sample.glob(f"{name}.truth.json")):
        name = document.name.removesuffix(".truth.json")
        if not list(sample.glob(f"{name}.*.exr")):
            continue
        events.raise_if_stopping()
        with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
            out, plate = Path(folder) / "faces", (sample / f"{name}.%04d.exr").as_posix()
            extract.run(ExtractSettings(plate=plate, out=out, face="largest"), events.within(name))
            faceset = Faceset.open(out)
            faces = faceset.faces()
            fitted = fit_shape(faces, lambda index, own=faces, kept=faceset: kept.read(own[index])[..., :3])  # type: ignore[misc]
            longest = max(read_tracks(out).tracks, key=lambda track: len(track.frames))
            track = at_landmarks(HeadMesh(longest.shape).rest)
        report[name] = compare_shapes({"track": track, "fitted": at_landmarks(fitted.rest)}, read_rest(document))
    return report


def compare_shapes(shapes: dict[str, NDArray[np.float64]], true: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """By name of the shape and by region: the figures that :func:`measure_shapes` describes, of (68, 3) landmarks."""
    eyes = float(np.linalg.norm(true[45] - true[36]))
    report: dict[str, dict[str, float]] = {}
    for name, shape in shapes.items():
        onto = bring_together(shape[INNER], true[INNER])
        off = np.linalg.norm(onto(shape) - true, axis=1) / eyes * 100
        report[name] = {region: float(off[points].mean()) for region, points in REGIONS.items()}
    return report
