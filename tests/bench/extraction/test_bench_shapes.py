from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from understudy.bench.extraction.shapes import REGIONS, compare_shapes
from understudy.face.geometry import HEAD_68
from understudy.review.truth import read_rest

EYES = float(np.linalg.norm(HEAD_68[45] - HEAD_68[36]))


def test_pose_and_size_do_not_count() -> None:
    turn = Rotation.from_euler("xyz", [5, -8, 3], degrees=True).as_matrix()
    report = compare_shapes({"same": 1.1 * HEAD_68 @ turn.T + 0.2}, HEAD_68)
    assert set(report["same"]) == set(REGIONS)
    assert max(report["same"].values()) < 1e-6


def test_an_outline_that_is_off_is_told_in_percent_of_the_eyes_distance() -> None:
    wide = HEAD_68.copy()
    wide[:17, 0] += 0.1 * EYES
    report = compare_shapes({"wide": wide}, HEAD_68)["wide"]
    assert report["outline"] == pytest.approx(10, abs=1e-6)
    assert report["nose"] == pytest.approx(0, abs=1e-6)


def test_the_true_head_at_rest_is_read_out_of_poses_and_expressions(tmp_path) -> None:
    rng, frames = np.random.default_rng(0), []
    for number in range(9):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = Rotation.from_rotvec(rng.normal(0, 0.4, 3)).as_matrix(), (0.1, -0.1, 1.2)
        marks = 0.11 * HEAD_68
        if number < 4:  # with the mouth open on less than half of the frames
            marks[48:] += (0, 0.02, 0)
        frames.append(
            {
                "frame": 1001 + number,
                "landmarks68": np.zeros((68, 2)).tolist(),
                "landmarks68_cam": (marks @ pose[:3, :3].T + pose[:3, 3]).tolist(),
                "head_to_camera": pose.tolist(),
                "K": [[800, 0, 320], [0, 800, 180], [0, 0, 1]],
            }
        )
    path = tmp_path / "shot.truth.json"
    path.write_text(json.dumps({"frames": frames}), encoding="utf-8")
    assert read_rest(path) == pytest.approx(HEAD_68, abs=1e-6)
