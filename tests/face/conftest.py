"""Pictures with known faces: rendered people with true landmarks, and a few clips of real ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from understudy.face.detect import find_faces
from understudy.face.interfaces import Landmarks

SHARED = Path(__file__).parents[3] / "shared"
PACK = SHARED / "models" / "insightface" / "mini"


@dataclass(frozen=True)
class Rendered:
    sequence: str
    frame: int
    image: NDArray[np.uint8]
    landmarks: NDArray[np.float64]
    yaw: float
    eyes: float  # distance of the outer eye corners in pixels, not foreshortened


def _srgb(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    bounded = np.clip(linear, 0, 1)
    encoded = np.where(bounded <= 0.0031308, 12.92 * bounded, 1.055 * bounded ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


@pytest.fixture(scope="session")
def rendered() -> list[Rendered]:
    folder = SHARED / "data" / "synthetic" / "demo"
    if not folder.is_dir():
        pytest.skip("the synthetic people (../shared/data/synthetic) are not here")
    found = []
    for sequence, step in (("plate", 1), ("source_B", 3), ("target_A", 5)):
        for record in json.loads((folder / f"{sequence}.truth.json").read_text())["frames"][::step]:
            pixels = oiio.ImageBuf(str(folder / f"{sequence}.{record['frame']}.exr")).get_pixels(oiio.FLOAT)
            camera = np.array(record["landmarks68_cam"])
            eyes = np.linalg.norm(camera[45] - camera[36]) * record["K"][0][0] / record["head_to_camera"][2][3]
            found.append(
                Rendered(
                    sequence,
                    record["frame"],
                    _srgb(pixels[..., :3]),
                    np.array(record["landmarks68"]),
                    record["yaw_deg"],
                    float(eyes),
                )
            )
    return found


@pytest.fixture(scope="session")
def marked(rendered) -> list[tuple[Rendered, Landmarks | None]]:
    """Each rendered picture with what the embedded default makes of it, end to end."""
    pytest.importorskip("mediapipe")
    from understudy.face.components.registry import build_detector, build_landmarker

    detector, landmarker = build_detector("mediapipe"), build_landmarker("mediapipe")
    return [
        (picture, next(iter(landmarker.landmarks(picture.image, find_faces(detector, picture.image)[:1])), None))
        for picture in rendered
    ]


@pytest.fixture(scope="session")
def pack() -> str:
    pytest.importorskip("insightface")
    if not PACK.is_dir():
        pytest.skip("the small model pack (../shared/models/insightface/mini) is not here")
    return str(PACK)


@pytest.fixture(scope="session")
def clip():
    def frames(name: str) -> list[NDArray[np.uint8]]:
        path = SHARED / "data" / "footage" / name
        if not path.is_file():
            pytest.skip("the footage (../shared/data/footage) is not here")
        video, read = cv2.VideoCapture(str(path)), []
        while True:
            fine, picture = video.read()
            if not fine:
                return read
            read.append(np.ascontiguousarray(picture[..., ::-1]))

    return frames
