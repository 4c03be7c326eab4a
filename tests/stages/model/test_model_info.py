from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_people import TINY
from understudy.errors import ModelError
from understudy.events import Events
from understudy.model.cost import cost
from understudy.model.families import build
from understudy.model.store import ModelCard, save_model
from understudy.settings import ModelSettings
from understudy.stages.model.info import run

SOURCE = [{"faceset": "a", "plate": "b.%04d.exr", "faces": 7}]


def test_a_model_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    card = ModelCard(
        TINY,
        "full",
        12,
        1.5,
        {"source": 0.25},
        "lin_ap1_scene",
        {"mean": [1.0] * 3, "spread": [2.0] * 3},
        {"source": SOURCE},
        4,
        96,
    )
    save_model(folder, build(TINY), card)
    (folder / "curve.png").touch()
    monkeypatch.chdir(tmp_path)
    report = run(ModelSettings(model=Path("model")), Events())
    counted = cost(TINY, 4)
    assert json.loads(json.dumps(report, allow_nan=False)) == {
        "model": str(folder),
        "family": "quick",
        "resolution": TINY.resolution,
        "weights": counted.weights,
        "training_memory": counted.memory_bytes,
        "tflop_per_step": counted.tflop_per_step,
        "gflop_per_face": counted.gflop_per_swap,
        "identities": ["source", "target"],
        "steps": 12,
        "minutes": 1.5,
        "batch": 4,
        "faces_seen": 96,
        "crop": "full",
        "validation": {"source": 0.25},
        "trained_on": {"source": SOURCE, "target": []},
        "working_space": "lin_ap1_scene",
        "preview": None,
        "curve": str(folder / "curve.png"),
    }


def test_what_a_step_costs_is_not_told_of_a_batch_that_is_not_known(tmp_path: Path) -> None:
    save_model(tmp_path, build(TINY), ModelCard(TINY, "full", 12))
    assert run(ModelSettings(model=tmp_path), Events())["tflop_per_step"] is None


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no trained model"):
        run(ModelSettings(model=tmp_path), Events())
