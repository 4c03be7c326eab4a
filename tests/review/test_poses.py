from __future__ import annotations

from pathlib import Path

import pytest
from made_people import ANNE, make_faceset
from understudy.errors import FacesetError
from understudy.faceset.store import Faceset
from understudy.review.poses import pose_of, yaw_by_frame


@pytest.mark.parametrize(
    ("yaw", "pose"),
    [
        (0, "frontal"),
        (-29.9, "frontal"),
        (30, "three_quarter"),
        (-60, "three_quarter"),
        (60.1, "profile"),
        (-95, "profile"),
    ],
)
def test_a_yaw_is_one_of_three_poses_to_either_side(yaw: float, pose: str) -> None:
    assert pose_of(yaw) == pose


def test_a_faceset_says_which_way_its_faces_look(tmp_path: Path) -> None:
    faces = Faceset.open(make_faceset(tmp_path / "anne", ANNE, 3)).faces()
    assert yaw_by_frame(faces, tmp_path) == {face.frame: face.pose[0] for face in faces}


def test_two_faces_on_a_frame_are_told(tmp_path: Path) -> None:
    faces = Faceset.open(make_faceset(tmp_path / "anne", ANNE, 3)).faces()
    with pytest.raises(FacesetError, match=f"several faces on frame {faces[0].frame}"):
        yaw_by_frame([*faces, faces[0]], tmp_path)
