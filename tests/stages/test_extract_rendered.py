"""Extraction of rendered people with the embedded networks, against where their faces truly are."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_shots import write_frame
from understudy.errors import AmbiguousFaceError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply
from understudy.plate.colour import ColourManager
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.settings import ExtractSettings
from understudy.stages import extract

DEMO = Path(__file__).parents[3] / "shared" / "data" / "synthetic" / "demo"


def run(plate: str, out: Path, **options) -> dict:
    return extract.run(ExtractSettings(plate=plate, out=out, **({"crop_size": 64} | options)), Events())


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The rendered shot, extracted with the embedded networks."""
    pytest.importorskip("mediapipe")
    if not DEMO.is_dir():
        pytest.skip("the synthetic people (../shared/data/synthetic) are not here")
    out = tmp_path_factory.mktemp("demo") / "faces"
    report = run(str(DEMO / "plate.%04d.exr"), out, crop_size=256)
    return report, Faceset.open(out)


def test_the_true_eyes_stand_where_the_matrix_says(demo):
    report, faceset = demo
    truth = {one["frame"]: one for one in json.loads((DEMO / "plate.truth.json").read_text())["frames"]}
    plate = open_plate(str(DEMO / "plate.%04d.exr"))
    assert report["frames"] == 24
    assert report["tracks"] == 1
    open_to_view = {frame for frame, one in truth.items() if abs(one["yaw_deg"]) < 45}
    faces = faceset.faces()
    assert len({face.frame for face in faces} & open_to_view) >= 0.8 * len(open_to_view)
    colour = ColourManager.discover()
    for face in faces:
        eyes = np.array(truth[face.frame]["landmarks68"])[[36, 39, 42, 45]]
        if not np.array(truth[face.frame]["landmarks68_visible"])[[36, 39, 42, 45]].all():
            continue  # turned away, or behind the hand
        span = np.linalg.norm(eyes[3] - eyes[0])
        assert np.linalg.norm(face.landmarks[[36, 39, 42, 45]] - eyes, axis=1).max() < 0.2 * span
        # The eyes of a whole crop lie on a level, above its middle.
        placed = apply(face.matrix, eyes)
        assert abs(placed[:2].mean(0)[1] - placed[2:].mean(0)[1]) < 20
        assert 70 < placed[:, 1].mean() < 128
        # And what the plate shows there is what the crop shows there.
        frame = read_frame(plate, face.frame)
        shown = colour.to_working(frame.rgb.astype(np.float32), "lin_rec709")
        points = eyes.astype(np.float32)[None] - 0.5
        crop = faceset.read(face)[..., :3].astype(np.float32)
        there = cv2.remap(crop, (placed[None] - 0.5).astype(np.float32), None, cv2.INTER_CUBIC)[0]
        here = cv2.remap(shown, points, None, cv2.INTER_CUBIC)[0]
        np.testing.assert_allclose(there, here, atol=0.03)


def test_pose_follows_the_true_head(demo):
    _, faceset = demo
    truth = {one["frame"]: one["yaw_deg"] for one in json.loads((DEMO / "plate.truth.json").read_text())["frames"]}
    pairs = np.array([(face.pose[0], truth[face.frame]) for face in faceset.faces() if abs(truth[face.frame]) < 45])
    assert np.abs(np.abs(pairs[:, 0]) - np.abs(pairs[:, 1])).mean() < 6


def test_two_real_plates_side_by_side(tmp_path):
    pytest.importorskip("mediapipe")
    if not DEMO.is_dir():
        pytest.skip("the synthetic people (../shared/data/synthetic) are not here")
    plate = open_plate(str(DEMO / "plate.%04d.exr"))
    (tmp_path / "pair").mkdir()
    for number in plate.frames[:4]:
        rgb = read_frame(plate, number).rgb.astype(np.float32)
        write_frame(tmp_path / "pair" / f"pair.{number}.exr", np.concatenate([rgb, rgb], axis=1))
    pair = str(tmp_path / "pair")
    with pytest.raises(AmbiguousFaceError, match="Frame 1001"):
        run(pair, tmp_path / "left")
    for name, index in (("left", 0), ("right", 1)):
        report = run(pair, tmp_path / name, face=f"index:{index}")
        assert report["faces"] == 4
    left, right = (Faceset.open(tmp_path / name).faces() for name in ("left", "right"))
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(other.landmarks - one.landmarks, np.tile((512, 0), (68, 1)), atol=2)
