from __future__ import annotations

import pytest
import torch
from understudy.errors import ModelError, OutputError
from understudy.training.output import checkpoint as module
from understudy.training.output.checkpoint import FILE, PREVIOUS, Checkpoint, load_checkpoint, save_checkpoint


def state(step: int) -> Checkpoint:
    return Checkpoint({"weight": torch.full((40, 5), float(step)), "step": torch.tensor(step)}, {"step": step})


def test_the_newest_state_comes_back(tmp_path):
    assert load_checkpoint(tmp_path) is None
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, state(step))
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None and loaded.numbers["step"] == 3
    assert torch.equal(loaded.tensors["weight"], state(3).tensors["weight"])
    assert {path.name for path in tmp_path.iterdir()} == {FILE, PREVIOUS}


@pytest.mark.parametrize("keep", [0, 4, 60, 300])
def test_a_damaged_state_gives_way_to_the_one_before(tmp_path, keep):
    save_checkpoint(tmp_path, state(1))
    save_checkpoint(tmp_path, state(2))
    newest = tmp_path / FILE
    newest.write_bytes(newest.read_bytes()[:keep])
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None and loaded.numbers["step"] == 1
    (tmp_path / PREVIOUS).write_bytes(b"nothing of ours")
    with pytest.raises(ModelError, match=r"training\.safetensors"):
        load_checkpoint(tmp_path)


def test_a_process_that_dies_between_the_two_renames_loses_nothing(tmp_path):
    save_checkpoint(tmp_path, state(1))
    (tmp_path / FILE).rename(tmp_path / PREVIOUS)
    assert load_checkpoint(tmp_path).numbers["step"] == 1


def test_a_state_that_cannot_be_written_leaves_the_old_ones(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, state(1))
    save_checkpoint(tmp_path, state(2))

    def full(path, tensors, metadata):
        path.write_bytes(b"the first half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_tensors", full)
    with pytest.raises(OutputError, match="disk is full"):
        save_checkpoint(tmp_path, state(3))
    assert load_checkpoint(tmp_path).numbers["step"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {FILE, PREVIOUS}


def test_tensors_come_back_in_the_memory_order_that_they_had(tmp_path):
    grid = torch.arange(120.0).view(2, 3, 4, 5)
    tensors = {"last": grid.contiguous(memory_format=torch.channels_last), "first": grid}
    save_checkpoint(tmp_path, Checkpoint(tensors, {"step": 1}))
    loaded = load_checkpoint(tmp_path).tensors
    for name, tensor in tensors.items():
        assert torch.equal(loaded[name], grid) and loaded[name].stride() == tensor.stride()
