"""The three stages in one, with squares for faces and a network of a few thousand weights."""

from __future__ import annotations

from pathlib import Path

import made_shots
import numpy as np
import pytest
from made_people import channel, tiny_preset
from understudy.errors import UsageError
from understudy.events import Events, Recorder
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


def test_several_processes_are_for_training_alone(tmp_path: Path, monkeypatch):
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "29500")):
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="train together"):
        swap.run(SwapSettings(plate="p.####.exr", source="s.mov", out="o.####.exr"), Events())
