from __future__ import annotations

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from made_faces import make_face, make_measures, turned
from scipy.spatial.distance import cdist
from understudy.errors import FacesetError
from understudy.faceset.measures import BINS, THUMBNAIL
from understudy.faceset.order import sort_faces, unlikeness, values_of
from understudy.settings import FaceMeasure

ORDER = [3, 0, 4, 1, 2]
"""Frame (less 1001) of the faces below by a measure that rises: a permutation that no other order gives by chance."""


def frames(placed) -> list[int]:
    return [one.face.frame - 1001 for one in placed]


def faces_by(what: str) -> list:
    """Five faces whose ``what`` rises in :data:`ORDER`."""
    changes: dict[int, dict[str, object]] = {}
    for rank, index in enumerate(ORDER):
        level = 0.1 + 0.15 * rank
        changes[index] = {
            "sharpness": lambda level=level: {"measures": make_measures(sharpness=level)},
            "motion-blur": lambda level=level: {"measures": make_measures(motion_blur=level)},
            "brightness": lambda level=level: {"measures": make_measures(brightness=level)},
            "hue": lambda level=level: {"measures": make_measures(hue=-90 + 200 * level)},
            "confidence": lambda level=level: {"confidence": level},
            "yaw": lambda level=level: {"head": turned(-40 + 90 * level, 5, 3)},
            "pitch": lambda level=level: {"head": turned(5, -40 + 90 * level, 3)},
            "roll": lambda level=level: {"head": turned(5, 3, -40 + 90 * level)},
            # A long box and a high one: their area counts, not one of their sides.
            "size": lambda level=level, rank=rank: {
                "box": np.array([5, 7, 5 + level * (10, 1)[rank % 2], 7 + level * (1, 10)[rank % 2]], np.float32)
            },
        }[what]()
    return [make_face(1001 + index, **changes[index]) for index in range(5)]


@pytest.mark.parametrize("by", ["motion-blur", "yaw", "pitch", "roll", "brightness", "hue"])
def test_most_measures_put_the_smallest_first(by) -> None:
    assert frames(sort_faces(faces_by(by), by)) == ORDER
    assert frames(sort_faces(faces_by(by), by, reverse=True)) == ORDER[::-1]


@pytest.mark.parametrize("by", ["sharpness", "size", "confidence"])
def test_sharp_large_and_trusted_faces_come_first(by) -> None:
    assert frames(sort_faces(faces_by(by), by)) == ORDER[::-1]
    assert frames(sort_faces(faces_by(by), by, reverse=True)) == ORDER


def test_frames_are_in_order_and_equal_faces_keep_theirs() -> None:
    faces = [make_face(frame) for frame in (1003, 1001, 1002)]
    assert frames(sort_faces(faces, "frame")) == [0, 1, 2]
    assert frames(sort_faces(faces, "hue")) == [2, 0, 1]  # all have one hue


def test_values_are_what_the_records_say() -> None:
    face = make_face(1007, head=turned(30, -20, 10), box=np.array([10, 20, 50, 110], np.float32), confidence=0.75)
    told = {measure: values_of([face], measure)[0] for measure in get_args(FaceMeasure)}
    assert told == pytest.approx(
        {
            "sharpness": 0.0123,
            "motion-blur": 0.25,
            "yaw": 30,
            "pitch": -20,
            "roll": 10,
            "size": 60,
            "brightness": 0.4,
            "hue": -12.5,
            "confidence": 0.75,
            "frame": 1007,
        }
    )


def distances(faces) -> np.ndarray:
    """Hellinger's, by scipy: sqrt(1 - sum of sqrt(p q)) of distributions, which are the squares of what is stored."""
    roots = np.array([np.frombuffer(face.measures.histogram, np.uint8) for face in faces], float)
    shares = roots**2 / (roots**2).sum(axis=1, keepdims=True)
    return cdist(shares, shares, lambda p, q: np.sqrt(max(0.0, 1 - np.sqrt(p * q).sum())))


def test_unlike_faces_come_first() -> None:
    faces = [make_face(frame) for frame in range(1001, 1031)]
    expected = distances(faces).sum(axis=1) / 29
    np.testing.assert_allclose(unlikeness(faces), expected, atol=2e-4)
    placed = sort_faces(faces, "unlikeness")
    assert [one.value for one in placed] == pytest.approx(sorted(expected, reverse=True), abs=2e-4)


@pytest.mark.parametrize("count", [2, 6, 37, 250])
def test_faces_of_the_same_colours_are_equally_unlike_the_rest(count) -> None:
    """To the last bit: they are ranked by it."""
    rng = np.random.default_rng(count)
    colours = [rng.integers(0, 256, 3 * BINS, np.uint8).tobytes() for _ in range(2)]
    faces = [make_face(index, measures=make_measures(histogram=colours[index % 5 == 0])) for index in range(count)]
    told = unlikeness(faces)
    assert len(set(told[::5])) == len(set(np.delete(told, np.s_[::5]))) == 1
    assert not unlikeness(faces[::5]).any()


def test_like_faces_are_chained_from_one_end_to_the_other() -> None:
    bins = np.arange(3 * BINS)
    looks = [np.exp(-(((bins - 5 - 3.5 * step) / 6) ** 2)) for step in range(10)]
    shuffled = np.random.default_rng(3).permutation(10).tolist()
    faces = [
        make_face(1001 + step, measures=make_measures(histogram=np.rint(255 * looks[step]).astype(np.uint8).tobytes()))
        for step in shuffled
    ]
    placed = sort_faces(faces, "likeness")
    assert frames(placed) in (list(range(10)), list(range(9, -1, -1)))
    expected = [distances([one.face, other.face])[0, 1] for one, other in pairwise(placed)]
    assert [one.value for one in placed] == pytest.approx([0, *expected], abs=1e-3)


def test_a_chain_always_goes_on_with_the_nearest_that_is_left() -> None:
    faces = [make_face(frame) for frame in range(1001, 1041)]
    placed = sort_faces(faces, "likeness")
    apart = distances([one.face for one in placed])
    assert len({one.face.frame for one in placed}) == 40
    for step in range(39):
        assert apart[step, step + 1] <= apart[step, step + 1 :].min() + 1e-4


def test_faces_are_sorted_by_distance_to_the_person_who_is_on_most() -> None:
    def turned_away(degrees: float, axis: int) -> tuple[float, ...]:
        vector = np.zeros(8)
        vector[0], vector[axis] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return tuple(vector.tolist())

    # The middle of the four near ones is the first axis: their strays cancel out.
    strays = [(5.0, 1), (-5.0, 1), (20.0, 2), (-20.0, 2), (80.0, 3), (90.0, 3)]
    faces = [make_face(1001 + index, identity=turned_away(*stray)) for index, stray in enumerate(strays)]
    faces.insert(0, make_face(1010, identity=None))
    placed = sort_faces(faces, "identity")
    assert frames(placed)[:2] in ([0, 1], [1, 0])
    assert set(frames(placed)[2:4]) == {2, 3}
    assert frames(placed)[4:] == [4, 5, 9]
    assert [one.value for one in placed[:-1]] == pytest.approx(
        [1 - np.cos(np.radians(angle)) for angle in (5, 5, 20, 20, 80, 90)], abs=1e-5
    )
    assert placed[-1].value is None


def test_identity_that_nobody_recorded_is_told() -> None:
    with pytest.raises(FacesetError, match="without a recogniser") as caught:
        sort_faces([make_face(identity=None)], "identity")
    assert "--recogniser" in caught.value.hint


def test_a_face_without_colours_can_be_sorted() -> None:
    """A crop that lies outside its plate has an empty histogram."""
    empty = make_measures(histogram=bytes(3 * BINS), thumbnail=bytes(THUMBNAIL**2))
    faces = [make_face(1001, measures=empty), make_face(1002), make_face(1003)]
    assert sorted(frames(sort_faces(faces, "likeness"))) == [0, 1, 2]
    assert frames(sort_faces(faces, "unlikeness"))[0] == 0
