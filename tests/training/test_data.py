from __future__ import annotations

import numpy as np
import pytest
import torch
from made_people import ANNE, make_faceset
from understudy.errors import FacesetError
from understudy.faceset.store import Faceset
from understudy.training.data import load_side

CPU = torch.device("cpu")


def test_every_face_is_either_trained_on_or_held_out(people):
    side = load_side([people["source"]], 64, CPU)
    assert (side.count, len(side.held_out)) == (19, 1)
    assert side.packed.shape == (19, 8, 64, 64) and side.packed.dtype == torch.float32
    assert len(side.shapes.landmarks) == 19
    mask, colour = side.packed[:, 3:4], side.packed[:, :3]
    assert float((colour * mask).sum() / mask.sum() / 3) == pytest.approx(0, abs=0.2)  # normalised inside the face
    assert 0.1 < float(mask.mean()) < 0.7
    assert float(side.packed[:, 4].sum()) < 0.5 * float(mask.sum())  # eyes and mouth are a part of the face


def test_landmarks_are_in_the_pixels_of_the_resolution(people):
    small, large = (load_side([people["target"]], size, CPU) for size in (64, 96))
    np.testing.assert_allclose(large.shapes.landmarks, small.shapes.landmarks * 1.5, rtol=1e-4)
    assert small.shapes.landmarks.min() > 0 and small.shapes.landmarks.max() < 64


def test_each_plate_is_normalised_by_its_own_light(tmp_path, people):
    bright = make_faceset(tmp_path / "bright", ANNE, 17, seed=2)
    faceset = Faceset.open(bright)
    for face in faceset.faces():
        pixels = faceset.read(face)
        pixels[..., :3] *= 3
        faceset.add(face, pixels)
    side = load_side([people["target"], bright], 64, CPU)
    assert [part["faces"] for part in side.origin] == [18, 17]
    assert len({part["sha256"] for part in side.origin}) == 2
    mask = side.packed[:, 3:4]
    means = (side.packed[:, :3] * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)) / 3
    assert abs(float(means[:17].mean() - means[18:].mean())) < 0.15


def test_facesets_that_do_not_go_together_are_refused(tmp_path, people):
    other = make_faceset(tmp_path / "close", ANNE, 3, kind="face")
    with pytest.raises(FacesetError, match="face crops"):
        load_side([people["target"], other], 64, CPU)
    with pytest.raises(FacesetError, match="nowhere"):
        load_side([tmp_path / "nowhere"], 64, CPU)
