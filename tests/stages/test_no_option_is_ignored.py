"""Every option of every command does something, or is refused: found out by who reads it while the stage really runs.

A new option that nobody reads fails here, and so does one that only some stages of a family read. What is slow and is tested
elsewhere (the networks, the stages within a stage) is left out of the runs.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from made_people import ANNE, BERT, MadeShot, make_faceset, make_model, make_shot, tiny_preset
from made_shots import picture, register, two, walk, write_shot
from pydantic import ValidationError
from traced import traced
from understudy import bench
from understudy.cli.parser import COMMANDS, CommonOptions, Request, RunOptions, ServeOptions
from understudy.cli.perform import perform
from understudy.cli.reports import show
from understudy.errors import ModelError
from understudy.events import Events
from understudy.face.components import registry
from understudy.plate.sheet import write_png
from understudy.settings import Options, TrashSettings, animates, needs_of
from understudy.stages import convert, demo, extract, inspect, swap
from understudy.stages.faceset import trash
from understudy.stages.model import export
from understudy.stages.registry import MODULES
from understudy.stages.tracks import export_tracks  # fmt: skip
from understudy.training.presets import PRESETS


class Made:
    """What the commands are run on, made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shot: MadeShot = make_shot(folder / "shot", 3)
        self.model = make_model(folder / "network")
        self.sources = [make_faceset(folder / name, who, 6, seed=1) for name, who in (("bert", BERT), ("anne", ANNE))]
        cv2.imwrite(str(folder / "matte.png"), np.full((96, 112), 200, np.uint8))
        self.matte = str(folder / "matte.png")
        self.squares = write_shot(folder / "squares", walk(3))
        self.people = folder / "people"
        values = {"plate": write_shot(folder / "two", two(3)), "out": self.people, "crop_size": 64, "face": "all"}
        extract.run(COMMANDS["extract"](**values, recogniser="insightface", pack="p"), Events())
        (folder / "none.json").write_text('{"kind": "understudy corrections", "version": 1}')
        write_png(folder / "red.png", np.uint8(255 * picture(200, 200, [(60, 60, 80, (1, 0, 0))])))
        self.trained = folder / "trained"
        self.out = f"{folder.as_posix()}/done/o.####.exr"

    def place(self, name: str) -> Path:
        return self.folder / "written" / name

    def copy(self, name: str) -> Path:
        """The people's faceset, to be changed."""
        faceset = Path(shutil.copytree(self.people, self.place(name)))
        if name == "faceset restore":
            trash.run(TrashSettings(faceset=faceset, frames="1001"), Events())
        return faceset


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as one:
        yield one


@pytest.fixture(scope="module")
def made(tmp_path_factory, patch) -> Made:
    register(patch.setitem)
    patch.setitem(registry.RECOGNISERS, "dlib", registry.RECOGNISERS["insightface"])
    patch.setitem(PRESETS, "cpu", tiny_preset(adversarial=0.1))
    return Made(tmp_path_factory.mktemp("made"))


Runs = list[dict[str, Any]]
"""The options of each run of a command."""


def runs(command: str, m: Made) -> Runs:
    """With what a command is run so that all of its options have their turn."""
    plate, faceset = {"plate": m.shot.pattern, "frames": "1001-1002"}, {"faceset": m.people}
    look = {
        "model": m.model, "faceset": m.shot.faceset, "device": "cpu", "roto": m.matte, "holdout": m.matte, "motion_blur": 1.0,
        "grain": 0.5, "extra_layers": ["depth"],
    }  # fmt: skip
    known = {"recogniser": "insightface", "reference": m.folder / "red.png", "likeness": 0.5}
    copied = {"faceset": lambda: m.copy(command)}
    return {
        "extract": [
            {"plate": m.squares, "out": m.place("faces"), "crop_size": 64, **known, "corrections": m.folder / "none.json"},
        ],
        "train": [
            {"source": [m.sources[0]], "target": [m.sources[1]], "model": m.trained, "device": "cpu", "iterations": 1},
        ],
        "convert": [{**plate, **look, "out": m.out}, {**plate, "model": m.model, "out": f"{m.place('c')}/o.####.exr"}],
        "preview": [
            {"plate": m.shot.pattern, "frame": 1001, "out": m.place("p"), **{k: look[k] for k in set(look) - {"extra_layers"}}}
        ],
        "swap": [{**plate, "source": "bert.mov", "out": f"{m.place('s')}/o.####.exr", "renderer": "network", "iterations": 2}],
        "run": [{"job": m.folder / "job.json"}],
        "doctor": [{"as_json": True}],
        "demo": [{"out": m.place("demo"), "minutes": 1.0}],
        "compare": [{"a": m.shot.pattern, "b": m.shot.pattern, "frames": "1001", "matte": m.matte, "out": m.place("compare")}],
        "qc": [{"sequence": m.out, "plate": m.shot.pattern, "out": m.place("qc"), "json_file": m.place("qc.json")}],
        "bench": [{"what": "all", "json_file": m.place("bench.json")}],
        "inspect": [{"plate": m.squares}],
        "find": [{"plate": m.squares, "frame": 1001}],
        "faceset list": [{**faceset, "as_json": True}],
        "faceset people": [{**faceset, "pictures": m.place("pictures")}],
        "faceset sort": [{**copied, "by": "yaw"}],
        "faceset select": [{**faceset, "count": 2, "dry_run": True}],
        "faceset dedupe": [{**faceset, "dry_run": True}],
        "faceset cluster": [{**copied}],
        "faceset trash": [{**faceset, "frames": "1001", "dry_run": True}],
        "faceset restore": [{**copied}],
        "faceset recrop": [{**faceset, "out": m.place("recropped"), "crop_size": 64}],
        "faceset report": [{**faceset, "out": m.place("report.html")}],
        "faceset pack": [{**faceset, "out": m.place("faces.zip")}],
        "faceset unpack": [{"pack": m.place("faces.zip"), "out": m.place("unpacked")}],
        "tracks export": [
            {**faceset, "format": form, "out": m.place(f"t.{end}"), "track": 1}
            for form, end in (("cornerpin", "nk"), ("tracker", "nk"), ("chan", "chan"), ("usd", "usdc"))
        ],
        "tracks import": [{"file": m.place("t.chan"), "out": m.place("c.json"), "width": 320, "height": 200}],
        "model info": [{"model": m.trained}],
        "model preview": [{"model": m.trained}],
        "model timelapse": [{"model": m.trained, "out": m.place("t.mp4")}],
        "model backups": [{"model": m.trained}],
        "model restore": [{"model": m.trained, "step": 1}],
        "model export": [{"model": m.model, "format": "torchscript", "out": m.place("model.pt")}],
        "export nuke": [{"result": m.out, "out": m.place("comp.nk"), "plate": m.shot.pattern, "frames": "1001-1002"}],
        "schema": [{}],
    }[command]  # fmt: skip


def nothing(*_: Any, **__: Any) -> dict[str, Any]:
    return {}


def without_what_is_slow(command: str, m: Made, patch: pytest.MonkeyPatch) -> None:
    """Leave out of a command what other tests run: a stage within it, and what is written of a result."""
    if command == "swap":
        for stage in (swap.extract, swap.train, swap.convert):
            patch.setattr(stage, "run", nothing)
    if command == "convert":  # its own extraction, of which the faceset is there
        shutil.copytree(m.shot.faceset, m.place("c") / "o_faces")
        patch.setattr(convert.extract, "run", nothing)
    if command == "demo":
        for name in ("extract", "judged"):
            patch.setattr(demo._Demo, name, nothing)
        patch.setattr(demo._Demo, "convert", lambda *_, **__: {"first": 1, "last": 2, "without_face": 0})
        patch.setattr(demo, "_by_network", nothing)
        patch.setattr(demo, "_title", lambda _: "")
        patch.setattr(demo, "Faceset", SimpleNamespace(open=lambda _: SimpleNamespace(faces=list)))
        patch.setattr(demo, "compare_moments", lambda *_: np.zeros((4, 4, 3), np.uint8))
    if command == "bench":
        patch.setattr(bench, "MEASURES", dict.fromkeys(bench.MEASURES, nothing))
    if command == "compare":
        patch.setattr("understudy.review.pages.plot.plot_frames", nothing)
    if command == "model export":
        patch.setattr(export, "to_torchscript", lambda *_: b"")
    if command == "tracks export":
        patch.setattr(export_tracks, "check", nothing)
        patch.setattr(export_tracks, "write_usd", nothing)


def read_by(command: str, options: dict[str, Any]) -> set[str]:
    """The options that are read while a command runs and tells of it."""
    seen = set[str]()
    values = {name: value() if callable(value) else value for name, value in options.items()}
    settings = traced(COMMANDS[command](**values), seen)
    if isinstance(settings, RunOptions):
        assert perform(Request(command, settings, CommonOptions())) == 0
        return seen
    module = MODULES[COMMANDS[command]]
    report = {"faces": []}
    if command != "doctor":
        with contextlib.suppress(ModelError if command == "model preview" else ()):  # no training is at work
            report = importlib.import_module(module).run(settings, Events())
    if command == "doctor" or "as_json" in COMMANDS[command].model_fields:
        show(settings, report)
    return seen


TOLD_BY_PERFORM = {"bench": {"json_file"}}
"""What the command line does with a report: tests/cli has it."""

SAME_SETTINGS = {"export tracks": "tracks export"}

NEEDS_OTHERS = {
    "train": ["train"],
    "qc": ["convert"],
    "export nuke": ["convert"],
    "faceset unpack": ["faceset pack"],
    "tracks import": ["tracks export"],
}


@pytest.fixture(scope="module")
def seen_by(made, patch) -> Callable[[str], set[str]]:
    """By command: the options that were read in all of its runs; each command is run once."""
    known = dict[str, set[str]]()
    (made.folder / "job.json").write_text(json.dumps({"stage": "schema", "settings": {}}))

    def of(command: str) -> set[str]:
        for other in [*NEEDS_OTHERS.get(command, ()), *(["train"] if command.startswith("model ") else ())]:
            if other != command:
                of(other)
        if command not in known:
            with pytest.MonkeyPatch.context() as own:
                without_what_is_slow(command, made, own)
                known[command] = set[str]().union(*(read_by(command, one) for one in runs(command, made)))
        return known[command]

    return of


@pytest.mark.parametrize("command", [name for name, model in COMMANDS.items() if model is not ServeOptions])
def test_every_option_of_a_command_is_used_by_it(seen_by, command, capsys):
    model = COMMANDS[command]
    ignored = (
        set(model.model_fields) - seen_by(SAME_SETTINGS.get(command, command)) - TOLD_BY_PERFORM.get(command, set())
    )
    assert not ignored, (
        f"{command} passes over {', '.join(sorted(ignored))}: use them, give them needs, or take them away"
    )


def another(model: type[Options], name: str) -> Any:
    """A value of the option that is not its default."""
    info = model.model_fields[name]
    text = str(info.annotation)
    if isinstance(info.default, bool):
        return not info.default
    if animates(info.annotation):
        return 0.5 if name != "shutter" else 90.0
    if "Literal" in text:
        return next(choice for choice in get_args(info.annotation) if choice != info.default)
    if "list" in text:
        return ["x"]
    if "int" in text or "float" in text:
        low = next((getattr(mark, kind) for mark in info.metadata for kind in ("ge", "gt") if hasattr(mark, kind)), 1)
        high = next((mark.le for mark in info.metadata if hasattr(mark, "le")), None)
        number = low + 1 if high is None or low + 1 < high else (low + high) / 2
        return int(number) if "int" in text else number + (number == info.default)
    return Path("x") if "Path" in text else "x"


def required(model: type[Options]) -> dict[str, Any]:
    return {
        name: another(model, name) if "Literal" not in str(info.annotation) else get_args(info.annotation)[0]
        for name, info in model.model_fields.items()
        if info.is_required()
    }


CONDITIONAL = [(command, name) for command, model in COMMANDS.items() for name in needs_of(model)]


@pytest.mark.parametrize(("command", "name"), CONDITIONAL)
def test_what_would_do_nothing_is_refused_and_what_it_needs_lets_it_pass(command, name):
    """For each condition that is told: unmet the option is refused, in one sentence; met it is taken."""
    model = COMMANDS[command]
    value, usual = another(model, name), required(model)
    met = dict[str, Any]()
    for alternatives in needs_of(model)[name]:
        for other, wanted in alternatives[0].items():
            met[other] = wanted[0] if isinstance(wanted, tuple) else another(model, other) if wanted else None
    good = {**usual, **met, name: value}
    for other in list(good):  # what is needed may itself need something
        for alternatives in needs_of(model).get(other, ()):
            for third, wanted in alternatives[0].items():
                good.setdefault(third, another(model, third) if wanted is True else wanted[0] if wanted else None)
    model(**{other: one for other, one in good.items() if one is not None})
    for alternatives in needs_of(model)[name]:
        unmet = dict[str, Any]()
        for condition in alternatives:
            for other, wanted in condition.items():
                default = model.model_fields[other].default
                if isinstance(wanted, tuple):
                    choices = get_args(model.model_fields[other].annotation)
                    unmet[other] = next(one for one in choices if one not in wanted)
                elif wanted:
                    unmet[other] = 0.0 if animates(model.model_fields[other].annotation) else default
                else:
                    unmet[other] = another(model, other)
        bad = {other: one for other, one in {**good, **unmet, name: value}.items() if one is not None}
        with pytest.raises(ValidationError, match="would do nothing: it is used") as raised:
            model(**bad)
        assert len(raised.value.errors()[0]["msg"]) < 400


def test_an_option_that_nobody_reads_is_found(made, patch):
    """The walk itself: an option more is passed over, and one that all are looked through for does not count as read."""

    class More(COMMANDS["inspect"]):
        forgotten: bool = False

    seen = set[str]()
    inspect.run(traced(More(plate=made.squares, forgotten=True), seen), Events())
    assert set(More.model_fields) - seen == {"forgotten"}
