from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, Delaunay
from understudy.imaging.raster import Surface, rasterise, unit, vertex_normals

FOCAL, MIDDLE = 200.0, np.array([60.0, 50.0])


def _seen(points: NDArray[np.float64], triangles: NDArray[np.int32], height: int = 100, width: int = 120) -> Surface:
    """Points in space, z away, before a pinhole camera."""
    return rasterise(points[:, :2] * FOCAL / points[:, 2:] + MIDDLE, points[:, 2], triangles, height, width)


def _rays(height: int = 100, width: int = 120) -> NDArray[np.float64]:
    """(h, w, 3) points of the line of sight through each pixel's centre, at distance 1."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.dstack([(x - MIDDLE[0]) / FOCAL, (y - MIDDLE[1]) / FOCAL, np.ones_like(x)])


def _outward(points: NDArray[np.float64], triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    one, two, three = points[triangles].transpose(1, 0, 2)
    inward = (np.cross(two - one, three - one) * (one - points.mean(0))).sum(1) < 0
    return np.where(inward[:, None], triangles[:, ::-1], triangles).astype(np.int32)


def test_a_tilted_plane_has_its_depth_and_its_texture_in_perspective() -> None:
    corners = np.array([(-0.4, -0.3, 2.0), (0.3, -0.3, 2.7), (0.3, 0.25, 3.25), (-0.4, 0.25, 2.55)])
    surface = _seen(corners, np.array([(0, 2, 1), (0, 3, 2)]))
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    rays = _rays()
    depth = (normal @ corners[0]) / (rays @ normal)
    place = rays * depth[..., None]  # where each line of sight meets the plane
    sides = [((place - corners[i]) @ np.cross(normal, corners[(i + 1) % 4] - corners[i])) for i in range(4)]
    inside = np.all([side * sides[0][50, 60] > 0 for side in sides], axis=0)
    assert inside.sum() > 2000 and np.array_equal(surface.coverage, inside)
    shown = surface.spread(surface.blend(corners))
    assert np.abs(shown - place)[inside].max() < 1e-5
    assert np.all(shown[~inside] == 0)


def test_a_ball_has_the_depth_and_the_normals_of_a_ball() -> None:
    rng = np.random.default_rng(4)
    ball = unit(rng.normal(size=(4000, 3)))
    triangles = ConvexHull(ball).simplices
    centre = np.array([0.1, -0.05, 5.0])
    triangles = _outward(ball, triangles)
    surface = _seen(ball + centre, triangles)
    rays = unit(_rays().reshape(-1, 3))
    along = rays @ centre
    reach = 1 - (centre @ centre - along**2)
    hit = (reach > 0.02).reshape(100, 120)
    place = rays * (along - np.sqrt(np.maximum(reach, 0)))[:, None]
    assert surface.coverage[hit].all() and not surface.coverage[(reach < 0).reshape(100, 120)].any()
    shown = surface.spread(surface.blend((ball + centre)[:, 2:]))[..., 0]
    assert np.abs(shown - place[:, 2].reshape(100, 120))[hit].max() < 0.02
    normals = surface.spread(surface.blend(vertex_normals(ball + centre, triangles)))
    assert ((normals * (place - centre).reshape(100, 120, 3)).sum(2)[hit] > 0.995).all()
    assert np.abs(vertex_normals(ball, triangles) - ball).max() < 0.2


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_nearest_is_seen_whatever_the_order(order: list[int]) -> None:
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    points = np.vstack(
        [np.column_stack([square * 0.3, np.full(4, 3.0)]), np.column_stack([square * 0.1, np.full(4, 2.0)])]
    )
    faces = [[(0, 2, 1), (0, 3, 2)], [(4, 6, 5), (4, 7, 6)]]
    surface = _seen(points, np.array(faces[order[0]] + faces[order[1]]))
    depth = surface.spread(surface.blend(points[:, 2:]))[..., 0]
    near = np.zeros((100, 120), bool)
    near[40:60, 50:70] = True
    far = np.zeros((100, 120), bool)
    far[30:70, 40:80] = True
    assert np.allclose(depth, np.where(near, 2, np.where(far, 3, 0)), atol=1e-5)


def test_triangles_that_meet_leave_no_gap_even_at_pixels_centres() -> None:
    rng = np.random.default_rng(0)
    inner = rng.uniform(0, 40, (300, 2))
    inner[:150] = np.floor(inner[:150]) + 0.5  # corners and edges that run through centres
    points = np.unique(np.vstack([inner, [(0, 0), (40, 0), (0, 40), (40, 40)]]), axis=0)
    triangles = Delaunay(points).simplices[:, ::-1]  # scipy's are anticlockwise with y up
    surface = rasterise(points, np.ones(len(points)), triangles, 40, 40)
    assert surface.coverage.all()
    x, y = np.meshgrid(np.arange(40) + 0.5, np.arange(40) + 0.5)
    assert np.allclose(surface.spread(surface.blend(points)), np.dstack([x, y]), atol=1e-5)
    assert np.allclose(surface.weights.sum(1), 1, atol=1e-6) and surface.weights.min() >= -1e-6


def test_the_inside_and_what_is_behind_the_camera_or_outside_the_picture_is_not_seen() -> None:
    points = np.array([(5, 5), (35, 5), (5, 35)], np.float64)
    facing = np.array([(0, 2, 1)])

    # 30 rows of 30 to 1 centres; those on the long side count.
    def seen(shift: float = 0, distance: tuple[float, ...] = (1, 1, 1), triangle: NDArray[np.int64] = facing) -> int:
        return int(rasterise(points + shift, np.array(distance), triangle, 40, 40).coverage.sum())

    assert seen() == 465 and seen(triangle=facing[:, ::-1]) == 0
    assert seen(distance=(1, 1, -1)) == 0
    assert seen(1e6) == 0 and seen(-1e6) == 0 and 0 < seen(20) < 465
    assert len(rasterise(points, np.ones(3), np.zeros((0, 3), int), 40, 40).pixels) == 0
