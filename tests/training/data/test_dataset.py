from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_people import ANNE, make_faceset
from understudy.errors import FacesetError
from understudy.faceset.store import Faceset
from understudy.model.log_curve import decode
from understudy.model.normalisation import detail, gate
from understudy.training.data.dataset import HELD_OUT_EVERY, HELD_OUT_MOST, LONGEST_RUN, Side, hold_out, load_side
from understudy.training.data.device_faces import MemoryBudget
from understudy.training.data.random_draws import BatchRandom

CPU = torch.device("cpu")


def every(side: Side) -> torch.Tensor:
    """All faces that are trained on."""
    return side.gather(torch.arange(side.count))


def test_every_face_is_either_trained_on_or_held_out(people):
    side = load_side([people["source"]], 64, CPU)
    packed = every(side)
    assert (side.count, len(side.held_out)) == (19, 1)
    assert packed.shape == (19, 8, 64, 64) and packed.dtype == torch.float32
    assert len(side.shapes.landmarks) == 19 and side.lights.mean.shape == (19, 3)
    assert float((packed - side.held_out).abs().amax((1, 2, 3)).min()) > 0.1  # nor is its twin among them
    mask, colour = packed[:, 3:4], packed[:, :3]
    assert float((colour * mask).sum() / mask.sum() / 3) == pytest.approx(0, abs=0.2)  # normalised inside the face
    assert 0.1 < float(mask.mean()) < 0.7
    assert float(packed[:, 4].sum()) < 0.5 * float(mask.sum())  # eyes and mouth are a part of the face
    assert torch.equal(packed[:, 5:], detail(colour, gate(mask)))


def test_runs_are_held_out_whole_and_spread_over_each_plate():
    assert [out.nonzero()[0].tolist() for out in hold_out([64, 15, 320])] == [
        [30, 31, 32, 33],
        [7],
        [*range(50, 57), *range(157, 163), *range(263, 269)],
    ]
    for count in (16, 100, 1000, 5001):
        (out,) = hold_out([count])
        starts = np.flatnonzero(np.diff(out.astype(int)) == 1)
        assert out.sum() == min(count // HELD_OUT_EVERY, HELD_OUT_MOST) and not out[0] and not out[-1]
        assert len(starts) == -(-int(out.sum()) // LONGEST_RUN)
    short = [int(out.sum()) for out in hold_out([8] * 100)]
    assert sum(short) == 50 and set(short) == {0, 1}
    assert [out.nonzero()[0].tolist() for out in hold_out([3, 9, 4])] == [[], [4], []]
    assert [int(sum(out.sum() for out in hold_out(counts))) for counts in ([1], [2], [1, 1], [3])] == [0, 1, 1, 1]


@pytest.mark.parametrize(("count", "trained"), [(1, 1), (2, 1), (3, 2)])
def test_few_faces_are_enough(tmp_path, count, trained):
    side = load_side([make_faceset(tmp_path / "few", ANNE, count)], 64, CPU)
    assert (side.count, len(side.held_out)) == (trained, 1)
    assert side.pick(BatchRandom(0, CPU), 5, 1.0).tolist() == side.pick(BatchRandom(0, CPU), 5, 1.0).tolist()
    assert bool(torch.isfinite(side.mean_face()).all())


def test_faces_that_find_no_room_are_gathered_all_the_same(people):
    whole = load_side([people["source"]], 64, CPU)
    parted = load_side([people["source"]], 64, CPU, MemoryBudget(CPU, 5.5 * 8 * 64 * 64 * 4 / 2**30))
    assert (len(whole.faces.far), len(parted.faces.near), len(parted.faces.far)) == (0, 5, 14)
    picks = whole.pick(BatchRandom(0, CPU), 30)
    assert torch.equal(picks, parted.pick(BatchRandom(0, CPU), 30))
    assert torch.equal(whole.gather(picks), parted.gather(picks))
    assert torch.allclose(whole.mean_face(), parted.mean_face())


def test_the_mean_face_is_a_mean_under_the_masks(people):
    side = load_side([people["target"]], 64, CPU)
    packed = every(side).double().numpy()
    mask = packed[:, 3:4].sum(0)
    inside = mask[0] > 1
    mean = side.mean_face().double().numpy()
    weighed = np.average(packed[:, :3], axis=0, weights=np.broadcast_to(packed[:, 3:4] + 1e-9, packed[:, :3].shape))
    np.testing.assert_allclose(mean[:3, inside] * (1 + 0.5 / mask[:, inside]), weighed[:, inside], atol=1e-4)
    np.testing.assert_allclose(1 / (1 + np.exp(-mean[3])), np.clip(packed[:, 3].mean(0), 0.02, 0.98), atol=1e-4)


def test_rare_poses_are_picked_more_often_when_asked_for(people):
    side = load_side([people["source"]], 64, CPU)
    angles = np.zeros((19, 2))
    angles[7] = 40, 5
    side = replace(side, shapes=replace(side.shapes, angles=angles))
    shares = [
        float((side.pick(BatchRandom(0, CPU), 20_000, balance) == 7).float().mean()) for balance in (0.0, 0.5, 1.0)
    ]
    assert shares[0] == pytest.approx(1 / 19, abs=0.01)
    assert shares[2] > 0.2
    assert shares[1] == pytest.approx((shares[0] + shares[2]) / 2, abs=0.01)


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
    assert [part["held_out"] for part in side.origin] == [1, 1]
    assert len({part["sha256"] for part in side.origin}) == 2
    packed = every(side)
    mask = packed[:, 3:4]
    means = (packed[:, :3] * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)) / 3
    assert abs(float(means[:17].mean() - means[17:].mean())) < 0.15
    # Each face keeps the light of its own plate: with that restored, one plate is three times as bright.
    lights = side.lights_of(torch.arange(side.count))
    linear = (decode(lights.restore(packed[:, :3])) * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    assert float(linear[17:].mean() / linear[:17].mean()) == pytest.approx(3, rel=0.1)


def test_facesets_that_do_not_go_together_are_refused(tmp_path, people):
    other = make_faceset(tmp_path / "close", ANNE, 3, kind="face")
    with pytest.raises(FacesetError, match="face crops"):
        load_side([people["target"], other], 64, CPU)
    with pytest.raises(FacesetError, match="nowhere"):
        load_side([tmp_path / "nowhere"], 64, CPU)
