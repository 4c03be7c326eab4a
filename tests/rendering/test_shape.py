"""A head fitted to footage, against closed forms and against the true heads of rendered people."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from understudy.errors import FacesetError
from understudy.face.geometry import HEAD_68, Camera, Head, fit_head
from understudy.face.head_model import head_model
from understudy.face.landmarker_bias import mean_head
from understudy.face.mesh import HeadMesh, at_landmarks
from understudy.faceset.measures import UNMEASURED
from understudy.faceset.record import Face
from understudy.rendering.shape import fit_shape

PEOPLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "synthetic"
CAMERA = Camera(800.0, (200.0, 200.0))
INNER, NOSE = slice(17, 68), slice(27, 36)


def face_of(head: Head, dense: NDArray | None, side: int = 400) -> Face:
    points = np.asarray(head.project(HEAD_68), np.float32)
    return Face(
        file="",
        plate="/shot.%04d.exr",
        frame=1001,
        track=0,
        box=np.float32((0, 0, side, side)),
        landmarks=points,
        raw=None if dense is None else points,
        refined=points,
        dense=None if dense is None else np.asarray(dense, np.float32),
        matrix=np.float64([[1, 0, 0], [0, 1, 0]]),
        crop_kind="whole",
        crop_size=side,
        confidence=1.0,
        origin="seen",
        head=head,
        colour_space="lin_rec709_scene",
        identity=None,
        measures=UNMEASURED,
    )


def apart(head: NDArray, true: NDArray, by: NDArray, onto: NDArray) -> NDArray:
    """(N,) distances of (N, 3) points after the similarity that takes ``by`` nearest to ``onto``."""
    move, scale = cv2.estimateAffine3D(np.float64(by), np.float64(onto), force_rotation=True)
    return np.linalg.norm(scale * head @ move[:, :3].T + move[:, 3] - true, axis=1)


def turned(yaw: float) -> Head:
    turn = Rotation.from_euler("yx", [-yaw, 4], degrees=True).as_matrix()
    return Head(90.0, turn, np.array([205.0, 190.0]), 0.0, CAMERA)


def made_up(coefficients: NDArray, wrong: Rotation) -> list[Face]:
    """Exact points of a head, by tracks that hold the head ``wrong``, all alike."""
    model = head_model()
    seen = model.head(coefficients) + model.habit
    heads = [turned(yaw) for yaw in (-60, -45, -30, -10, 0, 15, 35, 55)]
    return [face_of(replace(head, rotation=head.rotation @ wrong.as_matrix()), head.project(seen)) for head in heads]


def test_a_head_is_found_whatever_pose_its_track_gives_it() -> None:
    wanted = np.zeros(40)
    wanted[:10] = np.random.default_rng(1).normal(size=10)
    true = head_model().head(wanted)
    found = fit_shape(made_up(wanted, Rotation.from_euler("x", 6, degrees=True)))
    error = apart(found.rest, true, found.rest, true)
    plain = apart(head_model().mean, true, head_model().mean, true)
    assert np.sqrt((error**2).mean()) < 0.35 * np.sqrt((plain**2).mean())


def test_placed_is_the_same_head_as_the_track_shows_it() -> None:
    wanted = np.random.default_rng(2).normal(size=40) * (np.arange(40) < 10)
    faces = made_up(wanted, Rotation.from_euler("x", 6, degrees=True))
    found = fit_shape(faces)
    assert apart(found.placed, found.rest, found.placed, found.rest).max() < 1e-6
    for face in faces:
        seen = face.head.project(found.placed + head_model().habit)
        rest = face.head.project(found.rest + head_model().habit)
        off, other = (np.linalg.norm(points - face.dense, axis=1).mean() / face.head.scale for points in (seen, rest))
        assert off < 0.03
        assert off < 0.5 * other


def test_footage_without_dense_points_is_refused_in_one_sentence() -> None:
    with pytest.raises(FacesetError, match="dense points"):
        fit_shape([face_of(turned(0.0), None)])


def footage(folder: str, name: str, step: int) -> tuple[list[Face], list[NDArray], NDArray]:
    """Rendered faces as landmarks alone place them, their pictures, and the true landmarks at rest (68, 3)."""
    pytest.importorskip("mediapipe")
    from understudy.face.components.registry import build_detector, build_landmarker
    from understudy.face.detect import find_faces
    from understudy.face.keypoints import KeypointFinder, keypoint_head

    detector, landmarker, finder = build_detector("mediapipe"), build_landmarker("mediapipe"), KeypointFinder()
    records = json.loads((PEOPLE / folder / f"{name}.truth.json").read_text())["frames"]
    poses = [np.array(one["head_to_camera"]) for one in records]
    in_head = [
        (np.array(one["landmarks68_cam"]) - pose[:3, 3]) @ pose[:3, :3]
        for one, pose in zip(records, poses, strict=True)
    ]
    true = np.median(in_head, axis=0) @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    faces, pictures = [], []
    for record in records[::step]:
        light = oiio.ImageBuf(str(PEOPLE / folder / f"{name}.{record['frame']}.exr")).get_pixels(oiio.FLOAT)[..., :3]
        image = (np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
        side = image.shape[1]
        found = find_faces(detector, image)[:1]
        marks = next(iter(landmarker.landmarks(image, found)), None)
        points = finder.find(image, found[0].box) if found else None
        if marks is not None and marks.score > 0.05:
            head, dense = fit_head(marks.points68, mean_head("mediapipe")), marks.dense
        elif points is not None and (rough := keypoint_head(points)) is not None:
            head, dense = rough, None
        else:
            continue
        faces.append(face_of(replace(head, camera=Camera(2.0 * side, (side / 2, side / 2))), dense, side))
        pictures.append(light)
    return faces, pictures, true


@pytest.mark.slow
@pytest.mark.skipif(not PEOPLE.is_dir(), reason="the synthetic people (../shared/data/synthetic) are not here")
@pytest.mark.parametrize(
    ("folder", "name", "step", "bound"), [("cd", "source_D", 2, 0.035), ("cd", "target_C", 1, 0.025)]
)
def test_a_nose_gets_its_true_depth_from_outlines(folder: str, name: str, step: int, bound: float) -> None:
    faces, pictures, true = footage(folder, name, step)
    found = at_landmarks(fit_shape(faces, lambda index: pictures[index]).rest)
    blind = at_landmarks(fit_shape(faces).rest)
    mean = at_landmarks(HeadMesh().rest)
    unit = 0.72 / np.linalg.norm(true[45] - true[36])  # the eyes' outer corners are so many mean-face units apart
    true = true * unit
    error, without, plain = (
        apart(shape, true, shape[INNER], true[INNER])[NOSE].mean() for shape in (found, blind, mean)
    )
    assert error < bound
    assert error < 0.6 * plain
    assert error < max(without, 0.015)  # where landmarks alone come so near, there is nothing to gain
