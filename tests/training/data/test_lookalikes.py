from __future__ import annotations

import numpy as np
import pytest
import torch
from made_people import stand
from understudy.face.geometry import HEAD_68
from understudy.training.data.augment import along
from understudy.training.data.lookalikes import Shapes, exchange_fields, find_pairs

SIZE = 128
SHIFT = np.zeros((68, 2))
SHIFT[:17] = (0.0, 3.0)  # a longer jaw
SHIFT[36:48] = (0.0, -1.5)  # higher eyes


def person(count: int = 24, shift: np.ndarray | float = 0.0) -> Shapes:
    """One head in ``count`` poses and mouths; another seed would be another performance."""
    rng = np.random.default_rng(11)
    landmarks, angles = [], []
    for _ in range(count):
        yaw, pitch = rng.uniform(-25, 25), rng.uniform(-12, 12)
        shape = HEAD_68.copy()
        shape[48:, 1] += rng.uniform(-0.08, 0.08)
        shape[17:27, 1] += rng.uniform(-0.06, 0.06)
        landmarks.append(stand(SIZE / 2, SIZE / 2, SIZE / 2.1, yaw, pitch).project(shape) + shift)
        angles.append((yaw, pitch))
    return Shapes.measure(np.array(landmarks), np.array(angles))


def looked_up(field: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Where, in pixels, a field makes each of (68, 2) positions look."""
    units = torch.from_numpy(positions / SIZE * 2 - 1).float()[None, None]
    offset = along(torch.from_numpy(field)[None], units)[0, 0].numpy()
    return positions + offset * SIZE / 2


def test_each_face_finds_itself_in_another_persons_same_performance():
    target = person()
    pairs = find_pairs(target, person(shift=SHIFT), SIZE, 3)
    np.testing.assert_array_equal(pairs.partner[:, 0], np.arange(24))
    assert pairs.partner.shape == (24, 3) and all(len(set(row)) == 3 for row in pairs.partner.tolist())


def test_the_field_of_a_pair_bends_the_partner_onto_the_targets_expression_in_its_own_shape():
    target, source = person(), person(shift=SHIFT)
    pairs = find_pairs(target, source, SIZE, 3)
    for face in range(0, 24, 5):
        for rank in range(3):
            partner = source.landmarks[pairs.partner[face, rank]]
            wanted = target.landmarks[face] + SHIFT  # this very moment, played by the source
            error = np.linalg.norm(looked_up(pairs.field[face, rank], wanted) - partner, axis=1)
            before = np.linalg.norm(wanted - partner, axis=1)
            assert error.mean() < 0.6, (face, rank)
            assert error.mean() < 0.35 * before.mean() or before.mean() < 0.6


def test_nobody_is_bent_towards_himself():
    own = person()
    assert np.abs(exchange_fields(own, own, SIZE)).max() < 1e-6


def test_the_exchange_shows_a_face_in_the_other_shape():
    own, other = person(), person(shift=SHIFT)
    fields = exchange_fields(own, other, SIZE)
    for face in range(0, 24, 6):
        found = looked_up(fields[face], own.landmarks[face] + SHIFT)
        error = np.linalg.norm(found - own.landmarks[face], axis=1)
        assert error.mean() < 0.5 and error.max() < 1.6
    edges = np.concatenate([fields[:, 0], fields[:, -1], fields[:, :, 0], fields[:, :, -1]])
    assert np.abs(edges).max() < 0.75 * np.abs(fields).max()  # it dies out at the crop's edge


def test_a_persons_own_way_of_opening_lids_and_lips_is_found():
    rng = np.random.default_rng(0)
    shape, slopes = HEAD_68[:, :2] * 100, rng.normal(size=(2, 68, 2))
    # Only upper lids and inner lips tell the opening; they move as the measure counts.
    lids, lips, nose = shape[37, 1] - shape[41, 1], 0.0, np.linalg.norm(shape[27] - shape[33])
    slopes[:, [*range(36, 48), *range(60, 68), 27, 33]] = 0
    amount = np.stack([rng.uniform(0.1, 1.2, 60), rng.uniform(0, 0.4, 60)], axis=1)
    amount[:, 0] /= np.median(amount[:, 0])
    landmarks = shape + np.einsum("no,okc->nkc", amount, slopes)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        landmarks[:, upper] = landmarks[:, lower] + np.array([0, abs(lids)]) * amount[:, :1]
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        landmarks[:, upper] = landmarks[:, lower] + np.array([lips, nose]) * amount[:, 1:]
    found = Shapes.measure(landmarks, np.zeros((60, 2)))
    assert found.opening == pytest.approx(amount, abs=1e-6)
    quiet = [index for index in range(68) if index not in (*range(36, 48), *range(60, 68))]
    assert found.slopes[:, quiet] == pytest.approx(slopes[:, quiet], abs=0.03)
    assert found.imitate(found) == pytest.approx(landmarks)


def test_closed_lids_and_lips_stay_closed_however_seldom_either_person_closes_them():
    target, source = (
        performer([1.0, 1.0, 0.1, 1.0, 0.9, 1.1], [0.0, 0.3, 0.05, 0.4, 0.3, 0.35]),
        performer([1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.15], [0.0, 0.0, 0.0, 0.02, 0.3, 0.0, 0.0], shift=SHIFT),
    )
    there = Shapes.measure(source.imitate(target), target.angles).landmarks
    gap = np.abs(there[:, [67, 66, 65], 1] - there[:, [61, 62, 63], 1]).mean(1)
    lids = np.abs(there[:, [41, 40, 47, 46], 1] - there[:, [37, 38, 43, 44], 1]).mean(1)
    assert gap[0] < 0.3 * np.delete(gap, [0, 2]).min() and lids[2] < 0.4 * np.delete(lids, 2).min()
    partner = find_pairs(target, source, SIZE).partner[:, 0]
    assert partner[2] in (5, 6)  # a blink is shown by a blink
    assert set(partner[[1, 3]].tolist()) == {4}  # and talking by talking


def performer(lids: list[float], lips: list[float], shift: np.ndarray | float = 0.0) -> Shapes:
    """One head, seen from the front, with lids and lips as far open as told."""
    landmarks = []
    for open_lids, open_lips in zip(lids, lips, strict=True):
        shape = HEAD_68.copy()
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            shape[upper] = shape[lower] + (shape[upper] - shape[lower]) * open_lids
        for upper, lower in ((61, 67), (62, 66), (63, 65)):
            shape[lower] = shape[upper]
            shape[lower, 1] += open_lips * np.linalg.norm(HEAD_68[27] - HEAD_68[33])
        landmarks.append(stand(SIZE / 2, SIZE / 2, SIZE / 2.1, 0, 0).project(shape) + shift)
    return Shapes.measure(np.array(landmarks), np.zeros((len(lids), 2)))


def test_a_person_seen_from_one_side_is_judged_by_faces_of_that_side():
    shape = person(1).landmarks[0]
    turned = Shapes.measure(np.stack([shape, shape + 5]), np.array([[-60.0, 0], [60.0, 0]]))
    seen = turned.rest(np.array([[-60.0, 0]])) + turned.opened(turned.opening[:1])
    assert seen[0] == pytest.approx(shape, abs=1e-3)


def test_at_the_edge_of_all_poses_the_head_is_not_turned_back_towards_them():
    rng = np.random.default_rng(3)
    yaws = np.concatenate([rng.uniform(-20, 22, 40), [28.0]])
    seen = [stand(SIZE / 2, SIZE / 2, SIZE / 2.1, yaw, 0).project(HEAD_68) for yaw in yaws]
    shapes = Shapes.measure(np.array(seen), np.column_stack([yaws, np.zeros_like(yaws)]))
    apart = shapes.rest(np.array([(28.0, 0.0)]))[0] + shapes.opened(shapes.opening[-1:])[0] - seen[-1]
    # A mean over similar poses is 9 pixels off: most of them look less far to the side.
    assert np.abs(apart).max() < 2


def test_a_source_of_one_face_is_everybodys_partner():
    alone = person(1)
    assert find_pairs(person(5), alone, SIZE).partner.tolist() == [[0]] * 5


def test_portions_of_many_faces_find_what_all_at_once_would(monkeypatch):
    generator = np.random.default_rng(3)
    many = [
        Shapes.measure(generator.normal(32, 6, (count, 68, 2)), generator.uniform(-30, 30, (count, 2)))
        for count in (90, 70)
    ]
    in_portions = find_pairs(*many, 64, count=3)
    monkeypatch.setattr("understudy.training.data.lookalikes.PORTION", 1000)
    at_once = find_pairs(*many, 64, count=3)
    np.testing.assert_array_equal(in_portions.partner, at_once.partner)
    np.testing.assert_allclose(in_portions.field, at_once.field, atol=1e-6)
