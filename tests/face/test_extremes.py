"""Faces as plates have them: of any size, any way up, and larger than the frame."""

import cv2
import numpy as np
import pytest
from understudy.face.components.registry import build_detector, build_landmarker
from understudy.face.detect import KEPT, SMALL, TURNED, find_faces, survey


@pytest.fixture(scope="module")
def detector():
    pytest.importorskip("mediapipe")
    return build_detector("mediapipe")


@pytest.fixture(scope="module")
def landmarker():
    return build_landmarker("mediapipe")


@pytest.fixture(scope="module")
def person(rendered):
    """A face from the front, (384, 384, 3), and its true landmarks."""
    picture = next(one for one in rendered if one.sequence == "source_B")
    assert abs(picture.yaw) < 10
    return picture.image, picture.landmarks


def turned(image, points, degrees: float):
    """Both turned about the middle of the picture, counterclockwise, and a little smaller, so that nothing is lost."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 0.75)
    moved = (points - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_AREA), moved


def error(landmarker, image, found, truth) -> float:
    """Mean distance of the landmarks of the one face that was found, in true distances of the outer eye corners."""
    (face,) = found
    (marks,) = landmarker.landmarks(image, [face])
    assert marks is not None
    return float(np.linalg.norm(marks.points68 - truth, axis=1).mean() / np.linalg.norm(truth[45] - truth[36]))


@pytest.mark.parametrize("degrees", [0, 60, 90, 135, 180, 225, 270, 315])
def test_a_rolled_head_is_found_once_with_its_landmarks_in_their_places(person, detector, landmarker, degrees) -> None:
    image, truth = turned(*person, degrees)
    found = find_faces(detector, image)
    assert error(landmarker, image, found, truth) < 0.06
    five = found[0].points
    eyes = truth[36:42].mean(0), truth[42:48].mean(0)
    assert np.linalg.norm(five[0] - eyes[0]) < np.linalg.norm(five[0] - eyes[1])


@pytest.mark.parametrize("name", ["insightface", "dlib-hog"])
def test_other_detectors_find_a_head_that_hangs_too(person, pack, name) -> None:
    pytest.importorskip("dlib")
    image, truth = turned(*person, 180)
    (face,) = find_faces(build_detector(name, pack), image)
    centre = (face.box[:2] + face.box[2:]) / 2
    assert np.linalg.norm(centre - truth.mean(0)) < 0.3 * np.ptp(truth[:, 0])


def test_an_upright_and_a_hanging_head_are_both_found(person, detector) -> None:
    image, truth = person
    hanging, beside = np.ascontiguousarray(image[::-1, ::-1]), (2 * image.shape[1], image.shape[0]) - truth
    seen = survey(detector, np.concatenate([image, hanging], axis=1))
    assert len(seen.faces) == 2
    for face, points in zip(seen.faces, (truth, beside), strict=True):
        centre = (face.box[:2] + face.box[2:]) / 2
        assert (points.min(0) < centre).all() and (centre < points.max(0)).all()
    verdicts = {one.verdict for one in seen.candidates}
    assert {KEPT, TURNED} <= verdicts


@pytest.mark.parametrize(("above", "below", "aspect"), [(0, 0, 1), (0.15, 0.15, 1), (0, 0.3, 1.78), (0.1, 0.2, 1.78)])
def test_a_face_as_tall_as_the_frame_and_taller_is_found(person, detector, landmarker, above, below, aspect) -> None:
    """Enlarged; ``above`` and ``below`` are the shares of the landmarks' height beyond the frame."""
    image, truth = person
    (left, top), (right, bottom) = truth.min(0), truth.max(0)
    y0, y1 = round(top + above * (bottom - top)), round(bottom - below * (bottom - top))
    x0 = round((left + right) / 2 - aspect * (y1 - y0) / 2)
    cropped = image[y0:y1, max(x0, 0) : x0 + round(aspect * (y1 - y0))]
    close = cv2.resize(cropped, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    found = find_faces(detector, close)
    assert error(landmarker, close, found, (truth - [max(x0, 0), y0]) * 5) < 0.1


@pytest.mark.parametrize("corner", [(700, 500), (3700, 2050)])
def test_a_face_of_24_pixels_is_found_in_a_4k_plate(person, detector, corner) -> None:
    image, truth = person
    scale = 24 / np.ptp(truth[:, 0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    plate = np.full((2160, 3840, 3), 70, np.uint8)
    x, y = corner
    plate[y : y + small.shape[0], x : x + small.shape[1]] = small
    (face,) = find_faces(detector, plate, minimum=24)
    assert np.linalg.norm((face.box[:2] + face.box[2:]) / 2 - (truth.mean(0) * scale + corner)) < 8
    assert 20 < np.mean(face.box[2:] - face.box[:2]) < 44


def test_who_is_too_small_is_seen_and_told_so(person, detector) -> None:
    seen = survey(detector, person[0], minimum=200)
    assert not seen.faces
    assert {one.verdict for one in seen.candidates} >= {SMALL}


def test_nobody_is_found_where_nobody_is(rendered, detector) -> None:
    """Beside the person, and in noise; all ways up, for nobody is upright there."""
    rng = np.random.default_rng(8)
    for picture in rendered[::8]:
        empty = picture.image.copy()
        low, high = picture.landmarks.min(0) - picture.eyes, picture.landmarks.max(0) + picture.eyes
        (x0, y0), (x1, y1) = np.maximum(low, 0).astype(int), high.astype(int)
        empty[y0:y1, x0:x1] = empty[0, 0]
        assert not find_faces(detector, empty, minimum=24)
    assert not find_faces(detector, rng.integers(0, 255, (270, 480, 3), dtype=np.uint8), minimum=24)
