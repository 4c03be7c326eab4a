"""Where a face lies: head pose, and the one function that builds crop matrices.

A face is aligned by fitting a rigid three-dimensional head to its landmarks under scaled orthographic projection,
with weights that leave out the jaw and all but leave out the lips, so that speech does not shake the crop. The crop is
then laid around a
point inside the head: a profile is framed like the frontal face, at the same scale.

Units: the head is measured in mean-face units, the side of the unit square in which the common 33-point mean face is
defined (eye corner to eye corner is 0.72). Axes as in an image: x right, y down, z away from the camera.
Matrices are (2, 3) float64 and map plate pixels to crop pixels, both with pixel centres at +0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.errors import NoFaceError, UsageError
from understudy.imaging.affine import SQUARE, FloatArray, Stretch, stretched

CropKind = Literal["face", "full", "whole", "head"]

CROP_SIDE: dict[str, float] = {"face": 1.1909, "full": 1.5966, "whole": 2.1314, "head": 2.9799}
"""Side of each crop in mean-face units."""

CROP_LIFT: dict[str, float] = {"face": 0.0, "full": 0.0, "whole": 0.07, "head": 0.50}
"""How far each crop's centre lies above the centre of the mean face, in mean-face units."""

CENTRE_DEPTH = 0.15
"""Depth of the crop's centre behind the eye corners: half way between the nose tip and the ear of a profile."""

NEAREST = 1e-3
"""How near to the camera a point of the head may come, as a part of its origin's distance: none lies behind it."""

HEAD_68: NDArray[np.float64] = np.array(
    [
        (-0.672, -0.347, 0.594), (-0.652, -0.098, 0.553), (-0.612, 0.120, 0.532), (-0.575, 0.246, 0.536),
        (-0.509, 0.406, 0.612), (-0.442, 0.565, 0.535), (-0.305, 0.689, 0.337), (-0.124, 0.751, 0.035),
        (0.000, 0.762, 0.003), (0.124, 0.751, 0.035), (0.305, 0.689, 0.337), (0.442, 0.565, 0.535),
        (0.509, 0.406, 0.612), (0.575, 0.246, 0.536), (0.612, 0.120, 0.532), (0.652, -0.098, 0.553),
        (0.672, -0.347, 0.594), (-0.461, -0.406, 0.012), (-0.362, -0.442, -0.084), (-0.294, -0.449, -0.119),
        (-0.221, -0.449, -0.139), (-0.138, -0.438, -0.150), (0.138, -0.438, -0.150), (0.221, -0.449, -0.139),
        (0.294, -0.449, -0.119), (0.362, -0.442, -0.084), (0.461, -0.406, 0.012), (0.000, -0.281, -0.122),
        (0.000, -0.137, -0.199), (0.000, -0.065, -0.254), (0.000, 0.024, -0.299), (-0.147, 0.070, -0.098),
        (-0.079, 0.106, -0.155), (0.000, 0.140, -0.184), (0.079, 0.106, -0.155), (0.147, 0.070, -0.098),
        (-0.360, -0.313, 0.023), (-0.285, -0.347, -0.033), (-0.221, -0.342, -0.042), (-0.169, -0.293, -0.023),
        (-0.226, -0.271, -0.033), (-0.288, -0.272, -0.022), (0.169, -0.293, -0.023), (0.221, -0.342, -0.042),
        (0.285, -0.347, -0.033), (0.360, -0.313, 0.023), (0.288, -0.272, -0.022), (0.226, -0.271, -0.033),
        (-0.237, 0.336, -0.038), (-0.146, 0.262, -0.151), (-0.046, 0.234, -0.201), (0.000, 0.242, -0.206),
        (0.046, 0.234, -0.201), (0.146, 0.262, -0.151), (0.237, 0.336, -0.038), (0.155, 0.418, -0.085),
        (0.057, 0.426, -0.128), (0.000, 0.428, -0.133), (-0.057, 0.426, -0.128), (-0.155, 0.418, -0.085),
        (-0.208, 0.330, -0.062), (-0.113, 0.300, -0.133), (0.000, 0.302, -0.155), (0.113, 0.300, -0.133),
        (0.208, 0.330, -0.062), (0.096, 0.349, -0.114), (0.000, 0.358, -0.138), (-0.096, 0.349, -0.114),
    ]
)  # fmt: skip
"""Mean head, (68, 3): the mean of the project's own synthetic people at rest, made symmetric; the jaw points lie
on the bone, not on the silhouette. The origin is the centre of the mean face at the depth of the eye corners."""

RIGID = np.zeros(68)
RIGID[[0, 1, 15, 16]] = 0.75  # by the ears the outline is skull, not jaw: the widest base there is for the scale
RIGID[27:36] = 0.5  # nose: rides on the skull, but its length is a person's own
RIGID[[36, 39, 42, 45]] = 1.0  # eye corners do not blink
RIGID[[37, 38, 40, 41, 43, 44, 46, 47]] = 0.3  # lids do
RIGID[17:27] = 0.1  # brows rise, but steady the roll
RIGID[[48, 54]] = 0.05  # mouth corners: only a hint of the face's height
"""How much each of the 68 landmarks says of the rigid head, (68,)."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion."""

    focal: float  # plate pixels
    centre: tuple[float, float]  # principal point, plate pixels


@dataclass(frozen=True)
class Head:
    """A rigid head seen by a camera.

    With t = scale * (rotation @ head point), the plate point is centre + (t[:2] + offset - centre) / (1 + t[2] / focal);
    without a camera it is t[:2] + offset, the scaled orthographic limit of a long lens. All of this is in square pixels;
    where the plate's are not, ``stretch`` takes its pixels there.
    """

    scale: float  # square pixels per mean-face unit, at the depth of the head's origin
    rotation: FloatArray  # (3, 3)
    offset: FloatArray  # (2,) square pixels: where the head's origin is seen
    error: float  # weighted RMS distance of the landmarks from the fitted head, in mean-face units
    camera: Camera | None = None
    stretch: Stretch = SQUARE

    @property
    def seen_at(self) -> NDArray[np.float64]:
        """(2,) plate pixels: where the head's origin is seen."""
        return np.asarray(self.offset, np.float64) / self.stretch

    @property
    def angles(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll in degrees; positive when the head turns to image right, looks up, tilts clockwise.

        The rotation is the tilt about the line that the head looks along, then the nod, then the turn.
        """
        forward = -self.rotation[:, 2]  # from the head towards what it looks at
        yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
        pitch = np.degrees(np.arcsin(np.clip(-forward[1], -1.0, 1.0)))
        return float(yaw), float(pitch), float(self.roll)

    @property
    def roll(self) -> float:
        """Turn of the face in the image plane, degrees, positive clockwise as seen."""
        # The head's own upright, undone by yaw and pitch: stable up to and beyond a full profile. Written out, for the
        # cross products of numpy take as long as all the rest of listing a faceset.
        _, down, back = (column.tolist() for column in np.asarray(self.rotation, np.float64).T)
        x, y, z = (-value for value in back)
        flat = max(math.hypot(x, z), 1e-9)
        level = z / flat, 0.0, -x / flat
        upright = y * level[2], z * level[0] - x * level[2], -y * level[0]
        across, along = (sum(a * b for a, b in zip(down, axis, strict=True)) for axis in (level, upright))
        return math.degrees(math.atan2(across, along))

    def project(self, points: FloatArray) -> FloatArray:
        """(N, 3) head points in mean-face units -> (N, 2) plate pixels."""
        if self.stretch != SQUARE:
            return np.asarray(replace(self, stretch=SQUARE).project(points) / self.stretch)
        turned = self.scale * (np.asarray(points, np.float64) @ self.rotation.T)
        if self.camera is None:
            return np.asarray(turned[:, :2] + self.offset)
        centre = np.array(self.camera.centre)
        away = np.maximum(1 + turned[:, 2:] / self.camera.focal, NEAREST)
        return np.asarray((turned[:, :2] + self.offset - centre) / away + centre)

    def scale_at(self, point: FloatArray) -> float:
        """Square pixels per mean-face unit at a (3,) head point: what is farther away looks smaller."""
        if self.camera is None:
            return self.scale
        away = 1 + self.scale * float(self.rotation[2] @ np.asarray(point)) / self.camera.focal
        return self.scale / max(away, NEAREST)


def fit_head(landmarks: FloatArray, model: FloatArray = HEAD_68) -> Head:
    """Fit a (68, 3) head, the mean one unless told otherwise, to (68, 2) landmarks in plate pixels; see :func:`fit_points`.

    Raises :class:`NoFaceError` when the points do not span a face.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise NoFaceError(f"A face needs 68 finite landmarks; got an array of shape {points.shape}.")
    return fit_points(model, points, RIGID)


def fit_points(model: FloatArray, points: FloatArray, weights: FloatArray) -> Head:
    """The head that shows (N, 3) ``model`` points nearest to (N, 2) plate ``points``, weighted by (N,) ``weights``.

    A closed-form affine start (POSIT's first step) is refined by Gauss-Newton on scale, rotation and offset, under
    scaled orthographic projection. Raises :class:`NoFaceError` when the points do not span a face.
    """
    used = weights > 0
    model, target, weight = model[used], np.asarray(points, np.float64)[used], np.sqrt(weights[used])[:, None]
    system = np.concatenate([model, np.ones((len(model), 1))], axis=1) * weight
    affine = np.linalg.lstsq(system, target * weight, rcond=None)[0].T  # (2, 4)
    left, sizes, right = np.linalg.svd(affine[:, :3], full_matrices=False)
    if sizes[-1] < 1e-6 or sizes[0] < 1e-3:
        raise NoFaceError("The landmarks of a face fall into one point or line.")
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    scale, offset = float(sizes.mean()), affine[:, 3].copy()
    for _ in range(12):
        turned = model @ rotation.T
        residual = (scale * turned[:, :2] + offset - target) * weight
        x, y, z = turned.T
        zero, one = np.zeros_like(x), np.ones_like(x)
        jacobian = (
            np.stack(
                [
                    np.stack([x, zero, scale * z, -scale * y, one, zero], axis=1),
                    np.stack([y, -scale * z, zero, scale * x, zero, one], axis=1),
                ],
                axis=1,
            )
            * weight[:, :, None]
        )  # d/d(scale, turn about x, y, z, offset)
        step = np.linalg.lstsq(jacobian.reshape(-1, 6), -residual.reshape(-1), rcond=None)[0]
        step[1:4] = np.clip(step[1:4], -0.5, 0.5)
        scale = max(scale + step[0], scale * 0.5)
        rotation = cv2.Rodrigues(step[1:4])[0] @ rotation
        offset = offset + step[4:6]
        if np.abs(step).max() < 1e-7:
            break
    distance = np.linalg.norm(Head(scale, rotation, offset, 0.0).project(model) - target, axis=1) / scale
    error = float(np.sqrt((weight[:, 0] ** 2 * distance**2).sum() / (weight**2).sum()))
    return Head(scale, rotation, offset, error)


def crop_matrix(head: Head, kind: CropKind, size: int) -> NDArray[np.float64]:
    """The (2, 3) matrix from plate pixels to the pixels of a ``size`` x ``size`` crop of ``kind`` around ``head``.

    A similarity of square pixels: the face stands upright in the crop, at the kind's multiple of the mean-face unit
    (``CROP_SIDE``).
    """
    if head.stretch != SQUARE:
        return stretched(crop_matrix(replace(head, stretch=SQUARE), kind, size), head.stretch)
    middle = np.array([0.0, -CROP_LIFT[kind], CENTRE_DEPTH])
    centre = head.project(middle[None])[0]
    scale = size / (CROP_SIDE[kind] * head.scale_at(middle))
    angle = np.radians(-head.roll)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, (size / 2 - turn @ centre)[:, None]], axis=1)


def crop_kind(name: str) -> CropKind:
    """``name`` as a kind of crop. Raises :class:`UsageError` for one that there is not."""
    if name not in CROP_SIDE:
        raise UsageError(f"There is no kind of crop called {name!r}.", f"Use one of {', '.join(CROP_SIDE)}.")
    return cast(CropKind, name)
