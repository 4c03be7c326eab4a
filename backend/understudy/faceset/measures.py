"""What curation sorts faces by: measured once, when a crop is written, and kept in the face's record.

Everything is measured at one size, so that the figures of a small crop can be compared with those of a large one.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.tracks.formats.values import bytes_of, number

SIDE = 256
"""Side in pixels at which a crop is measured."""

BINS = 16
"""Bins of the histogram of each of R, G and B."""

THUMBNAIL = 16
"""Side of the thumbnail."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_FINE, _COARSE = 1.0, 4.0  # sigmas, in pixels at SIDE, of the two scales that tell a smear from a face's own lines


@dataclass(frozen=True)
class CropMeasures:
    """What a crop looks like inside the face; all of it display-encoded."""

    sharpness: float  # variance of the luma's Laplacian
    motion_blur: float  # 0..1: how much less fine detail there is along one direction than across it
    blur_direction: float  # degrees, 0 up to 180: the smear's, from image right clockwise as seen
    brightness: float  # 0..1: mean luma
    hue: float  # degrees, -180 up to 180: mean weighted by chroma; 0 is red, 120 green
    histogram: bytes  # 3 x BINS, of R, G, B: 255 times the square root of the share of the face's pixels in the bin
    thumbnail: bytes  # THUMBNAIL x THUMBNAIL luma of the whole crop, row by row

    @property
    def roots(self) -> NDArray[np.float32]:
        """The histogram as a (3 * BINS,) unit vector: the dot product of two is their Bhattacharyya coefficient."""
        roots = np.frombuffer(self.histogram, np.uint8).astype(np.float32)
        return roots / max(float(np.linalg.norm(roots)), 1e-9)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; numbers come back exactly."""
        return {
            "sharpness": self.sharpness,
            "motion_blur": self.motion_blur,
            "blur_direction": self.blur_direction,
            "brightness": self.brightness,
            "hue": self.hue,
            "histogram": base64.b64encode(self.histogram).decode(),
            "thumbnail": base64.b64encode(self.thumbnail).decode(),
        }

    @staticmethod
    def from_json(record: dict[str, Any]) -> CropMeasures:
        """Read :meth:`to_json`; raises ValueError, KeyError or TypeError when it is malformed."""
        return CropMeasures(
            sharpness=number(record["sharpness"]),
            motion_blur=number(record["motion_blur"]),
            blur_direction=number(record["blur_direction"]),
            brightness=number(record["brightness"]),
            hue=number(record["hue"]),
            histogram=bytes_of(record["histogram"], 3 * BINS),
            thumbnail=bytes_of(record["thumbnail"], THUMBNAIL**2),
        )


UNMEASURED = CropMeasures(0.0, 0.0, 0.0, 0.0, 0.0, bytes(3 * BINS), bytes(THUMBNAIL**2))
"""What a record says before its crop is cut."""


def measure(display: NDArray[np.floating[Any]], inside: NDArray[np.floating[Any]]) -> CropMeasures:
    """Measure a crop: ``display`` (S, S, 3) RGB in 0..1, the face where ``inside`` (S, S) is above one half.

    The crop is display-encoded: on linear pixels the figures would measure the light. Without a face inside, all but
    the thumbnail is zero.
    """
    rgb = np.clip(_resized(np.asarray(display, np.float32), SIDE), 0.0, 1.0)
    face = _resized(np.asarray(inside, np.float32), SIDE) > 0.5
    luma = rgb @ _LUMA
    thumbnail = np.rint(_resized(luma, THUMBNAIL) * 255.0).astype(np.uint8).tobytes()
    if not face.any():
        return CropMeasures(0.0, 0.0, 0.0, 0.0, 0.0, bytes(3 * BINS), thumbnail)
    amount, direction = _motion_blur(luma, face)
    colours = rgb[face]
    return CropMeasures(
        sharpness=_short(cv2.Laplacian(luma, cv2.CV_32F)[face].var()),
        motion_blur=_short(amount),
        blur_direction=_short(direction),
        brightness=_short(luma[face].mean()),
        hue=_short(_hue(colours)),
        histogram=_histogram(colours),
        thumbnail=thumbnail,
    )


def _motion_blur(luma: NDArray[np.float32], face: NDArray[np.bool_]) -> tuple[float, float]:
    """How much a smear takes away, 0..1, and its direction in degrees.

    A smear weakens fine gradients along itself and leaves coarse ones. A face's own lines, which run mostly across,
    weigh on both scales alike. So the direction is sought in which the energy of the fine gradients (of a band between
    two Gaussians) is least as a share of that of the coarse ones: the smallest generalised eigenvalue of the two
    structure tensors.
    """
    reach = np.ones((4 * round(_COARSE) + 1,) * 2, np.uint8)  # the filters must not see beside the face
    face = cv2.erode(face.astype(np.uint8), reach) > 0
    soft, softer, broad = (
        np.asarray(cv2.GaussianBlur(luma, (0, 0), sigma), np.float32) for sigma in (_FINE, 1.6 * _FINE, _COARSE)
    )
    fine, coarse = _tensor(soft - softer, face), _tensor(broad, face)
    if np.linalg.det(coarse) <= 1e-12 * max(float(np.trace(coarse)), 1e-12) ** 2:
        return 0.0, 0.0
    # With coarse = L L', the vectors of inv(L) fine inv(L)' are L' times those that are sought.
    inverse = np.linalg.inv(np.linalg.cholesky(coarse))
    shares, vectors = np.linalg.eigh(inverse @ fine @ inverse.T)
    if shares[1] <= 1e-9:
        return 0.0, 0.0
    x, y = inverse.T @ vectors[:, 0]
    return float(1 - np.sqrt(max(shares[0], 0.0) / shares[1])), float(np.degrees(np.arctan2(y, x)) % 180.0)


def _tensor(luma: NDArray[np.float32], face: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The (2, 2) structure tensor of ``luma``, summed over ``face``."""
    gradients = [cv2.Sobel(luma, cv2.CV_32F, dx, dy, ksize=3, scale=1 / 8)[face] for dx, dy in ((1, 0), (0, 1))]
    both = np.stack(gradients)
    return np.asarray(both @ both.T, np.float64)


def _hue(colours: NDArray[np.float32]) -> float:
    """The angle of the summed chroma vectors of (N, 3) RGB, whose length is their weight."""
    red, green, blue = colours.mean(axis=0, dtype=np.float64)
    return float(np.degrees(np.arctan2(np.sqrt(3) / 2 * (green - blue), red - (green + blue) / 2)))


def _histogram(colours: NDArray[np.float32]) -> bytes:
    index = np.minimum((colours * BINS).astype(np.intp), BINS - 1) + np.arange(3) * BINS
    shares = np.bincount(index.ravel(), minlength=3 * BINS) / len(colours)
    return bytes(np.rint(255.0 * np.sqrt(shares)).astype(np.uint8))


def _resized(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    if image.shape[:2] == (side, side):
        return image
    way = cv2.INTER_AREA if image.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=way), np.float32)


def _short(value: Any) -> float:
    """Six digits: more would only lengthen the record."""
    return float(f"{float(value):.6g}")
