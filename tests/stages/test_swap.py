"""The three stages in one, with squares for faces and a network of a few thousand weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_shots
import numpy as np
import OpenEXR
import pytest
from made_people import channel, make_model, tiny_preset
from understudy.errors import NoFaceError, UnderstudyError, UsageError
from understudy.events import Events, Recorder
from understudy.face.components import registry
from understudy.face.interfaces import Landmarks
from understudy.face.mesh import rest
from understudy.settings import SwapSettings
from understudy.stages import swap
from understudy.training.presets import PRESETS


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    made_shots.register(monkeypatch.setitem)

    monkeypatch.setitem(PRESETS, "cpu", tiny_preset())


def test_from_two_peoples_footage_to_a_converted_shot(tmp_path: Path):
    plate = made_shots.write_shot(tmp_path / "plate", made_shots.walk(6))
    source = made_shots.write_shot(tmp_path / "source", made_shots.walk(4))
    out = (tmp_path / "out" / "swap.####.exr").as_posix()
    settings = SwapSettings(
        plate=plate, source=source, out=out, frames="1002-1003", iterations=3, device="cpu", crop_size=64, resolution=64
    )
    recorder = Recorder()
    reports = swap.run(settings, Events(recorder))
    assert (reports["source"]["faces"], reports["target"]["faces"]) == (4, 6)
    assert reports["target"]["frames"] == 6  # the whole plate, whatever is rendered
    assert reports["train"]["steps"] == 3
    assert (reports["convert"]["frames"], reports["convert"]["first"]) == (2, 1002)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"swap.1002.exr", "swap.1003.exr", "swap_work"}
    assert np.isfinite(channel(tmp_path / "out" / "swap.1002.exr", "swap.R")).all()
    assert {event["stage"] for event in recorder.of("note")} >= {"train", "convert"}
    again = swap.run(settings, Events())
    assert again["convert"]["skipped"] == 2 and again["train"]["steps"] == 3
    # More training makes other frames, and they are what is delivered.
    more = swap.run(settings.model_copy(update={"iterations": 5}), Events())
    assert more["train"]["steps"] == 5
    assert (more["convert"]["frames"], more["convert"]["changed"]) == (2, {"model": 2})


class DenseLandmarker(made_shots.SquareLandmarker):
    """Sees the mesh of the mean head in a red square, and nobody in a blue one."""

    def _one(self, image: np.ndarray, box: np.ndarray) -> Landmarks | None:
        found = super()._one(image, box)
        middle = (box[:2] + box[2:]) / 2
        irises = np.repeat([(-0.26, -0.31), (0.26, -0.31)], 5, axis=0)
        points = np.concatenate([rest()[:, :2], irises]) * (box[2] - box[0]) / 2 + middle
        return None if found is None else Landmarks(found.points68, points.astype(np.float32), found.score)


def test_without_a_training_the_face_is_made_of_the_source(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.LANDMARKERS, "mediapipe", lambda _pack: DenseLandmarker())
    monkeypatch.setattr(swap.train, "run", lambda *_: pytest.fail("a model was trained"))
    plate = made_shots.write_shot(tmp_path / "plate", made_shots.walk(3))
    source = made_shots.write_shot(
        tmp_path / "source", [[(30.0 + step, 50.0, 80.0, made_shots.DARK_RED)] for step in range(3)]
    )
    made = []
    for name, changes in {"none": {}, "zero": {"minutes": 0}, "said": {"renderer": "footage"}}.items():
        out = f"{tmp_path.as_posix()}/{name}/swap.####.exr"
        settings = SwapSettings(
            plate=plate, source=source, out=out, device="cpu", crop_size=64, occlusion="none", **changes
        )
        reports = swap.run(settings, Events())
        assert set(reports) == {"source", "target", "convert"} and reports["convert"]["frames"] == 3
        assert {path.name for path in (tmp_path / name / "swap_work").iterdir()} == {"source", "target"}
        assert swap.run(settings, Events())["convert"]["skipped"] == 3
        frame = tmp_path / name / "swap.1002.exr"
        assert channel(frame, "matte.A").max() > 0.9
        made.append(np.stack([channel(frame, f"swap.{name}") for name in "RGB"]).tobytes())
    assert made[0] == made[1] == made[2]


def test_several_processes_are_for_training_alone(tmp_path: Path, monkeypatch):
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "29500")):
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="train together"):
        swap.run(SwapSettings(plate="p.####.exr", source="s.mov", out="o.####.exr"), Events())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"opacity": "990:1,1002:0"}, "--opacity has a key at frame 990"),
        ({"roto": "{folder}/small.exr"}, "is 5 x 4 pixels, but frame 1001 is 320 x 200"),
        ({"extra_layers": ["st_inv"]}, "st_inv is as large as the aligned face"),
        ({"also": ["track:1"]}, "--also takes FACE=MODEL or FACE=FACESET"),
        ({"also": ["somebody=m"]}, "'somebody' does not say which face"),
        ({"also": ["track:1={folder}/none"]}, "no trained model"),
        ({"out": "{folder}/out.exr"}, "has no frame number, but 2 frames"),
        ({"person": "carl"}, "--person is for faces that a network paints"),
        ({"morph": 0.5}, "--morph is for faces that a network paints"),
        ({"person": "carl", "minutes": 1}, "not going to paint anybody called 'carl'"),
        ({"morph": 0.5, "renderer": "network"}, "Only a morph model"),
        ({"renderer": "network", "minutes": 0}, "paints nothing that it was not trained on"),
        ({"renderer": "footage", "minutes": 1}, "for which nothing is trained"),
        ({"matte": "learned"}, "--matte is for faces that a network paints"),
    ],
)
def test_what_conversion_cannot_do_is_told_before_anything_is_extracted(tmp_path, monkeypatch, changes, said):
    monkeypatch.setattr(swap.extract, "run", lambda *_: pytest.fail("faces were looked for"))
    plate = made_shots.write_shot(tmp_path / "plate", made_shots.walk(2))
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"A": np.ones((4, 5), np.float16)}).write(str(tmp_path / "small.exr"))
    folder = tmp_path.as_posix()
    values: dict[str, Any] = {"plate": plate, "source": "nobody.mov", "out": f"{folder}/out.####.exr"} | changes
    values = {
        name: [one.replace("{folder}", folder) for one in value] if isinstance(value, list)
        else value.replace("{folder}", folder) if isinstance(value, str) else value
        for name, value in values.items()
    }  # fmt: skip
    with pytest.raises(UnderstudyError, match=said):
        swap.run(SwapSettings(**values), Events())


def test_several_people_are_found_before_the_training_that_is_about_one(tmp_path, monkeypatch):
    plate = made_shots.write_shot(tmp_path / "plate", made_shots.two(4))
    source = made_shots.write_shot(tmp_path / "source", made_shots.walk(3))
    values: dict[str, Any] = {
        "plate": plate, "source": source, "out": f"{tmp_path.as_posix()}/swap.####.exr", "iterations": 2,
        "device": "cpu", "crop_size": 64, "resolution": 64, "face": "index:0", "occlusion": "none",
    }  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(swap.train, "run", lambda *_: pytest.fail("a model was trained"))
        other = make_model(tmp_path / "other")
        with pytest.raises(NoFaceError, match="index:2"):
            swap.run(SwapSettings(**values, also=[f"index:2={other}"]), Events())
    reports = swap.run(SwapSettings(**values, also=[f"index:1={other}"]), Events())
    assert (reports["target"]["faces"], reports["convert"]["without_face"]) == (4, 0)
    frame = tmp_path / "swap.1002.exr"
    one, two = (channel(frame, f"confidence_p{number}.Y") > 0 for number in (1, 2))
    columns = [np.flatnonzero(seen.any(0)).mean() for seen in (one, two)]
    assert columns[0] < 150 < columns[1]
