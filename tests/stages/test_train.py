from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from made_people import ANNE, BERT, TINY, make_faceset, tiny_preset
from safetensors.torch import load_file
from understudy.errors import BusyError, ExitCode, FacesetError, Interrupted, ModelError
from understudy.events import Events, Recorder
from understudy.model.store import FILE, load_card
from understudy.settings import TrainSettings
from understudy.stages import train
from understudy.training import session
from understudy.training.output import checkpoint
from understudy.training.output.metrics_log import read_metrics
from understudy.training.output.model_lock import hold
from understudy.training.output.preview import REQUEST
from understudy.training.presets import PRESETS
from understudy.training.run.trainer import Trainer


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("people")
    return {
        "source": [make_faceset(folder / "bert", BERT, 17, seed=1)],
        "target": [make_faceset(folder / "anne", ANNE, 6, seed=2)],
    }


@pytest.fixture(autouse=True)
def tiny(monkeypatch) -> None:
    """The cpu preset with a network of a few thousand weights."""

    monkeypatch.setitem(PRESETS, "cpu", tiny_preset())


def settings(people, model: Path, **changes: Any) -> TrainSettings:
    return TrainSettings(
        **{**people, "model": model, "device": "cpu", "preview_every": 100, "iterations": 12, **changes}
    )


def stop_after(steps: int) -> Events:
    """Asks for a stop when ``steps`` steps are done: the loop looks once before each step."""
    looks = iter(range(steps))
    return Events(stop=lambda: next(looks, None) is None)


def validations(folder: Path) -> list[tuple[int, float]]:
    return [(one["step"], one["validation"]) for one in read_metrics(folder) if "validation" in one]


def losses(folder: Path) -> float:
    """Sum of the loss over all steps, from the means that the records hold."""
    total, last = 0.0, 0
    for record in read_metrics(folder):
        if "loss" in record:
            total, last = total + record["loss"] * (record["step"] - last), record["step"]
    return total


def test_a_training_leaves_what_it_promises(people, tmp_path):
    recorder = Recorder()
    report = train.run(settings(people, tmp_path / "m", preview_every=4), Events(recorder))
    assert report["steps"] == 12 and "12 iterations" in report["stopped"]
    assert {path.name for path in (tmp_path / "m").iterdir()} - {"tensorboard"} == {
        "model.safetensors", "training.safetensors", "training.previous.safetensors", "metrics.jsonl", "preview.png",
        "curve.png", "timelapse", "backups",
    }  # fmt: skip
    card = load_card(tmp_path / "m")
    assert (card.steps, card.crop, card.working_space) == (12, "whole", "lin_ap1_scene")
    assert card.architecture == TINY and set(card.trained_on) == {"source", "target"}
    assert card.trained_on["source"][0]["faces"] == 17
    assert (card.batch, card.faces_seen) == (2, 12 * 2 * 2)
    assert card.validation["psnr"] > 0 and 0 < card.validation["ssim"] < 1
    assert [step for step, _ in validations(tmp_path / "m")] == [4, 8, 12]
    assert recorder.of("metric") and recorder.of("preview") and recorder.of("progress")[-1]["done"] == 1000
    assert json.dumps(report)


def test_going_on_after_a_stop_equals_never_having_stopped(people, tmp_path):
    train.run(settings(people, tmp_path / "through", preview_every=4), Events())
    with pytest.raises(Interrupted) as stopped:
        train.run(settings(people, tmp_path / "halved", preview_every=4), stop_after(5))
    assert stopped.value.code == ExitCode.INTERRUPTED
    assert load_card(tmp_path / "halved").steps == 5
    train.run(settings(people, tmp_path / "halved", preview_every=4), Events())
    through, halved = ({**load_file(tmp_path / name / FILE)} for name in ("through", "halved"))
    assert through.keys() == halved.keys()
    for name, tensor in through.items():
        assert tensor.equal(halved[name]), name
    assert validations(tmp_path / "halved") == validations(tmp_path / "through")
    assert losses(tmp_path / "halved") == pytest.approx(losses(tmp_path / "through"), rel=1e-6)


def test_a_lost_checkpoint_is_made_good_without_double_records(people, tmp_path):
    folder = tmp_path / "m"
    with pytest.raises(Interrupted):
        train.run(settings(people, folder, preview_every=4), stop_after(3))
    with pytest.raises(Interrupted):
        train.run(settings(people, folder, preview_every=4), stop_after(6))
    newest = folder / checkpoint.FILE
    newest.write_bytes(newest.read_bytes()[:1000])
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 99, "lo')
    train.run(settings(people, folder, preview_every=4), Events())
    train.run(settings(people, folder, preview_every=4), Events())  # is at its end already
    train.run(settings(people, tmp_path / "through", preview_every=4), Events())
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    keys = [(record["step"], "loss" in record) for record in map(json.loads, lines)]
    assert len(set(keys)) == len(keys), keys
    assert validations(folder) == validations(tmp_path / "through")
    assert load_file(folder / FILE)["encoder.squeeze.weight"].equal(
        load_file(tmp_path / "through" / FILE)["encoder.squeeze.weight"]
    )


def test_two_damaged_states_are_an_error_and_stay_as_they_are(people, tmp_path):
    for name in (checkpoint.FILE, checkpoint.PREVIOUS):
        (tmp_path / name).write_bytes(b"torn")
    with pytest.raises(ModelError, match="cannot be read"):
        train.run(settings(people, tmp_path), Events())
    assert (tmp_path / checkpoint.FILE).read_bytes() == b"torn"


def test_what_a_killed_training_left_half_written_is_cleared_away(people, tmp_path):
    left = tmp_path / ".training.0123456789ab.safetensors"
    left.write_bytes(bytes(1000))
    train.run(settings(people, tmp_path, iterations=1), Events())
    assert not left.exists()


def test_a_longer_budget_goes_on_with_the_same_model(people, tmp_path):
    train.run(settings(people, tmp_path, iterations=2), Events())
    assert train.run(settings(people, tmp_path, iterations=3), Events())["steps"] == 3
    report = train.run(settings(people, tmp_path, iterations=None, minutes=1e-6), Events())
    assert report["steps"] == 3 and "minutes" in report["stopped"]


def test_a_model_keeps_its_resolution(people, tmp_path):
    train.run(settings(people, tmp_path, iterations=1, resolution=80), Events())
    assert train.run(settings(people, tmp_path, iterations=2), Events())["steps"] == 2
    with pytest.raises(ModelError, match="is 80 px, not 64 px"):
        train.run(settings(people, tmp_path, iterations=3, resolution=64), Events())
    with pytest.raises(ModelError, match="multiple of 16"):
        train.run(settings(people, tmp_path / "new", resolution=100), Events())
    assert not (tmp_path / "new").exists()


def test_sides_that_are_framed_differently_are_refused(people, tmp_path):
    close = make_faceset(tmp_path / "close", ANNE, 2, kind="full")
    with pytest.raises(FacesetError, match=r"whole crops.*full crops"):
        train.run(settings(people, tmp_path / "m", target=[close]), Events())


def test_a_model_keeps_its_crop(people, tmp_path):
    train.run(settings(people, tmp_path / "m", iterations=1), Events())
    before = (tmp_path / "m" / checkpoint.FILE).read_bytes()
    close = {
        "source": [make_faceset(tmp_path / "bert", BERT, 2, kind="full")],
        "target": [make_faceset(tmp_path / "anne", ANNE, 2, kind="full")],
    }
    with pytest.raises(ModelError, match=r"trained on whole crops.*are full crops"):
        train.run(settings(close, tmp_path / "m", iterations=2), Events())
    assert (tmp_path / "m" / checkpoint.FILE).read_bytes() == before


def test_a_loss_that_is_no_number_makes_it_fall_back_until_there_is_evidence(people, tmp_path):
    train.run(settings(people, tmp_path, iterations=1), Events())
    before = (tmp_path / checkpoint.FILE).read_bytes()
    recorder = Recorder()
    with pytest.raises(ModelError, match=r"4 times.*no longer a number"):
        train.run(settings(people, tmp_path, iterations=30, mse_weight=1e38), Events(recorder))
    assert (tmp_path / checkpoint.FILE).read_bytes() == before
    rates = [
        event["text"].split("rate of ")[1].split(":")[0] for event in recorder.of("note") if "Back to" in event["text"]
    ]
    assert [float(rate) for rate in rates] == pytest.approx([5e-4, 2.5e-4, 1.25e-4], rel=0.05)
    evidence = json.loads((tmp_path / session.EVIDENCE).read_text())
    assert "no longer a number" in evidence["why"] and evidence["phase"] == "warped"


def test_after_one_fall_it_goes_on_more_carefully(people, tmp_path, monkeypatch):
    """The weights are spoilt once, at step 30; the loss tells at step 40, and the last checkpoint is of step 25."""
    step = Trainer.step
    spoilt: list[int] = []

    def spoiling(self: Trainer, moment: Any) -> Any:
        if self.step_count == 30 and not spoilt:
            spoilt.append(30)
            with torch.no_grad():
                next(self.network.parameters()).fill_(float("nan"))
        return step(self, moment)

    train.run(settings(people, tmp_path, iterations=25, minutes=None, plateau=None), Events())
    monkeypatch.setattr(Trainer, "step", spoiling)
    recorder = Recorder()
    report = train.run(settings(people, tmp_path, iterations=60), Events(recorder))
    assert report["steps"] == 60 and spoilt
    notes = " ".join(event["text"] for event in recorder.of("note"))
    assert "Back to step 25" in notes and "5.0e-04" in notes
    state = checkpoint.load_checkpoint(tmp_path)
    assert state.numbers["health"]["slowed"] == 0.5 and all(
        torch.isfinite(value).all() for value in state.tensors.values()
    )
    steps = [record["step"] for record in read_metrics(tmp_path) if "loss" in record]
    assert steps == sorted(set(steps))


def test_a_model_that_collapsed_does_not_replace_a_good_one(people, tmp_path, monkeypatch):
    train.run(settings(people, tmp_path, iterations=4, preview_every=2), Events())
    good = {name: (tmp_path / name).read_bytes() for name in (FILE, checkpoint.FILE)}
    validate = Trainer.validate
    monkeypatch.setattr(Trainer, "validate", lambda self: {**validate(self), "psnr": 1.0})
    with pytest.raises(ModelError, match=r"fallen to 1\.0 dB"):
        train.run(settings(people, tmp_path, iterations=8, preview_every=2), Events())
    assert {name: (tmp_path / name).read_bytes() for name in good} == good


def test_phases_end_are_told_and_recorded(people, tmp_path):
    recorder = Recorder()
    train.run(settings(people, tmp_path, iterations=40), Events(recorder))
    assert any("phase warped ends" in event["text"] for event in recorder.of("note"))
    phases = [record["phase"] for record in read_metrics(tmp_path) if "loss" in record]
    assert phases == ["warped", "unwarped"]


def test_a_plateau_ends_it_where_nothing_becomes_better(people, tmp_path, monkeypatch):
    figures = {"psnr": 20.0, "ssim": 0.5, "loss": 1.0}
    monkeypatch.setattr(Trainer, "validate", lambda _self: dict(figures))
    report = train.run(settings(people, tmp_path, iterations=None, plateau=100, preview_every=25), Events())
    assert report["steps"] == 25 + 100 + 100 and "have not become better" in report["stopped"]


def test_a_preview_comes_when_somebody_asks(people, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "REQUESTS_EVERY", 0.0)
    train.run(settings(people, tmp_path, iterations=1), Events())
    (tmp_path / REQUEST).touch()
    recorder = Recorder()
    with pytest.raises(Interrupted):
        train.run(
            settings(people, tmp_path, iterations=100), Events(recorder, stop=lambda: len(recorder.of("preview")) > 0)
        )
    assert not (tmp_path / REQUEST).exists() and 1 < load_card(tmp_path).steps < 100


def test_a_rate_is_found_kept_and_drawn(people, tmp_path):
    train.run(settings(people, tmp_path, iterations=2, find_rate=True), Events())
    found = checkpoint.load_checkpoint(tmp_path).numbers["learning_rate"]
    assert found != PRESETS["cpu"].recipe.learning_rate and (tmp_path / "rate.png").is_file()
    train.run(settings(people, tmp_path, iterations=3), Events())
    assert checkpoint.load_checkpoint(tmp_path).numbers["learning_rate"] == found


def test_two_trainings_of_one_model_are_refused(people, tmp_path):
    with hold(tmp_path), pytest.raises(BusyError, match="in use"):
        train.run(settings(people, tmp_path), Events())


def test_a_base_is_trained_and_started_from(people, tmp_path):
    pool = [*people["source"], *people["target"]]
    train.run(settings({}, tmp_path / "base", pretrain=pool, iterations=4), Events())
    report = train.run(settings(people, tmp_path / "m", base=tmp_path / "base", iterations=2), Events())
    assert report["steps"] == 2 and load_card(tmp_path / "m").trained_on["target"][0]["faces"] == 6
