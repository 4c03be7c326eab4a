from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from understudy.face.geometry import Camera, Head
from understudy.face.head_model import head_model
from understudy.tracks.morphable import Morphable, Outline, Sight, morphed

CAMERA = Camera(900.0, (200.0, 200.0))
YAWS = (-60.0, -40.0, -20.0, 0.0, 10.0, 30.0, 50.0)


def model(*, habits: bool = False) -> Morphable:
    known = head_model()
    shape = known.shape * known.shape_deviation[:, None, None]
    return Morphable(
        known.mean,
        shape[:12],
        known.expression[:4] * known.expression_deviation[:4, None, None],
        known.habit,
        shape[: 12 if habits else 0] * 0.3,
    )


def heads(camera: Camera | None = CAMERA) -> list[Head]:
    turns = [Rotation.from_euler("yx", [-yaw, 5 * np.sin(yaw)], degrees=True).as_matrix() for yaw in YAWS]
    return [Head(90.0, turn, np.array([205.0, 190.0]), 0.0, camera) for turn in turns]


def shaken(head: Head, rng: np.random.Generator) -> Head:
    turn = Rotation.from_rotvec(rng.normal(0, 0.08, 3)).as_matrix()
    return replace(
        head, scale=head.scale * 1.05, rotation=turn @ head.rotation, offset=head.offset + rng.normal(0, 4, 2)
    )


def away(fitted: np.ndarray, true: np.ndarray, used: Morphable) -> float:
    return float(np.sqrt((np.tensordot(fitted - true, used.shape, 1) ** 2).sum(1).mean()))


def seen_as(used: Morphable, coefficients: np.ndarray, weights: np.ndarray, poses: list[Head]) -> list[np.ndarray]:
    person = used.mean + used.habit + np.tensordot(coefficients, used.shape, 1)
    return [
        head.project(person + np.tensordot(own, used.expression, 1)) for head, own in zip(poses, weights, strict=True)
    ]


@pytest.mark.parametrize("camera", [CAMERA, None])
@pytest.mark.parametrize(("noise", "bound"), [(0.0, 0.006), (0.01, 0.009)])
def test_a_head_is_found_from_its_projections(camera: Camera | None, noise: float, bound: float) -> None:
    rng, used, poses = np.random.default_rng(3), model(), heads(camera)
    true, moves = rng.normal(size=12), rng.normal(0, 0.5, (len(poses), 4))
    points = [one + rng.normal(0, noise * 90, one.shape) for one in seen_as(used, true, moves, poses)]
    found = morphed([Sight(shaken(head, rng), one) for head, one in zip(poses, points, strict=True)], used)
    mean = away(np.zeros(12), true, used)
    assert mean > 0.03
    assert away(found.coefficients, true, used) < bound
    turned = [
        Rotation.from_matrix(a.rotation @ b.rotation.T).magnitude() for a, b in zip(found.heads, poses, strict=True)
    ]
    assert np.degrees(max(turned)) < 1.5


def test_a_frame_of_somebody_else_does_not_spoil_the_rest() -> None:
    rng, used, poses = np.random.default_rng(5), model(), heads()
    true = rng.normal(size=12)
    points = seen_as(used, true, np.zeros((len(poses), 4)), poses)
    spoilt = [one.copy() for one in points]
    spoilt[2][300:400] += 30
    sights = [[Sight(head, one) for head, one in zip(poses, some, strict=True)] for some in (points, spoilt)]
    clean, rough = (away(morphed(some, used).coefficients, true, used) for some in sights)
    assert rough < clean + 0.01


def test_without_pose_the_heads_stay_as_they_are() -> None:
    used, poses = model(), heads()
    points = seen_as(used, np.ones(12), np.zeros((len(poses), 4)), poses)
    found = morphed([Sight(head, one) for head, one in zip(poses, points, strict=True)], used, pose=False)
    assert [id(head) for head in found.heads] == [id(head) for head in poses]
    assert away(found.coefficients, np.ones(12), used) < 0.006


def test_an_outline_corrects_what_the_landmarker_has_wrong() -> None:
    rng, used, poses = np.random.default_rng(8), model(habits=True), heads()
    true, errors = rng.normal(size=12), rng.normal(size=12)
    skin = used.mean + np.tensordot(true, used.shape, 1)
    seen = skin + used.habit + np.tensordot(errors, used.habits, 1)
    edges = np.column_stack([rng.permutation(468)[:60], rng.permutation(468)[:60]])
    share = rng.uniform(size=60)
    on = skin[edges[:, 0]] * (1 - share[:, None]) + skin[edges[:, 1]] * share[:, None]

    def line(head: Head) -> Outline:
        normal = rng.normal(size=(60, 2))
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        along = np.column_stack([-normal[:, 1], normal[:, 0]]) * rng.normal(
            0, 5, (60, 1)
        )  # where on the line is not told
        return Outline(edges, share, head.project(on) + along, normal, np.ones(60))

    plain = [Sight(head, head.project(seen)) for head in poses]
    lined = [replace(sight, outline=line(sight.head)) for sight in plain]
    without, within = (away(morphed(some, used).coefficients, true, used) for some in (plain, lined))
    assert without > 0.015
    assert within < 0.6 * without
