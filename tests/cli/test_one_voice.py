"""Of several processes that train together, the first speaks and keeps the records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from understudy.cli import main
from understudy.errors import Interrupted
from understudy.events import Events
from understudy.training.distributed.process_rank import NAMES

TRAIN = {"source": ["bert"], "target": ["anne"], "model": "model"}
PORT = {"UNDERSTUDY_MAIN_ADDR": "render01", "UNDERSTUDY_MAIN_PORT": "29500", "UNDERSTUDY_WORLD_SIZE": "2"}


def talk(settings: Any, events: Events) -> dict[str, Any]:
    events.note("A word.")
    return {"model": "model", "steps": 7, "minutes": 0.5, "stopped": "because", "validation": {}}


@pytest.fixture
def process(monkeypatch):
    """Makes this the process of that number among two."""

    def be(rank: int) -> None:
        for name in (*NAMES, *NAMES.values()):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**PORT, "UNDERSTUDY_RANK": str(rank)}.items():
            monkeypatch.setenv(name, value)

    return be


@pytest.mark.parametrize("how", ["console", "json"])
def test_one_process_of_two_tells_what_is_done(process, stage, capsys, how):
    stage("train", talk)
    told = []
    for rank in (0, 1):
        process(rank)
        assert main(["train", "--source", "bert", "--target", "anne", "--model", "model", "--events", how]) == 0
        printed = capsys.readouterr()
        told.append(printed.out + printed.err)
    assert "A word." in told[0] and "7" in told[0]
    assert told[1] == ""


def test_one_process_of_two_keeps_the_folder_of_their_job(process, stage, tmp_path: Path, capsys):
    stage("train", talk)
    (tmp_path / "job.json").write_text(json.dumps({"stage": "train", "settings": TRAIN}))
    process(1)
    (tmp_path / "stop").touch()
    assert main(["run", str(tmp_path)]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"job.json", "stop"}
    process(0)
    assert main(["run", str(tmp_path)]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"job.json", "events.jsonl"}


@pytest.mark.parametrize(("launcher", "code"), [(None, 130), ("True", 0)])
def test_a_stop_is_told_once_and_is_no_failure_to_torchrun(process, stage, capsys, monkeypatch, launcher, code):
    def stop(settings: Any, events: Events) -> dict[str, Any]:
        raise Interrupted("Stopped on request.", "Run it again.")

    stage("train", stop)
    told = []
    for rank in (0, 1):
        process(rank)
        if launcher:
            monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", launcher)
        assert main(["train", "--source", "bert", "--target", "anne", "--model", "model"]) == code
        told.append(capsys.readouterr().err)
    assert told[1] == "" and "Stopped on request." in told[0]


def test_what_is_no_training_is_told_by_every_process(process, stage, capsys):
    stage("extract", talk)
    process(1)
    assert main(["extract", "p.exr", "--out", "faces"]) == 0
    assert "A word." in capsys.readouterr().err


def test_a_group_that_makes_no_sense_is_told(process, stage, capsys):
    stage("train", talk)
    process(2)
    assert main(["train", "--source", "bert", "--target", "anne", "--model", "model"]) == 2
    assert "UNDERSTUDY_RANK is 2, but UNDERSTUDY_WORLD_SIZE is 2" in capsys.readouterr().err
