from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import understudy
from understudy.errors import MissingInputError, UnreadableError
from understudy.face.geometry import HEAD_68
from understudy.plate.sequence import Plate
from understudy.review.truth import read_truth, truth_beside

SAMPLE = Path(understudy.__file__).parent / "sample" / "plate.truth.json"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "synthetic" / "demo" / "target_A.truth.json"
K = np.array([(1200.0, 0, 250), (0, 1200.0, 140), (0, 0, 1)])


def record(frame: int, skull, turn, shift) -> dict:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(np.array(turn, float))[0], shift
    in_camera = skull @ pose[:3, :3].T + pose[:3, 3]
    seen, _ = cv2.projectPoints(skull, np.array(turn, float), np.array(shift, float), K, None)
    return {
        "frame": frame,
        "K": K.tolist(),
        "head_to_camera": pose.tolist(),
        "landmarks68": seen[:, 0].tolist(),
        "landmarks68_cam": in_camera.tolist(),
    }


def test_the_head_lies_where_a_pinhole_camera_of_another_library_sees_it(tmp_path):
    # The mean head as a skull of 8 cm, turned and moved in its own space.
    own = cv2.Rodrigues(np.array((0.3, -0.5, 1.2)))[0]
    skull = 0.08 * HEAD_68 @ own.T + (0.4, -0.2, 0.1)
    records = [record(7, skull, (0.1, 0.7, -0.2), (-0.3, 0.2, 1.3)), record(8, skull, (0, 1.4, 0), (0, 0, 1.5))]
    (tmp_path / "a.truth.json").write_text(json.dumps({"frames": records}))
    for one, told in zip(read_truth(tmp_path / "a.truth.json"), records, strict=True):
        assert one.frame == told["frame"]
        np.testing.assert_allclose(one.head.project(HEAD_68), told["landmarks68"], atol=1e-6)
        np.testing.assert_array_equal(one.landmarks, told["landmarks68"])


def test_the_sample_s_truth_fits_its_own_landmarks():
    faces = read_truth(SAMPLE)
    assert [face.frame for face in faces] == list(range(1001, 1025))
    for face in faces:
        apart = np.linalg.norm(face.head.project(HEAD_68) - face.landmarks, axis=1) / face.head.scale
        assert apart.mean() < 0.06


def test_the_renderer_s_own_yaw_is_found_again():
    if not SHARED.is_file():
        pytest.skip("the synthetic people (../shared/data/synthetic) are not here")
    told = {one["frame"]: one["yaw_deg"] for one in json.loads(SHARED.read_text())["frames"]}
    apart = [face.head.angles[0] - told[face.frame] for face in read_truth(SHARED)]
    assert np.abs(apart).max() < 4
    assert np.std(apart) < 1


@pytest.mark.parametrize("text", ["", "[]", '{"frames": [{"frame": 1}]}', '{"frames": []}'])
def test_what_is_no_truth_is_named(tmp_path, text):
    (tmp_path / "a.truth.json").write_text(text)
    with pytest.raises(UnreadableError, match=r"a\.truth\.json"):
        read_truth(tmp_path / "a.truth.json")
    with pytest.raises(MissingInputError, match=r"b\.truth\.json"):
        read_truth(tmp_path / "b.truth.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("K", np.zeros((3, 3))),
        ("K", -K),
        ("head_to_camera", np.zeros((4, 4))),
        ("landmarks68_cam", np.zeros((68, 3))),
        ("landmarks68_cam", np.full((68, 3), 1e300)),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_a_head_that_no_camera_sees_is_no_truth(tmp_path, key, value):
    made = record(7, 0.08 * HEAD_68, (0.1, 0.7, -0.2), (-0.3, 0.2, 1.3)) | {key: value.tolist()}
    (tmp_path / "a.truth.json").write_text(json.dumps({"frames": [made]}))
    with pytest.raises(UnreadableError, match=r"a\.truth\.json"):
        read_truth(tmp_path / "a.truth.json")


@pytest.mark.parametrize("name", ["shot.%04d.exr", "shot_%d.exr", "shot.mov"])
def test_the_document_lies_beside_the_pictures(tmp_path: Path, name: str) -> None:
    plate = Plate("shot", (tmp_path / name).as_posix(), "sequence", (1,))
    assert truth_beside(plate) is None
    (tmp_path / "shot.truth.json").write_text("{}", encoding="utf-8")
    assert truth_beside(plate) == tmp_path / "shot.truth.json"
