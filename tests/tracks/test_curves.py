from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp
from understudy.face.geometry import Head
from understudy.tracks.curves import Interpolation, covers, rotation_at, rotation_of, value_at

frames = st.lists(st.integers(-50, 2000), min_size=2, max_size=6, unique=True).map(sorted)
numbers = st.floats(-1e4, 1e4)
angle = st.floats(-179, 179)
pose = st.tuples(angle, st.floats(-85, 85), angle)
ways = st.sampled_from(["linear", "smooth", "constant"])


@st.composite
def keyed(draw: st.DrawFn) -> tuple[list[int], np.ndarray]:
    at = draw(frames)
    return at, np.array([[draw(numbers), draw(numbers)] for _ in at])


@given(keyed(), ways)
@settings(deadline=None, max_examples=60)
def test_a_curve_is_exact_at_its_keys_and_keeps_the_end_values(curve, way: Interpolation) -> None:
    at, values = curve
    for frame, value in zip(at, values, strict=True):
        assert np.array_equal(value_at(at, values, frame, way), value)
    assert np.array_equal(value_at(at, values, at[0] - 7, way), values[0])
    assert np.array_equal(value_at(at, values, at[-1] + 7, way), values[-1])


@given(keyed(), st.integers(-60, 2010))
@settings(deadline=None, max_examples=60)
def test_linear_is_numpys_and_no_curve_leaves_its_keys(curve, frame: int) -> None:
    at, values = curve
    expected = [np.interp(frame, at, values[:, column]) for column in (0, 1)]
    assert value_at(at, values, frame, "linear") == pytest.approx(expected, abs=1e-7)
    low, high = values.min(0) - 1e-6, values.max(0) + 1e-6
    for way in ("smooth", "constant"):
        value = value_at(at, values, frame, way)
        assert (value >= low).all() and (value <= high).all()


def test_constant_waits_for_the_next_key_and_smooth_eases() -> None:
    at, values = [10, 20, 30], np.array([[0.0], [10.0], [10.0]])
    assert value_at(at, values, 19, "constant") == [0.0]
    assert value_at(at, values, 20, "constant") == [10.0]
    # The slope at the plateau's key is none: the last step before it is shorter than a straight line's.
    assert 10 - value_at(at, values, 19, "smooth")[0] < 0.5
    assert value_at(at, values, 25, "smooth") == [10.0]


@given(frames, st.lists(pose, min_size=6, max_size=6), st.integers(-60, 2010))
@settings(deadline=None, max_examples=80)
def test_rotations_are_scipys_slerp(at: list[int], poses: list[tuple[float, float, float]], frame: int) -> None:
    keys = np.stack([rotation_of(*one) for one in poses[: len(at)]])
    inside = min(max(frame, at[0]), at[-1])
    slerp = Slerp(at, Rotation.from_matrix(keys))
    after = next(i for i, key in enumerate(at) if key >= inside)
    half_turn = after and np.trace(keys[after - 1].T @ keys[after]) < -1 + 1e-6
    if not half_turn:  # there is no one shortest arc
        assert np.allclose(rotation_at(at, keys, frame, "linear"), slerp(inside).as_matrix(), atol=1e-9)
    smooth = rotation_at(at, keys, frame, "smooth")
    assert np.allclose(smooth @ smooth.T, np.eye(3), atol=1e-9)
    for key, turn in zip(at, keys, strict=True):
        assert np.array_equal(rotation_at(at, keys, key, "smooth"), turn)


@given(pose)
@settings(deadline=None, max_examples=80)
def test_a_rotation_has_the_angles_that_it_was_made_of(angles: tuple[float, float, float]) -> None:
    turn = rotation_of(*angles)
    assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-12) and np.linalg.det(turn) > 0
    assert Head(1.0, turn, np.zeros(2), 0.0).angles == pytest.approx(angles, abs=1e-6)


def test_keys_speak_from_the_first_to_the_last_or_always() -> None:
    assert [covers([5, 8], frame, False) for frame in (4, 5, 7, 8, 9)] == [False, True, True, True, False]
    assert covers([5, 8], 1, True)
