from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from made_people import stand
from numpy.typing import NDArray
from understudy.convert.layers.geometry_layers import GEOMETRY_LAYERS, head_layers, st_inverse
from understudy.face.geometry import HEAD_68, Camera, Head, crop_matrix
from understudy.face.mesh import HeadMesh
from understudy.imaging.affine import apply, invert
from understudy.imaging.region import Region
from understudy.imaging.resample import warp

MESH = HeadMesh()
REGION = Region(40, 30, 240, 220)


@dataclass(frozen=True)
class Shown:
    head: Head
    landmarks: NDArray[np.float64]


def _at_rest(head: Head) -> Shown:
    return Shown(head, head.project(HEAD_68))


def _layers(
    face: Shown, before: Shown | None = None, after: Shown | None = None, region: Region = REGION
) -> dict[str, NDArray[np.float32]]:
    return head_layers(MESH, face, before, after, region, (0, 0), 320)


def test_the_layers_have_their_channels_and_are_black_where_the_head_is_not() -> None:
    layers = _layers(_at_rest(stand(160, 140, 90)))
    assert set(layers) == set(GEOMETRY_LAYERS) - {"st_inv"}
    seen = layers["depth"][..., 0] > 0
    assert 0.2 < seen.mean() < 0.8
    for name, pixels in layers.items():
        assert pixels.shape == (220, 240, len(GEOMETRY_LAYERS[name][0])) and pixels.dtype == np.float32
        assert np.isfinite(pixels).all() and not pixels[~seen].any(), name
    assert np.allclose(np.linalg.norm(layers["normals"][seen], axis=1), 1, atol=1e-5)


def test_motion_counts_pixels_to_the_right_and_upwards_from_here_to_there() -> None:
    here, there = _at_rest(stand(160, 140, 90, 12, 3)), _at_rest(stand(163.5, 138, 90, 12, 3))  # right and up
    layers = _layers(here, before=None, after=there)
    seen = layers["depth"][..., 0] > 0
    assert np.allclose(layers["forward"][seen], (3.5, 2), atol=1e-4) and not layers["backward"].any()
    layers = _layers(here, before=there, after=None)
    assert np.allclose(layers["backward"][seen], (3.5, 2), atol=1e-4) and not layers["forward"].any()


def test_forward_motion_takes_a_turning_head_to_where_it_is_seen_next() -> None:
    here, there = (
        replace(stand(160 + x, 140, 90 + x, yaw), camera=Camera(900.0, (160, 120))) for x, yaw in ((0, 10), (4, 18))
    )
    forward = _layers(_at_rest(here), after=_at_rest(there))["forward"]
    for point in HEAD_68[[27, 28, 30, 33, 37, 41, 48, 57]]:  # on the side that both show
        x, y = here.project(point[None])[0] - (REGION.x, REGION.y)
        got = cv2.remap(forward, np.float32([[x - 0.5]]), np.float32([[y - 0.5]]), cv2.INTER_LINEAR)[0, 0]
        assert got == pytest.approx((there.project(point[None]) - here.project(point[None]))[0] * (1, -1), abs=0.15)


def test_motion_follows_the_expression_too() -> None:
    head = stand(160, 140, 90)
    speaks = head.project(HEAD_68)
    speaks[[57, 66]] += (0, 6)
    layers = _layers(_at_rest(head), after=Shown(head, speaks))
    lip, eye = (head.project(HEAD_68[[point]])[0].astype(int) - (REGION.x, REGION.y) for point in (57, 36))
    assert layers["forward"][lip[1], lip[0], 1] < -4
    assert abs(layers["forward"][eye[1], eye[0]]).max() < 0.7


def test_normals_point_out_of_the_face_in_the_cameras_axes() -> None:
    straight, aside = stand(160, 140, 90), stand(160, 140, 90, 40)
    ahead, turned = (_layers(_at_rest(head))["normals"] for head in (straight, aside))

    def at(picture: NDArray[np.float32], head: Head, *point: float) -> NDArray[np.float32]:
        x, y = head.project(np.array([point]))[0].astype(int) - (REGION.x, REGION.y)
        return picture[y, x]

    forehead = at(ahead, straight, 0, -0.5, -0.14)
    assert forehead == pytest.approx((0, 0, 1), abs=0.1)
    assert at(ahead, straight, 0.55, 0, 0)[0] > 0.5 and at(ahead, straight, -0.55, 0, 0)[0] < -0.5
    assert at(ahead, straight, 0, 0.09, 0)[1] < -0.5  # the underside of the nose looks down
    # Towards image right by 40 degrees: X is sin 40, Z is cos 40.
    assert at(turned, aside, 0, -0.5, -0.14) == pytest.approx((0.643, 0, 0.766), abs=0.1)


def test_depth_is_metres_before_the_camera() -> None:
    camera = Camera(1500.0, (160, 140))
    head = replace(stand(160, 140, 100), camera=camera)  # a mean-face unit of 0.112 m, 15 units away
    depth = _layers(_at_rest(head))["depth"][..., 0]
    nose = depth[140 - 30 + 1, 160 - 40]
    assert nose == pytest.approx((15 - 0.29) * 0.112, abs=0.01)
    assert depth[depth > 0].min() == pytest.approx(nose, abs=0.01)
    # Without a camera as behind 50 mm on a sensor of 36 mm.
    usual = _layers(_at_rest(stand(160, 140, 100)))["depth"][..., 0][111, 120]
    assert usual == pytest.approx((50 / 36 * 320 / 100 - 0.29) * 0.112, abs=0.01)


def test_a_region_shows_its_part_of_the_plate_and_counts_from_the_arrays_corner() -> None:
    face, there = _at_rest(stand(160, 140, 90, 20)), _at_rest(stand(161, 143, 92, 24))
    whole, part = _layers(face, after=there), _layers(face, after=there, region=Region(100, 90, 50, 40))
    inside = head_layers(MESH, face, None, there, Region(92, 95, 50, 40), (8, -5), 320)
    for name in whole:
        assert np.allclose(part[name], whole[name][60:100, 60:110], atol=1e-5)
        assert np.array_equal(inside[name], part[name])


def test_st_inv_cuts_the_aligned_face_out_of_the_plate() -> None:
    rng = np.random.default_rng(1)
    plate = cv2.GaussianBlur(rng.random((180, 320, 3)).astype(np.float32), (0, 0), 4)
    matrix = crop_matrix(stand(150.3, 90.7, 40, 0, 0, 12), "whole", 96)
    st = st_inverse(matrix, 96, 320, 180)
    x, y = st[..., 0] * 320 - 0.5, (1 - st[..., 1]) * 180 - 0.5
    cut = cv2.remap(plate, x.astype(np.float32), y.astype(np.float32), cv2.INTER_CUBIC)
    assert np.abs(cut - warp(plate, matrix, 96))[4:-4, 4:-4].max() < 0.01
    assert st.dtype == np.float32
    # There and back under 0.05 px: the middle of crop pixel (row 7, column 20).
    place = st[7, 20] * (320, -180) + (0, 180)
    assert apply(matrix, place[None])[0] == pytest.approx((20.5, 7.5), abs=0.01)
    corner = apply(invert(matrix), np.array([[0.5, 95.5]]))[0]
    assert st[95, 0] == pytest.approx((corner[0] / 320, 1 - corner[1] / 180), abs=1e-6)
