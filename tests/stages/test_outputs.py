"""Where a stage is to write is looked at before anything else."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_people import MadeShot, make_model, make_shot, write_exr
from understudy import stages
from understudy.cli import main
from understudy.cli.parser import COMMANDS
from understudy.errors import ExitCode, OutputError, UnderstudyError, UsageError
from understudy.events import Events
from understudy.settings import ConvertSettings, ExtractSettings, Options, SwapSettings, written
from understudy.stages import _outputs, convert, extract
from understudy.stages.registry import MODULES

MODELS = {model: command for command, model in COMMANDS.items() if model in MODULES}
WRITTEN = [(model, name, kind) for model in MODELS for name, kind, _ in written(model)]
NAMES = [f"{MODELS[model]} {name}" for model, name, _ in WRITTEN]


def filled(model: type[Options], /, **values: Any) -> Options:
    """Settings of ``model`` in which every required path and text is a name of its own, where nothing is."""
    made: dict[str, Any] = {
        name: Path(f"nowhere/{name}") if info.annotation is Path else f"nowhere/{name}"
        for name, info in model.model_fields.items()
        if info.is_required() and info.annotation in (Path, str)
    }
    for name, kind, endings in written(model):
        if name in made:
            made[name] = type(made[name])(f"nowhere/{name}{'.####.exr' if kind == 'frames' else (endings or ('',))[0]}")
    return model.model_construct(**{**made, **values})


@pytest.fixture(autouse=True)
def nothing_is_begun(monkeypatch) -> None:
    def forbidden(*_: Any) -> None:
        raise AssertionError("a stage was loaded")

    monkeypatch.setattr(stages, "importlib", SimpleNamespace(import_module=forbidden))


def test_all_options_that_name_something_to_write_are_marked():
    """By their names and by what is said of them: a new one must not be forgotten."""
    named = {
        (model, name)
        for model in MODELS
        for name, info in model.model_fields.items()
        if name in {"out", "json_file", "pictures", "work"} or "to write" in (info.description or "").lower()
    }
    assert named <= {(model, name) for model, name, _ in WRITTEN}


@pytest.mark.parametrize(("model", "name", "kind"), WRITTEN, ids=NAMES)
def test_what_is_in_the_way_ends_every_command_at_once(tmp_path, model, name, kind):
    (tmp_path / "folder.exr").mkdir()
    (tmp_path / "file").write_text("mine")
    in_the_way = tmp_path / ("file" if kind == "folder" else "folder.exr")
    given: Any = str(in_the_way) if model.model_fields[name].annotation is str else in_the_way
    with pytest.raises(UsageError, match=r"is a (file|folder), not") as raised:
        stages.run(filled(model, **{name: given}), Events())
    assert raised.value.code == ExitCode.USAGE and len(raised.value.message) < 400
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(("model", "name", "kind"), WRITTEN, ids=NAMES)
def test_a_place_where_nothing_can_be_made_ends_every_command_at_once(tmp_path, model, name, kind):
    (tmp_path / "file").write_text("mine")
    endings = next(endings for one, _, endings in written(model) if one == name)
    out = tmp_path / "file" / "deep" / ("o.####.exr" if kind == "frames" else f"o{(endings or ('',))[0]}")
    given: Any = str(out) if model.model_fields[name].annotation is str else out
    with pytest.raises(OutputError, match="could not be written"):
        stages.run(filled(model, **{name: given}), Events())
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("ending", [".png", ".mov", ".jpg", ".tif", ".dpx", "", ".exr.part"])
@pytest.mark.parametrize("model", [ConvertSettings, SwapSettings])
def test_frames_are_exr_or_refused(tmp_path, model, ending):
    out = f"{tmp_path.as_posix()}/r.####{ending}"
    with pytest.raises(UsageError, match="only EXR holds the layers"):
        stages.run(filled(model, out=out), Events())
    assert not list(tmp_path.iterdir())


def test_the_command_line_ends_with_the_code_of_a_malformed_line(tmp_path, capsys):
    out = f"{tmp_path.as_posix()}/r.####.png"
    assert main(["swap", "nowhere.####.exr", "--source", "no.mov", "--out", out]) == ExitCode.USAGE
    assert "only EXR" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("model", "out"), [("model timelapse", "t.gif"), ("export nuke", "comp.txt")])
def test_files_of_a_fixed_form_have_its_ending(tmp_path, model, out):
    with pytest.raises(UsageError, match="does not end in"):
        stages.run(filled(COMMANDS[model], out=tmp_path / out), Events())


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("convert", {"plate": "{f}/shot.%04d.exr", "out": "{f}/shot.####.exr"}),
        ("convert", {"plate": "{f}/shot.1001.exr", "out": "{f}/shot.1001.exr"}),
        ("convert", {"plate": "{f}", "out": "{f}/shot.@@@@.exr"}),
        ("convert", {"plate": "other.exr", "out": "{f}/shot.####.exr", "roto": "{f}/shot.####.exr:R"}),
        ("swap", {"plate": "other.exr", "source": "{f}/shot.####.exr", "out": "{f}/../plate/shot.%04d.exr"}),
        ("faceset recrop", {"faceset": "{f}", "out": "{f}"}),
        ("faceset pack", {"faceset": "{f}.zip", "out": "{f}.zip"}),
        ("tracks import", {"file": "{f}/a.json", "out": "{f}/a.json"}),
        ("train", {"source": ["{f}"], "model": "{f}"}),
    ],
)
def test_what_is_read_is_never_written_over(tmp_path, model, given):
    folder = tmp_path / "plate"
    folder.mkdir()
    for frame in (1001, 1002):
        write_exr(folder / f"shot.{frame}.exr", np.zeros((4, 4, 3), np.float16))
    kind, values = COMMANDS[model], dict[str, Any]()
    for name, value in given.items():
        one = [Path(each.format(f=folder)) for each in value] if isinstance(value, list) else value.format(f=folder)
        values[name] = (
            one if isinstance(one, list) or "Path" not in str(kind.model_fields[name].annotation) else Path(one)
        )
    with pytest.raises(UsageError, match="it is read, and would be lost"):
        stages.run(filled(kind, **values), Events())


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> MadeShot:
    return make_shot(tmp_path_factory.mktemp("shot"), 3)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


def settings(shot: MadeShot, model: Path, out: Path) -> ConvertSettings:
    return ConvertSettings(plate=shot.pattern, model=model, faceset=shot.faceset, out=f"{out.as_posix()}/o.####.exr")


def test_a_frame_that_is_the_plates_by_another_way_or_a_folder_is_told_before_the_pass(
    tmp_path, shot, model, monkeypatch
):
    monkeypatch.setattr(convert, "_convert", lambda *_: pytest.fail("frames were converted"))
    (tmp_path / "o.1002.exr").hardlink_to(shot.plate(1002))
    with pytest.raises(UsageError, match="is the plate's own file"):
        convert.run(settings(shot, model, tmp_path), Events())
    (tmp_path / "o.1002.exr").unlink()
    (tmp_path / "o.1003.exr").mkdir()
    with pytest.raises(UsageError, match="is a folder, in the place of a frame"):
        convert.run(settings(shot, model, tmp_path), Events())


def disk(monkeypatch, free: int) -> None:
    monkeypatch.setattr(_outputs.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 1 << 40, free))


def test_a_disk_that_cannot_hold_the_shot_is_told_before_the_pass(tmp_path, shot, model, monkeypatch):
    """Three half-float frames of which the plate's own files say how small they become."""
    needed = 3 * min(shot.plate(1001).stat().st_size, 112 * 96 * 4 * 2 // 2)
    with monkeypatch.context() as patch:
        patch.setattr(convert, "_convert", lambda *_: pytest.fail("frames were converted"))
        disk(patch, needed - 1)
        with pytest.raises(OutputError, match="nearly full: 3 frames need about"):
            convert.run(settings(shot, model, tmp_path), Events())
        disk(patch, 10_000)
        with pytest.raises(OutputError, match="nearly full: 3 crops need about"):
            extract.run(ExtractSettings(plate=shot.pattern, out=tmp_path / "faces"), Events())
    assert not list(tmp_path.iterdir())
    disk(monkeypatch, needed)
    assert convert.run(settings(shot, model, tmp_path), Events())["frames"] == 3
    disk(monkeypatch, 0)  # all is there: nothing more is needed
    assert convert.run(settings(shot, model, tmp_path), Events())["skipped"] == 3


def test_looking_leaves_nothing_behind(tmp_path):
    for model, command in MODELS.items():
        places = {
            name: str(tmp_path / "a" / "o.####.exr")
            if kind == "frames"
            else tmp_path / "a" / f"o{(endings or ('',))[0]}"
            for name, kind, endings in written(model)
        }
        try:
            _outputs.check_outputs(filled(model, **places))
        except UnderstudyError as error:
            pytest.fail(f"{command}: {error}")
    assert not list(tmp_path.iterdir())
