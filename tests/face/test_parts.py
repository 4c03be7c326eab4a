from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from made_people import stand
from numpy.typing import NDArray
from understudy.face.geometry import HEAD_68, Head
from understudy.face.mesh import HeadMesh, triangles
from understudy.face.parts import PARTS, part_coverage
from understudy.imaging.raster import rasterise


@dataclass(frozen=True)
class Shown:
    head: Head
    landmarks: NDArray[np.float64]


def _parts(
    *pose: float, shape: NDArray[np.float64] = HEAD_68, x: int = 0, y: int = 0
) -> dict[str, NDArray[np.float32]]:
    head = stand(150 + x, 130 + y, 120, *pose)
    return part_coverage(HeadMesh().posed(Shown(head, head.project(shape))), x, y, 300, 260)


def test_the_parts_lie_at_their_landmarks() -> None:
    parts = _parts(20, -5, 10)
    points = stand(150, 130, 120, 20, -5, 10).project(HEAD_68)
    marks = {
        "right_brow": points[17:22].mean(0), "left_brow": points[22:27].mean(0), "right_eye": points[36:42].mean(0),
        "left_eye": points[42:48].mean(0), "nose": points[30], "lips": (points[57] + points[66]) / 2,
        "mouth": points[60:68].mean(0), "skin": (points[3] + points[31]) / 2,
    }  # fmt: skip
    assert tuple(parts) == PARTS == tuple(name for name in PARTS if name in marks)
    for name, (x, y) in marks.items():
        assert parts[name][int(y), int(x)] == 1, name


@pytest.mark.parametrize("pose", [(0, 0, 0), (60, 10, 0), (-90, 0, 20)])
def test_the_parts_never_overlap_and_add_up_to_the_mesh(pose: tuple[float, ...]) -> None:
    total = sum(_parts(*pose).values())
    head = stand(150, 130, 120, *pose)
    posed = HeadMesh().posed(Shown(head, head.project(HEAD_68)))
    fine = rasterise(posed.plate * 8, posed.distance(3000), triangles(), 8 * 260, 8 * 300).coverage
    truth = cv2.resize(fine.astype(np.float32), (300, 260), interpolation=cv2.INTER_AREA)
    assert total.max() <= 1 + 1e-6
    # OpenCV draws a triangle with its border, half a sub-pixel wider.
    assert np.abs(total - truth).max() < 0.35 and np.abs(total - truth).mean() < 0.004


def test_an_eye_is_as_large_as_its_outline() -> None:
    outline = stand(150, 130, 120).project(HEAD_68)[36:42].astype(np.float32)
    assert _parts()["right_eye"].sum() == pytest.approx(cv2.contourArea(outline), rel=0.15)


def test_what_is_turned_away_or_behind_the_nose_is_not_seen() -> None:
    ahead, left, right = (_parts(yaw) for yaw in (0.0, 75.0, -75.0))
    for name in ("eye", "brow"):
        assert left[f"left_{name}"].sum() < 0.05 * ahead[f"left_{name}"].sum()
        assert right[f"left_{name}"].sum() > 0.15 * ahead[f"left_{name}"].sum()
        assert right[f"right_{name}"].sum() < 0.05 * ahead[f"right_{name}"].sum()
    assert left["nose"].sum() > 0.4 * ahead["nose"].sum()


def test_a_mouth_that_opens_shows_more_between_the_lips_and_as_much_of_them() -> None:
    opened = HEAD_68.copy()
    opened[[55, 56, 57, 58, 59, 65, 66, 67, 6, 7, 8, 9, 10], 1] += 0.25
    still, spoken = _parts(), _parts(shape=opened)
    assert spoken["mouth"].sum() > 3 * still["mouth"].sum()
    assert spoken["lips"].sum() > 0.9 * still["lips"].sum()
    assert spoken["left_eye"].sum() == pytest.approx(still["left_eye"].sum(), rel=1e-3)


def test_a_picture_that_starts_elsewhere_holds_the_same() -> None:
    for name, picture in _parts(10, x=40, y=-25).items():
        assert np.array_equal(picture, _parts(10)[name])
