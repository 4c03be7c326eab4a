"""A person's faces as rendering sees them, against a performer who is known."""

from __future__ import annotations

import numpy as np
import pytest
from made_heads import Moment, Performer, footage, record, take
from understudy.face.mesh import mirrored, triangles
from understudy.imaging.affine import apply
from understudy.rendering.footage import Footage, views_of

WHO = Performer()
MOMENTS = [Moment(), Moment(yaw=35, x=80), Moment(yaw=-35, x=80), Moment(lids=0.2), Moment(mouth=0.1, pitch=8)]


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Footage:
    return footage(take(tmp_path_factory.mktemp("footage") / "anne", WHO, MOMENTS), WHO)


def test_vertices_lie_where_the_performer_has_them(faces):
    for index, moment in enumerate(MOMENTS):
        true = WHO.posed(moment)
        off = np.linalg.norm(apply(faces.faces[index].matrix, true.plate) - faces.places(index), axis=1)
        assert off.max() < 1.5 and off.mean() < 0.15, index
    assert faces.unit(0) == pytest.approx(128 / 2.1314, rel=1e-3)  # the side of a crop of kind whole
    assert faces.widths.tolist() == [128] * 5


def test_a_picture_is_the_crop_without_its_alpha(faces):
    picture = faces.picture(1)
    assert picture.shape == (128, 128, 3) and picture.dtype == np.float32
    assert faces.picture(1) is picture


def test_a_mirrored_view_is_the_view_of_the_face_in_a_mirror(faces):
    """The performer is the same on both sides, so that a turn to the left mirrored is a turn to the right."""
    views = faces.views()
    other = views.in_mirror(faces.widths)
    assert other.is_mirrored.all() and not views.is_mirrored.any()
    np.testing.assert_allclose(other.crop[1], views.crop[2], atol=0.6)
    # The mesh has its diagonals one way.
    assert np.abs(other.normals[1] - views.normals[2]).mean() < 0.02
    np.testing.assert_allclose(other.direction[1], views.direction[2], atol=1e-6)
    assert np.abs(other.visible[1] - views.visible[2]).mean() < 0.05
    again = other.in_mirror(faces.widths)
    paired = mirrored()[mirrored()] == np.arange(468)
    np.testing.assert_allclose(again.crop[:, paired], views.crop[:, paired], atol=1e-9)
    both = views.joined(other)
    assert len(both) == 10 and both.picture.tolist() == [*range(5), *range(5)]


def test_what_is_turned_away_or_outside_the_crop_is_not_seen(faces):
    views = faces.views()
    assert views.visible[0].mean() > 0.85
    right, left = (np.flatnonzero(sign * WHO.mesh[:, 0] > 0.55) for sign in (-1, 1))
    seen = [views.visible[1][side].mean() * (views.normals[1][side, 2] > 0).mean() for side in (right, left)]
    assert min(seen) < 0.3 * max(seen), seen
    face = record(WHO, Moment(), 1001, "p.%04d.exr")
    shifted = record(WHO, Moment(x=80), 1001, "p.%04d.exr", matrix=face.matrix + np.array([[0, 0, 64], [0, 0, 0]]))
    outside = views_of([WHO.posed(Moment())], [shifted], WHO.mesh, faces.openings)
    beyond = outside.crop[0, :, 0] > 128
    assert beyond.sum() > 50 and not outside.visible[0][beyond].any()


def behind_others(places: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(468,) how far each vertex lies behind the nearest triangle before it, by looking at every one of them."""
    corners = places[triangles()]
    edges = np.roll(corners, -1, 1) - corners
    to = places[:, None, None] - corners[None]
    sides = edges[None, ..., 0] * to[..., 1] - edges[None, ..., 1] * to[..., 0]  # (468, T, 3)
    within = (sides > 1e-6).all(-1) | (sides < -1e-6).all(-1)
    shares = np.abs(np.roll(sides, -1, axis=2))
    depth = (shares * distance[triangles()][None]).sum(-1) / np.maximum(shares.sum(-1), 1e-9)
    return np.where(within, distance[:, None] - depth, 0).max(1)


def test_what_the_nose_hides_is_not_seen(tmp_path):
    moments = [Moment(yaw=55), Moment(yaw=-55)]
    turned = footage(take(tmp_path / "turned", WHO, moments), WHO)
    views = turned.views()
    for row, posed in enumerate(turned.posed):
        behind = behind_others(views.crop[row], posed.distance(1000.0))
        facing = views.normals[row, :, 2] > 0.1
        hidden, free = facing & (behind > 0.15), facing & (behind < 0.02)
        assert hidden.sum() > 3 and free.sum() > 150
        assert views.visible[row][hidden].mean() < 0.35 and views.visible[row][free].mean() > 0.8


def test_the_camera_is_seen_from_the_head(faces):
    direction = faces.views().direction
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1)
    np.testing.assert_allclose(direction[0], (0, 0, -1), atol=1e-9)
    turned = [float(np.degrees(np.arccos(direction[0] @ one))) for one in direction]
    np.testing.assert_allclose(turned, [0, 35, 35, 0, 8], atol=1e-6)
