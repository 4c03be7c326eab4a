"""Two people who pass one before the other, from extraction to the check of what is delivered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from made_people import channel, make_model
from understudy.events import Events
from understudy.face.components import registry
from understudy.face.geometry import HEAD_68
from understudy.face.interfaces import ComponentCard, Detection, Landmarks
from understudy.faceset.store import Faceset
from understudy.settings import ConvertSettings, ExtractSettings, QcSettings
from understudy.stages import convert, extract
from understudy.stages.qc import delivery

pytestmark = pytest.mark.slow

SIZE = (240, 160)
SIDE = 54
RED, GREEN = (0.9, 0.03, 0.03), (0.03, 0.9, 0.03)


class TilesSeen:
    """A detector of tiles in two colours: of each as much as is seen, if that is most of it."""

    side, smallest = 192, 12
    card = ComponentCard("tiles", "detector", "CC0-1.0", True, "0", "tests")

    def detect(self, image: np.ndarray) -> list[Detection]:
        found = []
        for colour in (0, 1):
            others = np.delete(image, colour, axis=2).max(axis=2)
            y, x = np.nonzero((image[..., colour] > 180) & (others < 110))
            if len(x) < 16:
                continue
            box = np.quantile(x, 0.01), np.quantile(y, 0.01), np.quantile(x, 0.99) + 1, np.quantile(y, 0.99) + 1
            high, wide = box[3] - box[1], box[2] - box[0]
            if 0.75 < wide / high < 1.33:
                found.append(Detection(np.array(box, np.float32), 0.9))
        return found


class TileLandmarker:
    card = ComponentCard("tiles", "landmarker", "CC0-1.0", True, "0", "tests")

    def landmarks(self, _image: np.ndarray, detections: list[Detection]) -> list[Landmarks | None]:
        found: list[Landmarks | None] = []
        for one in detections:
            box = one.box
            points = HEAD_68[:, :2] * (box[3] - box[1]) / 2 + (box[:2] + box[2:]) / 2
            found.append(Landmarks(points.astype(np.float32), points[:10].astype(np.float32), 0.9))
        return found


@pytest.fixture(autouse=True)
def tiles(monkeypatch):
    monkeypatch.setitem(registry.DETECTORS, "mediapipe", lambda _pack: TilesSeen())
    monkeypatch.setitem(registry.LANDMARKERS, "mediapipe", lambda _pack: TileLandmarker())


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


def write(path: Path, image: np.ndarray) -> None:
    spec = oiio.ImageSpec(SIZE[0], SIZE[1], 3, oiio.HALF)
    spec.attribute("colorInteropID", "lin_rec709_scene")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(image.astype(np.float16))
    output.close()


def shot(folder: Path, tiles: list[list[tuple[float, float, tuple[float, float, float]]]]) -> str:
    """Frames from 1001 with tiles at x y, the last one before the others, on grain."""
    folder.mkdir()
    for index, there in enumerate(tiles):
        rng = np.random.default_rng(index)
        image = np.full((SIZE[1], SIZE[0], 3), 0.18, np.float32)
        for x, y, colour in there:
            image[round(y) : round(y) + SIDE, round(x) : round(x) + SIDE] = colour
        image += rng.normal(0, 0.005, image.shape)
        write(folder / f"shot.{1001 + index}.exr", image)
    return (folder / "shot.%04d.exr").as_posix()


def delivered(plate: str, folder: Path, model: Path, face: str) -> tuple[Faceset, dict[str, str]]:
    """All stages: the faces, and the verdict of each check of what was delivered."""
    faces = folder / "faces"
    if not faces.exists():
        extract.run(ExtractSettings(plate=plate, out=faces, crop_size=64, face="all"), Events())
    out = f"{folder.as_posix()}/{face.replace(':', '')}/out.####.exr"
    convert.run(
        ConvertSettings(plate=plate, model=model, faceset=faces, face=face, out=out, device="cpu", occlusion="none"),
        Events(),
    )
    report = delivery.run(QcSettings(sequence=out, plate=plate), Events())
    return Faceset.open(faces), {check["check"]: check["verdict"] for check in report["checks"]}


def rgb(path: Path, layer: str = "") -> np.ndarray:
    return np.stack([channel(path, f"{layer}.{name}" if layer else name) for name in "RGB"], axis=-1)


def test_two_who_pass_are_each_swapped_and_neither_is_painted_over_the_other(tmp_path, model):
    pass_by = [[(150.0 - 10 * index, 56.0, GREEN), (20.0 + 10 * index, 60.0, RED)] for index in range(14)]
    plate, alone = shot(tmp_path / "shot", pass_by), shot(tmp_path / "alone", [there[1:] for there in pass_by])
    faceset, behind_checks = delivered(plate, tmp_path, model, "track:1")
    _, front_checks = delivered(plate, tmp_path, model, "track:0")
    delivered(alone, tmp_path / "by_itself", model, "track:0")
    for checks in (behind_checks, front_checks):  # a network that learned nothing flickers, and its edge is seen
        assert {name for name, verdict in checks.items() if verdict == "fail"} <= {"flicker", "edge"}
    faces = faceset.faces()
    assert {face.track for face in faces} == {0, 1}
    lost = [face.frame for face in faces if face.track == 1 and face.origin == "bridged"]
    assert lost and 1001 not in lost and 1014 not in lost
    for index, (behind, front) in enumerate(pass_by):
        frame = 1001 + index
        hidden, before = (channel(tmp_path / name / f"out.{frame}.exr", "matte.A") for name in ("track1", "track0"))
        own = np.s_[int(front[1]) + 8 : int(front[1]) + SIDE - 8, int(front[0]) + 8 : int(front[0]) + SIDE - 8]
        assert before[own].max() > 0.9
        path, twin = tmp_path / "track0" / f"out.{frame}.exr", tmp_path / "by_itself" / "track0" / f"out.{frame}.exr"
        shown = np.minimum(before, channel(twin, "matte.A")) > 0.9
        off = (rgb(path).astype(np.float64) - rgb(twin))[shown]
        assert np.abs(off).mean() < 0.03, frame  # of 0.9: what a network makes of the neighbour in its view
        if frame in lost:
            assert hidden[own].mean() < 0.1
        if abs(behind[0] - front[0]) > 1.5 * SIDE:
            assert hidden.max() > 0.9 and channel(tmp_path / "track1" / f"out.{frame}.exr", "occlusion.A").max() == 0
