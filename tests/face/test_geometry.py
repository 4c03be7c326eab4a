"""Heads fitted and crops laid, against closed forms and against the true heads of the synthetic people."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from understudy.errors import NoFaceError, UsageError
from understudy.face.geometry import CROP_LIFT, CROP_SIDE, HEAD_68, crop_kind, crop_matrix, fit_head
from understudy.imaging.affine import apply, invert, rescale, scale_of

TRUTH = Path(__file__).parents[3] / "shared/data/synthetic/full"


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Image axes: x right, y down, z away; positive yaw looks right, positive pitch up, positive roll clockwise."""
    axes = [(0, -yaw, 0), (-pitch, 0, 0), (0, 0, roll)]
    about_y, about_x, about_z = (cv2.Rodrigues(np.radians(axis))[0] for axis in axes)
    return about_y @ about_x @ about_z


@pytest.mark.parametrize("yaw", [0, 25, -50, 80])
@pytest.mark.parametrize("roll", [0, -30, 120])
def test_a_head_of_known_pose_is_found(yaw, roll):
    rotation = turned(yaw, 0, roll)
    points = 90.0 * (HEAD_68 @ rotation.T)[:, :2] + (300.0, 200.0)
    head = fit_head(points)
    assert head.error < 1e-6
    assert head.scale == pytest.approx(90.0, rel=1e-5)
    np.testing.assert_allclose(head.offset, (300, 200), atol=1e-3)
    np.testing.assert_allclose(head.rotation, rotation, atol=1e-5)
    assert head.angles == pytest.approx((yaw, 0, roll), abs=1e-3)


def test_pitch_is_positive_when_looking_up():
    points = 90.0 * (HEAD_68 @ turned(0, 20, 0).T)[:, :2]
    assert fit_head(points).angles == pytest.approx((0, 20, 0), abs=1e-3)


@pytest.mark.parametrize("kind", sorted(CROP_SIDE))
def test_a_frontal_crop_has_the_side_and_the_centre_of_its_kind(kind):
    head = fit_head(80.0 * HEAD_68[:, :2] + (400.0, 300.0))
    matrix = crop_matrix(head, kind, 256)
    assert scale_of(matrix) == pytest.approx(256 / (CROP_SIDE[kind] * 80.0))
    centre = apply(invert(matrix), np.array([[128.0, 128.0]]))[0]
    np.testing.assert_allclose(centre, (400, 300 - 80 * CROP_LIFT[kind]), atol=1e-3)


def test_a_crop_stands_upright_whatever_the_roll_and_keeps_its_scale_in_profile():
    frontal = crop_matrix(fit_head(80.0 * HEAD_68[:, :2]), "full", 100)
    for yaw in (0, 45, 85):
        points = 80.0 * (HEAD_68 @ turned(yaw, 0, 37).T)[:, :2]
        matrix = crop_matrix(fit_head(points), "full", 100)
        eye, mouth = apply(matrix, points[[27, 57]])
        assert abs(eye[0] - mouth[0]) < 22 and eye[1] < mouth[1]
        assert scale_of(matrix) == pytest.approx(scale_of(frontal), rel=1e-4)


def test_speech_hardly_moves_the_crop():
    points = 100.0 * HEAD_68[:, :2]
    speaking = points.copy()
    speaking[3:14, 1] += 25.0  # the jaw drops by a quarter of the face
    speaking[48:68, 1] += 12.0
    still, moved = (crop_matrix(fit_head(p), "full", 160) for p in (points, speaking))
    corners = np.array([(0, 0), (160, 160)], float)
    assert np.abs(apply(invert(still), corners) - apply(invert(moved), corners)).max() < 1.5


def test_matrices_invert_and_rescale():
    matrix = crop_matrix(fit_head(77.0 * HEAD_68[:, :2] + 10), "whole", 64)
    points = np.array([(1.5, 2.5), (-30.0, 400.0)])
    np.testing.assert_allclose(apply(invert(matrix), apply(matrix, points)), points, atol=1e-9)
    np.testing.assert_allclose(apply(rescale(matrix, 64, 256), points), 4 * apply(matrix, points))


def test_what_is_no_face_is_refused():
    for points in (np.zeros((68, 2)), np.full((68, 2), np.nan), np.zeros((5, 2))):
        with pytest.raises(NoFaceError):
            fit_head(points)
    with pytest.raises(UsageError):
        crop_kind("nose")


@pytest.mark.skipif(not TRUTH.is_dir(), reason="needs the synthetic people with true poses, which are not bundled")
def test_true_landmarks_give_the_true_pose():
    for name in ("source_B", "target_A"):
        frames = json.loads((TRUTH / f"{name}.truth.json").read_text())["frames"]
        errors = [fit_head(np.array(f["landmarks68"])).angles[0] - f["yaw_deg"] for f in frames]
        # The true yaw is against the camera's axis, the fitted one against the line of sight: some degrees apart.
        assert np.abs(np.median(errors)) < 4 and np.abs(errors).max() < 10
