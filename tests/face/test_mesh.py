from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import understudy
from made_people import stand
from numpy.typing import NDArray
from understudy.face.detect import find_faces
from understudy.face.geometry import HEAD_68, Camera, Head, crop_matrix, fit_head
from understudy.face.mesh import RINGS, HeadMesh, aligned, at_landmarks, rest, triangles
from understudy.imaging.affine import apply
from understudy.imaging.raster import vertex_normals
from understudy.plate.picture import read_picture

SAMPLE = Path(understudy.__file__).parent / "sample"
CAMERA = Camera(2100.0, (960.0, 540.0))


@dataclass(frozen=True)
class Shown:
    head: Head
    landmarks: NDArray[np.float64]


def _edges(corners: NDArray[np.int32]) -> list[tuple[int, int]]:
    return [(int(one[side]), int(one[(side + 1) % 3])) for one in corners for side in range(3)]


def test_the_triangles_are_those_of_the_landmark_network_with_eyes_and_mouth_closed() -> None:
    connections = pytest.importorskip("mediapipe.python.solutions.face_mesh_connections")
    filled = [np.isin(triangles(), RINGS[name]).all(1) for name in ("right_eye", "left_eye", "mouth")]
    assert [fill.sum() for fill in filled] == [14, 14, 18]  # what it takes to close rings of 16, 16 and 20
    skin = triangles()[~np.any(filled, axis=0)]
    assert {frozenset(edge) for edge in _edges(skin)} == {frozenset(e) for e in connections.FACEMESH_TESSELATION}
    rings = {"right_eye": connections.FACEMESH_RIGHT_EYE, "left_eye": connections.FACEMESH_LEFT_EYE}
    for name, edges in rings.items():
        ring = RINGS[name]
        assert {frozenset(e) for e in zip(ring, ring[1:] + ring[:1], strict=True)} == {frozenset(e) for e in edges}


def test_the_mesh_is_one_sheet_with_its_outside_to_the_front() -> None:
    ways = Counter(_edges(triangles()))
    assert max(ways.values()) == 1  # neighbours run through an edge in opposite directions
    outline = [edge for edge in ways if edge[::-1] not in ways]
    assert len(outline) == 36 and len({start for start, _ in outline}) == 36
    assert len(rest()) - len({frozenset(edge) for edge in ways}) + len(triangles()) == 1  # Euler: a disc
    normals = vertex_normals(rest(), triangles())
    assert normals[4] @ (0, 0, -1) > 0.9  # nose tip, towards the camera
    assert normals[234] @ (-1, 0, 0) > 0.8 and normals[454] @ (1, 0, 0) > 0.8  # by the ears, to the sides


def test_at_rest_it_is_the_mean_head_and_the_same_on_both_sides() -> None:
    assert np.allclose(at_landmarks(rest()), HEAD_68, atol=2e-4)
    mirrored = rest() * (-1, 1, 1)
    nearest = np.linalg.norm(mirrored[:, None] - rest()[None], axis=2).min(1)
    assert nearest.max() < 2e-4


@pytest.mark.parametrize("camera", [None, CAMERA])
@pytest.mark.parametrize("pose", [(0, 0, 0), (35, -10, 8), (-80, 15, -30), (90, 0, 0)])
def test_in_any_pose_and_expression_the_mesh_is_seen_at_the_landmarks(
    camera: Camera | None, pose: tuple[float, ...]
) -> None:
    shape = HEAD_68 * (1.05, 0.97, 1.1)
    head = replace(stand(820, 470, 200, *pose), camera=camera)
    seen = head.project(shape)
    seen[48:68, 1] += np.linspace(-12, 25, 20)  # the mouth opens
    seen[[37, 38, 43, 44], 1] += 6
    posed = HeadMesh(shape).posed(Shown(head, seen))
    # An iBUG point half way between two vertices in space is so on the plate but for perspective.
    assert np.abs(at_landmarks(posed.plate) - seen).max() < (1e-6 if camera is None else 0.1)
    assert np.allclose(posed.plate, head.project(posed.points))


def test_a_persons_own_head_is_met_at_rest() -> None:
    rng = np.random.default_rng(2)
    shape = HEAD_68 + rng.normal(0, 0.03, (68, 3))
    mesh = HeadMesh(shape)
    assert np.allclose(at_landmarks(mesh.rest), shape, atol=1e-9)
    head = stand(300, 300, 100, 25, 5)
    assert np.allclose(mesh.posed(Shown(head, head.project(shape))).points, mesh.rest, atol=1e-9)


def test_where_all_landmarks_move_alike_all_the_mesh_does() -> None:
    head = stand(300, 300, 100, 40, 5, 20)
    still, moved = (HeadMesh().posed(Shown(head, head.project(HEAD_68) + shift)) for shift in ((0, 0), (7, -3)))
    assert np.allclose(moved.plate - still.plate, (7, -3), atol=1e-9)


def test_an_open_mouth_opens_evenly() -> None:
    head = stand(0, 0, 1)
    shape = HEAD_68.copy()
    shape[[58, 57, 56, 55, 59, 67, 66, 65, 6, 7, 8, 9, 10], 1] += 0.3
    points = HeadMesh().posed(Shown(head, head.project(shape))).points
    moved = points[:, 1] - rest()[:, 1]
    lower = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
    upper = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
    assert np.abs(moved[upper]).max() < 1e-9  # no vertex of the upper lip is drawn along by the lower one
    assert (np.diff(moved[lower][:4]) >= 0).all() and (np.diff(moved[lower][-4:]) <= 0).all()
    assert moved[lower[3:8]] == pytest.approx(0.3)


def test_distance_is_counted_from_the_camera() -> None:
    mesh = HeadMesh()
    head = replace(stand(960, 540, 210), camera=CAMERA)
    posed = mesh.posed(Shown(head, head.project(HEAD_68)))
    assert posed.distance(1.0) == pytest.approx(10 + mesh.rest[:, 2])
    bare = replace(head, camera=None)
    assert mesh.posed(Shown(bare, bare.project(HEAD_68))).distance(4200.0) == pytest.approx(20 + mesh.rest[:, 2])


@pytest.mark.parametrize("kind", ["face", "whole", "head"])
def test_texture_coordinates_are_places_in_the_aligned_face(kind: str) -> None:
    head = stand(311, 207, 90)
    placed = apply(crop_matrix(head, kind, 512), head.project(rest())) / 512
    assert np.allclose(np.column_stack([placed[:, 0], 1 - placed[:, 1]]), aligned(kind), atol=1e-6)


def test_between_the_landmarks_the_mesh_lies_where_the_network_sees_the_skin() -> None:
    pytest.importorskip("mediapipe")
    from understudy.face.components.registry import build_detector, build_landmarker

    detector, landmarker = build_detector("mediapipe"), build_landmarker("mediapipe")
    for name in ("source_B.1001", "target_A.1030", "plate.1004"):
        linear = read_picture(SAMPLE / f"{name}.exr", 1).rgb.astype(np.float32)
        image = (np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
        [found] = landmarker.landmarks(image, find_faces(detector, image)[:1])
        assert found is not None and found.dense is not None
        head = fit_head(found.points68)
        plate = HeadMesh().posed(Shown(head, found.points68)).plate
        errors = np.linalg.norm(plate - found.dense[:468], axis=1) / head.scale
        # Mean-face units, the eyes being 0.72 apart; farthest off is the forehead, which has no landmark.
        assert errors.mean() < 0.03 and errors.max() < 0.2, (name, errors.mean(), errors.max())
