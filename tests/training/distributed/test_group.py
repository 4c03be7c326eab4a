from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from group_member import CPU, SCENES, train
from torch.distributed import TCPStore
from understudy.errors import ComponentError, PeerError, UsageError
from understudy.training.distributed import group as group_module
from understudy.training.distributed import rendezvous
from understudy.training.distributed.group import Group
from understudy.training.distributed.process_rank import NAMES, ProcessRank, place_of_process
from understudy.training.distributed.rendezvous import meet

FARM = {
    "UNDERSTUDY_MAIN_ADDR": "render01",
    "UNDERSTUDY_MAIN_PORT": "29500",
    "UNDERSTUDY_RANK": "1",
    "UNDERSTUDY_WORLD_SIZE": "4",
}
TORCH = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "12345", "RANK": "2", "WORLD_SIZE": "3", "LOCAL_RANK": "1"}


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def start(heard: Path, ports: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {*NAMES, *NAMES.values()}}
    member = Path(__file__).with_name("group_member.py")
    return subprocess.Popen(
        [sys.executable, str(member), str(heard), *ports],
        env={**clean, "OMP_NUM_THREADS": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two processes has to say, the first led by torch's names, the second by a farm's."""
    ports, heard = [free_port() for _ in SCENES], tmp_path_factory.mktemp("group") / "heard"
    first = {"MASTER_ADDR": "127.0.0.1", "RANK": "0", "WORLD_SIZE": "2", "UNDERSTUDY_RANK": "1"}
    second = {"UNDERSTUDY_MAIN_ADDR": "127.0.0.1", "UNDERSTUDY_RANK": "1", "UNDERSTUDY_WORLD_SIZE": "2"}
    members = [start(heard, ports, first), start(heard, ports, second)]
    try:
        answers = [member.communicate(timeout=480) for member in members]  # sooner than silence alone would tell
    finally:
        for member in members:
            member.kill()
    assert [member.returncode for member in members] == [0, 9], answers
    return [json.loads(out.splitlines()[-1]) for out, _ in answers]


def test_everybody_hears_what_main_says(told):
    for rank, answer in enumerate(result["work"] for result in told):
        assert (answer["rank"], answer["is main"]) == (rank, rank == 0)
        assert answer["agreed"] == [0.1, 7.0]
        assert answer["any"] == [False, True, True]
        assert answer["same"] == [True, False]


def test_gradients_become_their_mean(told):
    for answer in (result["work"] for result in told):
        # Ramps times 1 and times 3: their mean is the ramp times 2.
        assert answer["gradients"] == [[2.0 * (k + index) for k in range(n)] for index, n in enumerate((6, 120, 7))]
        assert answer["no gradient"] and answer["channels_last"]


def test_two_processes_train_like_one_with_the_doubled_batch(told):
    one = train(Group.alone(), 4)
    two = [answer["work"]["trained"] for answer in told]
    assert two[0] == two[1]
    assert two[0] == pytest.approx(one, abs=1e-6)
    assert one != pytest.approx(train(Group.alone(), 4, steps=11), abs=1e-3), "the steps do something"


def test_who_is_slow_to_prepare_and_a_busy_main_are_waited_for(told):
    assert [answer["wait"]["agreed"] for answer in told] == [[3.0], [3.0]]


@pytest.mark.parametrize("how", ["dies", "is silent"])
def test_who_loses_another_is_told(told, how):
    lost = told[0][how]
    assert lost["message"].startswith("Process 0 of 2 has lost the others")
    assert "--max-restarts" in lost["hint"]


def test_alone_nothing_is_sent():
    with Group.alone() as alone:
        weight = torch.zeros(3)
        weight.grad = torch.ones(3)
        alone.average_gradients([weight])
        alone.wait()
        alone.assemble()
        with alone.busy():
            assert alone.same(3.0)
        assert alone.agree([1.0, 2.0]) == [1.0, 2.0]
        assert (alone.any(True), alone.any(False)) == (True, False)
        assert alone.is_main and alone.size == 1 and alone.device == CPU
    assert torch.equal(weight.grad, torch.ones(3)) and not torch.distributed.is_initialized()


def test_places_by_torchs_and_by_a_farms_names():
    assert place_of_process({"PATH": "/bin", "RANK": ""}) == ProcessRank(0, 1)
    assert place_of_process(FARM) == ProcessRank(1, 4, 0, "render01", 29500)
    assert place_of_process({**FARM, "UNDERSTUDY_LOCAL_RANK": "1"}).local_rank == 1
    assert place_of_process(TORCH) == place_of_process({**FARM, **TORCH}) == ProcessRank(2, 3, 1, "10.0.0.1", 12345)
    assert (
        place_of_process({**TORCH, "TORCHELASTIC_USE_AGENT_STORE": "True"}).hosted
        and not place_of_process(TORCH).hosted
    )
    assert not place_of_process(FARM).is_main and place_of_process({**FARM, "RANK": "0"}).is_main


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"UNDERSTUDY_RANK": "4"}, "UNDERSTUDY_RANK is 4, but UNDERSTUDY_WORLD_SIZE is 4"),
        ({"RANK": "-1"}, "RANK is '-1', which is no number"),
        ({"UNDERSTUDY_WORLD_SIZE": "two"}, "UNDERSTUDY_WORLD_SIZE is 'two'"),
        ({"UNDERSTUDY_WORLD_SIZE": "0"}, "UNDERSTUDY_WORLD_SIZE is 0"),
        ({"UNDERSTUDY_LOCAL_RANK": "1.5"}, "UNDERSTUDY_LOCAL_RANK is '1.5'"),
        ({"UNDERSTUDY_MAIN_PORT": "99999"}, "99999, which is no port"),
        ({"UNDERSTUDY_MAIN_PORT": ""}, "UNDERSTUDY_MAIN_PORT is not set"),
        ({"UNDERSTUDY_MAIN_ADDR": "", "UNDERSTUDY_RANK": ""}, "UNDERSTUDY_RANK, UNDERSTUDY_MAIN_ADDR are not set"),
    ],
)
def test_an_environment_that_makes_no_sense_is_named(changes, words):
    with pytest.raises(UsageError, match=words):
        place_of_process({**FARM, **changes})


@pytest.mark.parametrize("rank", [0, 1])
def test_who_is_met_by_nobody_is_told(monkeypatch, rank):
    monkeypatch.setattr(rendezvous, "JOINING", datetime.timedelta(seconds=0.5))
    with pytest.raises(PeerError, match=rf"Process {rank} did not meet the others, 2 in all, at 127\.0\.0\.1"):
        Group(ProcessRank(rank, 2, 0, "127.0.0.1", int(free_port())), CPU)


def test_a_host_that_is_not_there_is_told_at_once():
    with pytest.raises(PeerError, match=r"at no-such-host\.invalid:29500"):
        Group(ProcessRank(1, 2, 0, "no-such-host.invalid", 29500), CPU)


def test_a_group_started_again_is_not_misled_by_what_the_last_one_left():
    board = TCPStore("127.0.0.1", 0, None, True, wait_for_workers=False)
    places = [ProcessRank(rank, 3, rank, "127.0.0.1", board.port, hosted=True) for rank in range(3)]
    for word in ("once", "again"):
        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(meet, places[0])
            time.sleep(0.2)  # in which it sees only what the last ones asked
            parts = [first, *(pool.submit(meet, place) for place in places[1:])]
            main, *others = (part.result(timeout=240) for part in parts)
        assert not main.check(["word"])
        main.set("word", word)
        assert [other.get("word").decode() for other in others] == [word, word]


@pytest.mark.parametrize(
    ("asked", "local_rank", "visible", "shown", "own"),
    [
        ("cuda", 2, 4, None, "cuda:2"),
        ("cuda", 1, 2, "3,5", "cuda:1"),
        ("cuda", 3, 1, "3", "cuda:0"),
        ("cuda:1", 0, 2, None, "cuda:1"),
        ("cpu", 1, 0, None, "cpu"),
    ],
)
def test_each_process_of_a_host_has_its_own_gpu(monkeypatch, asked, local_rank, visible, shown, own):
    set_gpus(monkeypatch, visible, shown)
    assert group_module._own_device(torch.device(asked), local_rank) == torch.device(own)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    set_gpus(monkeypatch, 1, None)
    with pytest.raises(ComponentError, match="Process 1 of this host has no GPU of its own"):
        group_module._own_device(torch.device("cuda"), 1)


def set_gpus(monkeypatch: pytest.MonkeyPatch, visible: int, shown: str | None) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: visible)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)


@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="the kernel's own list of what listens is Linux's")
def test_only_the_named_address_is_listened_at():
    port = int(free_port())
    with ThreadPoolExecutor(2) as pool:
        boards = [pool.submit(meet, ProcessRank(rank, 2, rank, "127.0.0.1", port)) for rank in range(2)]
        both = [board.result(timeout=60) for board in boards]
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    listening = [local for _, local, _, state, *_ in lines[1:] if state == "0A" and local.endswith(f":{port:04X}")]
    assert listening == [f"0100007F:{port:04X}"]
    both[0].set("word", "heard")
    assert both[1].get("word") == b"heard"


def test_one_process_opens_no_port(monkeypatch):
    monkeypatch.setattr(group_module, "meet", lambda place: pytest.fail("a single process has nobody to meet"))
    assert Group(ProcessRank(0, 1, 0, "127.0.0.1", 29500), CPU).size == 1
