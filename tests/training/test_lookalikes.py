from __future__ import annotations

import numpy as np
import pytest
import torch
from made_people import stand
from understudy.face.geometry import HEAD_68
from understudy.training.augment import along
from understudy.training.lookalikes import Shapes, exchange_fields, find_pairs

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
    return Shapes(np.array(landmarks), np.array(angles))


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


def test_a_person_at_rest_is_the_mean_of_the_moments_seen_from_there():
    rng = np.random.default_rng(0)
    shape = rng.normal(size=(68, 2))
    noise = rng.normal(size=(40, 68, 2))
    shapes = Shapes(shape + noise - noise.mean(0), np.zeros((40, 2)))
    assert shapes.rest(np.zeros((1, 2)))[0] == pytest.approx(shape)
    turned = Shapes(np.stack([shape, shape + 5]), np.array([[-60.0, 0], [60.0, 0]]))
    assert turned.rest(np.array([[-60.0, 0]]))[0] == pytest.approx(shape, abs=1e-3)


def test_a_source_of_one_face_is_everybodys_partner():
    pairs = find_pairs(person(5), Shapes(person(1).landmarks, person(1).angles), SIZE)
    assert pairs.partner.tolist() == [[0]] * 5
