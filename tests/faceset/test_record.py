import json

import cv2
import numpy as np
import pytest
from made_faces import make_face
from understudy.errors import FacesetError
from understudy.faceset.record import Face, sharpness

FIELDS = list(Face.__dataclass_fields__)


@pytest.mark.parametrize(
    "face", [make_face(), make_face(dense=None, identity=None), make_face(plate="Aufnahme für Ä.mov", analysis={})]
)
def test_a_record_comes_back_exactly(face) -> None:
    again = Face.from_json(face.to_json())
    for name in FIELDS:
        before, after = getattr(face, name), getattr(again, name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)
        else:
            assert after == before
            assert type(after) is type(before)


def test_a_record_is_one_line_of_plain_json_with_a_schema() -> None:
    text = make_face().to_json()
    assert "\n" not in text
    assert json.loads(text)["schema"] == 1


@pytest.mark.parametrize("name", ["schema", *FIELDS])
def test_a_missing_field_is_named(name) -> None:
    record = json.loads(make_face().to_json())
    del record[name]
    with pytest.raises(FacesetError, match=name):
        Face.from_json(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("landmarks", [[1, 2]] * 67),
        ("landmarks", "none"),
        ("box", [1, 2, 3]),
        ("box", [1, 2, 3, float("nan")]),
        ("matrix", [[1, 2, 3]]),
        ("dense", [[1, 2], [3, 4]]),
        ("dense", "AAAA"),
        ("dense", "AAAAAA=="),
        ("dense", "not base64"),
        ("frame", 1001.5),
        ("frame", "1001"),
        ("pose", [1, 2]),
        ("plate", None),
        ("identity", ["a"]),
        ("analysis", ["mediapipe"]),
    ],
)
def test_a_malformed_field_is_a_faceset_error(name, value) -> None:
    record = json.loads(make_face().to_json()) | {name: value}
    with pytest.raises(FacesetError, match="malformed"):
        Face.from_json(json.dumps(record))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"face"', "7"])
def test_what_is_no_record_is_a_faceset_error(text) -> None:
    with pytest.raises(FacesetError):
        Face.from_json(text)


def test_another_schema_is_refused_by_its_number() -> None:
    record = json.loads(make_face().to_json()) | {"schema": 99}
    with pytest.raises(FacesetError, match="schema 99"):
        Face.from_json(json.dumps(record))


def test_sharpness_is_the_variance_of_the_laplacian_inside_the_face() -> None:
    rng = np.random.default_rng(2)
    crop = rng.uniform(0, 1, (64, 64, 3)).astype(np.float32)
    inside = np.zeros((64, 64), np.float32)
    inside[16:48, 20:40] = 1
    luma = crop.astype(np.float64) @ [0.2126, 0.7152, 0.0722]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    assert sharpness(crop, inside) == pytest.approx(laplacian[15:47, 19:39].var(), rel=1e-4)
    assert sharpness(cv2.GaussianBlur(crop, (0, 0), 2), inside) < 0.05 * sharpness(crop, inside)
    assert sharpness(crop, np.zeros((64, 64))) == 0.0
