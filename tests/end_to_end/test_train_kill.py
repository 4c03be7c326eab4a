"""A real training in a process of its own, killed without warning and started again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from made_people import ANNE, BERT, make_faceset
from understudy.model.store import load_model
from understudy.training.checkpoint import FILE, load_checkpoint

BACKEND = Path(__file__).parents[2] / "backend"


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("people")
    source, target = make_faceset(folder / "bert", BERT, 6, seed=1), make_faceset(folder / "anne", ANNE, 5, seed=2)
    # Saves all the time, so that a kill often hits a save.
    options = ["--batch", "1", "--save-every", "0.001", "--iterations", "100000", "--device", "cpu"]
    return [sys.executable, "-m", "understudy", "train", "--source", str(source), "--target", str(target), *options]


def start(command: list[str], model: Path) -> subprocess.Popen[str]:
    paths = os.pathsep.join(filter(None, [str(BACKEND), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, "--model", str(model)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def wait_for_a_save(process: subprocess.Popen[str], model: Path) -> None:
    state = model / FILE
    before = state.stat().st_mtime_ns if state.exists() else 0
    while process.poll() is None and not (state.exists() and state.stat().st_mtime_ns > before):
        time.sleep(0.005)
    assert process.poll() is None, process.stderr.read()


@pytest.mark.slow
def test_a_training_that_is_killed_again_and_again_goes_on(command, tmp_path):
    moments, reached = random.Random(3), [0]
    for _ in range(3):
        process = start(command, tmp_path)
        wait_for_a_save(process, tmp_path)
        time.sleep(moments.uniform(0.0, 1.2))
        process.kill()
        process.communicate()
        state = load_checkpoint(tmp_path)
        assert state is not None
        assert all(bool(torch.isfinite(value).all()) for value in state.tensors.values() if value.is_floating_point())
        reached.append(state.numbers["step"])
        if (tmp_path / "model.safetensors").exists():
            load_model(tmp_path, torch.device("cpu"))
    assert reached == sorted(set(reached)), reached
    # The same command goes on from there; Ctrl-C ends it with everything saved.
    process = start(command, tmp_path)
    wait_for_a_save(process, tmp_path)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "stopped on request" in told and "Traceback" not in told
    state = load_checkpoint(tmp_path)
    assert state.numbers["step"] > reached[-1]
    assert not list(tmp_path.glob(".*")), "a killed process's temporaries are cleared by the next"
    steps = [
        (record["step"], "loss" in record)
        for record in map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines())
    ]
    assert steps == sorted(set(steps)) and steps[-1][0] == state.numbers["step"]
