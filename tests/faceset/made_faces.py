"""Faces made up by the tests."""

from __future__ import annotations

import numpy as np
from understudy.faceset.record import Face


def make_face(frame: int = 1001, track: int = 0, **changes: object) -> Face:
    rng = np.random.default_rng(frame * 100 + track)
    identity = rng.normal(size=128)
    values: dict[str, object] = {
        "file": "",
        "plate": "/shots/s010/plate.%04d.exr",
        "frame": frame,
        "track": track,
        "box": rng.uniform(0, 1000, 4).astype(np.float32),
        "landmarks": rng.uniform(0, 2000, (68, 2)).astype(np.float32),
        "dense": rng.uniform(0, 2000, (478, 2)).astype(np.float32),
        "matrix": rng.normal(size=(2, 3)) * 100,
        "crop_kind": "full",
        "crop_size": 8,
        "confidence": float(rng.uniform()),
        "pose": (12.5, -3.25, 0.1),
        "colour_space": "lin_ap1_scene",
        "identity": tuple(float(value) for value in identity / np.linalg.norm(identity)),
        "sharpness": 0.0123,
        "analysis": {"detector": "mediapipe (sha256 2d61; Apache-2.0)"},
    }
    return Face(**(values | changes))  # type: ignore[arg-type]


def make_pixels(frame: int = 1001, size: int = 8) -> np.ndarray:
    pixels = np.random.default_rng(frame).normal(0.5, 2, (size, size, 4)).astype(np.float16)
    pixels[..., 3] = 1
    return pixels
