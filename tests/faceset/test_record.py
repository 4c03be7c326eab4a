import json

import numpy as np
import pytest
from made_faces import make_face, turned
from understudy.errors import FacesetError
from understudy.faceset.record import Face

FIELDS = list(Face.__dataclass_fields__)


@pytest.mark.parametrize(
    "face",
    [
        make_face(),
        make_face(dense=None, identity=None, raw=None, head=turned(5)),
        make_face(eye_opening=None, eye_trust=None, gaze=None, mouth_opening=None),
        make_face(plate="Aufnahme für Ä.mov", analysis={}, origin="given"),
    ],
)
def test_a_record_comes_back_exactly(face) -> None:
    again = Face.from_json(face.to_json())
    for name in FIELDS:
        before, after = getattr(face, name), getattr(again, name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)
        elif name == "head":
            assert (after.scale, after.error, after.camera) == (before.scale, before.error, before.camera)
            np.testing.assert_array_equal(after.rotation, before.rotation)
            np.testing.assert_array_equal(after.offset, before.offset)
        else:
            assert after == before
            assert type(after) is type(before)


def test_a_record_is_one_line_of_plain_json_with_a_schema() -> None:
    text = make_face().to_json()
    assert "\n" not in text
    assert json.loads(text)["schema"] == 3


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
        ("head", {"scale": 1.0}),
        ("head", [1, 2]),
        ("origin", "guessed"),
        ("measures", {"sharpness": 1.0}),
        ("plate", None),
        ("identity", ["a"]),
        ("identity", "AAAAAA"),
        ("analysis", ["mediapipe"]),
        ("eye_opening", [0.3]),
        ("gaze", "left"),
        ("mouth_opening", "wide"),
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


def test_a_record_of_the_schema_before_is_read_without_channels() -> None:
    record = json.loads(make_face().to_json()) | {"schema": 2}
    channels = ("eye_opening", "eye_trust", "gaze", "mouth_opening")
    for name in channels:
        del record[name]
    face = Face.from_json(json.dumps(record))
    assert [getattr(face, name) for name in channels] == [None] * 4
    np.testing.assert_array_equal(face.landmarks, make_face().landmarks)


def test_another_schema_is_refused_by_its_number() -> None:
    record = json.loads(make_face().to_json()) | {"schema": 99}
    with pytest.raises(FacesetError, match="schema 99"):
        Face.from_json(json.dumps(record))


def test_the_pose_is_that_of_the_head() -> None:
    assert make_face(head=turned(30, -12, 5)).pose == pytest.approx((30, -12, 5))


def test_a_record_with_everything_in_it_is_short() -> None:
    assert len(make_face(identity=tuple(np.full(512, 0.1, np.float32).tolist())).to_json()) < 20_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop_size", 0),
        ("crop_size", 10**6),
        ("crop_kind", "none"),
        ("matrix", [[0, 0, 1], [0, 0, 1]]),
        ("matrix", [[1, 0, 1e300], [0, 1, 0]]),
        ("box", [True, False, True, False]),
        ("box", ["1", "2", "3", "4"]),
        ("landmarks", [[1e30, 0]] * 68),
        ("frame", 1.5),
        ("frame", 2**60),
        ("confidence", -3),
        ("identity", ""),
        ("identity", "AACAfw=="),  # an infinity
        ("plate", "x" * 10**6),
        ("analysis", {"detector": 3}),
    ],
)
def test_a_value_that_no_face_has_is_refused_in_a_sentence(name: str, value: object) -> None:
    record = json.loads(make_face().to_json()) | {name: value}
    with pytest.raises(FacesetError, match="malformed") as refused:
        Face.from_json(json.dumps(record))
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    "change",
    [{"scale": 0}, {"scale": -1}, {"rotation": [[0] * 3] * 3}, {"rotation": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}]
    + [{"camera": {"focal": focal, "centre": [1, 2]}} for focal in (0, -5, "x")],
)
def test_a_head_that_cannot_be_projected_is_refused(change: dict[str, object]) -> None:
    record = json.loads(make_face().to_json())
    record["head"] |= change
    with pytest.raises(FacesetError, match="malformed"):
        Face.from_json(json.dumps(record))
