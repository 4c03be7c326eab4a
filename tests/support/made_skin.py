"""A painted ellipsoid that turns before a camera: pictures, landmarks and keypoints whose truth is known in closed form."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from made_people import stand
from numpy.typing import NDArray
from understudy.face.geometry import HEAD_68, Camera, Head
from understudy.face.keypoints import KEYPOINTS
from understudy.imaging.affine import apply, invert
from understudy.tracks.observation import LOOK, Observed, look_matrix

CAMERA = Camera(2100.0, (960.0, 540.0))
CENTRE, RADII = np.array([0.0, -0.10, 0.60]), np.array([0.68, 1.10, 0.75])

_WAVES = np.random.default_rng(3).normal(0, 26, (14, 3))  # radians per mean-face unit


def turning(count: int, start: float = -10.0, end: float = 30.0) -> list[Head]:
    """Somebody who walks, nods and turns from ``start`` to ``end`` degrees in ``count`` frames."""
    heads = []
    for time, part in enumerate(np.linspace(0, 1, count)):
        yaw, pitch, roll = start + (end - start) * part, 6 * np.sin(3 * part), 4 * part
        head = stand(700 + 2.5 * time, 420 + time, 110 * (1 + 0.1 * part), yaw, pitch, roll)
        heads.append(Head(head.scale, head.rotation, head.offset, 0.0, CAMERA))
    return heads


def sliding(count: int) -> list[Head]:
    """Somebody who drifts, comes nearer and tilts, but always shows the same side: 2.7 px and 1.5 degrees a frame."""
    made = [stand(700 + 2.5 * t, 420 + t, 110 * 1.007**t, 5, 0, 1.5 * t - 8) for t in range(count)]
    return [Head(head.scale, head.rotation, head.offset, 0.0, CAMERA) for head in made]


def met(head: Head, points: NDArray[np.float64], radii: NDArray[np.float64] = RADII) -> NDArray[np.float64]:
    """Where rays of a pinhole camera through (N, 2) points meet the ellipsoid, (N, 3); NaN where they do not."""
    assert head.camera is not None
    focal, centre = head.camera.focal, np.array(head.camera.centre)
    start = np.append(centre - head.offset, -focal) @ head.rotation / head.scale
    rays = np.column_stack([(points - centre) / focal, np.ones(len(points))]) @ head.rotation
    offset, step = (start - CENTRE) / radii, rays / radii
    a, b, c = (step**2).sum(1), (step * offset).sum(1), (offset**2).sum() - 1
    root = np.sqrt(np.where(b**2 >= a * c, b**2 - a * c, np.nan))
    return start + ((-b - root) / a)[:, None] * rays


def box_of(head: Head) -> NDArray[np.float32]:
    """A detector's box."""
    return np.concatenate([head.offset - 0.65 * head.scale, head.offset + 0.65 * head.scale]).astype(np.float32)


def picture(head: Head, box: NDArray[np.float32], radii: NDArray[np.float64] = RADII) -> NDArray[np.uint8]:
    """The small grey picture of the painted ellipsoid before grey."""
    y, x = np.mgrid[0:LOOK, 0:LOOK] + 0.5
    places = met(head, apply(invert(look_matrix(box)), np.column_stack([x.ravel(), y.ravel()])), radii)
    seen = np.isfinite(places[:, 0])
    paint = np.full(LOOK * LOOK, 110.0)
    paint[seen] += 16 * np.sin(places[seen] @ _WAVES.T).sum(1)
    return np.clip(np.rint(paint), 0, 255).astype(np.uint8).reshape(LOOK, LOOK)


def observe(
    heads: Sequence[Head],
    noise: float = 0.0,
    unmarked: Collection[int] = (),
    absent: Collection[int] = (),
    pictures: bool = True,
    shape: NDArray[np.float64] = HEAD_68,
) -> list[Observed]:
    """What the networks would give, off by ``noise`` pixels: no landmarks on ``unmarked`` frames, nobody on ``absent`` ones."""
    random = np.random.default_rng(7)
    observed = []
    for time, head in enumerate(heads):
        box, here = box_of(head), time not in absent
        marks = (head.project(shape) + random.normal(0, noise, (68, 2))).astype(np.float32)
        points = (head.project(KEYPOINTS) + random.normal(0, noise, (6, 2))).astype(np.float32)
        marked = here and time not in unmarked
        observed.append(
            Observed(
                frame=1001 + time,
                box=box,
                found=here,
                landmarks=marks if marked else None,
                trust=0.95 if marked else 0.0,
                keypoints=points if here else None,
                look=picture(head, box) if pictures and here else None,
            )
        )
    return observed


def degrees_apart(one: Head, other: Head) -> float:
    """The angle of the turn from one head to the other."""
    return float(np.degrees(np.arccos(np.clip((np.sum(one.rotation * other.rotation) - 1) / 2, -1, 1))))


def pixels_apart(one: Head, other: Head) -> float:
    """RMS distance of the two heads' landmarks on the plate."""
    return float(np.sqrt(((one.project(HEAD_68) - other.project(HEAD_68)) ** 2).sum(1).mean()))
