from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from understudy.convert.matte.combine import Operation, Way, combined, held_out, with_roto

weights = arrays(np.float32, (2, 3), elements=st.floats(0, 1, width=32))


@given(weights, weights, weights, st.sampled_from(get_args(Way)))
def test_any_combination_is_a_mask_again_and_grows_with_what_it_is_made_of(source, target, hull, way):
    mask = combined(source, target, hull, way)
    assert mask.dtype == np.float32 and mask.shape == (2, 3) and mask.min() >= 0 and mask.max() <= 1
    more = combined(*(np.maximum(part, np.float32(0.5)) for part in (source, target, hull)), way)
    assert (more >= mask).all()


@pytest.mark.parametrize(
    ("way", "agrees"),
    [
        ("learned", lambda source, target, hull: source and target),
        ("learned-source", lambda source, target, hull: source),
        ("learned-target", lambda source, target, hull: target),
        ("learned-union", lambda source, target, hull: source or target),
        ("hull", lambda source, target, hull: hull),
        ("both", lambda source, target, hull: source and target and hull),
    ],
)
def test_where_masks_are_sure_a_combination_is_what_its_name_says(way, agrees):
    for source, target, hull in itertools.product((0.0, 1.0), repeat=3):
        parts = [np.full((1, 1), part, np.float32) for part in (source, target, hull)]
        assert combined(*parts, way)[0, 0] == agrees(source, target, hull)


def test_soft_masks_combine_by_the_named_arithmetic():
    half, most, some = (np.full((1, 1), value, np.float32) for value in (0.5, 0.8, 0.3))
    assert combined(half, most, some, "learned")[0, 0] == pytest.approx(0.4)
    assert combined(half, most, some, "learned-union")[0, 0] == pytest.approx(0.8)
    assert combined(half, most, some, "both")[0, 0] == pytest.approx(0.3)
    assert combined(half, most, most, "both")[0, 0] == pytest.approx(0.4)


@given(weights, weights, st.sampled_from(get_args(Operation)))
def test_a_roto_that_is_nothing_or_all_does_what_its_operation_says(matte, roto, operation):
    result = with_roto(matte, roto, operation)
    assert result.dtype == np.float32 and result.min() >= 0 and result.max() <= 1
    nothing, everything = np.zeros_like(matte), np.ones_like(matte)
    expected = {
        "intersect": (nothing, matte),
        "union": (matte, everything),
        "subtract": (matte, nothing),
        "replace": (nothing, everything),
    }[operation]
    np.testing.assert_array_equal(with_roto(matte, nothing, operation), expected[0])
    np.testing.assert_array_equal(with_roto(matte, everything, operation), expected[1])


def test_a_soft_roto_combines_by_the_named_arithmetic():
    matte, roto = np.full((1, 1), 0.5, np.float32), np.full((1, 1), 0.2, np.float32)
    found = [float(with_roto(matte, roto, operation)[0, 0]) for operation in get_args(Operation)]
    assert found == pytest.approx([0.1, 0.5, 0.4, 0.2])


@given(weights, weights, weights, st.sampled_from(get_args(Operation)))
def test_a_holdout_wins_over_whatever_a_roto_adds(matte, roto, holdout, operation):
    result = held_out(with_roto(matte, roto, operation), holdout)
    assert (result[holdout == 1] == 0).all()
    assert (result <= 1 - holdout).all() and (result >= 0).all()
    np.testing.assert_array_equal(held_out(matte, np.zeros_like(matte)), matte)
