"""A real training in a process of its own, killed without warning and started again."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from killing import PATIENCE, Process, call, preload, wait_until, written
from made_people import ANNE, BERT, make_faceset
from understudy.model.store import load_model
from understudy.training.output.checkpoint import FILE, load_checkpoint

KILLS = int(os.environ.get("UNDERSTUDY_KILLS", "3"))
"""How often it is killed. A hundred times take half an hour, and want ``-o faulthandler_timeout=0``."""


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("people")
    source, target = make_faceset(folder / "bert", BERT, 6, seed=1), make_faceset(folder / "anne", ANNE, 5, seed=2)
    # Saves all the time, so that a kill often hits a save.
    options = [
        "--batch",
        "1",
        "--resolution",
        "64",
        "--save-every",
        "0.001",
        "--iterations",
        "100000",
        "--device",
        "cpu",
    ]
    preload("torch._dynamo", "understudy.stages.train")
    return ["train", "--source", str(source), "--target", str(target), *options]


def wait_for_a_save(process: Process, model: Path, told: Path) -> None:
    before = written(model / FILE)
    wait_until(lambda: written(model / FILE) > before, process, told)
    assert process.poll() is None, told.read_text()


@pytest.mark.slow
def test_a_training_that_is_killed_again_and_again_goes_on(command, tmp_path):
    told, model = tmp_path / "told.txt", tmp_path / "model"
    command = [*command, "--model", str(model)]
    moments, reached = random.Random(3), [0]
    for kill in range(KILLS):
        process = call(command, told)
        if kill % 2 == 0:
            wait_for_a_save(process, model, told)
            time.sleep(moments.uniform(0.0, 1.2))
        else:
            time.sleep(moments.uniform(0.0, 3.0))  # anywhere, from before anything is read
        process.kill()
        process.wait()
        state = load_checkpoint(model)
        assert state is not None
        assert all(bool(torch.isfinite(value).all()) for value in state.tensors.values() if value.is_floating_point())
        reached.append(state.numbers["step"])
        if (model / "model.safetensors").exists():
            load_model(model, torch.device("cpu"))
    assert reached == sorted(reached), "nothing that was saved is lost"
    assert len(set(reached)) > KILLS // 2, reached
    # The same command goes on from there; Ctrl-C ends it with everything saved.
    process = call(command, told)
    wait_for_a_save(process, model, told)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130, told.read_text()
    assert "stopped on request" in told.read_text() and "Traceback" not in told.read_text()
    state = load_checkpoint(model)
    assert state.numbers["step"] > reached[-1]
    assert not list(model.glob(".*")), "a killed process's temporaries are cleared by the next"
    steps = [
        (record["step"], "loss" in record)
        for record in map(json.loads, (model / "metrics.jsonl").read_text().splitlines())
    ]
    assert [step for step, _ in steps] == sorted(step for step, _ in steps) and len(steps) == len(set(steps))
    assert steps[-1][0] == state.numbers["step"]
