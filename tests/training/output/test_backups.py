from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from made_people import TINY
from understudy.errors import ModelError, OutputError
from understudy.model.families import build
from understudy.model.quick import QuickArchitecture
from understudy.model.store import FILE, ModelCard, load_card, save_model
from understudy.training.output import backups as backups_module
from understudy.training.output import checkpoint
from understudy.training.output.backups import FOLDER, MOST, Backup, keep_backup, ladder, list_backups, restore_backup
from understudy.training.output.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
NOW = 1e9


def save(folder: Path, step: int, arch: QuickArchitecture = TINY) -> None:
    """What a training leaves at ``step``: a state whose one number is the step."""
    save_checkpoint(folder, Checkpoint({"weight": torch.full((10,), float(step))}, {"step": step}))
    save_model(folder, build(arch), ModelCard(arch, "whole", steps=step, validation={"mean": 1 / step}))


def state(folder: Path) -> int:
    loaded = load_checkpoint(folder)
    assert loaded and bool((loaded.tensors["weight"] == loaded.numbers["step"]).all())
    return int(loaded.numbers["step"])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_ages_of_backups_form_a_ladder_however_long_training_goes_on():
    kept: list[Backup] = []
    for now in range(0, int(20 * DAY), int(2 * MINUTE)):  # a save every two minutes
        if all(now - one.time >= backups_module.FIRST_RUNG for one in kept):
            kept = [*ladder(kept, now), Backup(Path(str(now)), now, float(now))]
        if now % int(7 * HOUR) == 0:
            kept = ladder(kept, now)
            ages = sorted(now - one.time for one in kept)
            assert len(ages) <= MOST
            for wanted in (16 * MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY):
                if now >= 4 * wanted:
                    assert any(wanted <= age <= 4 * wanted for age in ages), (now, wanted, ages)


def test_saves_become_backups_every_quarter_of_an_hour(tmp_path):
    for index in range(20):
        save(tmp_path, 100 + index)
        assert keep_backup(tmp_path, 1e9 + index * 5 * MINUTE) is None
    backups = list_backups(tmp_path)
    # One was made at every third save. Left are those of 95, 35, 20 and 5 minutes ago: one on each rung.
    assert [one.step for one in backups] == [100, 112, 115, 118]
    assert [one.card.validation for one in backups if one.card] == [{"mean": 1 / one.step} for one in backups]
    assert backups[-1].size == sum((backups[-1].folder / name).stat().st_size for name in (FILE, checkpoint.FILE))
    assert [state(one.folder) for one in backups] == [100, 112, 115, 118]
    assert not [path for path in (tmp_path / FOLDER).iterdir() if path.name.startswith(".")]


def test_there_are_never_more_than_the_most(tmp_path):
    save(tmp_path, 1)
    keep_backup(tmp_path, NOW)
    for index in range(1, 15):
        place = tmp_path / FOLDER / str(1 + index)
        shutil.copytree(tmp_path / FOLDER / "1", place)
        save(place, 1 + index)
        (place / "backup.json").write_text(
            json.dumps(
                {
                    "step": 1,
                    "time": NOW - 2.0**index * 10 * MINUTE,
                    "replaced": False,
                    "sha256": {FILE: "", checkpoint.FILE: ""},
                }
            )
        )
    save(tmp_path, 100)
    assert keep_backup(tmp_path, NOW + 20 * MINUTE) is None
    left = list_backups(tmp_path)
    assert len(left) == MOST
    assert max(one.time for one in left) == NOW + 20 * MINUTE


def test_a_full_disk_is_a_note_and_no_failure(tmp_path, monkeypatch):
    save(tmp_path, 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2000))
    assert "too little for a backup" in (keep_backup(tmp_path, 0.0) or "")
    monkeypatch.undo()

    def refuse(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups_module, "_copy", refuse)
    assert "disk is full" in (keep_backup(tmp_path, 0.0) or "")
    assert list_backups(tmp_path) == []
    monkeypatch.undo()
    assert keep_backup(tmp_path, 0.0) is None
    assert [one.step for one in list_backups(tmp_path)] == [5]


def test_what_a_kill_left_half_made_is_no_backup_and_goes(tmp_path):
    save(tmp_path, 5)
    half = tmp_path / FOLDER / ".coming"
    half.mkdir(parents=True)
    (half / FILE).write_bytes(b"half")
    assert list_backups(tmp_path) == []
    assert keep_backup(tmp_path, 0.0) is None
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["5"]


@pytest.mark.parametrize("moment", ["before", "between"])
def test_a_kill_while_a_backup_takes_the_place_of_another_loses_neither_step(tmp_path, monkeypatch, moment):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    save_checkpoint(tmp_path, Checkpoint({"weight": torch.full((10,), 77.0)}, {"step": 5}))
    rename = Path.rename

    def killed(self: Path, other: Path) -> Path:
        if self.name == ("5" if moment == "before" else ".coming"):
            raise KeyboardInterrupt
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        keep_backup(tmp_path, HOUR)
    monkeypatch.undo()
    assert keep_backup(tmp_path, HOUR + 1) is None
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["5"]
    kept = load_checkpoint(tmp_path / FOLDER / "5")
    assert kept and bool((kept.tensors["weight"] == 77).all())


def test_a_backup_comes_back_and_what_it_replaces_is_backed_up(tmp_path):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    save(tmp_path, 6)
    save(tmp_path, 9)
    replaced = restore_backup(tmp_path, 5, 60.0)
    assert replaced and (replaced.step, replaced.time) == (9, 60.0)
    assert state(tmp_path) == load_card(tmp_path).steps == 5
    assert not (tmp_path / checkpoint.PREVIOUS).exists()
    assert [one.step for one in list_backups(tmp_path)] == [5, 9]
    restore_backup(tmp_path, 9, 120.0)
    assert state(tmp_path) == load_card(tmp_path).steps == 9


def test_what_restorations_replaced_is_kept_beside_the_ladder(tmp_path):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    for index in range(5):
        save(tmp_path, 10 + index)
        restore_backup(tmp_path, 5, MINUTE * (5 + index))
    save(tmp_path, 20)
    assert keep_backup(tmp_path, HOUR) is None
    # Of the five, the last three stay though all are as old as one another; the others are as any backup of that age.
    assert [one.step for one in list_backups(tmp_path)] == [5, 10, 12, 13, 14, 20]


def test_a_step_that_was_trained_twice_comes_back_as_it_was_the_first_time(tmp_path):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    save_checkpoint(tmp_path, Checkpoint({"weight": torch.full((10,), 77.0)}, {"step": 5}))
    restore_backup(tmp_path, 5, 60.0)
    assert state(tmp_path) == 5
    kept = load_checkpoint(tmp_path / FOLDER / "5")
    assert kept and bool((kept.tensors["weight"] == 77).all())


def test_a_model_that_cannot_be_replaced_leaves_the_state_too(tmp_path, monkeypatch):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    save(tmp_path, 9)
    replace_file = Path.replace

    def held_fast(self: Path, other: Path) -> Path:
        if other == tmp_path / FILE:
            raise PermissionError(13, "Permission denied")
        return replace_file(self, other)

    monkeypatch.setattr(Path, "replace", held_fast)
    with pytest.raises(OutputError, match="Permission denied"):
        restore_backup(tmp_path, 5, 60.0)
    assert state(tmp_path) == load_card(tmp_path).steps == 9


def test_a_damaged_state_is_made_good_and_not_kept(tmp_path):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    save(tmp_path, 9)
    path = tmp_path / checkpoint.FILE
    path.write_bytes(path.read_bytes()[:100])
    assert restore_backup(tmp_path, 5, 60.0) is None
    assert state(tmp_path) == 5


@pytest.mark.parametrize("name", [FILE, checkpoint.FILE])
def test_one_bit_of_damage_is_found_and_nothing_changes(tmp_path, name):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    save(tmp_path, 9)
    path = tmp_path / FOLDER / "5" / name
    spoilt = bytearray(path.read_bytes())
    spoilt[-1] ^= 1
    path.write_bytes(spoilt)
    before = files(tmp_path)
    with pytest.raises(ModelError, match=f"damaged: {name} is not as it was"):
        restore_backup(tmp_path, 5, 0.0)
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", [FILE, checkpoint.FILE, "backup.json"])
@pytest.mark.parametrize("cut", [None, 50])
def test_a_backup_with_a_part_missing_or_cut_is_listed_and_refused(tmp_path, name, cut):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    path = tmp_path / FOLDER / "5" / name
    content = path.read_bytes()
    path.unlink()
    if cut:
        path.write_bytes(content[:cut])
    save(tmp_path, 9)
    before = files(tmp_path)
    [listed] = list_backups(tmp_path)
    assert listed.problem and listed.step == 5
    with pytest.raises(ModelError, match="cannot be restored"):
        restore_backup(tmp_path, 5, 0.0)
    assert files(tmp_path) == before


def test_a_backup_of_another_network_is_refused(tmp_path):
    save(tmp_path, 5, replace(TINY, code=8))
    keep_backup(tmp_path, 0.0)
    save(tmp_path, 9)
    before = files(tmp_path)
    with pytest.raises(ModelError, match="another network"):
        restore_backup(tmp_path, 5, 0.0)
    assert files(tmp_path) == before


def test_a_step_without_backup_is_told_with_those_that_there_are(tmp_path):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    with pytest.raises(ModelError, match="no backup of step 7") as raised:
        restore_backup(tmp_path, 7, 0.0)
    assert raised.value.hint == "There are: 5."


def test_a_full_disk_leaves_everything_as_it_was(tmp_path, monkeypatch):
    save(tmp_path, 5)
    keep_backup(tmp_path, 0.0)
    save(tmp_path, 9)
    before = files(tmp_path)

    def refuse(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups_module, "_copy", refuse)
    with pytest.raises(OutputError, match="disk is full"):
        restore_backup(tmp_path, 5, 0.0)
    assert files(tmp_path) == before
