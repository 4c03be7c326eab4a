"""Real trainings by two processes together, on one machine and without a GPU."""

from __future__ import annotations

import json
import os
import re
import signal
import socket

import pytest
import torch
from killing import PATIENCE, call, preload, start, wait_until
from made_people import ANNE, BERT, make_faceset
from understudy.cli import main
from understudy.training.distributed.process_rank import NAMES
from understudy.training.output.checkpoint import load_checkpoint

STEPS = 3
"""Few, for the optimiser makes much of the last bits of small gradients."""
WORKER = """
import os, sys
from pathlib import Path
Path(sys.argv.pop(1), f"process{os.environ['RANK']}").write_text(str(os.getpid()))
from understudy.__main__ import main
sys.exit(main())
"""
"""What torchrun starts: the command, having left its process number for who is to kill it."""


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> list[str]:
    preload("torch._dynamo", "understudy.stages.train")
    folder = tmp_path_factory.mktemp("people")
    source, target = make_faceset(folder / "bert", BERT, 6, seed=1), make_faceset(folder / "anne", ANNE, 5, seed=2)
    return ["train", "--source", str(source), "--target", str(target), "--device", "cpu", "--resolution", "64"]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in (*NAMES, *NAMES.values()):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
def test_two_processes_of_a_farm_train_like_one_with_the_doubled_batch(command, tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    farm = {"UNDERSTUDY_MAIN_ADDR": "127.0.0.1", "UNDERSTUDY_MAIN_PORT": port, "UNDERSTUDY_WORLD_SIZE": "2"}
    command = [*command, "--iterations", str(STEPS)]
    told = [tmp_path / name for name in ("first.txt", "second.txt")]
    # The second would write elsewhere, if it wrote at all.
    processes = [
        call([*command, "--batch", "2", "--model", str(tmp_path / "two")], told[0], **farm, UNDERSTUDY_RANK="0"),
        call([*command, "--batch", "2", "--model", str(tmp_path / "second")], told[1], **farm, UNDERSTUDY_RANK="1"),
    ]
    try:
        assert main([*command, "--batch", "4", "--model", str(tmp_path / "one")]) == 0
        codes = [process.wait(PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert codes == [0, 0], [file.read_text() for file in told]
    assert told[1].read_text() == "" and not (tmp_path / "second").exists()
    assert "in each of 2 processes" in told[0].read_text()
    one, two = (load_checkpoint(tmp_path / name) for name in ("one", "two"))
    assert one.numbers["step"] == two.numbers["step"] == STEPS
    names = [name for name in one.tensors if name.startswith(("network.", "average."))]
    assert len(names) > 20
    for name in names:
        torch.testing.assert_close(two.tensors[name], one.tensors[name], rtol=0, atol=1e-5, msg=name)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no signal kills without warning here")
def test_a_group_of_which_one_is_killed_goes_on_from_the_last_checkpoint(command, tmp_path):
    worker, told, model = tmp_path / "worker.py", tmp_path / "told.txt", tmp_path / "model"
    log = model / "metrics.jsonl"
    worker.write_text(WORKER)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "3"]
    options = ["--batch", "1", "--iterations", "40", "--save-every", "0.01", "--model", str(model)]
    group = start([*launch, str(worker), str(tmp_path), *command, *options], told)
    try:
        # A checkpoint follows on every record, so that the second tells of the first.
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) > 1, group, told)
        os.kill(int((tmp_path / "process1").read_text()), signal.SIGKILL)
        reached = load_checkpoint(model).numbers["step"]
        wait_until(lambda: False, group, told)
    finally:
        group.terminate()  # and with it those it started
        group.wait(PATIENCE)
    text = told.read_text()
    assert group.returncode == 0, text
    started = [int(step) for step in re.findall(r"going on from step (\d+)", text)]
    assert len(started) == 1 and 0 < reached <= started[0] < 40, text
    assert text.count("Training ends") == 1 and load_checkpoint(model).numbers["step"] == 40
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == sorted(steps) and steps[-1] == 40
