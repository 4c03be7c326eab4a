"""The outline against pictures whose outline is known: the projected mesh, filled by OpenCV."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from understudy.face.geometry import Camera, Head
from understudy.face.head_model import head_model
from understudy.face.mesh import triangles
from understudy.rendering.silhouette import outline

SIDE, CROP = 400, np.array([[0.5, 0.0, 8.0], [0.0, 0.5, -3.0]])


def turned(yaw: float) -> Head:
    turn = Rotation.from_euler("y", -yaw, degrees=True).as_matrix()
    return Head(110.0, turn, np.array([190.0, 205.0]), 0.0, Camera(900.0, (200.0, 200.0)))


def drawn(head: Head, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A crop (200, 200, 3) of a skin-coloured head before grey, and how far outside of it each pixel is, crop pixels."""
    places = (head.project(vertices) @ CROP[:, :2].T + CROP[:, 2]) * 8  # eight times as fine, so that edges are smooth
    mask = np.zeros((1600, 1600), np.uint8)
    for corners in places[triangles()]:
        cv2.fillConvexPoly(mask, np.round(corners * 16 - 8).astype(np.int32), (1,), cv2.LINE_8, 4)
    outside = (cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5) - cv2.distanceTransform(mask, cv2.DIST_L2, 5)) / 8
    share = cv2.resize(mask.astype(np.float32), (200, 200), interpolation=cv2.INTER_AREA)[..., None]
    return share * (0.7, 0.5, 0.4) + (1 - share) * (0.3, 0.35, 0.3), outside


def off(found, outside: np.ndarray) -> np.ndarray:
    at = ((found.place @ CROP[:, :2].T + CROP[:, 2]) * 8).round().astype(int)
    return outside[at[:, 1], at[:, 0]]


@pytest.mark.parametrize("yaw", [-75.0, 50.0, 80.0])
def test_the_outline_is_found_though_the_head_is_thought_elsewhere(yaw: float) -> None:
    true, vertices = turned(yaw), head_model().mean
    picture, outside = drawn(true, vertices)
    astray = replace(true, offset=true.offset + np.array([5.0, -3.0]))  # pixels of the plate, of 110 to the unit
    found = outline(picture, CROP, astray, vertices, 0.12)
    sure = found.weight > 0.5
    assert sure.sum() > 20
    error = np.abs(off(found, outside)[sure])
    assert np.median(error) < 0.5
    assert (error < 1.5).mean() > 0.9


def test_on_a_flat_picture_nothing_is_sure() -> None:
    found = outline(np.full((200, 200, 3), 0.4), CROP, turned(70.0), head_model().mean, 0.1)
    assert len(found.weight) > 20
    assert found.weight.max() < 0.01


def test_the_normals_point_out_of_the_head() -> None:
    head, vertices = turned(-70.0), head_model().mean
    picture, outside = drawn(head, vertices)
    found = outline(picture, CROP, head, vertices, 0.05)
    stepped = replace(found, place=found.place + 6 * found.normal)
    assert (off(stepped, outside) > off(found, outside)).mean() > 0.95
