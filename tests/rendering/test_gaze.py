"""Gaze: irises go where those of the plate are, and nothing else of the face moves."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_heads import Moment, Performer, footage, take
from understudy.face.mesh import RINGS, at_landmarks, triangles
from understudy.imaging.affine import apply
from understudy.imaging.raster import rasterise
from understudy.rendering.eyes import EYES, whites_mask
from understudy.rendering.footage import FAR, Footage, Views
from understudy.rendering.gaze import gaze_turn, iris_places, with_gaze
from understudy.rendering.light import measure_skin_light
from understudy.rendering.pixels import sample
from understudy.rendering.references import choose_references
from understudy.rendering.texture import Texture, filmed
from understudy.tracks.gaze import IRIS_DEPTH

WHO = Performer(ripples=0)
CORNERS = ((36, 39), (42, 45))
SIDE = 320


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Footage:
    moments = [Moment(scale=60), Moment(yaw=20, scale=60), Moment(lids=0.1, scale=60)]
    return footage(take(tmp_path_factory.mktemp("gaze") / "anne", WHO, moments, size=256), WHO)


def looking(views: Views, right: float, seen: float = 1.0) -> Views:
    """The ``views`` with this gaze on all frames, and as much trust in the eyes."""
    gaze = np.tile([right, 0.0], (len(views), 1))
    return replace(views, openings=replace(views.openings, gaze=gaze, trust=np.full((len(views), 2), seen)))


def eye_corners(vertices, eye):
    return at_landmarks(vertices)[list(CORNERS[eye])]


def darkest(picture, vertices, eye) -> float:
    """Where the iris is seen between the corners of an eye, in eye widths to image right."""
    height, width = picture.shape[:2]
    inside = whites_mask(vertices, height, width, np.eye(2)[eye]) > 0.9
    y, x = np.mgrid[:height, :width] + 0.5
    dark = inside * np.clip(0.35 - picture.mean(-1), 0, 1)
    first, last = eye_corners(vertices, eye)
    centre = np.array([(x * dark).sum(), (y * dark).sum()]) / dark.sum()
    return float((centre - (first + last) / 2) @ (last - first) / ((last - first) ** 2).sum())


def between_lids(vertices, eye):
    """(SIDE, SIDE) whether a pixel lies within the ring of an eye's lids."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    ring = vertices[list(RINGS[("right_eye", "left_eye")[eye]])]
    cv2.fillPoly(mask, [np.round((ring - 0.5) * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return mask > 0


def painted(posed, gaze):
    """Eyes with irises at ``gaze`` (eye widths) on a grey face; the picture and where its vertices are."""
    vertices = posed.plate * (SIDE / 160)
    picture = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    for eye in (0, 1):
        picture[between_lids(vertices, eye)] = 0.9
        first, last = eye_corners(vertices, eye)
        centre = (first + last) / 2 + gaze * (last - first)
        disc = np.hypot(x - centre[0], y - centre[1]) < 0.14 * np.linalg.norm(last - first)
        picture[disc & between_lids(vertices, eye)] = 0.1
    return picture, vertices


def shown_with(picture, vertices, irises, turn):
    """The picture (SIDE, SIDE, 3) with its gaze turned, and how much of each pixel (SIDE, SIDE) is another than before."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    moved, share = with_gaze(np.stack([x, y], axis=-1).reshape(-1, 2), vertices, irises, turn)
    share = share.reshape(SIDE, SIDE)
    return picture + share[..., None] * (sample(picture, moved.reshape(SIDE, SIDE, 2)) - picture), share


@pytest.mark.parametrize(("own", "wanted"), [(0.0, 0.15), (0.1, -0.12), (-0.2, 0.0)])
@pytest.mark.parametrize("yaw", [0, 25])
def test_irises_move_within_lids_that_stay(own, wanted, yaw) -> None:
    picture, vertices = painted(WHO.posed(Moment(scale=75, yaw=yaw)), own)
    shown, share = shown_with(picture, vertices, np.full(2, own), wanted - own)
    for eye in (0, 1):
        assert darkest(picture, vertices, eye) == pytest.approx(own, abs=0.02)
        assert darkest(shown, vertices, eye) == pytest.approx(wanted, abs=0.02)
    eyes = np.uint8(between_lids(vertices, 0) | between_lids(vertices, 1))
    assert not share[cv2.dilate(eyes, np.ones((3, 3), np.uint8)) == 0].any()
    # Lids are not drawn into the eye: all that it shows is white or iris, but for the soft rims of both.
    inner = cv2.erode(eyes, np.ones((3, 3), np.uint8)) == 1
    skin = [float((np.abs(one[inner].mean(-1) - 0.5) < 0.1).mean()) for one in (picture, shown)]
    assert skin[1] < skin[0] + 0.08


def test_one_gaze_moves_nothing() -> None:
    spots = np.random.default_rng(1).uniform(0, 160, (500, 2))
    for irises, turn in ((np.full(2, 0.1), 0.0), (np.full(2, np.nan), 0.2)):
        moved, share = with_gaze(spots, WHO.posed(Moment()).plate, irises, turn)
        np.testing.assert_array_equal(moved, spots)
        assert not share.any()


@pytest.mark.parametrize("yaw", [-30, 0, 20])
def test_a_head_that_turns_shows_irises_where_its_eyeballs_bulge(source, yaw, tmp_path) -> None:
    shot = footage(take(tmp_path / "shot", WHO, [Moment(yaw=yaw)]), WHO)
    wanted = gaze_turn(looking(source.views(), 0.0), 0, looking(shot.views(), 0.1), 0)  # from one that looks ahead
    head, shape = shot.faces[0].head, shot.mesh.shape
    for a, b in CORNERS:
        middle, width = (shape[a] + shape[b]) / 2, np.linalg.norm(shape[a] - shape[b])
        iris, first, last = head.project(
            np.array([middle + width * np.array((0.1, 0, -IRIS_DEPTH)), shape[a], shape[b]])
        )
        told = (iris - (first + last) / 2) @ (last - first) / ((last - first) ** 2).sum()
        assert wanted == pytest.approx(told, abs=0.03)


def test_gaze_that_is_not_seen_is_left_as_it_was_filmed(source) -> None:
    views = source.views()
    assert gaze_turn(looking(views, 0.0), 0, looking(views, 0.15), 0) == pytest.approx(0.15, abs=1e-6)
    for other in (looking(views, 0.15, seen=0.0), looking(views, np.nan)):
        assert gaze_turn(looking(views, 0.0), 0, other, 0) == 0
    assert gaze_turn(looking(views, 0.0), 0, looking(views, 0.15), 2) == 0  # eyes shut
    assert gaze_turn(looking(views, 0.0), 0, looking(views, 0.15, seen=0.5), 0) == pytest.approx(0.075)


def test_no_iris_leaves_its_eye() -> None:
    picture, vertices = painted(WHO.posed(Moment(scale=75)), 0.0)
    shown, _ = shown_with(picture, vertices, np.zeros(2), 3.0)
    assert all(0.15 < darkest(shown, vertices, eye) < 0.25 for eye in (0, 1))


def test_an_iris_that_fills_its_corner_leaves_white_behind() -> None:
    """On that side there is no white to be stretched: the other side's is shown."""
    picture, vertices = painted(WHO.posed(Moment(scale=75)), -0.3)
    shown, _ = shown_with(picture, vertices, np.full(2, -0.25), 0.3)
    for eye in (0, 1):
        first, last = eye_corners(vertices, eye)
        column, row = (first + 0.25 * (last - first)).astype(int)
        assert picture[row, column].mean() < 0.2 and shown[row, column].mean() > 0.8


def test_irises_are_found_in_pictures_and_in_their_mirror(source) -> None:
    views = looking(source.views(), 0.0)
    both = views.joined(views.in_mirror(source.widths))
    found = iris_places(source, both)
    seen = [[darkest(source.picture(0), source.places(0), eye) for eye in (0, 1)]]
    assert found[0] == pytest.approx(seen[0], abs=0.06)
    assert found[len(views)] == pytest.approx(-found[0][::-1], abs=1e-6)


@pytest.mark.parametrize("right", [-0.12, 0.0, 0.12])
def test_the_new_face_looks_where_the_plate_does(source, right) -> None:
    views = looking(source.views(), 0.0)
    shot = looking(views, right)
    both = views.joined(views.in_mirror(source.widths))
    light = measure_skin_light(source, views)
    references = choose_references(both, shot, [slice(row, row + 1) for row in range(3)], np.ones(len(both), bool))
    texture = Texture(source, both, shot, references, light, light)
    posed = source.posed[0]
    vertices = apply(np.diag([2.0, 2.0, 1])[:2], posed.plate)
    surface = rasterise(vertices, posed.distance(FAR), triangles(), SIDE, SIDE)
    picture = surface.spread(filmed(texture.samples(0, surface)))
    ahead = [darkest(source.picture(0), source.places(0), eye) for eye in range(len(EYES))]
    for eye, straight in enumerate(ahead):
        assert darkest(picture, vertices, eye) == pytest.approx(straight + right, abs=0.035)
