"""Measure how a landmarker and the keypoint finder see the head: the tables of face/landmarker_bias.py and face/keypoints.py.

    python tools/landmark_habits.py FOLDER [--landmarker mediapipe]

FOLDER holds a folder a person, each with frames as the people renderer writes them: ``NNNN.png``, display-encoded, and
``NNNN.json`` with ``landmarks68``, ``landmarks68_cam``, ``head_to_camera`` and ``K``. Take people on whom nothing is
judged. Prints both tables, ready to be pasted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from understudy.face.components.registry import build_detector, build_landmarker
from understudy.face.geometry import Head
from understudy.face.keypoints import KEYPOINTS, KeypointFinder, keypoint_weights
from understudy.face.tilt import tilt_of
from understudy.review.truth import read_truth

MIRRORED_68 = np.array(
    [
        *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1), 45, 44, 43, 42, 47, 46,
        39, 38, 37, 36, 41, 40, *range(54, 47, -1), 59, 58, 57, 56, 55, *range(64, 59, -1), 67, 66, 65,
    ]
)  # fmt: skip
MIRRORED_6 = np.array([1, 0, 2, 3, 5, 4])
SHRINK = 0.02  # of the frames: keeps what is not seen from being blown up
WIDEST = 60.0  # degrees of yaw up to which landmarks mean what they say


@dataclass(frozen=True)
class Sample:
    """What is off on one frame."""

    head: Head
    landmarks: NDArray[np.float64] | None  # (68, 2) from the true ones, mean-face units
    trust: float
    keypoints: NDArray[np.float64] | None  # (6, 2) from those of KEYPOINTS, mean-face units


def samples(folder: Path, landmarker: str) -> Iterator[Sample]:
    """Every frame of every person on which a face is detected."""
    detector, marker, finder = build_detector("mediapipe", None), build_landmarker(landmarker, None), KeypointFinder()
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(person.glob("[0-9]*.json"))
        records = [json.loads(file.read_text("utf-8")) for file in files]
        if not records:
            continue
        document = person / "truth.json.tmp"
        document.write_text(json.dumps({"frames": records}), "utf-8")
        true = read_truth(document)
        document.unlink()
        for file, one in zip(files, true, strict=True):
            image = np.ascontiguousarray(cv2.imread(str(file.with_suffix(".png")))[..., ::-1])
            found = max(detector.detect(image), key=lambda face: face.score, default=None)
            if found is None:
                continue
            marks = marker.landmarks(image, [found])[0]
            points = finder.find(image, found.box, tilt_of(found.points))
            yield Sample(
                one.head,
                None if marks is None else (marks.points68 - one.landmarks) / one.head.scale,
                0.0 if marks is None else marks.score,
                None if points is None else (points - one.head.project(KEYPOINTS)) / one.head.scale,
            )


def fitted(
    views: Sequence[NDArray[Any]], off: Sequence[NDArray[Any]], weights: Sequence[NDArray[Any]], mirrored: NDArray[Any]
) -> NDArray[np.float64]:
    """(P, 3) displacements on the head that look most like (P, 2) ``off`` in ``views`` (3, 3), the same left and right."""
    count = len(mirrored)
    normal, right = np.tile(SHRINK * 2 * len(off) * np.eye(3), (count, 1, 1)), np.zeros((count, 3))
    flip = np.diag([-1.0, 1.0, 1.0])
    for view, moved, weight in zip(views, off, weights, strict=True):
        sides = ((view, moved, weight), (flip @ view @ flip, (moved * (-1, 1))[mirrored], weight[mirrored]))
        for seen, way, sure in sides:
            normal += sure[:, None, None] * (seen[:2].T @ seen[:2])
            right += sure[:, None] * (way @ seen[:2])
    return np.linalg.solve(normal, right[..., None])[..., 0]


def table(rows: NDArray[np.float64], width: int = 3) -> str:
    """Rows as they stand in the source."""
    cells = ["(" + ", ".join(f"{value + 0.0:.3f}" for value in row.round(3) + 0.0) + ")," for row in rows]
    return "\n".join(" ".join(cells[start : start + width]) for start in range(0, len(cells), width))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How a landmarker and the keypoint finder see the head.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--landmarker", default="mediapipe")
    options = parser.parse_args()
    found = list(samples(options.folder, options.landmarker))
    marked = [one for one in found if one.landmarks is not None and one.trust > 0 and abs(one.head.angles[0]) < WIDEST]
    habit = fitted(
        [np.asarray(one.head.rotation) for one in marked],
        [one.landmarks for one in marked if one.landmarks is not None],
        [np.full(68, one.trust) for one in marked],
        MIRRORED_68,
    )
    print(f"{options.landmarker}, from {len(marked)} frames:\n{table(habit)}")
    pointed = [one for one in found if one.keypoints is not None]
    weights = [keypoint_weights(one.head.angles[0]) for one in pointed]
    off = fitted(
        [np.asarray(one.head.rotation) for one in pointed],
        [one.keypoints for one in pointed if one.keypoints is not None],
        [np.where(weight < 0.2, 0.0, weight) for weight in weights],  # what is turned away is invented
        MIRRORED_6,
    )
    print(f"keypoints, from {len(pointed)} frames:\n{table(KEYPOINTS + off)}")


if __name__ == "__main__":
    main()
