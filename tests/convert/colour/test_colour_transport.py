from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance, wasserstein_distance_nd
from understudy.convert.colour.affine_transport import OPPONENT, linear, monge_kantorovich, reinhard
from understudy.convert.colour.sliced_transport import histogram, iterative, sliced

AFFINE = {"reinhard": reinhard, "linear": linear, "monge-kantorovich": monge_kantorovich}
SOLVERS = [*AFFINE.values(), histogram, lambda a, b: iterative(a, b, 1), lambda a, b: sliced(a, b, 1)]

MIX = np.array([[0.12, 0.10, 0.08], [0.0, 0.03, -0.02], [0.03, -0.03, 0.02]])
"""Rows are the steps of a cloud of skin: mostly light, a little colour."""


TURNED = MIX @ np.array([[1.2, 0.2, 0.0], [-0.3, 1.0, 0.2], [0.1, -0.2, 0.9]])


def cloud(seed: int, count: int = 3000, mix: np.ndarray = MIX, mean=(0.5, 0.42, 0.36)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3)) @ mix + np.array(mean)


def crescent(seed: int, count: int = 4000) -> np.ndarray:
    """A cloud that no affine map makes of :func:`cloud`: two lobes, one of them bent."""
    points = cloud(seed, count, MIX * (0.6, 1.5, 1.0), (0.45, 0.45, 0.5))
    points[: count // 3] += (0.2, 0.1, 0.05)
    points[:, 2] += 2 * np.square(points[:, 0] - 0.5)
    return points


def sliced_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The sliced Wasserstein-2 distance, over fixed directions that no solver uses."""
    directions = np.random.default_rng(99).normal(size=(3, 50))
    directions /= np.linalg.norm(directions, axis=0)
    places = np.linspace(0.005, 0.995, 199)
    apart = [np.quantile(points @ directions, places, axis=0) for points in (one, other)]
    return float(np.sqrt(np.square(apart[0] - apart[1]).mean()))


@pytest.mark.parametrize("method", ["linear", "monge-kantorovich"])
def test_mean_and_covariance_become_the_plates(method):
    painted, plate = cloud(1), cloud(2, mix=TURNED, mean=(0.3, 0.5, 0.4))
    moved = AFFINE[method](painted, plate)(painted)
    np.testing.assert_allclose(moved.mean(0), plate.mean(0), atol=1e-12)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(plate.T), rtol=1e-9, atol=1e-12)


def test_monge_kantorovich_is_the_closed_form_between_gaussians():
    painted, plate = cloud(1), cloud(2, mix=TURNED)
    own, wanted = np.cov(painted.T), np.cov(plate.T)
    root, inverse = sqrtm(own), np.linalg.inv(sqrtm(own))
    matrix = monge_kantorovich(painted, plate).matrix
    np.testing.assert_allclose(matrix, (inverse @ sqrtm(root @ wanted @ root) @ inverse).real, rtol=1e-8, atol=1e-10)
    assert np.linalg.eigvalsh(matrix).min() > 0  # the gradient of a convex function, which is what makes it optimal
    cost = {name: np.square(solve(painted, plate)(painted) - painted).sum() for name, solve in AFFINE.items()}
    assert cost["monge-kantorovich"] < cost["linear"]


def test_reinhard_matches_mean_and_spread_along_opponent_axes():
    painted, plate = cloud(1), cloud(2, mix=MIX * 0.7, mean=(0.3, 0.5, 0.4))
    moved = reinhard(painted, plate)(painted) @ OPPONENT.T
    np.testing.assert_allclose(moved.mean(0), (plate @ OPPONENT.T).mean(0), atol=1e-12)
    np.testing.assert_allclose(moved.std(0), (plate @ OPPONENT.T).std(0), rtol=1e-9)
    np.testing.assert_allclose(OPPONENT @ OPPONENT.T, np.eye(3), atol=1e-12)
    grey = np.full((1, 3), 0.4)
    assert abs((grey @ OPPONENT.T)[0, 1:]).max() < 1e-12  # grey has no colour


@pytest.mark.parametrize("method", AFFINE)
def test_a_change_that_the_method_can_make_is_undone(method):
    plate = cloud(1)
    turned = plate * (1.3, 1.3, 1.3) + (0.1, -0.05, 0.2)
    np.testing.assert_allclose(AFFINE[method](turned, plate)(turned), plate, atol=1e-9)


@pytest.mark.parametrize("solve", [iterative, sliced])
def test_slices_reach_a_distribution_that_no_affine_map_reaches(solve):
    painted, plate = cloud(1, 4000), crescent(2)
    before = sliced_distance(painted, plate)
    found = solve(painted, plate, 7)
    assert sliced_distance(found(painted), plate) < 0.05 * before
    assert sliced_distance(monge_kantorovich(painted, plate)(painted), plate) > 0.08 * before
    fresh = cloud(3, 4000)  # of the same kind, but not the samples: it is a function, not a list of places
    assert sliced_distance(found(fresh), plate) < 0.08 * before


def test_the_distances_of_another_library_agree():
    painted, plate = cloud(1, 100), crescent(2, 100)
    moved = iterative(painted, plate, 7)(painted)
    assert wasserstein_distance_nd(moved, plate) < 0.4 * wasserstein_distance_nd(painted, plate)


def test_the_histogram_of_each_channel_becomes_the_plates():
    painted, plate = cloud(1), crescent(2)
    moved = histogram(painted, plate)(painted)
    for channel in range(3):
        before, after = (wasserstein_distance(part[:, channel], plate[:, channel]) for part in (painted, moved))
        assert after < 0.05 * before
    assert np.all(np.argsort(moved[:, 0]) == np.argsort(painted[:, 0]))  # no channel's order is turned about


@pytest.mark.parametrize("solve", [iterative, sliced])
def test_a_seed_decides_and_the_samples_order_does_not(solve):
    painted, plate = cloud(1), crescent(2)
    found = solve(painted, plate, 7)(painted)
    np.testing.assert_array_equal(solve(painted, plate, 7)(painted), found)
    random = np.random.default_rng(0)
    shuffled = solve(random.permutation(painted), random.permutation(plate), 7)(painted)
    np.testing.assert_allclose(shuffled, found, atol=1e-9)
    assert np.abs(solve(painted, plate, 8)(painted) - found).max() > 1e-6


@pytest.mark.parametrize("solve", SOLVERS)
def test_a_flat_colour_is_moved_and_not_blown_up(solve):
    plate = cloud(1)
    flat = np.full((500, 3), 0.3) + np.random.default_rng(2).normal(0, 1e-6, (500, 3))
    moved = solve(flat, plate)(flat)
    np.testing.assert_allclose(moved.mean(0), plate.mean(0), atol=2e-3)
    assert moved.std(0).max() < 5e-3
    onto_flat = solve(plate, flat)(plate)
    assert np.isfinite(onto_flat).all() and abs(onto_flat.mean(0) - 0.3).max() < 0.01


@pytest.mark.parametrize("solve", SOLVERS)
def test_a_smooth_picture_is_not_blown_up_to_the_others_detail(solve):
    painted, plate = cloud(1, mix=MIX / 50), cloud(2)
    moved = solve(painted, plate)(painted)
    assert np.linalg.norm((moved - moved.mean(0)), 2) < 4.5 * np.linalg.norm(painted - painted.mean(0), 2)


@pytest.mark.parametrize("solve", SOLVERS[3:])
def test_beyond_its_samples_a_curve_is_a_shift(solve):
    painted, plate = cloud(1), crescent(2)
    found = solve(painted, plate)
    far = np.array([[4.0, 5.0, 6.0], [40.0, -50.0, 60.0], [-4000.0, 5000.0, -6000.0]])
    assert np.abs(found(far) - far).max() < 1.5  # no farther than the clouds are apart, however far away
