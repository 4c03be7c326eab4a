from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import spsolve
from understudy.convert.blend.multigrid import membrane

SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))


def solved(support: np.ndarray, values: np.ndarray, held: np.ndarray) -> np.ndarray:
    """The same membrane by a sparse direct solver, pixel by pixel."""
    index = np.full(support.shape, -1)
    index[support] = np.arange(support.sum())
    known = np.pad(held, 1)
    y, x = np.nonzero(support)
    links, weight, source = [], np.zeros(len(y)), np.zeros((len(y), len(values)))
    padded_index = np.pad(index, 1, constant_values=-1)
    padded_values = np.pad(values, ((0, 0), (1, 1), (1, 1)))
    for down, right in SIDES:
        beside = padded_index[y + 1 + down, x + 1 + right]
        fixed = known[y + 1 + down, x + 1 + right]
        links += [(i, j) for i, j in enumerate(beside) if j >= 0]
        weight += (beside >= 0) | fixed
        source += fixed[:, None] * padded_values[:, y + 1 + down, x + 1 + right].T
    rows, columns = np.array(links).T
    matrix = diags(weight + 1e-12) - coo_matrix((np.ones(len(rows)), (rows, columns)), (len(y), len(y)))
    result = np.zeros(values.shape)
    result[:, support] = spsolve(matrix.tocsc(), source).T
    return result


def edge(support: np.ndarray) -> np.ndarray:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return cv2.dilate(support.astype(np.uint8), cross).astype(bool) & ~support


def shapes() -> dict[str, np.ndarray]:
    y, x = np.mgrid[:90, :101]
    whole = np.hypot((y - 44) / 0.9, x - 50) < 43
    torn = whole.copy()
    torn[20:50, 33:36] = torn[:, 60] = torn[25, :] = torn[60:66, 30:52] = False
    noise = cv2.GaussianBlur(np.random.default_rng(4).normal(size=(90, 101)), (0, 0), 2)
    wires = np.zeros((90, 101), bool)
    for k in range(2, 44, 3):
        wires[45 - k : 45 + k, 50 - k] = wires[45 - k : 45 + k, 50 + k] = wires[45 - k, 50 - k : 50 + k] = True
    almost = np.ones((90, 101), bool)
    almost[40, 70] = False
    return {
        "whole": whole,
        "torn": torn,
        "islands": noise > 0,
        "specks": np.random.default_rng(5).random((90, 101)) > 0.6,
        "wires": wires,
        "cut off": np.hypot((y + 5) / 0.9, x - 97) < 60,
        "all but a pixel": almost,
        "a row": (y == 3) & (x > 5) & (x < 80),
    }


@pytest.mark.parametrize("name", shapes())
def test_a_membrane_is_that_of_a_direct_solver_whatever_its_shape(name):
    support = shapes()[name]
    held = edge(support)
    x = np.tile(np.arange(support.shape[1]), (support.shape[0], 1))
    rng = np.random.default_rng(2)
    values = np.stack([np.sin(x / 7), x > 50, rng.uniform(-1, 1, x.shape), rng.uniform(0, 1, x.shape) < 0.02])
    surface = membrane(support, values.astype(np.float32), held)
    expected = solved(support, values, held)
    span = np.ptp(values[:, held], axis=1)
    assert (np.abs(surface - expected).max((1, 2)) < 1e-3 * np.maximum(span, 0.5)).all()
    assert surface.dtype == np.float32 and (surface[:, ~support] == 0).all()


def test_a_plane_of_values_gives_that_plane():
    y, x = np.mgrid[:70, :83].astype(np.float32)
    support = np.hypot(y - 33, x - 40) < 30
    plane = (0.3 * x - 0.2 * y + 5)[None]
    found = membrane(support, plane, edge(support))
    assert np.abs(found - plane)[:, support].max() < 1e-3 * np.ptp(plane)


def test_what_is_not_held_does_not_hold():
    """One side of a strip is held at 1, the other, of values without use, is not: all of it is 1."""
    support = np.zeros((12, 30), bool)
    support[3:9] = True
    held = edge(support)
    held[:6] = False
    values = np.where(np.arange(12)[:, None] > 5, 1, 77) * np.ones((1, 12, 30))
    np.testing.assert_allclose(membrane(support, values.astype(np.float32), held)[:, support], 1, atol=1e-3)


def test_a_part_that_touches_nothing_held_is_nothing():
    y, x = np.mgrid[:40, :60]
    left, right = np.hypot(y - 20, x - 15) < 10, np.hypot(y - 20, x - 45) < 10
    values = np.ones((3, 40, 60), np.float32)
    surface = membrane(left | right, values, edge(left))
    np.testing.assert_allclose(surface[:, left], 1, atol=1e-3)
    assert (surface[:, right] == 0).all()
    assert (membrane(np.ones((40, 60), bool), values, np.zeros((40, 60), bool)) == 0).all()


def test_small_arrays_are_solved_as_well():
    for shape in ((1, 3), (3, 1), (2, 2), (5, 3)):
        support = np.ones(shape, bool)
        support[0, 0] = False
        surface = membrane(support, np.full((1, *shape), 2, np.float32), ~support)
        np.testing.assert_allclose(surface[:, support], 2, atol=2e-3)
