"""One of two processes that train together, run by ``test_group.py``; prints what came of it as JSON."""

from __future__ import annotations

import datetime
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from understudy.errors import PeerError
from understudy.training.data.random_draws import BatchRandom
from understudy.training.distributed import group as group_module
from understudy.training.distributed.group import Group

CPU = torch.device("cpu")


def train(group: Group, batch: int, steps: int = 12) -> list[float]:
    """Weights of a toy after some steps, with a batch of ``batch`` in each process."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    dice = BatchRandom(1, CPU, group.rank, group.size)
    for _ in range(steps):
        x = dice.throw(batch).normal(3)
        wanted = torch.stack([x.prod(1), x.sum(1)], 1)
        optimiser.zero_grad()
        ((network(x) - wanted) ** 2).mean().backward()
        group.average_gradients(network.parameters())
        optimiser.step()
    return torch.cat([weight.detach().reshape(-1) for weight in network.parameters()]).tolist()


def average(group: Group) -> dict[str, Any]:
    """Mean gradients of two types, one of them channels_last, in buckets of a few bytes."""
    group_module.BUCKET = 64
    weights = [torch.zeros(2, 3), torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)]
    weights += [torch.zeros(7, dtype=torch.float64), torch.zeros(1)]
    for index, weight in enumerate(weights[:3]):
        ramp = torch.arange(weight.numel(), dtype=weight.dtype).view(weight.shape)
        weight.grad = torch.zeros_like(weight).copy_((ramp + index) * (1 + 2 * group.rank))
    group.average_gradients(weights)
    kept = weights[1].grad.is_contiguous(memory_format=torch.channels_last)
    return {
        "gradients": [weight.grad.reshape(-1).tolist() for weight in weights[:3]],
        "no gradient": weights[3].grad is None,
        "channels_last": kept,
    }


def work(group: Group) -> dict[str, Any]:
    """Everything that a group does while all is well."""
    return {
        "rank": group.rank,
        "is main": group.is_main,
        "agreed": [
            group.agree([0.1 + group.rank, float("nan")])[0],
            *group.agree([7.0 + group.rank]),
            *group.agree([]),
        ],
        "any": [group.any(False), group.any(group.rank == 1), group.any(True)],
        "same": [group.same(5.0), group.same(float(group.rank))],
        "trained": train(group, 2),
        **average(group),
    }


def wait(group: Group) -> dict[str, Any]:
    """Waiting for one who is slow to prepare and for a busy main, both for longer than silence is borne."""
    longer = 1.2 * group_module.PATIENCE.total_seconds()
    if group.rank == 1:
        time.sleep(longer)
    group.assemble()
    with group.busy():
        if group.is_main:
            time.sleep(longer)
    agreed = group.agree([3.0 if group.is_main else 0.0])
    group.wait()
    return {"agreed": agreed}


def lose(group: Group, how: str, heard: Path) -> dict[str, Any]:
    """What the first process hears when the second ends or falls silent in the middle."""
    group.wait()
    if group.rank == 1:
        if how == "dies":
            os._exit(9)
        while not heard.exists():  # silent, but there
            time.sleep(0.02)
        return {}
    weight = torch.zeros(3)
    weight.grad = torch.ones(3)
    try:
        group.average_gradients([weight])
    except PeerError as error:
        heard.touch()
        return {"message": error.message, "hint": error.hint}
    return {}


SCENES = {"work": 240.0, "wait": 3.0, "is silent": 1.5, "dies": 3600.0}
"""Seconds that a silent process is borne. Where nobody is silent on purpose, a machine may be busy for long; who dies
is noticed without."""


def main(heard: str, ports: list[str]) -> None:
    result = {}
    for port, (scene, patience) in zip(ports, SCENES.items(), strict=True):
        os.environ["MASTER_PORT"] = port
        group_module.PATIENCE = datetime.timedelta(seconds=patience)
        with Group.join(CPU) as group:
            if scene in {"work", "wait"}:
                result[scene] = work(group) if scene == "work" else wait(group)
            else:
                result[scene] = lose(group, scene, Path(heard))
        if group.rank == 1:
            print(json.dumps(result), flush=True)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
