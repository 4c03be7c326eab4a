from __future__ import annotations

import builtins
import hashlib
import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
from understudy.errors import ComponentError
from understudy.face.components import registry
from understudy.face.detect import find_faces
from understudy.face.interfaces import Landmarks
from understudy.faceset.identity import SAME_PERSON

dlib = pytest.importorskip("dlib")


@pytest.fixture(scope="module")
def landmarker():
    return registry.build_landmarker("dlib")


def frontal(rendered):
    return [picture for picture in rendered if abs(picture.yaw) < 25][::3]


def marked(landmarker, picture, name: str) -> Landmarks:
    (face,) = find_faces(registry.build_detector(name), picture.image)
    (marks,) = landmarker.landmarks(picture.image, [face])
    assert marks is not None
    return marks


@pytest.mark.parametrize("name", ["dlib-hog", "mediapipe"])
def test_landmarks_lie_on_the_truth_whoever_found_the_face(rendered, landmarker, name) -> None:
    offsets = []
    for picture in frontal(rendered):
        if picture.sequence == "plate" and name == "mediapipe":
            continue  # a hand comes before that face
        marks = marked(landmarker, picture, name)
        offsets.append((marks.points68 - picture.landmarks)[17:] / picture.eyes)
        assert 0.5 < marks.score <= 1
    assert len(offsets) > 4
    assert np.linalg.norm(offsets, axis=2).mean() < 0.065


def test_the_landmarks_of_a_mirrored_picture_are_mirrored(rendered, landmarker) -> None:
    """Taking its pixel centres for ours would part them by a whole pixel, on the average of points and pictures."""
    detector, apart = registry.build_detector("mediapipe"), []
    for picture in [one for one in frontal(rendered) if one.sequence != "plate"]:
        mirrored = np.ascontiguousarray(picture.image[:, ::-1])
        here, there = (
            landmarker.landmarks(image, find_faces(detector, image))[0] for image in (picture.image, mirrored)
        )
        middle = (here.points68[17:, 0].mean() + there.points68[17:, 0].mean()) / 2
        apart.append(2 * middle - picture.image.shape[1])
    assert abs(np.mean(apart)) < 0.25


def test_landmarks_follow_a_picture_that_moves_by_parts_of_a_pixel(rendered, landmarker) -> None:
    picture = frontal(rendered)[0]
    (face,) = find_faces(registry.build_detector("dlib-hog"), picture.image)
    (before,) = landmarker.landmarks(picture.image, [face])
    move = np.array([[1, 0, 7.5], [0, 1, -4.25]])
    moved = cv2.warpAffine(picture.image, move, picture.image.shape[1::-1], flags=cv2.INTER_CUBIC)
    (after,) = landmarker.landmarks(moved, [face])
    np.testing.assert_allclose((after.points68 - before.points68).mean(0), move[:, 2], atol=0.4)


def test_where_no_face_is_the_landmarker_sees_none_or_trusts_little(landmarker, rendered) -> None:
    box = next(iter(find_faces(registry.build_detector("mediapipe"), rendered[0].image)))
    noise = np.random.default_rng(0).integers(0, 255, rendered[0].image.shape, dtype=np.uint8)
    (marks,) = landmarker.landmarks(noise, [box])
    assert marks is None or marks.score < 0.3


def test_both_detectors_find_the_face_in_the_same_place(rendered) -> None:
    picture = frontal(rendered)[0]
    truth = picture.landmarks[17:].mean(0)
    for name in ("dlib-hog", "dlib-cnn"):
        (face,) = registry.build_detector(name).detect(picture.image[:, 112:400])
        centre = (face.box[:2] + face.box[2:]) / 2 + [112, 0]
        assert np.linalg.norm(centre - truth) < 0.35 * picture.eyes, name
        assert face.score > 0.9
        assert face.raw > 0


def test_people_are_told_apart_by_the_threshold_that_is_stated(clip) -> None:
    pytest.importorskip("mediapipe")
    detector, marks = registry.build_detector("mediapipe"), registry.build_landmarker("mediapipe")
    recogniser = registry.build_recogniser("dlib")
    people: list[list[np.ndarray]] = [[], []]
    for picture in clip("head-pose-face-detection-female-and-male.gif")[::16]:
        found = find_faces(detector, picture)
        for vectors, face in zip(people, marks.landmarks(picture, found), strict=True):
            vectors.append(recogniser.embed(picture, face))
    one, other = map(np.stack, people)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    assert one.shape[1] == 128
    assert (one @ other.T).max() < SAME_PERSON["dlib"] < min((one @ one.T).min(), (other @ other.T).min())


def test_a_rolled_face_has_the_identity_that_it_has_upright(rendered) -> None:
    recogniser, picture = registry.build_recogniser("dlib"), frontal(rendered)[-1]
    upright = recogniser.embed(picture.image, Landmarks(picture.landmarks.astype(np.float32), None, 1.0))
    size = np.array(picture.image.shape[1::-1])
    hanging = Landmarks((size - picture.landmarks).astype(np.float32), None, 1.0)
    assert upright @ recogniser.embed(np.ascontiguousarray(picture.image[::-1, ::-1]), hanging) > 0.98


def test_cards_tell_the_licence_and_the_hash_of_the_weights() -> None:
    cards = {(offer.name, offer.role): offer.card for offer in registry.cards() if offer.name.startswith("dlib")}
    assert set(cards) == {
        ("dlib-hog", "detector"),
        ("dlib-cnn", "detector"),
        ("dlib", "landmarker"),
        ("dlib", "recogniser"),
    }
    landmarks = cards["dlib", "landmarker"]
    assert landmarks.commercial is False and "300-W" in landmarks.licence
    folder = Path(next(iter(importlib.util.find_spec("face_recognition_models").submodule_search_locations)))
    file = folder / "models" / "shape_predictor_68_face_landmarks.dat"
    assert landmarks.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("build", [registry.build_landmarker, registry.build_recogniser])
def test_a_missing_library_and_missing_weights_are_answered_with_the_cure(monkeypatch, build) -> None:
    known, find = builtins.__import__, importlib.util.find_spec
    with monkeypatch.context() as patch:
        patch.setattr(
            importlib.util, "find_spec", lambda name: None if name == "face_recognition_models" else find(name)
        )
        with pytest.raises(ComponentError, match="face_recognition_models is not installed") as error:
            build("dlib")
        assert "understudy-vfx[dlib]" in error.value.hint

    def without(module, *args, **kwargs):
        if module.split(".")[0] == "dlib":
            raise ImportError(name="dlib")
        return known(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ComponentError, match="dlib is not installed") as error:
        build("dlib")
    assert "understudy-vfx[dlib]" in error.value.hint
