from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_people import stand
from made_skin import CAMERA, CENTRE, RADII, met
from understudy.face.geometry import Head
from understudy.tracks.surface import lift

POSES = [(0.0, 0.0, 0.0), (35.0, -10.0, 20.0), (-80.0, 15.0, -5.0)]


def grid(head: Head) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 9), np.linspace(-0.7, 0.6, 9))
    return head.project(CENTRE[None]) + head.scale * np.column_stack([x.ravel(), y.ravel()])


@pytest.mark.parametrize("pose", POSES)
def test_points_are_lifted_onto_the_near_side_right_behind_their_pixels(pose: tuple[float, float, float]) -> None:
    head = stand(700, 420, 110, *pose)
    points = grid(head)
    places, rays, hit = lift(head, points)
    assert hit.sum() > 40
    assert (((places[hit] - CENTRE) / RADII) ** 2).sum(1) == pytest.approx(1, abs=1e-9)
    assert head.project(places[hit]) == pytest.approx(points[hit], abs=1e-6)
    assert head.project(places + 0.3 * rays) == pytest.approx(head.project(places), abs=1e-6)
    assert np.linalg.norm(rays, axis=1) == pytest.approx(1)
    # The near side: going on along the ray one is inside.
    assert (((places[hit] + 0.05 * rays[hit] - CENTRE) / RADII) ** 2).sum(1).max() < 1


@pytest.mark.parametrize("scale", [40, 110, 500])
def test_a_camera_is_reckoned_with(scale: float) -> None:
    head = replace(stand(1100, 620, scale, 25, 5, -10), camera=CAMERA)
    points = grid(head)
    places, rays, hit = lift(head, points)
    assert hit.sum() > 40
    assert head.project(places + 0.3 * rays) == pytest.approx(points, abs=1e-6)
    assert head.project(places[hit]) == pytest.approx(points[hit], abs=1e-6)
    assert places[hit] == pytest.approx(met(head, points[hit]), abs=1e-9)


def test_what_passes_by_or_lies_flat_to_the_view_is_none() -> None:
    head = stand(0, 0, 100)
    middle = head.project(CENTRE[None])[0]
    points = middle + np.array([(0, 0), (67.5, 0), (69, 0), (0, 200), (0, -109)])
    assert lift(head, points)[2].tolist() == [True, False, False, False, False]
