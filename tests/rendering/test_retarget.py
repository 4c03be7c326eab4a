"""One head with another's performance, against similarities and openings that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_heads import Moment, Performer, footage, take
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from understudy.face.mesh import at_landmarks, follow_landmarks, rest
from understudy.rendering.footage import Footage
from understudy.rendering.openings import lid_gaps, lip_gaps
from understudy.rendering.retarget import INNER, bring_together, retarget

WHO = Performer()
WIDE = Performer(mesh=rest() * (1.15, 1.0, 1.0))
MOMENTS = [
    Moment(), Moment(yaw=12, mouth=0.05), Moment(yaw=-15, mouth=0.12), Moment(pitch=6), Moment(lids=0.1),
    Moment(mouth=0.09, pitch=-5), Moment(yaw=20, lids=0.9),
]  # fmt: skip


def shapes(faces: Footage) -> NDArray:
    """(N, 68, 3) the landmarks of all faces, head space."""
    return np.array([at_landmarks(one.points) for one in faces.posed])


def known(points: NDArray) -> NDArray:
    turn = Rotation.from_euler("xyz", [12, -25, 8], degrees=True).as_matrix()
    return 1.3 * points @ turn.T + (0.2, -0.1, 0.4)


def test_a_known_similarity_is_found_in_spite_of_an_odd_feature():
    points = np.random.default_rng(1).normal(size=(51, 3))
    onto = known(points)
    onto[7] += (3.0, -2.0, 1.0)
    found = bring_together(points, onto)
    others = np.arange(51) != 7
    assert np.abs(found(points) - known(points))[others].max() < 1e-3
    assert found.scale == pytest.approx(1.3, abs=1e-3)
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    # All points alike, by SciPy: the odd one draws the others along.
    turn, _ = Rotation.align_vectors(onto - onto.mean(0), points - points.mean(0))
    plain = 1.3 * turn.apply(points - points.mean(0)) + onto.mean(0)
    assert np.abs(plain - known(points))[others].max() > 0.05


def test_a_mirrored_face_is_not_reached_by_a_reflection():
    points = np.random.default_rng(2).normal(size=(30, 3))
    found = bring_together(points, points * (-1, 1, 1))
    assert np.linalg.det(found.rotation) == pytest.approx(1)


@pytest.fixture(scope="module")
def plate(tmp_path_factory) -> Footage:
    return footage(take(tmp_path_factory.mktemp("plate") / "anne", WHO, MOMENTS), WHO)


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Footage:
    return footage(take(tmp_path_factory.mktemp("source") / "wide", WIDE, MOMENTS), WIDE)


def test_a_person_in_their_own_place_stays_where_they_are(plate):
    for own, posed in zip(plate.posed, retarget(plate, plate), strict=True):
        assert np.linalg.norm(posed.plate - own.plate, axis=1).max() < 0.5
        assert posed.head is own.head


def test_the_shape_is_the_sources_and_the_pose_is_the_plates(plate, wide):
    first = retarget(wide, plate)[0]
    points = at_landmarks(first.points)
    width, height = np.ptp(points[:17, 0]), np.ptp(points[17:68, 1])
    own = at_landmarks(WIDE.mesh)
    assert width / height == pytest.approx(np.ptp(own[:17, 0]) / np.ptp(own[17:68, 1]), rel=0.02)
    middles = [at_landmarks(one)[INNER].mean(0) for one in (first.points, plate.mesh.rest)]
    assert np.linalg.norm(middles[0] - middles[1]) < 0.02
    assert [one.head for one in retarget(wide, plate)] == [face.head for face in plate.faces]


def test_lids_and_lips_stand_open_as_they_do_in_the_plate(plate, wide):
    posed = np.array([at_landmarks(one.points) for one in retarget(wide, plate)])
    true = np.array([at_landmarks(WIDE.posed(moment).points) for moment in MOMENTS])
    scale = np.ptp(posed[0, INNER, 1]) / np.ptp(true[0, INNER, 1])
    np.testing.assert_allclose(lid_gaps(posed), scale * lid_gaps(true), atol=0.012)
    assert lid_gaps(posed)[4].max() < 0.2 * lid_gaps(posed)[0].min()  # the blink
    wanted = lip_gaps(shapes(plate))
    np.testing.assert_allclose(lip_gaps(posed), wanted, atol=0.015)
    assert np.ptp(wanted) > 0.08


def test_a_mouth_that_rests_open_is_closed_where_the_plates_is(tmp_path, plate):
    parted = Performer(mesh=WHO.mesh + follow_landmarks(Moment(mouth=0.05).expression))
    moments = [Moment(mouth=mouth, yaw=yaw) for mouth, yaw in ((-0.05, 0), (0, 5), (0.05, -5), (-0.03, 3), (0.02, 0))]
    source = footage(take(tmp_path / "parted", parted, moments), parted)
    resting, wanted = lip_gaps(at_landmarks(parted.mesh)[None])[0], lip_gaps(shapes(plate))
    found = lip_gaps(np.array([at_landmarks(one.points) for one in retarget(source, plate)]))
    assert resting > lip_gaps(at_landmarks(WHO.mesh)[None])[0] + 0.04
    np.testing.assert_allclose(found, wanted, atol=0.02)


@pytest.mark.parametrize(("marks", "carried"), [(slice(27, 36), 0.0), (slice(48, 68), 1.0)])
def test_what_a_landmarker_has_wrong_of_a_nose_is_no_performance_and_lips_held_askew_are(
    tmp_path, plate, wide, marks, carried
):
    faces = []
    for face in plate.faces:
        points = face.refined.copy()
        points[marks] += np.float32((0, 0.06 * face.head.scale))
        faces.append(replace(face, refined=points, landmarks=points))
    faceset = take(tmp_path / "anne", WHO, MOMENTS)
    askew = retarget(wide, Footage(faceset, faces, plate.mesh))
    for changed, plain in zip(askew, retarget(wide, plate), strict=True):
        middles = [at_landmarks(one.points)[marks, 1].mean() for one in (changed, plain)]
        # Heads are brought together by what is seen, so that a little of it moves them.
        assert middles[0] - middles[1] == pytest.approx(0.06 * carried, abs=0.02)


def test_a_nose_that_moves_on_one_frame_does_so_on_the_new_face(tmp_path, plate, wide):
    points = plate.faces[0].refined.copy()
    points[27:36] += np.float32((0, 0.06 * plate.faces[0].head.scale))
    faces = [replace(plate.faces[0], refined=points, landmarks=points), *plate.faces[1:]]
    moved = retarget(wide, Footage(take(tmp_path / "anne", WHO, MOMENTS), faces, plate.mesh))[0]
    still = retarget(wide, plate)[0]
    middles = [at_landmarks(one.points)[27:36, 1].mean() for one in (moved, still)]
    assert middles[0] - middles[1] == pytest.approx(0.06, abs=0.015)


def test_a_source_that_is_never_seen_from_the_front_still_gives_a_head(tmp_path, plate):
    moments = [Moment(yaw=yaw, mouth=0.03 * step) for step, yaw in enumerate((-70, -60, -55))]
    aside = footage(take(tmp_path / "aside", WIDE, moments), WIDE)
    assert all(np.isfinite(one.points).all() for one in retarget(aside, plate))
