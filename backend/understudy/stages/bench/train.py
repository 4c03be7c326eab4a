"""How fast a model learns, and how much of that is not the network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from understudy.events import Events
from understudy.model.device import choose_device
from understudy.settings import ExtractSettings, TrainSettings
from understudy.stages import extract
from understudy.stages.stopwatch import Stopwatch
from understudy.stages.train import LOG_EVERY, Session
from understudy.training.presets import PRESETS

FRAMES = "1001-1016"
"""Enough of the footage: what a step costs does not depend on how many faces there are to choose from."""

WARM_UP = 10
"""Steps before the clock runs: the first ones choose kernels and find memory."""


def measure(events: Events, sample: Path, steps: int = 3 * LOG_EVERY) -> dict[str, Any]:
    """Train the device's preset from scratch on ``source_B`` and ``target_A`` of the ``sample`` folder for ``steps``.

    Returns ``preset``, ``resolution``, ``batch``, ``steps``, ``seconds``, ``examples_per_second`` (faces of both
    sides), ``shares`` (part of the loop's wall time: ``networks`` for forward, losses, backward and the optimiser,
    ``data`` for choosing and varying faces, ``logging``, ``other``) and ``outside_networks``, their sum without the
    networks. The device is waited for after each part. Previews and checkpoints are not in it: they are far apart.
    """
    device = choose_device("auto")
    name = "cpu" if device.type == "cpu" else "gpu"
    preset = PRESETS[name]
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as temporary:
        folder = Path(temporary)
        for footage in ("source_B", "target_A"):
            plate = (sample / f"{footage}.%04d.exr").as_posix()
            extract.run(ExtractSettings(plate=plate, frames=FRAMES, out=folder / footage), events.within(footage))
        settings = TrainSettings(source=[folder / "source_B"], target=[folder / "target_A"], model=folder / "model")
        session = Session(settings, events, device, preset, preset.architecture(preset.resolution), None)
        for _ in range(WARM_UP):
            session.trainer.step(0.0)
        _settle(device)
        with watch.running():
            _learn(session, steps, watch, device)
    shares = watch.shares()
    return {
        "preset": name,
        "resolution": preset.resolution,
        "batch": preset.batch,
        "steps": steps,
        "seconds": watch.wall,
        "examples_per_second": 2 * preset.batch * steps / watch.wall,
        "shares": shares,
        "outside_networks": 1.0 - shares["networks"],
    }


def _learn(session: Session, steps: int, watch: Stopwatch, device: torch.device) -> None:
    """The training loop, part by part."""
    trainer = session.trainer
    pending: list[torch.Tensor] = []
    for step in range(1, steps + 1):
        session.events.raise_if_stopping()
        with _part(watch, "data", device):
            draw = trainer.draw(0.0)
        with _part(watch, "networks", device):
            pending.append(trainer.learn(draw, 0.0))
        if step % LOG_EVERY == 0:
            with watch.part("logging"):
                loss = torch.stack(pending).mean(0).tolist()[-1]
                pending.clear()
                session.log.append({"step": trainer.step_count, "loss": loss})
                session.events.progress(step, steps, "steps", f"loss {loss:.4f}")


@contextmanager
def _part(watch: Stopwatch, name: str, device: torch.device) -> Iterator[None]:
    with watch.part(name):
        yield
        _settle(device)


def _settle(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
