import hashlib
from pathlib import Path

import numpy as np
import pytest
from understudy.errors import ComponentError
from understudy.face.choose import Reference
from understudy.face.components import insightface_pack
from understudy.face.components.insightface_pack import (
    InsightfaceDetector,
    InsightfaceRecogniser,
    arcface_matrix,
    open_pack,
)
from understudy.face.components.registry import build_landmarker
from understudy.face.detect import find_faces
from understudy.face.interfaces import Landmarks


def test_boxes_and_points_lie_on_the_face(rendered, pack) -> None:
    picture = rendered[0]
    (face,) = find_faces(InsightfaceDetector(pack), picture.image)
    true = picture.landmarks
    five = np.stack([true[36:42].mean(0), true[42:48].mean(0), true[30], true[48], true[54]])
    assert np.linalg.norm(face.points - five, axis=1).max() < 0.12 * picture.eyes


def test_rendered_faces_are_found_up_to_the_profile(rendered, pack) -> None:
    detector = InsightfaceDetector(pack)
    found = [bool(find_faces(detector, picture.image)) for picture in rendered[::2]]
    assert all(found)


def test_one_rendered_person_is_nearer_to_itself_than_to_another(rendered, pack) -> None:
    recogniser = InsightfaceRecogniser(pack)
    vectors: dict[str, list[np.ndarray]] = {"source_B": [], "target_A": []}
    for picture in rendered:
        if picture.sequence in vectors and abs(picture.yaw) < 25:
            face = Landmarks(picture.landmarks.astype(np.float32), None, 1.0)
            vectors[picture.sequence].append(recogniser.embed(picture.image, face))
    one, other = (np.stack(vectors[name]) for name in vectors)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    assert one.dtype == np.float32
    # On average only: the network was trained on real people, and these two are built on one mesh.
    assert min((one @ one.T).mean(), (other @ other.T).mean()) > (one @ other.T).mean() + 0.15


def test_real_people_are_told_apart_by_the_default_threshold(clip, pack) -> None:
    pytest.importorskip("mediapipe")
    detector, recogniser = InsightfaceDetector(pack), InsightfaceRecogniser(pack)
    landmarker = build_landmarker("mediapipe")
    people: list[list[np.ndarray]] = [[], []]
    for picture in clip("head-pose-face-detection-female-and-male.gif")[::8]:
        found = find_faces(detector, picture)
        for vectors, face in zip(people, landmarker.landmarks(picture, found), strict=True):
            vectors.append(recogniser.embed(picture, face))
    one, other = map(np.stack, people)
    threshold = Reference(one[0]).threshold
    assert (one @ other.T).max() < threshold < min((one @ one.T).min(), (other @ other.T).min())


def test_the_arcface_crop_is_the_library_s_own(rendered, pack) -> None:
    from insightface.utils.face_align import estimate_norm

    true = rendered[0].landmarks
    five = np.stack([true[36:42].mean(0), true[42:48].mean(0), true[30], true[48], true[54]])
    theirs = estimate_norm(five - 0.5)  # centres at whole numbers
    ours = arcface_matrix(Landmarks(true.astype(np.float32), None, 1.0))
    there = five @ ours[:, :2].T + ours[:, 2]
    np.testing.assert_allclose(there - 0.5, (five - 0.5) @ theirs[:, :2].T + theirs[:, 2], atol=1e-3)


def test_the_card_says_that_the_pack_is_not_for_commercial_use(pack) -> None:
    card = open_pack(pack).card("recogniser")
    assert card.commercial is False
    assert "non-commercial" in card.licence
    assert card.sha256 == hashlib.sha256((Path(pack) / "mobilefacenet.onnx").read_bytes()).hexdigest()


def test_a_role_that_the_pack_lacks_is_named(pack) -> None:
    with pytest.raises(ComponentError, match="no landmarker model") as error:
        open_pack(pack).file("landmarker")
    assert error.value.hint


def test_a_missing_an_empty_and_a_damaged_pack_are_told_apart(tmp_path, monkeypatch) -> None:
    pytest.importorskip("insightface")
    monkeypatch.setattr(insightface_pack, "HOME", tmp_path / "home")
    with pytest.raises(ComponentError, match="There is no InsightFace pack"):
        open_pack("nowhere")
    with pytest.raises(ComponentError, match="No InsightFace pack was chosen"):
        open_pack(None)
    with pytest.raises(ComponentError, match=r"holds no \.onnx model"):
        open_pack(str(tmp_path))
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(ComponentError, match=r"broken\.onnx cannot be loaded"):
        open_pack(str(tmp_path))


def test_a_pack_is_found_by_name_and_the_only_one_without_a_name(tmp_path, monkeypatch, pack) -> None:
    monkeypatch.setattr(insightface_pack, "HOME", tmp_path)
    (tmp_path / "mine").mkdir()
    for file in Path(pack).iterdir():
        (tmp_path / "mine" / file.name).write_bytes(file.read_bytes())
    assert open_pack("mine").folder == open_pack(None).folder == tmp_path / "mine"


def test_every_ibug_point_has_a_point_of_the_106() -> None:
    table = insightface_pack._IBUG_FROM_106
    assert len(table) == 68
    assert max(table) < 106
