"""Faces of a set as arrays at one resolution, ready for a network."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError
from understudy.face.hull import face_mask, feature_mask
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import FloatArray, apply, rescale
from understudy.imaging.resample import warp

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class AlignedFaces:
    """N faces at R x R. Colours are scene-linear in the space of the stored crops."""

    rgb: NDArray[np.float16]  # (N, R, R, 3)
    mask: NDArray[np.float16]  # (N, R, R) the face's hull where the plate has pixels, 0..1
    features: NDArray[np.float16]  # (N, R, R) eyes and mouth, 0..1
    landmarks: NDArray[np.float32]  # (N, 68, 2) crop pixels
    angles: NDArray[np.float32]  # (N, 3) yaw, pitch, roll in degrees
    faces: tuple[Face, ...]


def load_aligned(faceset: Faceset, faces: Sequence[Face], resolution: int) -> AlignedFaces:
    """Read ``faces`` of ``faceset`` and reduce or enlarge them to ``resolution``.

    Raises :class:`FacesetError` when there are none or when their crops are of several kinds.
    """
    if not faces:
        raise FacesetError(f"The faceset {faceset.folder} holds no face to use.", "Extract it again.")
    kinds = sorted({face.crop_kind for face in faces})
    if len(kinds) > 1:
        raise FacesetError(
            f"The faceset {faceset.folder} mixes crops of several kinds ({', '.join(kinds)}).",
            "Extract the footage again with one kind of crop.",
        )
    count = len(faces)
    rgb = np.empty((count, resolution, resolution, 3), np.float16)
    mask = np.empty((count, resolution, resolution), np.float16)
    features = np.empty_like(mask)
    landmarks = np.empty((count, 68, 2), np.float32)

    def fill(index: int) -> None:
        face = faces[index]
        pixels = faceset.read_sound(face)
        size = pixels.shape[0]
        small = warp(pixels, resize_matrix(size, resolution), resolution) if size != resolution else pixels
        matrix = rescale(face.matrix, face.crop_size, resolution)
        rgb[index] = small[..., :3]
        inside = np.clip(small[..., 3], 0, 1)
        mask[index] = face_mask(face.landmarks, matrix, resolution) * inside
        features[index] = feature_mask(face.landmarks, matrix, resolution) * inside
        landmarks[index] = apply(matrix, face.landmarks)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(count)))
    angles = np.array([face.pose for face in faces], np.float32)
    return AlignedFaces(rgb, mask, features, landmarks, angles, tuple(faces))


def resize_matrix(size: int, new_size: int) -> FloatArray:
    """The (2, 3) matrix that scales a square of ``size`` pixels to ``new_size``."""
    factor = new_size / size
    return np.array([[factor, 0.0, 0.0], [0.0, factor, 0.0]])


def evenly(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most ``most`` items, such as faces, spread evenly over the sequence: always the same ones."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
