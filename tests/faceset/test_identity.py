from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from made_faces import make_face
from understudy.errors import FacesetError
from understudy.face.interfaces import SAME_PERSON
from understudy.faceset import identity as module
from understudy.faceset.identity import cluster, identities, people_of, same_person

NUMBERS = 64


def around(middle: np.ndarray, count: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    vectors = middle + spread * rng.normal(size=(count, NUMBERS)) / np.sqrt(NUMBERS)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def crowd(counts: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of people at right angles to each other, shuffled, and whose they are."""
    rng = np.random.default_rng(seed)
    vectors = np.concatenate([around(np.eye(NUMBERS)[who], count, 0.6, rng) for who, count in enumerate(counts)])
    whose = np.repeat(np.arange(len(counts)), counts)
    shuffled = rng.permutation(len(whose))
    return vectors[shuffled], whose[shuffled]


def test_people_are_told_apart_and_numbered_by_their_faces() -> None:
    vectors, whose = crowd([7, 40, 15])
    labels = cluster(vectors, 0.4)
    np.testing.assert_array_equal(labels, np.array([2, 0, 1])[whose])


def test_a_few_faces_between_two_people_do_not_chain_them() -> None:
    rng = np.random.default_rng(1)
    ends = [around(np.eye(NUMBERS)[who], 30, 0.2, rng) for who in (0, 1)]
    angles = np.radians(np.linspace(0, 90, 9)[1:-1])
    between = np.array([np.cos(a) * np.eye(NUMBERS)[0] + np.sin(a) * np.eye(NUMBERS)[1] for a in angles], np.float32)
    vectors = np.concatenate([*ends, between])
    # Each is within the threshold of the next, so whoever joins all that are near would find one person.
    assert all(one @ other > 0.9 for one, other in pairwise(between))
    labels = cluster(vectors, 0.6)
    assert len(set(labels[:30])) == len(set(labels[30:60])) == 1
    assert labels[0] != labels[30]


def test_the_threshold_is_the_mean_cosine_from_which_two_groups_are_one() -> None:
    vectors = np.array([[1, 0], [1, 0], [0.6, 0.8]], np.float32)
    assert set(cluster(vectors, 0.59)) == {0}
    np.testing.assert_array_equal(cluster(vectors, 0.61), [0, 0, 1])


def test_more_faces_than_are_compared_at_once_give_the_same_people(monkeypatch) -> None:
    # The last two have so few faces that the first sample may miss them.
    vectors, whose = crowd([60, 40, 25, 2, 1])
    monkeypatch.setattr(module, "AT_ONCE", 20)
    labels = cluster(vectors, 0.4)
    np.testing.assert_array_equal(labels, whose)


def test_one_face_is_one_person() -> None:
    np.testing.assert_array_equal(cluster(np.array([[1, 0]], np.float32), 0.5), [0])


def test_a_face_without_identity_goes_with_its_track() -> None:
    one, other = (tuple(np.eye(4)[who].tolist()) for who in (0, 1))
    rows = [(1, one), (1, one), (1, other), (2, other), (1, None), (2, None), (3, None), (1, one)]
    faces = [make_face(1001 + index, track, identity=own) for index, (track, own) in enumerate(rows)]
    faces.append(make_face(2001, 2, identity=None, plate="/shots/another.%04d.exr"))  # another track of that number
    np.testing.assert_array_equal(people_of(faces, 0.5), [0, 0, 1, 1, 0, 1, -1, 0, -1])


def test_vectors_are_of_length_one_and_say_whose_they_are() -> None:
    faces = [make_face(1001, identity=(3.0, 4.0)), make_face(1002, identity=None), make_face(1003, identity=(0.0, 2.0))]
    vectors, has = identities(faces)
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 1]])
    np.testing.assert_array_equal(has, [True, False, True])


@pytest.mark.parametrize("name", sorted(SAME_PERSON))
def test_each_recogniser_has_its_own_threshold(name) -> None:
    faces = [make_face(1001, identity=None), make_face(1002, analysis={"recogniser": f"{name} (sha256 00; a licence)"})]
    assert same_person(faces) == SAME_PERSON[name]


def test_figures_of_two_recognisers_are_not_compared() -> None:
    faces = [
        make_face(1001 + index, analysis={"recogniser": name}) for index, name in enumerate(("dlib", "insightface"))
    ]
    with pytest.raises(FacesetError, match="several recognisers"):
        identities(faces)


def test_a_set_without_identities_names_the_cure() -> None:
    with pytest.raises(FacesetError, match="without a recogniser") as caught:
        people_of([make_face(identity=None)], 0.5)
    assert "--recogniser" in caught.value.hint
