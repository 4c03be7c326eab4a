"""The outline of a face, against the polygon's own area."""

import cv2
import numpy as np
import pytest
from understudy.face.geometry import HEAD_68
from understudy.face.hull import eye_mask, face_mask, feature_mask

LANDMARKS = 60.0 * HEAD_68[:, :2] + (64.0, 56.0)
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def test_the_mask_has_the_area_of_the_hull():
    hull = cv2.convexHull(LANDMARKS.astype(np.float32))
    mask = face_mask(LANDMARKS, IDENTITY, 128, brow_lift=0.0)
    assert mask.sum() == pytest.approx(cv2.contourArea(hull), rel=0.03)
    rows, columns = np.nonzero(mask > 0.5)
    centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    moments = cv2.moments(hull)
    np.testing.assert_allclose(centre, (moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]), atol=0.3)


def test_raised_brows_only_add_forehead():
    low, high = (face_mask(LANDMARKS, IDENTITY, 128, brow_lift=lift) for lift in (0.0, 2.0))
    assert (high >= low - 1e-6).all() and high.sum() > low.sum() * 1.03
    brow = int(LANDMARKS[17:27, 1].max()) + 2
    np.testing.assert_allclose(high[brow + 12 :], low[brow + 12 :], atol=1e-6)


def test_features_are_eyes_and_mouth():
    mask = feature_mask(LANDMARKS, IDENTITY, 128)
    for points in (LANDMARKS[36:42], LANDMARKS[42:48], LANDMARKS[48:60]):
        x, y = points.mean(0).astype(int)
        assert mask[y, x] == 1
    x, y = LANDMARKS[30].astype(int)
    assert mask[y, x] == 0 and mask.mean() < 0.1


def test_eyes_and_brows_are_masked_and_skin_and_lips_are_not():
    mask = eye_mask(LANDMARKS, IDENTITY, 128)
    assert mask.dtype == np.float32 and mask.min() >= 0 and mask.max() == pytest.approx(1, abs=0.01)
    for part in (range(36, 42), range(42, 48), range(17, 22), range(22, 27)):
        x, y = np.floor(LANDMARKS[list(part)].mean(0)).astype(int)
        assert mask[y, x] > 0.9
    for point in (30, 62, 8):
        x, y = LANDMARKS[point].astype(int)
        assert mask[y, x] == 0
    assert 0.02 < mask.mean() < 0.12
