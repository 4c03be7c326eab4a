from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_people import ANNE, BERT, TINY, make_faceset
from safetensors.torch import load_file
from understudy.errors import ExitCode, FacesetError, Interrupted, ModelError
from understudy.events import Events, Recorder
from understudy.model.quick import QuickArchitecture
from understudy.model.store import FILE, load_card
from understudy.settings import TrainSettings
from understudy.stages import train
from understudy.training import checkpoint
from understudy.training.log import read_metrics
from understudy.training.presets import PRESETS


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

    def architecture(resolution: int) -> QuickArchitecture:
        return QuickArchitecture(resolution, TINY.widths, TINY.code)

    monkeypatch.setitem(PRESETS, "cpu", replace(PRESETS["cpu"], architecture=architecture, batch=2))


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
        "model.safetensors", "training.safetensors", "metrics.jsonl", "preview.png", "curve.png",
    }  # fmt: skip
    card = load_card(tmp_path / "m")
    assert (card.steps, card.crop, card.working_space) == (12, "whole", "lin_ap1_scene")
    assert card.architecture == TINY and set(card.trained_on) == {"source", "target"}
    assert card.trained_on["source"][0]["faces"] == 17
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
    with pytest.raises(ModelError, match="80 px, not at 64 px"):
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


def test_a_loss_that_is_no_number_ends_the_training_and_spares_the_checkpoint(people, tmp_path):
    train.run(settings(people, tmp_path, iterations=1), Events())
    before = (tmp_path / checkpoint.FILE).read_bytes()
    with pytest.raises(ModelError, match="no longer a number"):
        train.run(settings(people, tmp_path, iterations=9, mse_weight=1e38), Events())
    assert (tmp_path / checkpoint.FILE).read_bytes() == before
