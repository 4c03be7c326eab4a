from __future__ import annotations

import json
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from made_people import TINY, make_model
from understudy import stages
from understudy.errors import BusyError, ExitCode, ModelError, UnderstudyError, UsageError
from understudy.events import Events, Recorder
from understudy.model.store import FILE, ModelCard, load_card, load_model, save_model
from understudy.settings import BackupsSettings, ModelPreviewSettings, ModelRestoreSettings, TimelapseSettings
from understudy.training.output.backups import keep_backup
from understudy.training.output.checkpoint import Checkpoint, save_checkpoint
from understudy.training.output.model_lock import hold
from understudy.training.output.preview import preview_wanted
from understudy.training.output.timelapse import keep_frame


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model at step 7 with its training state."""
    folder = make_model(tmp_path / "model")
    save_checkpoint(folder, Checkpoint({"weight": torch.zeros(3)}, {"step": 7}))
    return folder


def go_on(folder: Path, step: int) -> None:
    network, card = load_model(folder, torch.device("cpu"))
    save_model(folder, network, ModelCard(card.architecture, card.crop, step, 2.5, {"mean": 0.5}))
    save_checkpoint(folder, Checkpoint({"weight": torch.zeros(3)}, {"step": step}))


def test_a_training_under_way_is_asked_for_a_preview(model: Path) -> None:
    with hold(model):
        report = stages.run(ModelPreviewSettings(model=model), Events())
    assert report == {"model": str(model), "preview": str(model / "preview.png")}
    assert preview_wanted(model) and not preview_wanted(model)


def test_without_a_training_nobody_would_hear_the_request(model: Path, tmp_path: Path) -> None:
    for folder in (model, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="No training is at work"):
            stages.run(ModelPreviewSettings(model=folder), Events())
    assert not preview_wanted(model) and not (tmp_path / "nowhere").exists()


def test_the_time_lapse_is_a_movie_with_a_picture_for_each_preview(model: Path, tmp_path: Path) -> None:
    for step in (200, 400, 600):
        keep_frame(model, step, np.full((64, 64, 3), step // 4, np.uint8))
    recorder = Recorder()
    report = stages.run(TimelapseSettings(model=model, out=tmp_path / "m.mov"), Events(recorder))
    assert report == {"model": str(model), "movie": str(tmp_path / "m.mov"), "pictures": 3}
    with av.open(report["movie"]) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == 3
    with pytest.raises(UsageError):
        stages.run(TimelapseSettings(model=model, out=tmp_path / "m.txt"), Events())
    with pytest.raises(UnderstudyError) as stopped:
        stages.run(TimelapseSettings(model=model, out=tmp_path / "stopped.mp4"), Events(stop=lambda: True))
    assert stopped.value.code == ExitCode.INTERRUPTED and not (tmp_path / "stopped.mp4").exists()


def test_backups_are_listed_and_one_comes_back(model: Path) -> None:
    keep_backup(model, time.time() - 7200)
    go_on(model, 9)
    keep_backup(model, time.time() - 3600)
    go_on(model, 12)
    [first, second] = stages.run(BackupsSettings(model=model), Events())["backups"]
    assert (first["step"], first["validation"], second["step"], second["minutes"]) == (7, {}, 9, 2.5)
    assert first["age"] == pytest.approx(7200, abs=60) and second["age"] == pytest.approx(3600, abs=60)
    recorder = Recorder()
    report = stages.run(ModelRestoreSettings(model=model, step=9), Events(recorder))
    assert report == {"model": str(model), "step": 9, "replaced": 12}
    assert load_card(model).steps == 9
    listed = stages.run(BackupsSettings(model=model), Events())
    assert [one["step"] for one in listed["backups"]] == [7, 9, 12]
    assert json.dumps(listed, allow_nan=False)


def test_a_damaged_backup_is_listed_as_such(model: Path) -> None:
    keep_backup(model, time.time())
    (model / "backups" / "7" / FILE).write_bytes(b"torn")
    [one] = stages.run(BackupsSettings(model=model), Events())["backups"]
    assert one["problem"] and one["validation"] is None


def test_nothing_is_restored_under_a_training(model: Path) -> None:
    keep_backup(model, time.time())
    go_on(model, 9)
    with hold(model), pytest.raises(BusyError, match="is in use"):
        stages.run(ModelRestoreSettings(model=model, step=7), Events())
    assert load_card(model).steps == 9


@pytest.mark.parametrize("asked", [BackupsSettings, ModelRestoreSettings])
def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path, asked) -> None:
    settings = asked(model=tmp_path / "typo", **({"step": 1} if asked is ModelRestoreSettings else {}))
    with pytest.raises(ModelError, match="no model"):
        stages.run(settings, Events())
    assert not (tmp_path / "typo").exists()


def test_a_model_without_backups_says_so(model: Path) -> None:
    assert stages.run(BackupsSettings(model=model), Events())["backups"] == []
    with pytest.raises(ModelError, match="no backup of step 7") as raised:
        stages.run(ModelRestoreSettings(model=model, step=7), Events())
    assert raised.value.hint == "There are: none." and load_card(model).architecture == TINY
