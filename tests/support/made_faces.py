"""Faces made up by the tests."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation
from understudy.face.geometry import Camera, Head
from understudy.faceset.measures import BINS, THUMBNAIL, CropMeasures
from understudy.faceset.record import Face


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, *, camera: Camera | None = None) -> Head:
    """A head of 100 pixels to the unit that is tilted, nods and turns by these angles in degrees."""
    turns = Rotation.from_euler("zxy", [roll, -pitch, -yaw], degrees=True)
    return Head(100.0, turns.as_matrix(), np.array([960.0, 540.0]), 0.01, camera)


def make_measures(seed: int = 0, **changes: object) -> CropMeasures:
    rng = np.random.default_rng(seed)
    values: dict[str, object] = {
        "sharpness": 0.0123,
        "motion_blur": 0.25,
        "blur_direction": 30.5,
        "brightness": 0.4,
        "hue": -12.5,
        "histogram": rng.integers(0, 256, 3 * BINS, np.uint8).tobytes(),
        "thumbnail": rng.integers(0, 256, THUMBNAIL**2, np.uint8).tobytes(),
    }
    return CropMeasures(**(values | changes))  # type: ignore[arg-type]


def make_face(frame: int = 1001, track: int = 0, **changes: object) -> Face:
    rng = np.random.default_rng(frame * 100 + track)
    identity = rng.normal(size=128)
    landmarks = rng.uniform(0, 2000, (68, 2)).astype(np.float32)
    values: dict[str, object] = {
        "file": "",
        "plate": "/shots/s010/plate.%04d.exr",
        "frame": frame,
        "track": track,
        "box": np.sort(rng.uniform(0, 1000, (2, 2)), axis=0).ravel().astype(np.float32),
        "landmarks": landmarks,
        "raw": landmarks + 1,
        "refined": landmarks - 1,
        "dense": rng.uniform(0, 2000, (478, 2)).astype(np.float32),
        "matrix": rng.normal(size=(2, 3)) * 100,
        "crop_kind": "full",
        "crop_size": 8,
        "confidence": float(rng.uniform()),
        "origin": "seen",
        "head": turned(12.5, -3.25, 0.1, camera=Camera(1800.0, (960.0, 540.0))),
        "colour_space": "lin_ap1_scene",
        "identity": tuple((identity / np.linalg.norm(identity)).astype(np.float32).tolist()),
        "measures": make_measures(frame),
        "analysis": {"detector": "mediapipe (sha256 2d61; Apache-2.0)"},
        "eye_opening": np.float32((0.31, 0.27)),
        "eye_trust": np.float32((1, 0.4)),
        "gaze": np.float32((-0.12, 0.03)),
        "mouth_opening": 0.125,
    }
    return Face(**(values | changes))  # type: ignore[arg-type]


def make_pixels(frame: int = 1001, size: int = 8) -> np.ndarray:
    pixels = np.random.default_rng(frame).normal(0.5, 2, (size, size, 4)).astype(np.float16)
    pixels[..., 3] = 1
    return pixels
